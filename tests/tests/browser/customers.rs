//! Customers whom the page around has signed in, or says it has.

use crate::contact::client;
use crate::host::Host;
use crate::stage::{is, says};
use crate::widget::{SECRET, enters, is_refused, leaves, presses, token, was_clean};
use openline_tests::browser::Look;
use serde_json::json;

#[tokio::test]
async fn who_has_no_good_token_gets_no_anonymous_chat_instead() {
    let Some((host, stage)) = Host::with_chat(&format!("identity.secret = '{SECRET}'")).await else { return };
    for (look, bad) in [(Look::PHONE, "token: ''"), (Look::DESKTOP, "token: 'a.b.c'"), (Look::DESKTOP, "name: 'Ann'")] {
        let page = host.open(&stage, look, "").await;
        page.until("window.Openline").await;
        page.eval(&format!("Openline.identify({{ {bad} }})")).await;
        presses(&page).await;
        is_refused(&page).await;
    }
}

#[tokio::test]
async fn what_the_page_says_of_a_customer_counts_as_typed() {
    let Some((host, stage)) = Host::with_chat(&format!("identity.secret = '{SECRET}'")).await else { return };
    for (look, email, kept) in [
        (Look::PHONE, "ann@shop.example", "ann@shop.example"),
        // What the portal would refuse must not keep the message back: nobody sees a field to correct it in.
        (Look::DESKTOP, "müller@web.de", "ann@shop.example"),
    ] {
        let page = host.open(&stage, look, "").await;
        page.until("window.Openline").await;
        let who = json!({ "token": token(&stage, "customer-42"), "name": "Ann Lee", "email": email, "phone": "+49 30 123456" });
        page.eval(&format!("Openline.identify({who})")).await;
        presses(&page).await;
        enters(&page).await;
        let text = format!("from {email}");
        says(&page, &text).await;
        is(&page, &text, "delivered").await;
        says(&page, "and more").await;
        assert_eq!(client(&stage, &text).await, (kept.to_owned(), "+4930123456".to_owned()));
        leaves(&page).await;
        was_clean(&page).await;
    }
}

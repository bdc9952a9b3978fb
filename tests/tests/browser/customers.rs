//! Customers whom the page around has signed in, or says it has.

use crate::contact::client;
use crate::host::Host;
use crate::stage::{is, says};
use crate::widget::{PANEL, SECRET, enters, is_refused, leaves, presses, token, was_clean};
use openline_tests::browser::Look;
use openline_tests::eventually;
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

/// The token by which the frame calls; to be asked inside of it, after it has called once more.
const LISTEN: &str = "const before = fetch; window.fetch = (url, options) => { \
    window.seen = options?.headers?.Authorization ?? window.seen; return before(url, options); }";

async fn is_good(stage: &crate::stage::Stage, token: &str) -> bool {
    let url = stage.world.url("/c/site/api/session");
    reqwest::Client::new().get(url).header("authorization", token).send().await.unwrap().status() == 200
}

#[tokio::test]
async fn who_signs_out_has_no_session_any_more() {
    let Some((host, stage)) = Host::with_chat(&format!("identity.secret = '{SECRET}'")).await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    for (identify, leave) in [
        (format!("Openline.identify({{ token: '{}' }})", token(&stage, "customer-42")), "Openline.identify(null)"),
        (String::new(), "Openline.shutdown()"),
    ] {
        page.until("window.Openline").await;
        page.eval(&identify).await;
        page.eval("Openline.open()").await;
        enters(&page).await;
        page.eval(LISTEN).await;
        says(&page, "hello").await;
        is(&page, "hello", "delivered").await;
        page.until("window.seen").await;
        let token = page.eval("return window.seen").await.as_str().unwrap().to_owned();
        assert!(is_good(&stage, &token).await);
        leaves(&page).await;
        page.eval(&format!("{PANEL}.querySelector('iframe').old = true")).await;
        page.eval(leave).await;
        eventually("the token is over", async || (!is_good(&stage, &token).await).then_some(())).await;
        page.eval("Openline.open()").await;
        page.until(&format!("{PANEL}.querySelector('iframe')?.old !== true")).await;
        enters(&page).await;
        page.until("document.getElementById('text')").await;
        assert_eq!(page.eval("return document.querySelectorAll('[data-testid=message]').length").await, json!(0));
        let kept = page.eval("return JSON.stringify(Object.values(localStorage))").await;
        assert!(!kept.as_str().unwrap().contains(token.trim_start_matches("Bearer ")), "{kept}");
        leaves(&page).await;
    }
}

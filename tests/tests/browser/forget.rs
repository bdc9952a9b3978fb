//! "Forget me": nothing of the visitor stays in their browser, and what did not work is said.

use crate::host::Host;
use crate::stage::{Stage, introduces, is, network, says, was_quiet, was_quiet_but};
use crate::widget::{enters, leaves, presses};
use openline_tests::browser::{Look, Page};
use serde_json::json;

const KEPT: &str = "return [...Object.keys(localStorage), ...Object.keys(sessionStorage)].sort()";
const RELOADED: &str =
    "performance.getEntriesByType('navigation')[0].type === 'reload' && document.querySelector('.js')";

async fn wishes(visitor: &Page) {
    visitor.click("#forget summary").await;
    visitor.click("[data-testid=forget]").await;
    visitor.click("[data-testid=forget-sure]").await;
}

/// The page is a stranger's.
async fn is_empty(visitor: &Page) {
    visitor.until(RELOADED).await;
    visitor.count("[data-testid=message]", 0).await;
    let fields = "return ['name', 'text'].map((id) => document.getElementById(id).value)";
    assert_eq!(visitor.eval(fields).await, json!(["", ""]));
}

#[tokio::test]
async fn nothing_stays_in_the_browser() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        introduces(&visitor, "Ann", "my secret").await;
        is(&visitor, "my secret", "delivered").await;
        visitor.write("[data-testid=text-input]", "a draft").await;
        // What is not this chat's stays, as the session of its frame on another of our pages.
        visitor
            .eval("for (const key of ['other', 'openline:/c/site/frame:token']) localStorage.setItem(key, '1')")
            .await;
        wishes(&visitor).await;
        is_empty(&visitor).await;
        assert_eq!(visitor.eval(KEPT).await, json!(["openline:/c/site/frame:token", "other"]));
        // Somebody new: the operators learn again which page it is.
        says(&visitor, "hello").await;
        is(&visitor, "hello", "delivered").await;
        let chat = stage.world.portal_chat("hello").await;
        let told = |portal: openline_sandbox::View<'_>| {
            portal.texts(chat, "system").iter().any(|text| text.contains("Page: "))
        };
        stage.world.sandbox.wait_until(told).await.unwrap();
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn what_could_not_be_forgotten_is_said() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(mut stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        introduces(&visitor, "Ann", "my secret").await;
        is(&visitor, "my secret", "delivered").await;
        stage.world.stop_service().await;
        wishes(&visitor).await;
        let said = "document.querySelector('[data-testid=forget-fault]')";
        visitor
            .until(&format!("{said}.checkVisibility() && {said}.textContent.startsWith('This could not be deleted')"))
            .await;
        visitor.is_accessible("not forgotten").await;
        is(&visitor, "my secret", "delivered").await;
        stage.world.start_service().await;
        visitor.click("[data-testid=forget-sure]").await;
        is_empty(&visitor).await;
        was_quiet_but(&visitor, network).await;
    }
}

#[tokio::test]
async fn nothing_stays_in_the_frame_nor_on_the_page_around() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    enters(&page).await;
    introduces(&page, "Ann", "my secret").await;
    is(&page, "my secret", "delivered").await;
    page.eval("for (const kind of [localStorage, sessionStorage]) kind.setItem('openline:/c/site/0123456789abcdef:draft', '{}')").await;
    wishes(&page).await;
    is_empty(&page).await;
    // A new session has begun; what a signed-in customer has left in the same browser is theirs.
    let kept = "const kept = [...Object.keys(localStorage), ...Object.keys(sessionStorage)]; \
                return kept.filter((key) => !key.endsWith('frame:token'))";
    let theirs = "openline:/c/site/0123456789abcdef:draft";
    assert_eq!(page.eval(kept).await, json!([theirs, theirs]));
    leaves(&page).await;
    page.until("localStorage.length === 0").await;
    was_quiet(&page).await;
}

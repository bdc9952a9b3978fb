//! Where the focus is on a page with the chat, and what else can be reached while it fills a telephone's screen.

use crate::host::Host;
use crate::stage::{is, says};
use crate::widget::{LAUNCHER, PANEL, closed, enters, leaves, opened, presses, was_clean};
use openline_tests::browser::{Look, Page};
use serde_json::json;

/// Of the page's own parts: what can't be reached. (`footer` never can.)
const INERT: &str =
    "return ['header', 'main', 'footer'].filter((name) => document.querySelector(name).closest('[inert]'))";

async fn modal(page: &Page) -> serde_json::Value {
    page.eval(&format!("return ['role', 'aria-modal', 'aria-label'].map((name) => {PANEL}.getAttribute(name))")).await
}

async fn launcher_has_focus(page: &Page) {
    page.until(&format!(
        "document.activeElement.shadowRoot && {LAUNCHER} === document.activeElement.shadowRoot.activeElement"
    ))
    .await;
}

#[tokio::test]
async fn behind_the_sheet_nothing_can_be_reached() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::PHONE, "").await;
    closed(&page).await;
    presses(&page).await;
    opened(&page).await;
    assert_eq!(modal(&page).await, json!(["dialog", "true", "Chat with us"]));
    assert_eq!(page.eval(INERT).await, json!(["header", "main", "footer"]));
    enters(&page).await;
    page.until("document.querySelector('.js') && document.hasFocus()").await;
    leaves(&page).await;
    let tried = "document.getElementById('search').focus(); return document.activeElement.localName";
    assert_eq!(page.eval(tried).await, "openline-chat");
    page.is_accessible("the sheet").await;
    // Escape closes wherever the focus has got to, and all is as it was.
    page.eval("document.activeElement.blur(); document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))").await;
    closed(&page).await;
    launcher_has_focus(&page).await;
    assert_eq!(page.eval(INERT).await, json!(["footer"]));
    assert_eq!(modal(&page).await[1], "false");
    // Turned to the side it is a panel, and turned back a sheet.
    presses(&page).await;
    for (width, parts) in [(700, json!(["footer"])), (360, json!(["header", "main", "footer"]))] {
        let size = json!({ "width": width, "height": 640, "deviceScaleFactor": 1, "mobile": true });
        page.devtools("Emulation.setDeviceMetricsOverride", size).await;
        page.until(&format!("Boolean(document.querySelector('main').closest('[inert]')) === {}", width == 360)).await;
        assert_eq!(page.eval(INERT).await, parts);
    }
    page.eval("Openline.hide()").await;
    assert_eq!(page.eval(INERT).await, json!(["footer"]));
    was_clean(&page).await;
}

#[tokio::test]
async fn beside_the_panel_the_page_goes_on() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    opened(&page).await;
    assert_eq!(page.eval(INERT).await, json!(["footer"]));
    page.is_accessible("the open chat").await;
    // Escape that is not the chat's does not close it.
    page.eval("document.getElementById('search').focus()").await;
    page.write("#search", "\u{e00c}").await;
    opened(&page).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn a_chat_that_opens_by_itself_leaves_the_focus_where_it_is() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "open=true").await;
    opened(&page).await;
    enters(&page).await;
    page.find(".js").await;
    page.until("document.getElementById('log').ariaLive === 'polite'").await; // it has settled
    assert_eq!(page.eval("return document.hasFocus()").await, false);
    leaves(&page).await;
    assert_eq!(page.eval("return document.activeElement.id").await, "search");
    // Who presses the launcher wants to write.
    presses(&page).await;
    closed(&page).await;
    presses(&page).await;
    enters(&page).await;
    page.until("document.activeElement.id === 'text' && document.hasFocus()").await;
    leaves(&page).await;
    // A customer who signs in elsewhere on the page goes on typing there.
    page.eval("document.getElementById('search').focus(); Openline.identify({ token: 'a.b.c' })").await;
    enters(&page).await;
    page.find(".mark[role=alert]").await;
    leaves(&page).await;
    assert_eq!(page.eval("return document.activeElement.id").await, "search");
}

#[tokio::test]
async fn a_sheet_that_opens_by_itself_has_the_focus() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::PHONE, "open=true").await;
    opened(&page).await;
    enters(&page).await;
    page.until("document.querySelector('.js') && document.hasFocus()").await;
    leaves(&page).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn the_page_hears_of_the_number_when_it_changes_and_of_each_message() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some((host, stage)) = Host::with_chat("").await else { return };
        let page = host.open(&stage, look, "").await;
        closed(&page).await;
        page.eval("window.heard = []; for (const name of ['unread', 'received']) Openline.on(name, ({ unread }) => heard.push(`${name} ${unread}`))").await;
        presses(&page).await;
        enters(&page).await;
        says(&page, "hello").await;
        is(&page, "hello", "delivered").await;
        leaves(&page).await;
        page.until("heard.join() === 'received 0'").await; // of the system, seen at once
        page.eval("Openline.close()").await;
        let chat = stage.world.portal_chat("hello").await;
        for number in 1..=2 {
            stage.world.sandbox.operator_writes(chat, "news").unwrap();
            page.until(&format!("Openline.unread === {number}")).await;
        }
        presses(&page).await;
        page.until("Openline.unread === 0").await;
        let heard = page.eval("return heard").await;
        assert_eq!(heard, json!(["received 0", "unread 1", "received 1", "unread 2", "received 2", "unread 0"]));
        was_clean(&page).await;
    }
}

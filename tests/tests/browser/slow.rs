//! What is written before the page's script is there, and what is said when the server is away.

use crate::host::Host;
use crate::stage::{is, network, says, was_quiet_but};
use crate::widget::{PANEL, closed, enters, leaves, opened, presses, was_clean};
use fantoccini::key::Key;
use openline_tests::browser::Look;
use openline_tests::{Line, Speed};
use serde_json::json;

#[tokio::test]
async fn what_is_written_before_the_script_is_there_waits_and_is_sent() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let line = Line::to(&stage.chat(), Speed::default()).await;
    line.hold(".js?v=");
    let page = stage.open(Look::DESKTOP, &host.address(&line.url("/c/site/"), "")).await;
    presses(&page).await;
    enters(&page).await;
    says(&page, "too early?").await;
    page.until("document.querySelector('.msg .state.sending') && !document.getElementById('text').value").await;
    page.write("[data-testid=text-input]", "and one more").await;
    page.write("[data-testid=text-input]", &Key::Enter.to_string()).await;
    page.count(".msg .state.sending", 2).await;
    assert_eq!(page.eval("return document.querySelector('.js')").await, json!(null));
    line.release();
    is(&page, "too early?", "delivered").await;
    is(&page, "and one more", "delivered").await;
    let chat = stage.world.portal_chat("too early?").await;
    let texts = stage.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert_eq!(texts, ["too early?", "and one more"]);
    leaves(&page).await;
    was_clean(&page).await;
}

/// What the form asks for is asked before anything is sent, however early it was written.
#[tokio::test]
async fn an_early_message_without_what_the_form_asks_for_is_given_back() {
    let Some((host, stage)) = Host::near("privacy.consent_first = true").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    page.devtools("Network.enable", json!({})).await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": ["*app.js*"] })).await;
    presses(&page).await;
    enters(&page).await;
    page.click("[data-testid=consent]").await;
    says(&page, "hello").await;
    page.count(".msg .state.sending", 1).await;
    page.click("[data-testid=consent]").await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": [] })).await;
    page.until("document.getElementById('text').value === 'hello' && document.querySelector('.js')").await;
    page.count("[data-testid=message]", 0).await;
    page.click("[data-testid=consent]").await;
    page.click("[data-testid=send]").await;
    is(&page, "hello", "delivered").await;
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_the_chat_comes_back_by_itself() {
    let Some((host, mut stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::PHONE, "").await;
    closed(&page).await;
    stage.world.stop_service().await;
    presses(&page).await;
    opened(&page).await;
    page.until(&format!("{PANEL}.classList.contains('away') && {PANEL}.querySelector('.note p').textContent.startsWith(\"The chat can't be reached\")")).await;
    page.is_accessible("the server is away").await;
    let link = page.eval(&format!("return {PANEL}.querySelector('a').href")).await;
    assert_eq!(link, stage.chat());
    // Also then it can be closed.
    page.eval(&format!("{PANEL}.querySelector('.x').click()")).await;
    closed(&page).await;
    presses(&page).await;
    stage.world.start_service().await;
    page.until(&format!("{PANEL}.classList.contains('here')")).await;
    enters(&page).await;
    says(&page, "back again").await;
    is(&page, "back again", "delivered").await;
    leaves(&page).await;
    was_quiet_but(&page, network).await;
}

#[tokio::test]
async fn a_script_that_did_not_come_is_fetched_again() {
    let Some((host, stage)) = Host::near("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    page.devtools("Network.enable", json!({})).await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": ["*app.js*"] })).await;
    presses(&page).await;
    enters(&page).await;
    page.until("document.getElementById('connection').textContent === 'Connection lost, trying again…'").await;
    says(&page, "still there?").await;
    page.count(".msg .state.sending", 1).await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": [] })).await;
    is(&page, "still there?", "delivered").await;
    page.until("!document.getElementById('connection').textContent").await;
}

/// Until the frame is there, the sheet shows what it will look like, and can be closed.
#[tokio::test]
async fn the_sheet_is_not_blank_while_it_loads() {
    let Some((host, stage)) = Host::with_chat("title = 'Harbour Prints'").await else { return };
    let line = Line::to(&stage.chat(), Speed::default()).await;
    line.hold("/frame?");
    let page = stage.open(Look::PHONE, &host.address(&line.url("/c/site/"), "")).await;
    presses(&page).await;
    opened(&page).await;
    page.until(&format!("{PANEL}.querySelector('.wait').innerText.includes('Harbour Prints') && {PANEL}.querySelector('i').checkVisibility()")).await;
    page.is_accessible("a sheet that loads").await;
    page.eval(&format!("{PANEL}.querySelector('.x').click()")).await;
    closed(&page).await;
    presses(&page).await;
    line.release();
    page.until(&format!("!{PANEL}.querySelector('.wait').checkVisibility()")).await;
    was_clean(&page).await;
}

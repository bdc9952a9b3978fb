//! The visitor is called back while the chat is closed: a preview, a number in the title, a sound for who wants one.

use crate::host::Host;
use crate::stage::{is, says, shows};
use crate::widget::{PANEL, badge, closed, enters, leaves, opened, presses, was_clean};
use openline_tests::browser::{Look, Page};
use serde_json::json;

const ANSWER: &str = "Yes, three are left.\nShall I put one aside?";

/// A conversation that the visitor has closed, and its chat in the portal.
async fn waits(stage: &crate::stage::Stage, page: &Page) -> i64 {
    stage.world.sandbox.set_line_texts(1, None, None);
    presses(page).await;
    enters(page).await;
    says(page, "any left?").await;
    is(page, "any left?", "delivered").await;
    leaves(page).await;
    page.eval("Openline.close()").await;
    closed(page).await;
    stage.world.portal_chat("any left?").await
}

fn peeks(yes: bool) -> String {
    format!(
        "document.querySelector('openline-chat').shadowRoot.querySelector('.box').classList.contains('peek') === {yes} && (getComputedStyle({PANEL}).visibility === 'visible') === {yes}"
    )
}

#[tokio::test]
async fn a_new_message_is_shown_beside_the_closed_chat_and_counted_in_the_title() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    for look in [Look::DESKTOP, Look::PHONE] {
        let page = host.open(&stage, look, "").await;
        let chat = waits(&stage, &page).await;
        stage.world.sandbox.operator_writes(chat, ANSWER).unwrap();
        page.until(&peeks(true)).await;
        page.until("document.title === '(1) A shop'").await;
        page.is_accessible("a preview").await;
        // The page around never gets at the text.
        assert_eq!(
            page.eval(&format!("return ({PANEL}.innerText + document.body.innerText).includes('three are left')"))
                .await,
            false
        );
        assert_eq!(page.eval("return document.documentElement.style.overflow").await, "");
        enters(&page).await;
        let said = page.text("[data-testid=peek]").await;
        assert!(said.ends_with("Yes, three are left.") && said.lines().count() == 2, "{said}");
        page.until("document.getElementById('peek').getBoundingClientRect().height <= innerHeight + 1").await;
        // Pressed, it opens the chat.
        page.click("[data-testid=peek]").await;
        leaves(&page).await;
        opened(&page).await;
        page.until("document.title === 'A shop'").await;
        page.until(&format!(
            "!document.querySelector('openline-chat').shadowRoot.querySelector('.peek') && {PANEL}.clientHeight > 300"
        ))
        .await;
        enters(&page).await;
        shows(&page, "operator", ANSWER).await;
        page.until(
            "((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.getElementById('log'))",
        )
        .await;
        leaves(&page).await;
        was_clean(&page).await;
    }
}

#[tokio::test]
async fn a_preview_can_be_sent_away_and_a_hidden_chat_shows_none() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    let chat = waits(&stage, &page).await;
    stage.world.sandbox.operator_writes(chat, ANSWER).unwrap();
    page.until(&peeks(true)).await;
    enters(&page).await;
    page.click("[data-testid=peek-close]").await;
    leaves(&page).await;
    page.until(&peeks(false)).await;
    badge(&page, "1").await;
    // The page's own new title keeps the number, and is what is restored.
    page.eval("document.title = 'Another'").await;
    page.until("document.title === '(1) Another'").await;
    page.eval("Openline.hide(); window.got = 0; Openline.on('received', () => { got += 1; })").await;
    page.until("document.title === 'Another'").await;
    stage.world.sandbox.operator_writes(chat, "are you there?").unwrap();
    page.until("got === 1").await;
    assert_eq!(page.eval(&format!("return [document.title, {}]", peeks(false))).await, json!(["Another", true]));
    page.eval("Openline.show()").await;
    page.until("document.title === '(2) Another'").await;
}

#[tokio::test]
async fn the_sites_owner_can_have_neither() {
    let settings = "widget.preview = false\nwidget.title_count = false\nwidget.offer_sound = false";
    let Some((host, stage)) = Host::with_chat(settings).await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    let chat = waits(&stage, &page).await;
    stage.world.sandbox.operator_writes(chat, ANSWER).unwrap();
    badge(&page, "1").await;
    page.until(&peeks(false)).await;
    assert_eq!(page.eval("return document.title").await, "A shop");
    presses(&page).await;
    enters(&page).await;
    shows(&page, "operator", ANSWER).await;
    assert_eq!(page.eval("return document.getElementById('offer').hidden").await, true);
}

#[tokio::test]
async fn a_sound_is_offered_once() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    enters(&page).await;
    says(&page, "hello").await;
    is(&page, "hello", "delivered").await;
    assert_eq!(page.eval("return document.getElementById('offer').hidden").await, true);
    let chat = stage.world.portal_chat("hello").await;
    stage.world.sandbox.operator_writes(chat, "hi").unwrap();
    page.until("document.getElementById('offer').checkVisibility()").await;
    page.is_accessible("the offer of a sound").await;
    page.click("[data-testid=offer-yes]").await;
    page.until("document.getElementById('sound').getAttribute('aria-pressed') === 'true' && document.getElementById('offer').hidden").await;
    page.click("[data-testid=sound]").await;
    stage.world.sandbox.operator_writes(chat, "once more").unwrap();
    shows(&page, "operator", "once more").await;
    assert_eq!(page.eval("return document.getElementById('offer').hidden").await, true, "it is offered once only");
}

/// Nothing flies in where the visitor wants nothing to move.
#[tokio::test]
async fn a_preview_is_there_at_once_for_who_wants_no_motion() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    page.devtools("Emulation.setEmulatedMedia", still).await;
    let chat = waits(&stage, &page).await;
    stage.world.sandbox.operator_writes(chat, ANSWER).unwrap();
    page.until(&peeks(true)).await;
    let moves = page.eval(&format!("const {{ transitionDuration, transform }} = getComputedStyle({PANEL}); return [transitionDuration, transform]")).await;
    assert_eq!(moves, json!(["0s", "none"]));
    was_clean(&page).await;
}

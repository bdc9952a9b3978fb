//! The chat on another site's page, whose policy allows nothing but the two documented lines.

use crate::answers::{answers_richly, shows_it_richly};
use crate::host::Host;
use crate::stage::{Stage, answers, is, opens, says, shows, shows_pictures, was_quiet_but};
use openline_tests::browser::{Look, Page};
use serde_json::json;

pub const LAUNCHER: &str = "document.querySelector('openline-chat')?.shadowRoot.querySelector('.launcher')";
pub const PANEL: &str = "document.querySelector('openline-chat').shadowRoot.querySelector('.panel')";

/// Presses the launcher.
pub async fn presses(page: &Page) {
    page.until(&format!("{LAUNCHER} && document.querySelector('openline-chat').isConnected")).await;
    page.find("openline-chat")
        .await
        .shadow_root()
        .await
        .unwrap()
        .find(fantoccini::Locator::Css(".launcher"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

/// Goes into the chat's frame.
pub async fn enters(page: &Page) {
    page.until(&format!("{PANEL}.querySelector('iframe')")).await;
    let root = page.find("openline-chat").await.shadow_root().await.unwrap();
    root.find(fantoccini::Locator::Css("iframe")).await.unwrap().enter_frame().await.unwrap();
}

pub async fn leaves(page: &Page) {
    page.client().enter_parent_frame().await.unwrap();
}

pub async fn opened(page: &Page) {
    page.until(&format!(
        "{LAUNCHER}?.getAttribute('aria-expanded') === 'true' && getComputedStyle({PANEL}).visibility === 'visible'"
    ))
    .await;
}

pub async fn closed(page: &Page) {
    page.until(&format!("{LAUNCHER}?.getAttribute('aria-expanded') === 'false'")).await;
}

pub async fn badge(page: &Page, text: &str) {
    page.until(&format!("{LAUNCHER}?.querySelector('.badge').textContent === {}", json!(text))).await;
}

/// Nothing was complained about, by the page's policy neither.
pub async fn was_clean(page: &Page) {
    assert_eq!(page.eval("return window.violations").await, json!([]));
    was_quiet_but(page, |_| false).await;
}

#[tokio::test]
async fn the_chat_works_on_a_computers_page_that_allows_two_lines_and_nothing_more() {
    works_on_a_strict_page(Look::DESKTOP).await;
}

#[tokio::test]
async fn the_chat_works_on_a_telephones_page_that_allows_two_lines_and_nothing_more() {
    works_on_a_strict_page(Look::PHONE).await;
}

async fn works_on_a_strict_page(look: Look) {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let (page, desk) = (host.open(&stage, look, "").await, stage.desk(Look::DESKTOP).await);
    closed_at_first(&page).await;
    presses(&page).await;
    opened(&page).await;
    enters(&page).await;
    // On touch screens it is the conversation, so that the keyboard stays away; emulation does not reach into frames.
    page.until("['text', 'log'].includes(document.activeElement.id) && document.hasFocus()").await;
    says(&page, "from the shop").await;
    is(&page, "from the shop", "delivered").await;
    opens(&desk).await;
    answers(&desk, "hello there").await;
    shows(&page, "operator", "hello there").await;
    // Escape inside closes, and the launcher has the focus again.
    page.write("[data-testid=text-input]", "\u{e00c}").await;
    leaves(&page).await;
    closed(&page).await;
    assert_eq!(
        page.eval(&format!("return {LAUNCHER} === document.querySelector('openline-chat').shadowRoot.activeElement"))
            .await,
        true
    );
    badge(&page, "").await;
    answers(&desk, "one more").await;
    badge(&page, "1").await;
    assert_eq!(
        page.eval(&format!("return {LAUNCHER}.getAttribute('aria-label')")).await,
        "Open the chat, New messages: 1"
    );
    // The conversation and what is unread are still there on the next page, before anything is opened.
    page.reload().await;
    badge(&page, "1").await;
    presses(&page).await;
    badge(&page, "").await;
    enters(&page).await;
    for (from, text) in [("visitor", "from the shop"), ("operator", "hello there"), ("operator", "one more")] {
        shows(&page, from, text).await;
    }
    leaves(&page).await;
    was_clean(&page).await;
    was_quiet_but(&desk, |_| false).await;
}

/// Nothing is fetched but the script.
async fn closed_at_first(page: &Page) {
    closed(page).await;
    let fetched =
        page.eval("return performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)").await;
    let chats: Vec<_> =
        fetched.as_array().unwrap().iter().filter(|path| path.as_str().unwrap().contains("/c/")).collect();
    assert_eq!(chats, ["/c/site/widget.js"], "{fetched}");
    assert_eq!(page.eval(&format!("return {PANEL}.querySelectorAll('iframe').length")).await, 0);
}

#[tokio::test]
async fn the_page_can_steer_the_chat() {
    let Some((host, stage)) = Host::with_chat("theme.launcher = 'Ask us'").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "queue").await;
    // The page has called before the script was there.
    opened(&page).await;
    let seen = "window.seen.join()";
    page.until(&format!("{seen} === 'opened'")).await;
    page.eval("Openline.close()").await;
    closed(&page).await;
    page.eval("Openline.toggle(); Openline.toggle()").await;
    page.until(&format!("{seen} === 'opened,closed,opened,closed'")).await;
    page.eval("openline('hide')").await;
    assert_eq!(page.eval(&format!("return {LAUNCHER}.checkVisibility()")).await, false);
    page.eval("openline('show')").await;
    assert_eq!(
        page.eval(&format!("return [{LAUNCHER}.checkVisibility(), {LAUNCHER}.innerText, Openline.unread]")).await,
        json!([true, "Ask us", 0])
    );
    page.eval("Openline.page({ product: 7 })").await;
    was_clean(&page).await;
}

#[tokio::test]
async fn another_origin_is_told_so_and_shows_nothing() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let other = Host::start().await;
    let page = other.open(&stage, Look::DESKTOP, "").await;
    page.until("performance.getEntriesByType('resource').some((one) => one.name.includes('widget.js'))").await;
    page.until("document.readyState === 'complete'").await;
    let said = page.console().await;
    let said: Vec<_> = said.iter().filter_map(|entry| entry["message"].as_str()).collect();
    let wanted = format!(
        "openline: {} is not allowed to embed this chat; add it to channels.site.settings.widget.origins",
        other.origin()
    );
    assert!(said.iter().any(|line| line.contains(&wanted)), "{said:?}");
    page.count("openline-chat", 0).await;
    // Not by hand either: the frame is refused, and would not be shown.
    let frame = stage.world.url("/c/site/frame");
    let refused = reqwest::get(format!("{frame}?origin={}", other.origin())).await.unwrap();
    assert_eq!(refused.status(), 403);
    let allowed = reqwest::get(format!("{frame}?origin={}", host.origin())).await.unwrap();
    let policy = allowed.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with(&format!("frame-ancestors 'self' {}", host.origin())), "{policy}");
    assert!(!allowed.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn on_a_phone_it_is_a_sheet_and_the_page_keeps_still() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::PHONE, "").await;
    closed(&page).await;
    page.eval("window.scrollTo(0, 200)").await;
    presses(&page).await;
    opened(&page).await;
    let place = format!(
        "(({{ x, y, width, height }}) => [x, y, width, height].map(Math.round).join())({PANEL}.getBoundingClientRect())"
    );
    page.until(&format!("{place} === '0,0,360,640'")).await;
    assert_eq!(page.eval("return document.documentElement.style.overflow").await, "hidden");
    page.until(&format!("!{LAUNCHER}.checkVisibility({{ visibilityProperty: true }})")).await;
    enters(&page).await;
    says(&page, "on the way").await;
    is(&page, "on the way", "delivered").await;
    page.click("[data-testid=close]").await;
    leaves(&page).await;
    closed(&page).await;
    assert_eq!(page.eval("return [document.documentElement.style.overflow, scrollY]").await, json!(["", 200]));
    was_clean(&page).await;
}

#[tokio::test]
async fn pages_from_right_to_left_have_it_on_the_other_side() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    for (query, left) in [("", false), ("rtl", true)] {
        let page = host.open(&stage, Look::DESKTOP, query).await;
        closed(&page).await;
        presses(&page).await;
        opened(&page).await;
        let middle =
            |what: &str| format!("return (({{ x, width }}) => x + width / 2 < 640)({what}.getBoundingClientRect())");
        assert_eq!(page.eval(&middle(LAUNCHER)).await, left, "{query}");
        assert_eq!(page.eval(&middle(PANEL)).await, left, "{query}");
        was_clean(&page).await;
    }
}

pub const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// A token of a customer, as the page's server makes it.
pub fn token(stage: &Stage, sub: &str) -> String {
    let chat = stage.chat();
    let service = chat.split("/c/").next().unwrap_or_default();
    openline_tests::identity_token(service, "site", SECRET, json!({ "sub": sub, "name": "Ann Lee" }))
}

#[tokio::test]
async fn a_customer_has_one_conversation_on_all_devices() {
    let Some((host, stage)) = Host::with_chat(&format!("identity.secret = '{SECRET}'")).await else { return };
    let query = format!("token={}&name=Ann+Lee", token(&stage, "customer-42"));
    let laptop = host.open(&stage, Look::DESKTOP, &query).await;
    presses(&laptop).await;
    enters(&laptop).await;
    laptop.until("document.getElementById('you-are')?.textContent === 'You are Ann Lee'").await;
    says(&laptop, "from the laptop").await;
    is(&laptop, "from the laptop", "delivered").await;
    let phone = host.open(&stage, Look::PHONE, &query).await;
    presses(&phone).await;
    enters(&phone).await;
    shows(&phone, "visitor", "from the laptop").await;
    says(&phone, "from the phone").await;
    shows(&laptop, "visitor", "from the phone").await;
    // Signed out, they are a stranger again.
    leaves(&phone).await;
    phone.eval("Openline.identify(null)").await;
    phone.until(&format!("{PANEL}.classList.contains('here')")).await;
    enters(&phone).await;
    phone
        .until(
            "document.getElementById('empty')?.checkVisibility() && !document.querySelector('[data-testid=message]')",
        )
        .await;
    leaves(&phone).await;
    was_clean(&phone).await;
    leaves(&laptop).await;
    was_clean(&laptop).await;
}

#[tokio::test]
async fn nothing_is_kept_in_the_frame_before_the_visitor_agrees() {
    let Some((host, stage)) = Host::with_chat("privacy.consent_first = true").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    enters(&page).await;
    page.write("[data-testid=text-input]", "hello").await;
    page.click("[data-testid=send]").await;
    page.until("document.activeElement.id === 'field-consent'").await;
    let kept = "return [...Object.keys(localStorage), ...Object.keys(sessionStorage)]";
    assert_eq!(page.eval(kept).await, json!([]));
    page.click("[data-testid=consent]").await;
    assert_eq!(page.eval(kept).await, json!([]), "not before it is sent");
    page.click("[data-testid=send]").await;
    is(&page, "hello", "delivered").await;
    let token = "return Object.keys(localStorage).filter((key) => key.endsWith('token')).length";
    assert_eq!(page.eval(token).await, 1);
    page.reload().await;
    presses(&page).await;
    enters(&page).await;
    shows(&page, "visitor", "hello").await;
    says(&page, "and more").await;
    is(&page, "and more", "delivered").await;
    leaves(&page).await;
    assert_eq!(page.client().get_all_cookies().await.unwrap().len(), 0);
    was_quiet_but(&page, |entry| {
        ["401", "422"].iter().any(|code| entry["message"].as_str().unwrap_or_default().contains(code))
    })
    .await;
}

/// The open chat shows nothing but that the visitor was refused, and the console says why.
pub async fn is_refused(page: &Page) {
    enters(page).await;
    page.find(".mark[role=alert]").await;
    assert_eq!(page.eval("return document.getElementById('composer').checkVisibility()").await, false);
    assert_eq!(page.eval("return Object.keys(localStorage).filter((key) => key.includes('token'))").await, json!([]));
    page.is_accessible("a customer who was refused").await;
    leaves(page).await;
    let said = page.console().await;
    let told = |entry: &serde_json::Value| {
        entry["message"].as_str().is_some_and(|line| line.contains("refused this visitor (identity_refused)"))
    };
    assert!(said.iter().any(told), "{said:?}");
}

#[tokio::test]
async fn a_wrong_signature_gets_no_chat_at_all() {
    let Some((host, stage)) = Host::with_chat(&format!("identity.secret = '{SECRET}'")).await else { return };
    let page = host.open(&stage, Look::DESKTOP, &format!("token={}x", token(&stage, "customer-43"))).await;
    presses(&page).await;
    is_refused(&page).await;
}

#[tokio::test]
async fn pictures_are_shown_without_a_cookie() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let (page, desk) = (host.open(&stage, Look::DESKTOP, "").await, stage.desk(Look::DESKTOP).await);
    presses(&page).await;
    enters(&page).await;
    says(&page, "show me").await;
    opens(&desk).await;
    answers_richly(&stage, &desk).await;
    shows_it_richly(&page).await;
    page.reload().await;
    presses(&page).await;
    enters(&page).await;
    shows_pictures(&page, 1).await;
    let link = page.eval("return document.querySelector('[data-testid=file] img').src").await;
    assert!(link.as_str().unwrap().contains("/f/"), "{link}");
    leaves(&page).await;
    was_clean(&page).await;
}

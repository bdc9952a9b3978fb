//! What a page that embeds the chat can choose, and what it tells the operators.

use crate::host::Host;
use crate::stage::{is, says, shows};
use crate::widget::{LAUNCHER, PANEL, badge, closed, enters, leaves, opened, presses, was_clean};
use openline_tests::browser::{Look, Page};
use serde_json::json;

const LOOKS: [Look; 2] = [Look::PHONE, Look::DESKTOP];

#[tokio::test]
async fn language_and_side_are_the_pages_choice() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    for look in LOOKS {
        let page = host.open(&stage, look, "lang=de&position=left").await;
        closed(&page).await;
        let label = page.eval(&format!("return {LAUNCHER}.getAttribute('aria-label')")).await;
        assert_eq!(label, "Chat öffnen");
        let left = format!("(({{ x, width }}) => x + width / 2 < innerWidth / 2)({LAUNCHER}.getBoundingClientRect())");
        page.until(&left).await;
        page.is_accessible("the launcher on a page").await;
        presses(&page).await;
        opened(&page).await;
        let inside = format!(
            "(({{ left, right }}) => left >= 0 && left <= 24 && right <= innerWidth)({PANEL}.getBoundingClientRect())"
        );
        page.until(&inside).await;
        enters(&page).await;
        page.until("document.documentElement.lang === 'de'").await;
        leaves(&page).await;
        was_clean(&page).await;
    }
}

#[tokio::test]
async fn the_operators_learn_what_the_page_tells() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    for look in LOOKS {
        let page = host.open(&stage, look, "utm_source=letter").await;
        page.until("window.Openline").await;
        page.eval("Openline.page({ product: 7 })").await;
        presses(&page).await;
        enters(&page).await;
        page.find(".js").await;
        leaves(&page).await;
        page.eval("Openline.page({ size: 'XL' })").await;
        enters(&page).await;
        let text = format!("about {}", look.size.0);
        says(&page, &text).await;
        is(&page, &text, "delivered").await;
        let chat = stage.world.portal_chat(&text).await;
        let lines = [
            format!("Page: {}/?utm_source=letter", host.origin()),
            "Title: A shop".into(),
            "Campaign: source letter".into(),
            "product: 7".into(),
            "size: XL".into(),
        ];
        let told = |portal: openline_sandbox::View<'_>| {
            portal.texts(chat, "system").iter().any(|note| lines.iter().all(|line| note.contains(line)))
        };
        let heard = stage.world.sandbox.wait_until(told).await;
        assert!(heard.is_ok(), "{:?}", stage.world.sandbox.view(|portal| portal.texts(chat, "system")));
        leaves(&page).await;
        was_clean(&page).await;
    }
}

/// How often a tone was played in the frame, which this counts from now on.
const TONES: &str = "window.tones = 0; const Oscillator = OscillatorNode.prototype.start; \
                     OscillatorNode.prototype.start = function (...at) { window.tones += 1; return Oscillator.apply(this, at); }";

async fn bell(page: &Page, pressed: bool) {
    page.until(&format!("document.getElementById('sound').getAttribute('aria-pressed') === '{pressed}'")).await;
}

#[tokio::test]
async fn the_bell_is_off_until_somebody_turns_it_on() {
    for look in LOOKS {
        let Some((host, stage)) = Host::with_chat("").await else { return };
        let page = host.open(&stage, look, "").await;
        presses(&page).await;
        enters(&page).await;
        page.eval(TONES).await;
        says(&page, "hello").await;
        is(&page, "hello", "delivered").await;
        let chat = stage.world.portal_chat("hello").await;
        stage.world.sandbox.operator_writes(chat, "unheard").unwrap();
        shows(&page, "operator", "unheard").await;
        bell(&page, false).await;
        assert_eq!(page.eval("return tones").await, 0);
        page.click("[data-testid=sound]").await; // it lets itself be heard
        bell(&page, true).await;
        page.until("tones === 1").await;
        let free =
            "return navigator.locks.query().then(({ held }) => !held.some(({ name }) => name === 'openline:sound'))";
        openline_tests::eventually("it is silent", async || (page.eval(free).await == true).then_some(())).await;
        stage.world.sandbox.operator_writes(chat, "heard").unwrap();
        page.until("tones === 2").await;
        // It stays on for the next page.
        leaves(&page).await;
        page.reload().await;
        presses(&page).await;
        enters(&page).await;
        bell(&page, true).await;
        page.click("[data-testid=sound]").await;
        bell(&page, false).await;
        leaves(&page).await;
        was_clean(&page).await;
    }
}

#[tokio::test]
async fn the_bell_is_on_where_the_configuration_says_so() {
    let Some((host, stage)) = Host::with_chat("widget.sound = true").await else { return };
    for look in LOOKS {
        let page = host.open(&stage, look, "").await;
        presses(&page).await;
        enters(&page).await;
        bell(&page, true).await;
        leaves(&page).await;
    }
}

#[tokio::test]
async fn the_chat_on_a_page_is_accessible_in_both_directions() {
    for (look, query) in
        [(Look::PHONE, ""), (Look::DESKTOP, ""), (Look::PHONE, "rtl&lang=ar"), (Look::DESKTOP, "rtl&lang=ar")]
    {
        let Some((host, stage)) = Host::with_chat("theme.launcher = 'Ask us'").await else { return };
        let page = host.open(&stage, look, query).await;
        closed(&page).await;
        page.is_accessible("the launcher on a page").await;
        presses(&page).await;
        enters(&page).await;
        page.find(".js").await;
        page.is_accessible("an empty frame").await;
        says(&page, "hello").await;
        is(&page, "hello", "delivered").await;
        let chat = stage.world.portal_chat("hello").await;
        stage.world.sandbox.operator_writes(chat, "here I am").unwrap();
        shows(&page, "operator", "here I am").await;
        page.is_accessible("a conversation in a frame").await;
        leaves(&page).await;
        page.is_accessible("the page around an open chat").await;
        page.eval("Openline.close()").await;
        stage.world.sandbox.operator_writes(chat, "one more").unwrap();
        badge(&page, "1").await;
        page.is_accessible("a launcher with news").await;
    }
}

#[tokio::test]
async fn a_long_history_with_the_way_down_is_accessible() {
    let Some(stage) = crate::stage::Stage::set().await else { return };
    for look in LOOKS {
        let visitor = stage.visitor(look).await;
        let fill = "return (async () => { for (let n = 0; n < 60; n += 1) await fetch('api/messages', { method: 'POST', \
                    headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ key: `n${n}`, text: `number ${n} of ${innerWidth}` }) }); })()";
        visitor.eval(fill).await;
        visitor.reload().await;
        let last = format!("number 59 of {}", look.size.0);
        shows(&visitor, "visitor", &last).await;
        let chat = stage.world.portal_chat(&last).await;
        visitor.eval("document.getElementById('log').scrollTop = 0").await;
        visitor.until("document.querySelectorAll('[data-from=visitor]').length === 60").await;
        visitor.eval("document.getElementById('log').scrollTop = 300").await;
        stage.world.sandbox.operator_writes(chat, "down here").unwrap();
        visitor.find("[data-testid=jump]:not([hidden])").await;
        visitor.is_accessible("a long history and news below").await;
        visitor.click("[data-testid=jump]").await;
        visitor.until("document.getElementById('jump').hidden && document.activeElement.id === 'log'").await;
        assert_eq!(visitor.eval("return document.documentElement.scrollWidth > innerWidth").await, json!(false));
    }
}

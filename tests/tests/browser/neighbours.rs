//! The chat among what other people have on their pages.

use crate::host::Host;
use crate::stage::{is, says, shows};
use crate::widget::{LAUNCHER, PANEL, closed, enters, leaves, opened, presses, was_clean};
use openline_tests::browser::{Look, Page};
use serde_json::json;

async fn one_launcher(page: &Page) {
    let seen = format!("{LAUNCHER}.checkVisibility({{ visibilityProperty: true, opacityProperty: true }})");
    let open = format!("{LAUNCHER}.getAttribute('aria-expanded') === 'true'"); // a sheet has its own button
    page.until(&format!("document.querySelectorAll('openline-chat').length === 1 && ({seen} || {open})")).await;
}

#[tokio::test]
async fn a_page_whose_body_is_replaced_keeps_the_chat() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    for look in [Look::DESKTOP, Look::PHONE] {
        let page = host.open(&stage, look, "").await;
        presses(&page).await;
        enters(&page).await;
        says(&page, "before").await;
        is(&page, "before", "delivered").await;
        page.eval("window.same = true").await;
        leaves(&page).await;
        // As Turbo does it, and as pjax does it.
        page.eval("const body = document.createElement('body'); body.innerHTML = '<main>Another page</main>'; document.documentElement.replaceChild(body, document.body)").await;
        opened(&page).await;
        one_launcher(&page).await;
        assert_eq!(page.eval("return document.body.inert").await, look.size.0 < 600);
        enters(&page).await;
        shows(&page, "visitor", "before").await;
        assert_eq!(page.eval("return window.same").await, true, "it was not loaded anew");
        leaves(&page).await;
        page.eval("document.documentElement.innerHTML = '<head><title>x</title></head><body>Whole new</body>'").await;
        one_launcher(&page).await;
        page.until(&format!("{PANEL}.classList.contains('here')")).await;
        enters(&page).await;
        shows(&page, "visitor", "before").await;
    }
}

#[tokio::test]
async fn a_script_that_is_there_twice_makes_one_chat() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "twice").await;
    page.until("document.readyState === 'complete'").await;
    one_launcher(&page).await;
    presses(&page).await;
    opened(&page).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn a_page_that_isolates_itself_can_have_the_chat() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "coep").await;
    presses(&page).await;
    enters(&page).await;
    says(&page, "isolated").await;
    is(&page, "isolated", "delivered").await;
    leaves(&page).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn hostile_styles_do_not_reach_it() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "hostile").await;
    closed(&page).await;
    one_launcher(&page).await;
    let box_ = format!(
        "(({{ x, y, width, height }}) => [width, height, document.elementFromPoint(x + 30, y + 30)?.localName].join())({LAUNCHER}.getBoundingClientRect())"
    );
    page.until(&format!("{box_} === '62,60,openline-chat' || {box_} === '64,60,openline-chat'")).await;
    presses(&page).await;
    opened(&page).await;
    enters(&page).await;
    says(&page, "still here").await;
    is(&page, "still here", "delivered").await;
}

#[tokio::test]
async fn without_any_storage_there_is_a_conversation_all_the_same() {
    let Some((host, stage)) = Host::near("").await else { return };
    let denied = "for (const kind of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) \
                  Object.defineProperty(window, kind, { get() { throw new DOMException('denied', 'SecurityError'); } });";
    let page = host.open_after(&stage, Look::DESKTOP, "", denied).await;
    presses(&page).await;
    enters(&page).await;
    says(&page, "nothing is kept").await;
    is(&page, "nothing is kept", "delivered").await;
    let chat = stage.world.portal_chat("nothing is kept").await;
    stage.world.sandbox.operator_writes(chat, "fine").unwrap();
    shows(&page, "operator", "fine").await;
    leaves(&page).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn operators_learn_of_the_page_that_the_visitor_went_on_to() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    enters(&page).await;
    says(&page, "first").await;
    is(&page, "first", "delivered").await;
    says(&page, "the same page").await;
    is(&page, "the same page", "delivered").await;
    page.eval("addEventListener('message', ({ data }) => { if (data.page) window.place = data.page.url; })").await;
    leaves(&page).await;
    page.eval("history.pushState(null, '', '/prints/7'); document.title = 'Print 7'").await;
    enters(&page).await;
    page.until("window.place?.endsWith('/prints/7')").await;
    says(&page, "and this one?").await;
    is(&page, "and this one?", "delivered").await;
    let chat = stage.world.portal_chat("first").await;
    let pages = |portal: openline_sandbox::View<'_>| {
        let notes = portal.texts(chat, "system");
        notes
            .iter()
            .filter_map(|note| note.lines().find_map(|line| line.strip_prefix("Page: ")))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    stage.world.sandbox.wait_until(|portal| pages(portal).len() == 2).await.unwrap();
    let told = stage.world.sandbox.view(pages);
    assert_eq!(told[1], format!("{}/prints/7", host.origin()), "{told:?}");
}

#[tokio::test]
async fn a_page_may_have_a_button_of_its_own_and_its_bars() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "launcher=false").await;
    page.until("window.Openline && document.querySelector('openline-chat')").await;
    assert_eq!(page.eval(&format!("return {LAUNCHER}.checkVisibility()")).await, false);
    page.eval("document.getElementById('search').focus(); Openline.prefill({ text: 'About order 7: ', name: 'Ann' }); Openline.open()").await;
    opened(&page).await;
    enters(&page).await;
    page.until("document.getElementById('text').value === 'About order 7: '").await;
    assert_eq!(page.text("#you-are").await, "You are Ann");
    page.click("[data-testid=close]").await;
    leaves(&page).await;
    closed(&page).await;
    page.until("document.activeElement.id === 'search'").await;

    let page = host.open(&stage, Look::DESKTOP, "offset-x=30&offset-y=80").await;
    closed(&page).await;
    let corner = format!(
        "(({{ right, bottom }}) => [innerWidth - right, innerHeight - bottom].join())({LAUNCHER}.getBoundingClientRect())"
    );
    let bar = "innerWidth - document.documentElement.clientWidth";
    page.until(&format!("{corner} === `${{50 + ({bar})}},100` || {corner} === '50,100'")).await;
    page.eval("Openline.offset({})").await;
    page.until(&format!("{corner}.endsWith(',20')")).await;
    was_clean(&page).await;
}

#[tokio::test]
async fn the_page_hears_what_happens_and_never_what_is_written() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    stage.world.configure_line(1, &json!({ "VOTE_MESSAGE": "Y" })).await;
    let page = host.open(&stage, Look::DESKTOP, "").await;
    page.until("window.Openline").await;
    page.eval("window.told = []; window.ends = ['ready', 'opened', 'closed', 'started', 'sent', 'received', 'rated'].map((name) => Openline.on(name, (news) => told.push(name + (name === 'rated' ? ` ${news.good}` : ''))))").await;
    presses(&page).await;
    enters(&page).await;
    for text in ["one", "two"] {
        says(&page, text).await;
        is(&page, text, "delivered").await;
    }
    let chat = stage.world.portal_chat("one").await;
    stage.world.sandbox.operator_writes(chat, "done").unwrap();
    shows(&page, "operator", "done").await;
    let desk = stage.desk(Look::DESKTOP).await;
    crate::stage::opens(&desk).await;
    desk.click("[data-testid=finish]").await;
    page.click("[data-testid=rate-good]").await;
    leaves(&page).await;
    page.until("told.includes('rated true')").await;
    page.eval("Openline.close()").await;
    let told = page.eval("return told.filter((one) => one !== 'received')").await;
    assert_eq!(told, json!(["ready", "opened", "started", "sent", "sent", "rated true", "closed"]));
    assert_eq!(page.eval("return told.includes('received')").await, true);
    page.eval("ends.forEach((end) => end()); told.length = 0; Openline.open()").await;
    opened(&page).await;
    assert_eq!(page.eval("return told").await, json!([]));
    was_clean(&page).await;
}

/// The types name what the script has, and every event that the manual names.
#[tokio::test]
async fn the_types_are_those_of_the_script() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    page.until("window.Openline").await;
    let types = reqwest::get(stage.world.url("/c/site/widget.d.ts")).await.unwrap().text().await.unwrap();
    let (_, chat) = types.split_once("interface OpenlineChat {").unwrap();
    let chat = chat.split("\n}").next().unwrap();
    let has = page.eval("return Object.keys(Object.getOwnPropertyDescriptors(Openline))").await;
    let has: Vec<_> = has.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(has.len() > 8, "{has:?}");
    let names =
        |line: &str| line.trim().trim_start_matches("readonly ").split(['(', ':', '<']).next().unwrap().to_owned();
    let told: Vec<_> =
        chat.lines().map(names).filter(|name| name.chars().all(char::is_alphabetic) && !name.is_empty()).collect();
    for name in &has {
        assert!(told.iter().any(|known| known == name), "{name} is not among the types");
    }
    assert_eq!(told.len(), has.len(), "{told:?} {has:?}");
    let (_, events) = types.split_once("interface OpenlineEvents {").unwrap();
    let events = events.split("\n}").next().unwrap();
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/widget.md")).unwrap();
    for event in ["ready", "opened", "closed", "started", "sent", "received", "unread", "rated"] {
        assert!(events.contains(&format!("  {event}: ")) && manual.contains(&format!("`{event}`")), "{event}");
    }
}

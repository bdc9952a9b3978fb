//! How news reach the page: by stream, by held answers, by asking; over gaps and in several tabs.

use crate::stage::{Stage, is, network, says, shows, was_quiet, was_quiet_but};
use openline_sandbox::View;
use openline_tests::browser::{Look, Page};
use serde_json::json;
use std::time::Duration;

/// From now on the page's calls can be seen, and those blocked whose address contains one of these words.
async fn watch(visitor: &Page, blocked: &str, silent: bool) {
    let script = json!({ "source": include_str!("watched.js") });
    visitor.devtools("Page.addScriptToEvaluateOnNewDocument", script).await;
    let silent = if silent { "yes" } else { "" };
    visitor
        .eval(&format!("sessionStorage.setItem('blocked', '{blocked}'); sessionStorage.setItem('silent', '{silent}')"))
        .await;
    visitor.reload().await;
    visitor.find(".js").await;
}

async fn asks(visitor: &Page, part: &str) {
    visitor.until(&format!("asked.some((one) => one.includes('{part}'))")).await;
}

async fn online(visitor: &Page, online: bool) {
    let conditions = json!({ "offline": !online, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    visitor.devtools("Network.enable", json!({})).await;
    visitor.devtools("Network.emulateNetworkConditions", conditions).await;
}

/// How long the network stays away: no longer than it takes, or `OPENLINE_CUT_SECONDS`.
fn cut() -> Duration {
    let seconds = std::env::var("OPENLINE_CUT_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// A conversation that has begun; the portal's chat.
async fn talk(stage: &Stage, visitor: &Page) -> i64 {
    says(visitor, "hello").await;
    is(visitor, "hello", "delivered").await;
    stage.world.portal_chat("hello").await
}

#[tokio::test]
async fn news_come_by_stream_without_any_other_call() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    watch(&visitor, "", false).await;
    let chat = talk(&stage, &visitor).await;
    for text in ["one", "two", "three"] {
        stage.world.sandbox.operator_writes(chat, text).unwrap();
        shows(&visitor, "operator", text).await;
    }
    let asked = visitor.eval("return asked.map((one) => one.replace(/.*\\/api/, '').replace(/=.*/, ''))").await;
    assert_eq!(asked, json!(["/stream?since", "/messages"]));
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn a_blocked_stream_is_done_without() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        watch(&visitor, "/stream", false).await;
        let chat = talk(&stage, &visitor).await;
        asks(&visitor, "wait=25").await;
        stage.world.sandbox.operator_writes(chat, "held").unwrap();
        shows(&visitor, "operator", "held").await;
        assert_eq!(visitor.text("[data-testid=connection]").await, "", "nothing is lost");

        visitor.eval("blocked = '/stream wait=25'").await;
        for text in ["asked", "again"] {
            stage.world.sandbox.operator_writes(chat, text).unwrap();
            shows(&visitor, "operator", text).await;
        }

        visitor.eval("blocked = ''; asked = []; dispatchEvent(new Event('online'))").await;
        asks(&visitor, "/stream").await;
        stage.world.sandbox.operator_writes(chat, "streamed").unwrap();
        shows(&visitor, "operator", "streamed").await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn a_stream_that_something_holds_back_is_done_without() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        watch(&visitor, "/stream", true).await;
        let chat = talk(&stage, &visitor).await;
        stage.world.sandbox.operator_writes(chat, "in spite of it").unwrap();
        shows(&visitor, "operator", "in spite of it").await;
        asks(&visitor, "wait=25").await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn what_happened_while_the_network_was_away_comes_once_and_in_order() {
    let Some(stage) = Stage::set().await else { return };
    for look in [Look::PHONE, Look::DESKTOP] {
        let visitor = stage.visitor(look).await;
        says(&visitor, "hello").await;
        is(&visitor, "hello", "delivered").await;
        let chats = stage.world.sandbox.view(|portal| portal.dialogs().iter().map(|one| one.chat_id).max());
        let chat = chats.unwrap();
        online(&visitor, false).await;
        visitor.until("document.querySelector('[data-testid=connection]').textContent").await;
        let answers: Vec<_> = (1..=5).map(|number| format!("answer {number}")).collect();
        let own: Vec<_> = (1..=3).map(|number| format!("own {number}")).collect();
        for text in &answers {
            let message = stage.world.sandbox.operator_writes(chat, text).unwrap();
            // Before the visitor's own come: the order is that of arrival.
            let confirmed = |portal: View<'_>| portal.message(message).is_some_and(|message| !message.sending);
            stage.world.sandbox.wait_until(confirmed).await.unwrap();
        }
        for text in &own {
            says(&visitor, text).await;
            is(&visitor, text, "sending").await;
        }
        visitor.count("[data-from=operator]", 0).await;
        tokio::time::sleep(cut()).await;
        visitor.count("[data-from=operator]", 0).await;
        online(&visitor, true).await;
        for text in &own {
            is(&visitor, text, "delivered").await;
        }
        for text in &answers {
            shows(&visitor, "operator", text).await;
        }
        let told = "return [...document.querySelectorAll('[data-kind=message]:not([data-from=system]) .text')].map((one) => one.textContent)";
        let wanted: Vec<_> = ["hello".to_owned()].into_iter().chain(answers).chain(own.clone()).collect();
        assert_eq!(visitor.eval(told).await, json!(wanted));
        let at_the_desk = stage.world.sandbox.view(|portal| portal.texts(chat, "client"));
        assert_eq!(at_the_desk[1..], own);
        visitor.until("!document.querySelector('[data-testid=connection]').textContent").await;
        was_quiet_but(&visitor, network).await;
    }
}

#[tokio::test]
async fn of_several_tabs_one_holds_the_connection_and_all_have_the_news() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    let chat = talk(&stage, &visitor).await;
    let [first, second] = visitor.second_tab(&stage.chat()).await;
    shows(&visitor, "visitor", "hello").await;
    let locks = "return navigator.locks.query().then(({ held, pending }) => \
                 [held, pending].map((all) => all.filter(({ name }) => name.endsWith('/stream')).length))";
    openline_tests::eventually("one leads, one waits", async || {
        (visitor.eval(locks).await == json!([1, 1])).then_some(())
    })
    .await;
    stage.world.sandbox.operator_writes(chat, "to both").unwrap();
    for tab in [&second, &first] {
        visitor.to_tab(tab).await;
        shows(&visitor, "operator", "to both").await;
    }
    says(&visitor, "from the first").await;
    visitor.to_tab(&second).await;
    is(&visitor, "from the first", "delivered").await;

    visitor.to_tab(&first).await;
    visitor.client().close_window().await.unwrap();
    visitor.to_tab(&second).await;
    openline_tests::eventually("the other leads", async || (visitor.eval(locks).await == json!([1, 0])).then_some(()))
        .await;
    stage.world.sandbox.operator_writes(chat, "to the one left").unwrap();
    shows(&visitor, "operator", "to the one left").await;
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn a_long_history_opens_upward_while_it_is_read() {
    let Some(stage) = Stage::set().await else { return };
    for look in [Look::PHONE, Look::DESKTOP] {
        let visitor = stage.visitor(look).await;
        let fill = "return (async () => { for (let n = 0; n < 120; n += 1) await fetch('api/messages', { method: 'POST', \
                    headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ key: `n${n}`, text: `number ${n}` }) }); })()";
        visitor.eval(fill).await;
        visitor.reload().await;
        shows(&visitor, "visitor", "number 119").await;
        let shown = "document.querySelectorAll('[data-from=visitor]').length";
        visitor.until(&format!("{shown} < 60 && document.querySelector('#log').scrollTop > 0")).await;
        for least in [80, 120] {
            visitor.eval("document.getElementById('log').scrollTop = 0").await;
            visitor.until(&format!("{shown} >= {least}")).await;
            visitor.until("document.getElementById('log').scrollTop > 100").await; // the place is kept
        }
        let texts = "return [...document.querySelectorAll('[data-from=visitor] .text')].map((one) => one.textContent)";
        let wanted: Vec<_> = (0..120).map(|number| format!("number {number}")).collect();
        assert_eq!(visitor.eval(texts).await, json!(wanted));
        visitor.until("!document.querySelector('.older:not([hidden])')").await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn a_lost_session_is_replaced_and_followed() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    talk(&stage, &visitor).await;
    visitor.devtools("Network.clearBrowserCookies", json!({})).await;
    says(&visitor, "still me").await;
    is(&visitor, "still me", "delivered").await;
    shows(&visitor, "visitor", "hello").await;
    let chat = stage.world.portal_chat("still me").await;
    stage.world.sandbox.operator_writes(chat, "I see you").unwrap();
    shows(&visitor, "operator", "I see you").await;
    was_quiet_but(&visitor, network).await;
}

//! Operators' messages: once, in the window of service, under the rates.

use super::*;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn lost() -> Scripted {
    Scripted::lost()
}

/// A lost answer, then what is done about it `later`.
async fn again(stage: &Stage, later: Duration) -> Result<Vec<String>, DeliveryError> {
    let first = stage.sends("a", "hi", false).await;
    assert!(matches!(first, Err(DeliveryError::Unknown { .. })), "{first:?}");
    stage.clock.advance(later);
    stage.sends("a", "hi", true).await
}

#[tokio::test]
async fn by_its_key_it_is_sent_again_at_once() {
    let stage = Stage::scripted(&format!("{SEND}[once]\nby = \"key\"\n"), [lost(), ok("m1")]);
    assert_eq!(again(&stage, Duration::ZERO).await.unwrap(), ["m1"]);
    let asked = stage.script.asked();
    assert_eq!(asked[0]["json"], asked[1]["json"], "the same key");
    assert_eq!(asked[0]["json"]["tag"].as_str().unwrap().len(), 32);
}

/// Something between us and the messenger answers with status 200.
#[tokio::test]
async fn a_page_instead_of_an_answer_is_no_success() {
    let page = Scripted::of(200, "<html>Please log in</html>");
    let stage = Stage::scripted(&format!("{SEND}[once]\nby = \"key\"\n"), [page, ok("m1")]);
    assert!(matches!(stage.sends("a", "hi", false).await, Err(DeliveryError::Unknown { .. })));
    assert_eq!(stage.sends("a", "hi", true).await.unwrap(), ["m1"]);
    // One that says nothing is taken by its status.
    let stage = Stage::scripted(&format!("{SEND}[once]\nby = \"key\"\n"), [Scripted::of(200, "")]);
    assert_eq!(stage.sends("a", "hi", false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn by_a_look_it_is_found_or_sent_again() {
    let once = "[once]\nby = \"lookup\"\notherwise = \"send\"\nsteps = [{ get = \"/history\", take = { all = \"answer.all\" } }]\n\
                found = \"(all | where('text', plain) | newer('at', since) | last).id\"\n";
    let there =
        json!({ "all": [{ "text": "hi", "at": NOW - 60_000, "id": "old" }, { "text": "hi", "at": NOW, "id": "m7" }] });
    let stage = Stage::scripted(&format!("{SEND}{once}"), [lost(), Scripted::of(200, &there.to_string())]);
    assert_eq!(again(&stage, Duration::ZERO).await.unwrap(), ["m7"]);
    assert_eq!(stage.called(), ["/send", "/history"], "not sent again");

    let nothing = Scripted::of(200, "{\"all\":[]}");
    let stage = Stage::scripted(&format!("{SEND}{once}"), [lost(), nothing, ok("m8")]);
    assert_eq!(again(&stage, Duration::ZERO).await.unwrap(), ["m8"]);

    // A look that fails says nothing: neither sent nor given up.
    let stage = Stage::scripted(&format!("{SEND}{once}"), [lost(), lost()]);
    assert!(matches!(again(&stage, Duration::ZERO).await, Err(DeliveryError::Retry { .. })));
    assert_eq!(stage.called(), ["/send", "/history"]);
}

#[tokio::test]
async fn by_events_it_is_waited_for_and_then_the_policy_holds() {
    let once = |otherwise: &str| format!("{SEND}[once]\nby = \"events\"\nwait = 30\notherwise = \"{otherwise}\"\n");
    // The news comes: by our tag, among others.
    let stage = Stage::scripted(&once("send"), [lost()]);
    let first = stage.sends("a", "hi", false).await;
    assert!(matches!(first, Err(DeliveryError::Unknown { .. })));
    let waits = stage.sends("a", "hi", true).await;
    assert!(matches!(waits, Err(DeliveryError::Retry { after: Some(_), .. })), "{waits:?}");
    let tag = stage.script.asked()[0]["json"]["tag"].clone();
    let news = |of: &str, tag: &Json| json!({ "type": "receipt", "chat": "a", "state": "sent", "of": of, "tag": tag });
    stage.comes(json!({ "messages": [news("m6", &json!("another")), news("m7", &tag)] })).await.unwrap();
    assert_eq!(stage.sends("a", "hi", true).await.unwrap(), ["m7"]);
    assert_eq!(stage.called(), ["/send"]);
    // It does not come: as it is written.
    let stage = Stage::scripted(&once("send"), [lost(), ok("m9")]);
    assert_eq!(again(&stage, Duration::from_secs(31)).await.unwrap(), ["m9"]);
    let stage = Stage::scripted(&once("refuse"), [lost()]);
    let Err(DeliveryError::Refused { reason }) = again(&stage, Duration::from_secs(31)).await else { panic!() };
    assert!(reason.contains("Kit did not say whether it arrived"), "{reason}");
    assert_eq!(stage.called(), ["/send"]);
}

#[tokio::test]
async fn outside_of_the_window_there_is_another_way_or_a_refusal_at_once() {
    let ways = "[[send]]\nwhen = \"not late\"\nsteps = [{ post = \"/send\", json = { text = \"{{ text }}\" }, id = \"answer.id\" }]\n\
                [[send]]\nsteps = [{ post = \"/template\", json = { name = \"{{ settings.template }}\", text = \"{{ plain }}\" }, id = \"answer.id\" }]\n\
                [once]\nby = \"nothing\"\notherwise = \"send\"\n\
                [window]\nhours = 24\nlate = \"settings.template\"\nlate_hours = 168\nrefuse = \"they wrote too long ago\"\n";
    let stage = |settings: &str| {
        let script = Script::new([ok("m1"), ok("m2"), ok("m3")].into_iter().collect());
        Stage { script: script.clone(), ..Stage::over(ways, settings, Box::new(script)) }
    };
    let refused = |sent: Result<Vec<String>, DeliveryError>| matches!(sent, Err(DeliveryError::Refused { reason }) if reason == "they wrote too long ago");
    let plain = stage("");
    plain.comes(json!({ "messages": [{ "chat": "a", "id": 1, "text": "hello" }] })).await.unwrap();
    // The visitor's is looked for behind many of ours.
    let answers =
        (0..50).map(|n| Item { at: plain.clock.now(), ..item(1500 + n, "o", Side::Operator, Content::plain("x")) });
    plain.memory.put(&plain.memory.all()[0].0, answers);
    plain.clock.advance(23 * HOUR);
    assert!(plain.sends("a", "hi", false).await.is_ok());
    plain.clock.advance(HOUR);
    assert!(refused(plain.sends("a", "hi", false).await), "no template");
    assert_eq!(plain.called(), ["/send"], "without a call");

    let given = stage("template = 'news'");
    given.comes(json!({ "messages": [{ "chat": "a", "id": 1, "text": "hello" }] })).await.unwrap();
    given.clock.advance(25 * HOUR);
    assert!(given.sends("a", "hi", false).await.is_ok());
    given.clock.advance(144 * HOUR);
    assert!(refused(given.sends("a", "hi", false).await), "after a week not even that");
    assert_eq!(given.called(), ["/template"]);
}

#[tokio::test]
async fn a_pause_is_of_the_channel_or_of_one_chat() {
    let more = format!(
        "{SEND}[once]\nby = \"key\"\n[answers]\nrules = [{{ codes = [418], is = \"paused\", chat = true, after = 60 }}]\n"
    );
    let paused = |sent: Result<Vec<String>, DeliveryError>| matches!(sent, Err(DeliveryError::Paused { .. }));
    let chat = Stage::scripted(&more, [Scripted::of(418, "{}"), ok("m1")]);
    assert!(paused(chat.sends("a", "hi", false).await));
    assert!(chat.sends("b", "hi", false).await.is_ok(), "the other chat goes on");
    assert_eq!(chat.intake.instance.health(), Ok(()));

    let all = Stage::scripted(&more, [Scripted::of(401, "{}"), ok("m1")]);
    assert!(matches!(all.sends("a", "hi", false).await, Err(DeliveryError::Closed { .. })), "core leaves it alone");
    assert!(all.intake.instance.health().unwrap_err().contains("401"));
    all.clock.advance(Duration::from_secs(61));
    assert!(all.sends("b", "hi", false).await.is_ok());
    assert_eq!(all.intake.instance.health(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn rates_are_kept_for_the_channel_and_for_a_chat() {
    let more = format!("{SEND}[once]\nby = \"key\"\n[rate]\nper_second = 2\nchat_per_minute = 1\nchat_burst = 2\n");
    let stage = Stage::scripted(&more, (0..9).map(|_| ok("m")));
    let begun = tokio::time::Instant::now();
    for chat in ["a", "a", "b"] {
        stage.sends(chat, "hi", false).await.unwrap();
    }
    assert_eq!(begun.elapsed().as_millis(), 500, "two at once, then two a second");
    stage.clock.advance(Duration::from_secs(1));
    let Err(DeliveryError::Retry { after: Some(after), .. }) = stage.sends("a", "hi", false).await else { panic!() };
    assert!((30..=60).contains(&after.as_secs()), "{after:?}: a chat's third in a minute");
    stage.sends("c", "hi", false).await.expect("another chat");
}

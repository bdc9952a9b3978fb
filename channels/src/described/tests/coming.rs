//! What the messenger tells.

use super::*;
use serde_json::json;

const NOTHING: &str = "[once]\nby = \"nothing\"\notherwise = \"send\"\n";

fn stage() -> Stage {
    Stage::scripted(&format!("{SEND}{NOTHING}"), [])
}

fn message(id: u32, text: &str) -> Json {
    json!({ "chat": "a", "id": id, "text": text })
}

#[tokio::test]
async fn events_are_taken_in_order_and_the_first_rule_counts() {
    let stage = stage();
    let all = json!({ "messages": [message(1, "one"), message(2, "first"), message(3, "three"), message(1, "one")] });
    stage.comes(all.clone()).await.unwrap();
    stage.comes(all).await.unwrap();
    assert_eq!(stage.texts("a"), ["one", "the first rule", "three"], "each once");
    let edit = json!({ "chat": "a", "id": 1, "text": "one!", "type": "edit" });
    let gone = json!({ "chat": "a", "id": 3, "type": "gone" });
    stage.comes(json!({ "messages": [edit, gone] })).await.unwrap();
    assert_eq!(stage.texts("a")[0], "one!");
    assert!(stage.items("a")[2].deleted);
}

#[tokio::test]
async fn an_item_without_a_chat_or_a_key_is_unknown() {
    let stage = stage();
    let told = stage.read(&json!({ "messages": [{ "id": 1, "text": "x" }, { "chat": "a", "text": "x" }] }));
    assert_eq!(told.unknown, ["events[0]: chat is empty: id text", "events[0]: key is empty: chat text"]);
    assert!(told.happened.is_empty());
}

/// Whatever no rule knows is told by its shape: an item, or what has no item in it.
#[tokio::test]
async fn nothing_is_dropped_silently() {
    let two = "\n[[events]]\neach = [\"entry in body.entry\", \"c in entry.changes\", \"x in c.items\"]\n\
               rules = [{ when = \"x.known\", action = \"ignore\" }]\n\
               [[events]]\neach = [\"entry in body.entry\", \"c in entry.changes\", \"y in c.others\"]\nrules = [{ action = \"ignore\" }]\n";
    let stage = Stage::scripted(&format!("{two}{SEND}{NOTHING}"), []);
    let unknown = |body: Json| stage.read(&body).unknown;
    assert_eq!(unknown(json!({ "messages": [message(1, "x")] })), [""; 0]);
    assert_eq!(
        unknown(json!({ "entry": [{ "changes": [{ "items": [{ "known": 1 }] }, { "others": [1] }] }] })),
        [""; 0]
    );
    let mixed = json!({ "entry": [
        { "changes": [{ "items": [{ "known": 1 }] }, { "field": "account_update", "value": { "secret": "s3cret" } }] },
        { "standby": [] },
    ] });
    let told = unknown(mixed);
    assert_eq!(told, ["no event in it: standby", "no event in it: field=account_update value(secret)"]);
    assert_eq!(unknown(json!({ "poll": "a word of a visitor" })), ["no event in it: poll"]);
    assert_eq!(unknown(json!({ "messages": [{ "type": "dance", "chat": "a" }] })), ["events[0]: chat type=dance"]);
    stage.comes(json!({ "poll": 1 })).await.expect("it is acknowledged");
}

#[tokio::test]
async fn a_note_waits_for_the_first_message_and_values_are_kept() {
    let stage = Stage::scripted(&format!("{SEND}{NOTHING}"), [ok("m1")]);
    stage.comes(json!({ "messages": [{ "type": "ref", "chat": "a", "id": "r1", "ref": "promo7" }] })).await.unwrap();
    assert_eq!((stage.notes(), stage.texts("a")), (vec![], vec![]), "no conversation is begun for it");
    let who = json!({ "chat": "a", "id": 1, "text": "hello", "name": " Ada\u{0} ", "phone": "+49 (171) 234-56" });
    stage.comes(json!({ "messages": [who] })).await.unwrap();
    assert_eq!(stage.notes(), ["The visitor came by promo7."]);
    let visitor = stage.conversation("a").visitor;
    assert_eq!((visitor.name.as_str(), visitor.phone.as_deref()), ("Ada", Some("+4917123456")));
    assert_eq!(stage.sends("a", "hi", false).await.unwrap(), ["m1"]);
    assert_eq!(stage.script.asked()[0]["json"]["last"], "1");
    stage.comes(json!({ "messages": [{ "type": "ref", "chat": "a", "id": "r2", "ref": "promo8" }] })).await.unwrap();
    assert_eq!(stage.notes().len(), 2, "now at once");
}

#[tokio::test]
async fn a_failure_told_later_is_a_note_once() {
    let stage = stage();
    stage.comes(json!({ "messages": [message(1, "hello")] })).await.unwrap();
    let told = |state: &str| json!({ "messages": [{ "type": "receipt", "chat": "a", "state": state, "of": "m1", "why": "blocked" }] });
    for state in ["sent", "delivered", "read", "failed", "failed"] {
        stage.comes(told(state)).await.unwrap();
    }
    assert_eq!(stage.notes(), ["This message did not reach the visitor: blocked"]);
}

/// What can't be stored is not acknowledged, and comes in whole the next time.
#[tokio::test]
async fn what_is_not_stored_must_come_again() {
    let stage = stage();
    stage.memory.refuse(true);
    let body = json!({ "messages": [message(1, "hello")] });
    assert!(stage.comes(body.clone()).await.is_err());
    stage.memory.refuse(false);
    stage.comes(body).await.unwrap();
    assert_eq!(stage.texts("a"), ["hello"]);
}

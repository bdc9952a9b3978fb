//! How often the store and the messenger are asked: what a message costs is hardly anything else.

use super::*;
use serde_json::json;

const PROFILE: &str = "[profile]\nsteps = [{ get = \"/who/{{ chat }}\", take = { who = \"answer\" } }]\nuser = { last_name = \"{{ who.id }}\" }\n";
const READ: &str = "[read]\nsteps = [{ post = \"/read\", json = { last = \"{{ last }}\" } }]\n";
const EVENTS: &str = "[once]\nby = \"events\"\nwait = 30\notherwise = \"send\"\n";

fn message(id: u32) -> Json {
    json!({ "messages": [{ "chat": "a", "id": id, "text": "hello", "name": "Ada" }] })
}

/// What a message costs that is not the chat's first.
#[tokio::test]
async fn what_is_known_is_not_read_again() {
    let description = format!("{SEND}{PROFILE}[once]\nby = \"key\"\n");
    let stage = Stage::scripted(&description, [ok("Lovelace"), ok("m1"), ok("m2")]);
    stage.comes(message(0)).await.unwrap();
    // The first one behind it asks which conversations are to be erased.
    stage.comes(message(1)).await.unwrap();
    stage.memory.calls();
    stage.comes(message(2)).await.unwrap();
    let mut calls = stage.memory.calls();
    calls.sort_unstable();
    assert_eq!(calls, ["record_incoming", "state_put"], "the message, and what it leaves for calls");
    stage.comes(message(2)).await.unwrap();
    assert_eq!(stage.memory.calls(), ["record_incoming"], "it came again");
    assert_eq!(stage.conversation("a").visitor.last_name, "Lovelace");
    for id in ["m1", "m2"] {
        assert_eq!(stage.sends("a", "hi", false).await.unwrap(), [id]);
    }
    assert_eq!(stage.memory.calls(), ["state_get"], "whether something was under way before the start");
}

/// That a part is begun is written before it goes; everything else is known, also when events tell of it later.
#[tokio::test]
async fn a_reply_is_one_write_and_news_of_it_none() {
    let stage = Stage::scripted(&format!("{SEND}{EVENTS}"), (1..9).map(|n| ok(&format!("m{n}"))));
    stage.comes(message(1)).await.unwrap();
    stage.sends("a", "hi", false).await.unwrap();
    stage.memory.calls();
    stage.sends("a", "hi", true).await.expect("it was sent: known here until its end is stored");
    assert_eq!((stage.called().len(), stage.memory.calls()), (1, vec![]));
    let news = |state: &str| json!({ "messages": [{ "type": "receipt", "chat": "a", "state": state, "of": "m1" }] });
    for state in ["sent", "delivered", "read"] {
        stage.comes(news(state)).await.unwrap();
    }
    assert_eq!(stage.memory.calls(), [""; 0]);
}

/// Where the history is looked into nothing has to be written: core knows that a message may have gone.
#[tokio::test]
async fn a_reply_that_can_be_looked_up_is_no_write() {
    let once = "[once]\nby = \"lookup\"\notherwise = \"send\"\nsteps = [{ get = \"/history\", take = { all = \"answer.all\" } }]\n\
                found = \"(all | where('text', plain) | newer('at', since) | last).id\"\n";
    let stage = Stage::scripted(&format!("{SEND}{once}"), (1..9).map(|n| ok(&format!("m{n}"))));
    stage.comes(message(1)).await.unwrap();
    stage.memory.calls();
    stage.sends("a", "hi", false).await.unwrap();
    assert_eq!(stage.memory.calls(), ["state_get"], "whether something was under way before the start");
}

/// Several replies to the same words: they are read once.
#[tokio::test]
async fn a_chat_is_marked_as_read_once_for_what_was_written() {
    let stage = Stage::scripted(&format!("{SEND}{READ}[once]\nby = \"key\"\n"), (1..9).map(|n| ok(&n.to_string())));
    let read = async |chat: &str| {
        let (conversation, item) = (stage.conversation(chat), item(9000, "o", Side::Operator, Content::plain("hi")));
        let since = stage.clock.now();
        let message = Outgoing { conversation: &conversation, item: &item, uncertain: false, attempts: 0, since };
        Sender { instance: &stage.intake.instance }.mark_read(message).await;
    };
    stage.comes(message(1)).await.unwrap();
    stage.comes(message(2)).await.unwrap();
    read("a").await;
    read("a").await;
    stage.comes(message(3)).await.unwrap();
    read("a").await;
    let asked: Vec<_> = stage.script.asked().iter().map(|asked| asked["json"]["last"].clone()).collect();
    assert_eq!(asked, ["2", "3"]);
    // One that wrote before this process began is known from the store; one that never did has nothing to be read.
    let items =
        vec![item(7, "k7", Side::Visitor, Content::plain("x")), item(8, "o", Side::Operator, Content::plain("y"))];
    let earlier = Conversation { id: ConversationId(2), ..stage.conversation("b") };
    stage.memory.put(&earlier, items);
    read("b").await;
    read("c").await;
    assert_eq!(stage.script.asked().last().unwrap()["json"]["last"], "k7");
    assert_eq!(stage.script.asked().len(), 3);
}

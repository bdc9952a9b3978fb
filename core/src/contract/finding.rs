//! Promises about finding conversations: by id, by visitor, by age.

use super::Harness;
use super::fixture::{ALL, Talk, at, claim_one, die, retry, settle, work_off};
use crate::domain::id::ConversationId;
use crate::domain::message::{Content, Note, Visitor};
use crate::ports::store::Queue;
use crate::ports::store::Store;
use std::sync::Arc;

/// The id leads to the same conversation as channel and chat do.
pub async fn a_conversation_is_found_by_its_id(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::of(&store, "shop", "c"));
    one.write("a", at(1)).await;
    two.write("a", at(1)).await;
    for talk in [&one, &two] {
        let conversation = talk.conversation().await;
        assert_eq!(store.conversation_by_id(conversation.id).await.unwrap(), Some(conversation));
    }
    let nobody = ConversationId(one.id().await.0 + 1000);
    assert_eq!(store.conversation_by_id(nobody).await.unwrap(), None);
}

fn visitor(name: &str, email: Option<&str>, phone: Option<&str>) -> Visitor {
    let text = |part: Option<&str>| part.map(str::to_owned);
    Visitor { name: name.to_owned(), email: text(email), phone: text(phone), ..Visitor::default() }
}

/// An admin finds all that is kept of a person by what that person tells.
pub async fn visitors_are_found_by_what_is_known_of_them(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let people = [
        ("c", visitor("Zoë \0 Ö", Some("Zoe@Example.test"), None)),
        ("d", visitor("zoË \0 ö", None, Some("+49 30-1234"))),
        ("e", visitor("49301234", None, None)),
        ("f", Visitor::default()),
    ];
    for (id, visitor) in people {
        Talk::new(&store, id).write_as("a", Some(visitor), Content::plain("a"), at(1)).await;
    }
    Talk::of(&store, "shop", "f").write("a", at(1)).await;
    let find = async |wanted: &str| {
        let found = store.find_visitors(wanted, None, ALL).await.unwrap();
        assert!(found.is_sorted_by_key(|conversation| conversation.id));
        let place = |found: &crate::domain::message::Conversation| format!("{}/{}", found.channel, found.chat);
        found.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(find("zoe@example.TEST").await, ["site/c"]);
    assert_eq!(find(" ZOË \0 Ö ").await, ["site/c", "site/d"]);
    assert_eq!(find("(49) 301234").await, ["site/d"]);
    assert_eq!(find("49301234").await, ["site/d", "site/e"]);
    assert_eq!(find("f").await, ["site/f", "shop/f"]);
    for nobody in ["", " ", "zo", "example.test", "F", "%", "_", "1234"] {
        assert!(find(nobody).await.is_empty(), "{nobody:?}");
    }
}

/// Page by page, and no more than asked for.
pub async fn found_visitors_come_in_pages(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for n in 0..7 {
        let name = if n == 3 { "Bob" } else { "Ann" };
        let talk = Talk::new(&store, &format!("c{n}"));
        talk.write_as("a", Some(visitor(name, None, None)), Content::plain("a"), at(1)).await;
    }
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let page = store.find_visitors("ann", after, 4).await.unwrap();
        assert!(page.iter().all(|found| Some(found.id) > after && found.visitor.name == "Ann"));
        sizes.push(page.len());
        let Some(last) = page.last() else { break };
        after = Some(last.id);
    }
    assert_eq!(sizes, [4, 2, 0]);
    assert!(store.find_visitors("ann", None, 0).await.unwrap().is_empty());
}

async fn idle(store: &Arc<dyn Store>, seconds: u64) -> Vec<ConversationId> {
    store.idle(at(seconds), None, ALL).await.unwrap()
}

/// What is old and finished; an item of any kind makes it young again.
pub async fn idle_conversations_are_told(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    one.write("a", at(1)).await;
    two.answer(1, at(5)).await;
    work_off(&store, &Queue::Backend, at(50)).await;
    work_off(&store, &two.queue(), at(50)).await;
    assert!(idle(&store, 1).await.is_empty(), "not older than that");
    assert_eq!(idle(&store, 2).await, [one.id().await]);
    assert_eq!(idle(&store, 100).await, [one.id().await, two.id().await]);
    assert_eq!(store.idle(at(100), None, 1).await.unwrap(), [one.id().await]);
    assert_eq!(store.idle(at(100), Some(one.id().await), ALL).await.unwrap(), [two.id().await]);
    assert!(store.idle(at(100), None, 0).await.unwrap().is_empty());
    let note = Note { key: "1".to_owned(), text: "told".to_owned() };
    store.record_note(one.id().await, note, at(60)).await.unwrap();
    two.write("b", at(70)).await;
    work_off(&store, &Queue::Backend, at(80)).await;
    assert!(idle(&store, 60).await.is_empty());
    assert_eq!(idle(&store, 61).await, [one.id().await]);
}

/// What still has something to deliver is not idle; what was given up is.
pub async fn living_jobs_keep_a_conversation(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    assert!(idle(&store, 100).await.is_empty());
    assert_eq!(store.untouched(at(100), None, ALL).await.unwrap(), [talk.id().await]);
    assert_eq!(store.untouched(at(2), None, ALL).await.unwrap(), [talk.id().await]);
    assert!(store.untouched(at(1), None, ALL).await.unwrap().is_empty());
    assert!(store.untouched(at(100), None, 0).await.unwrap().is_empty());
    assert!(store.untouched(at(100), Some(talk.id().await), ALL).await.unwrap().is_empty());
    let job = claim_one(&store, &Queue::Backend, at(2)).await;
    assert!(idle(&store, 100).await.is_empty());
    settle(&store, &job, retry(at(9)), at(3)).await;
    assert!(idle(&store, 100).await.is_empty());
    let job = claim_one(&store, &Queue::Backend, at(9)).await;
    settle(&store, &job, die(), at(9)).await;
    assert_eq!(idle(&store, 100).await, [talk.id().await]);
}

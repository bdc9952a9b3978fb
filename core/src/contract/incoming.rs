//! Promises of [`crate::store::Conversations::record_incoming`](crate::ports::store::Store::record_incoming).

use super::Harness;
use super::fixture::{Talk, at, claim, claim_one, text_of};
use crate::domain::message::{Content, Dialog, ItemKind, Side, State, Thread, Visitor};
use crate::ports::store::{Act, Queue, Work};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

fn named(name: &str) -> Visitor {
    Visitor { name: name.to_owned(), ..Visitor::default() }
}

/// After a message was recorded, it, its conversation and a job for it are there.
pub async fn a_message_is_stored_with_its_conversation_and_its_job(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    assert!(store.conversation(&talk.channel, &talk.chat).await.unwrap().is_none());
    let recorded = talk.write("k", at(1)).await;
    let item = recorded.item;
    assert!(recorded.fresh);
    assert_eq!((item.kind, item.side, item.state), (ItemKind::Message, Side::Visitor, State::Sent));
    assert_eq!((item.key.as_str(), text_of(&item).as_str(), item.at), ("k", "k", at(1)));
    assert_eq!((item.author.as_ref(), item.remote, item.delivered_as.len()), (None, None, 0));
    assert!(!item.edited && !item.deleted);
    let conversation = talk.conversation().await;
    assert_eq!((&conversation.channel, &conversation.chat), (&talk.channel, &talk.chat));
    assert_eq!((conversation.dialog, &conversation.thread), (Dialog::None, &Thread::default()));
    assert_eq!((recorded.change.conversation, recorded.change.rev), (conversation.id, conversation.rev));
    assert_eq!(item.rev, conversation.rev);
    assert_eq!(store.item(conversation.id, item.id).await.unwrap().as_ref(), Some(&item));
    let job = claim_one(&store, &Queue::Backend, at(1)).await;
    assert_eq!((job.work, job.attempts, job.uncertain, job.created), (Work::ToOperators(Act::Send), 0, false, at(1)));
    assert_eq!((job.item, job.conversation), (item, conversation));
}

/// The second message with a key is answered with the first one, and nothing is stored.
pub async fn a_key_is_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let first = talk.write("k", at(1)).await;
    let other = talk.write("l", at(2)).await;
    let again = talk.write_as("k", None, Content::plain("something else"), at(3)).await;
    assert!(!again.fresh);
    assert_eq!(again.item, first.item);
    assert_eq!(again.change, other.change);
    assert_eq!(talk.texts().await, ["k", "l"]);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 2);
}

/// The same at the same time.
pub async fn a_key_that_comes_fifty_times_at_once_is_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let mut writers = JoinSet::new();
    for _ in 0..50 {
        let talk = talk.clone();
        writers.spawn(async move { talk.write("k", at(1)).await });
    }
    let answers = writers.join_all().await;
    assert_eq!(answers.iter().filter(|recorded| recorded.fresh).count(), 1);
    assert!(answers.iter().all(|recorded| recorded.item == answers[0].item));
    assert!(answers.iter().all(|recorded| recorded.change == answers[0].change));
    assert_eq!(talk.items().await.len(), 1);
    assert_eq!(claim(&store, &Queue::Backend, at(1)).await.len(), 1);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 1);
}

/// Later messages have greater ids, revisions and positions, also when the clock was set back.
pub async fn messages_stand_in_the_order_in_which_they_came(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let mut items = Vec::new();
    for (key, seconds) in [("a", 5), ("b", 5), ("c", 1), ("d", 9)] {
        items.push(talk.write(key, at(seconds)).await.item);
    }
    assert!(items.is_sorted_by(|a, b| a.id < b.id && a.rev < b.rev && a.pos < b.pos));
    assert_eq!(talk.items().await, items);
    assert_eq!(talk.conversation().await.rev, items[3].rev);
}

/// Concurrent messages of one chat all get a revision and a position of their own.
pub async fn fifty_messages_at_once_get_a_place_each(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let mut writers = JoinSet::new();
    for key in 0..50 {
        let talk = talk.clone();
        writers.spawn(async move { talk.write(&key.to_string(), at(1)).await });
    }
    let answers = writers.join_all().await;
    assert!(answers.iter().all(|recorded| recorded.fresh && recorded.change.rev == recorded.item.rev));
    let revs: BTreeSet<_> = answers.iter().map(|recorded| recorded.item.rev).collect();
    let items = talk.items().await;
    assert_eq!((revs.len(), items.len()), (50, 50));
    assert!(items.is_sorted_by(|a, b| a.pos < b.pos && a.rev < b.rev));
    assert_eq!(talk.conversation().await.rev, *revs.last().unwrap());
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 50);
}

/// The same key in another chat, and the same chat id in another channel, are something else.
pub async fn chats_and_channels_do_not_mix(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talks = [Talk::of(&store, "site", "c"), Talk::of(&store, "site", "d"), Talk::of(&store, "shop", "c")];
    for talk in &talks {
        assert!(talk.write_as("k", Some(named("one")), Content::plain(talk.channel.as_str()), at(1)).await.fresh);
    }
    talks[2].write_as("l", Some(named("two")), Content::plain("x"), at(2)).await;
    let ids = [talks[0].id().await, talks[1].id().await, talks[2].id().await];
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(talks[0].texts().await, ["site"]);
    assert_eq!(talks[1].texts().await, ["site"]);
    assert_eq!(talks[2].texts().await, ["shop", "x"]);
    assert_eq!(talks[0].conversation().await.visitor, named("one"));
    assert_eq!(talks[0].conversation().await.rev, talks[1].conversation().await.rev);
    assert_eq!(claim(&store, &Queue::Backend, at(3)).await.len(), 3);
}

/// What is known of a visitor stays until a message brings another profile, which replaces it whole.
pub async fn a_profile_is_kept_until_another_one_comes(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    assert_eq!(talk.conversation().await.visitor, Visitor::default());
    let full = Visitor {
        name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        email: Some("a@b.example".to_owned()),
        phone: Some("+1".to_owned()),
        url: Some("https://a.example".to_owned()),
        picture: Some("https://a.example/p".to_owned()),
        page: Some("https://a.example/q".to_owned()),
    };
    talk.write_as("b", Some(full.clone()), Content::plain("b"), at(2)).await;
    assert_eq!(talk.conversation().await.visitor, full);
    talk.write("c", at(3)).await;
    assert_eq!(talk.conversation().await.visitor, full);
    talk.write_as("d", Some(named("Bob")), Content::plain("d"), at(4)).await;
    assert_eq!(talk.conversation().await.visitor, named("Bob"));
    assert_eq!(claim_one(&store, &Queue::Backend, at(5)).await.conversation.visitor, named("Bob"));
}

/// A message whose key is known brings neither a profile nor a revision.
pub async fn a_repeated_message_changes_nothing(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write_as("a", Some(named("Ann")), Content::plain("a"), at(1)).await;
    let before = talk.conversation().await;
    talk.write_as("a", Some(named("Bob")), Content::plain("b"), at(2)).await;
    assert_eq!(talk.conversation().await, before);
}

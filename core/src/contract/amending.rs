//! Promises of [`crate::store::Conversations::amend_incoming`](crate::ports::store::Store::amend_incoming).

use super::Harness;
use super::fixture::{Talk, at, claim_one, done, settle, text_of};
use crate::domain::message::{Content, File, FileSource};
use crate::ports::store::{Act, Amend, Queue, Work};

fn edit(text: &str) -> Amend {
    Amend::Edit(Content::plain(text))
}

/// The item has the new content and a new revision at its old place, and a job brings it to the backend.
pub async fn an_edit_replaces_the_content(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let first = talk.write("a", at(1)).await;
    let second = talk.write("b", at(1)).await;
    let file = File {
        name: "n.png".to_owned(),
        mime: "image/png".to_owned(),
        size: Some(1),
        pixels: Some((2, 3)),
        source: FileSource::Backend("https://p.example/1".to_owned()),
    };
    let content = Content { files: vec![file], ..Content::plain("new") };
    let change = talk.amend("a", Amend::Edit(content.clone()), at(2)).await.unwrap();
    assert_eq!(change.conversation, first.change.conversation);
    assert!(change.rev > second.change.rev);
    let item = talk.item("a").await;
    assert_eq!((&item.content, item.rev, item.edited, item.deleted), (&content, change.rev, true, false));
    assert_eq!((item.id, item.pos, item.at), (first.item.id, first.item.pos, first.item.at));
    assert_eq!(talk.conversation().await.rev, change.rev);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 3);
}

/// The item stays at its place, without content.
pub async fn a_deletion_leaves_an_empty_item(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let first = talk.write("a", at(1)).await;
    let change = talk.amend("a", Amend::Delete, at(2)).await.unwrap();
    assert!(change.rev > first.change.rev);
    let item = talk.item("a").await;
    assert_eq!((item.content, item.rev, item.edited, item.deleted), (Content::default(), change.rev, false, true));
    assert_eq!((item.id, item.pos), (first.item.id, first.item.pos));
    assert!(!talk.write("a", at(3)).await.fresh, "the key is still known");
}

/// An unknown chat or key, the content that is there already, and whatever comes after a deletion.
pub async fn what_changes_nothing_is_no_change(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    assert_eq!(talk.amend("a", edit("x"), at(1)).await, None);
    assert!(store.conversation(&talk.channel, &talk.chat).await.unwrap().is_none());
    talk.write("a", at(1)).await;
    assert_eq!(talk.amend("b", edit("x"), at(2)).await, None);
    assert_eq!(talk.amend("b", Amend::Delete, at(2)).await, None);
    assert_eq!(talk.amend("a", edit("a"), at(2)).await, None);
    assert!(!talk.item("a").await.edited);
    talk.amend("a", Amend::Delete, at(3)).await.unwrap();
    let rev = talk.conversation().await.rev;
    assert_eq!(talk.amend("a", edit("x"), at(4)).await, None);
    assert_eq!(talk.amend("a", Amend::Delete, at(4)).await, None);
    assert_eq!(talk.conversation().await.rev, rev);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 2);
}

/// A visitor reaches neither other chats nor what operators wrote.
pub async fn a_key_names_only_the_visitors_own_message(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.answer(7, at(1)).await;
    let stored_under = talk.reply(7).await.key;
    assert_eq!(talk.amend(&stored_under, edit("x"), at(2)).await, None);
    for stranger in [Talk::of(&store, "shop", "c"), Talk::of(&store, "site", "d")] {
        assert_eq!(stranger.amend("a", Amend::Delete, at(2)).await, None);
    }
    assert_eq!(talk.texts().await, ["a", "7"]);
    assert!(talk.write(&stored_under, at(3)).await.fresh, "a visitor's key never meets the store's own");
}

/// Send, edit and delete of one message leave the lane in this order; each job shows the message as it is now.
pub async fn the_jobs_of_a_message_come_in_order_and_with_the_present_content(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.amend("a", edit("new"), at(2)).await.unwrap();
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    assert_eq!((job.work, text_of(&job.item).as_str()), (Work::ToOperators(Act::Send), "new"));
    talk.amend("a", Amend::Delete, at(4)).await.unwrap();
    settle(&store, &job, done(), at(5)).await;
    for act in [Act::Edit, Act::Delete] {
        let job = claim_one(&store, &Queue::Backend, at(6)).await;
        assert_eq!((job.work, job.item.deleted), (Work::ToOperators(act), true));
        settle(&store, &job, done(), at(6)).await;
    }
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 0);
}

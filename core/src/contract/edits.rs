//! Promises of [`crate::store::Conversations::record_outgoing`](crate::ports::store::Store::record_outgoing): operators' edits and deletions.

use super::Harness;
use super::fixture::{Talk, at, edited, text_of, work_off};
use crate::domain::message::{Content, File, FileSource, Happened, Side};
use crate::domain::text::{RichText, Span, Style};
use crate::ports::store::Act;

/// The answer has the new text, its old files, its old place and a new revision; a job brings it to the channel.
pub async fn an_edit_replaces_the_text_and_keeps_the_files(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let file = File {
        name: "n.pdf".to_owned(),
        mime: String::new(),
        size: None,
        pixels: None,
        source: FileSource::Backend("https://p.example/1".to_owned()),
    };
    let content = Content { files: vec![file], ..Content::plain("old") };
    talk.hear(Happened::Wrote { remote: 1, side: Side::Operator, author: None, content: content.clone() }, at(1)).await;
    talk.answer(2, at(1)).await;
    let before = talk.reply(1).await;
    let text = RichText(vec![Span::Styled { style: Style::Bold, c: vec![Span::text("new")] }]);
    let noted = talk.hear(Happened::Edited { remote: 1, at: at(2), text: text.clone() }, at(3)).await;
    let item = talk.reply(1).await;
    assert_eq!(item.content, Content { text, files: content.files });
    assert!(item.edited && !item.deleted && item.rev > before.rev);
    assert_eq!((item.id, item.pos, item.at), (before.id, before.pos, before.at));
    assert_eq!(noted.change.unwrap().rev, item.rev);
    assert_eq!(noted.queue, Some(talk.queue()));
    assert_eq!(work_off(&store, &talk.queue(), at(4)).await, ["new", "new", "2"]);
}

/// Edits may come in any order; the newest one stays.
pub async fn an_older_edit_never_replaces_a_newer_one(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    assert!(talk.hear(edited(1, at(20), "new"), at(30)).await.change.is_some());
    let rev = talk.conversation().await.rev;
    let noted = talk.hear(edited(1, at(10), "old"), at(31)).await;
    assert!(noted.change.is_none() && noted.queue.is_none());
    assert_eq!((talk.texts().await, talk.conversation().await.rev), (vec!["new".to_owned()], rev));
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 2);
    assert!(talk.hear(edited(1, at(21), "newer"), at(32)).await.change.is_some());
    assert_eq!(talk.texts().await, ["newer"]);
}

/// An operator takes an edit back. When the last edit comes first it changes nothing, but the one before it, which
/// comes then, must not win.
pub async fn an_edit_back_to_the_present_text_outdates_older_ones(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    assert!(talk.hear(edited(1, at(20), "1"), at(30)).await.change.is_none());
    assert!(talk.hear(edited(1, at(10), "between"), at(31)).await.change.is_none());
    assert_eq!(talk.texts().await, ["1"]);
    assert!(!talk.reply(1).await.edited);
}

/// The backend's clock may be coarse.
pub async fn of_two_edits_of_the_same_moment_the_one_that_came_later_counts(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.hear(edited(1, at(10), "one"), at(30)).await;
    talk.hear(edited(1, at(10), "two"), at(31)).await;
    assert_eq!(talk.texts().await, ["two"]);
}

/// No revision, no job, no mark.
pub async fn the_same_text_is_no_edit(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let before = talk.items().await;
    let noted = talk.hear(edited(1, at(10), "1"), at(30)).await;
    assert!(noted.change.is_none() && noted.queue.is_none());
    assert_eq!(talk.items().await, before);
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1);
}

/// Events about messages that are not here, also about a visitor's own, are passed over.
pub async fn unknown_messages_are_neither_edited_nor_deleted(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("im/1", at(1)).await;
    Talk::new(&store, "d").answer(2, at(1)).await;
    let before = talk.items().await;
    for remote in [1, 2] {
        for happened in [edited(remote, at(2), "x"), Happened::Deleted { remote }] {
            let noted = talk.hear(happened, at(3)).await;
            assert!(noted.change.is_none() && noted.queue.is_none());
        }
    }
    assert_eq!(talk.items().await, before);
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1);
}

/// A deleted answer is empty, keeps its place, and the channel is told once.
pub async fn a_deletion_counts_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.answer(2, at(1)).await;
    let before = talk.reply(1).await;
    let noted = talk.hear(Happened::Deleted { remote: 1 }, at(2)).await;
    let item = talk.reply(1).await;
    assert_eq!((noted.change.unwrap().rev, noted.queue), (item.rev, Some(talk.queue())));
    assert!(item.deleted && item.content.is_empty() && item.rev > before.rev);
    assert_eq!((item.id, item.pos), (before.id, before.pos));
    assert!(talk.hear(Happened::Deleted { remote: 1 }, at(3)).await.change.is_none());
    assert!(talk.answer(1, at(4)).await.change.is_none(), "it does not come back");
    assert_eq!(talk.reply(1).await, item);
    let acts = [Act::Send, Act::Send, Act::Delete];
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), acts.len() as u64);
}

/// Also when the edit is the newer one.
pub async fn a_deleted_message_is_not_edited(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.hear(Happened::Deleted { remote: 1 }, at(2)).await;
    let before = talk.reply(1).await;
    let noted = talk.hear(edited(1, at(10), "x"), at(11)).await;
    assert!(noted.change.is_none() && noted.queue.is_none());
    assert_eq!(talk.reply(1).await, before);
    assert_eq!(text_of(&before), "");
}

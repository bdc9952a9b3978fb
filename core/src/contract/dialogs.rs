//! Promises about the operators' dialog and what is remembered of a conversation's place on their side.

use super::fixture::{Talk, at, claim_one, done, finished, greeted, settle, started, wrote};
use super::{Harness, Stop};
use crate::domain::id::ConversationId;
use crate::domain::message::{Dialog, Item, ItemKind, OperatorEvent, Side, Thread};
use crate::ports::clock::Timestamp;
use crate::ports::store::Store;
use crate::ports::store::{Outcome, PastDialog, Queue};
use std::sync::Arc;

fn marks(items: &[Item]) -> Vec<ItemKind> {
    items.iter().map(|item| item.kind).filter(|kind| *kind != ItemKind::Message).collect()
}

/// Start and finish make an item each, once, and set the dialog; nobody has to be sent anything for them.
pub async fn each_session_is_marked_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let noted = talk.hear(started("s"), at(2)).await;
    let conversation = talk.conversation().await;
    assert_eq!((conversation.dialog, noted.change.unwrap().rev), (Dialog::Open, conversation.rev));
    assert!(noted.queue.is_none());
    assert!(talk.hear(started("s"), at(3)).await.change.is_none());
    assert!(talk.hear(finished("s"), at(4)).await.change.is_some());
    assert!(talk.hear(finished("s"), at(5)).await.change.is_none());
    assert_eq!(talk.conversation().await.dialog, Dialog::Closed);
    let items = talk.items().await;
    assert_eq!(marks(&items), [ItemKind::DialogStarted, ItemKind::DialogFinished]);
    assert!([&items[0], &items[2]].iter().all(|item| item.side == Side::System && item.content.is_empty()));
    assert!(items.is_sorted_by(|a, b| a.pos < b.pos));
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 0);
}

fn told(items: &[Item]) -> Vec<String> {
    let told = |item: &Item| match item.kind {
        ItemKind::Message => item.content.text.to_plain(),
        kind => format!("{kind:?}"),
    };
    items.iter().map(told).collect()
}

/// The backend tells that a dialog began, and the line greets, only when it has the visitor's message. Both stand before
/// what they belong to, in whatever order they come.
pub async fn a_dialog_begins_before_what_it_began_with(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for (chat, greets_first) in [("c", false), ("d", true)] {
        let talk = Talk::new(&store, chat);
        for (session, remote, texts) in [("s", 1, ["a", "b"]), ("t", 3, ["c", "d"])] {
            talk.write(texts[0], at(1)).await;
            talk.write(texts[1], at(1)).await;
            if greets_first {
                talk.hear(greeted(remote), at(2)).await;
            }
            let begun = talk.hear(started(session), at(3)).await;
            assert_eq!(begun.change.unwrap().rev, talk.conversation().await.rev);
            if !greets_first {
                talk.hear(greeted(remote), at(4)).await;
            }
            talk.answer(remote + 1, at(5)).await;
            talk.hear(finished(session), at(6)).await;
        }
        let items = talk.items().await;
        let (mut one, mut two) = (["DialogStarted", "1"], ["DialogStarted", "3"]);
        if greets_first {
            (one, two) = (["1", "DialogStarted"], ["3", "DialogStarted"]);
        }
        let wanted = [&one[..], &["a", "b", "2", "DialogFinished"], &two, &["c", "d", "4", "DialogFinished"]].concat();
        assert_eq!(told(&items), wanted, "{chat}");
        assert!(items.is_sorted_by(|a, b| a.pos < b.pos));
    }
}

/// A start that comes after the answer stands before the question all the same; a greeting that comes late stands where it
/// was written; and where nobody has written, both stand at the end.
pub async fn a_late_start_stands_before_the_question(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.hear(started("r"), at(1)).await;
    talk.hear(greeted(1), at(1)).await;
    talk.hear(finished("r"), at(1)).await;
    talk.write("a", at(2)).await;
    talk.answer(5, at(3)).await;
    talk.hear(started("s"), at(4)).await;
    talk.hear(greeted(4), at(5)).await;
    talk.hear(greeted(4), at(5)).await;
    assert_eq!(told(&talk.items().await), ["DialogStarted", "1", "DialogFinished", "DialogStarted", "a", "4", "5"]);
    assert_eq!(talk.reply(4).await.side, Side::System);
}

/// Events may come in another order: what was closed stays closed.
pub async fn a_start_after_its_finish_is_late(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.hear(finished("s"), at(1)).await;
    assert!(talk.hear(started("s"), at(2)).await.change.is_none());
    assert_eq!(talk.conversation().await.dialog, Dialog::Closed);
    assert_eq!(marks(&talk.items().await), [ItemKind::DialogFinished]);
}

/// The start may have been missed.
pub async fn a_finish_without_a_start_closes(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.hear(started("s"), at(1)).await;
    talk.hear(finished("s"), at(2)).await;
    talk.hear(finished("t"), at(3)).await;
    assert_eq!(talk.conversation().await.dialog, Dialog::Closed);
    assert_eq!(marks(&talk.items().await).len(), 3);
}

/// A conversation has one dialog after the other.
pub async fn the_next_session_opens_the_dialog_again(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for session in ["s", "t"] {
        talk.hear(started(session), at(1)).await;
        assert_eq!(talk.conversation().await.dialog, Dialog::Open);
        talk.hear(finished(session), at(2)).await;
        assert_eq!(talk.conversation().await.dialog, Dialog::Closed);
    }
    assert_eq!(marks(&talk.items().await).len(), 4);
}

/// A late finish says nothing about the dialog that runs now.
pub async fn a_finish_of_an_earlier_session_leaves_the_running_one_open(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.hear(started("s"), at(1)).await;
    talk.hear(started("t"), at(2)).await;
    assert!(talk.hear(finished("s"), at(3)).await.change.is_some());
    assert_eq!(talk.conversation().await.dialog, Dialog::Open);
    talk.hear(finished("t"), at(4)).await;
    assert_eq!(talk.conversation().await.dialog, Dialog::Closed);
}

fn thread(line: Option<&str>, chat: Option<&str>, session: Option<&str>) -> Thread {
    Thread { line: line.map(Into::into), chat: chat.map(Into::into), session: session.map(Into::into) }
}

/// Events and settlements tell parts of a conversation's place; what one does not name stays. That is no revision.
pub async fn the_thread_keeps_what_is_not_told_anew(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let tell = async |thread: Thread| {
        let event = OperatorEvent { thread, ..talk.event(wrote(1)) };
        store.record_outgoing(vec![event], at(2)).await.unwrap();
        talk.conversation().await
    };
    tell(thread(Some("1"), None, None)).await;
    let before = tell(thread(None, Some("2"), None)).await;
    assert_eq!(before.thread, thread(Some("1"), Some("2"), None));
    let after = tell(thread(Some("3"), None, Some("4"))).await;
    assert_eq!((after.thread, after.rev), (thread(Some("3"), Some("2"), Some("4")), before.rev));
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    assert_eq!(job.conversation.thread, thread(Some("3"), Some("2"), Some("4")));
    let outcome = Outcome::Done { thread: thread(None, Some("5"), None), delivered_as: Vec::new(), confirm: false };
    settle(&store, &job, outcome, at(4)).await;
    assert_eq!(talk.conversation().await.thread, thread(Some("3"), Some("5"), Some("4")));
}

fn delivered_into(session: &str) -> Outcome {
    let thread = thread(None, None, Some(session));
    Outcome::Done { thread, delivered_as: Vec::new(), confirm: false }
}

/// The start of a dialog may have been missed: that a message was delivered into it tells that it runs, unless its
/// finish is known.
pub async fn a_delivery_into_a_dialog_opens_it(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let deliver = async |key: &str, outcome: Outcome| {
        talk.write(key, at(1)).await;
        let job = claim_one(&store, &Queue::Backend, at(1)).await;
        settle(&store, &job, outcome, at(1)).await;
        talk.conversation().await.dialog
    };
    assert_eq!(deliver("a", done()).await, Dialog::None);
    assert_eq!(deliver("b", delivered_into("s")).await, Dialog::Open);
    talk.hear(finished("s"), at(2)).await;
    assert_eq!(deliver("c", delivered_into("s")).await, Dialog::Closed);
    assert_eq!(deliver("d", done()).await, Dialog::Closed);
    assert_eq!(deliver("e", delivered_into("t")).await, Dialog::Open);
    assert_eq!(marks(&talk.items().await), [ItemKind::DialogFinished]);
}

async fn past(store: &Arc<dyn Store>, since: Timestamp) -> Vec<(i64, ConversationId, String)> {
    let past = store.past_dialogs(0, since, 100).await.unwrap();
    assert!(past.is_sorted_by(|one, two| one.id < two.id));
    let told = |past: PastDialog| (past.id, past.conversation.id, past.conversation.thread.session.unwrap());
    past.into_iter().map(told).collect()
}

/// The last words of a dialog may have been missed when it is over, or when the next one is told of: by an event, or by
/// a delivery. That is remembered, also when the process ends.
pub async fn past_dialogs_are_told_until_they_were_read(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    talk.hear(finished("a"), at(1)).await;
    talk.hear(finished("a"), at(1)).await;
    for session in ["b", "b", "c"] {
        let event = OperatorEvent { thread: thread(None, None, Some(session)), ..other.event(wrote(1)) };
        store.record_outgoing(vec![event], at(2)).await.unwrap();
    }
    other.write("x", at(2)).await;
    let job = claim_one(&store, &Queue::Backend, at(2)).await;
    settle(&store, &job, delivered_into("d"), at(3)).await;
    let (one, two) = (talk.id().await, other.id().await);
    let store = harness.reopen(store, Stop::Crash).await;
    let found = past(&store, at(0)).await;
    let told: Vec<_> = found.iter().map(|(_, id, session)| (*id, session.as_str())).collect();
    assert_eq!(told, [(one, "a"), (two, "b"), (two, "c")]);
    assert_eq!(past(&store, at(2)).await, found[1..], "nothing happens in the first one");
    let page = store.past_dialogs(found[0].0, at(0), 1).await.unwrap();
    assert_eq!(page.iter().map(|past| past.id).collect::<Vec<_>>(), [found[1].0]);
    assert_eq!(page[0].conversation.thread.chat, None);
    store.forget_past_dialogs(vec![found[0].0, found[2].0]).await.unwrap();
    assert_eq!(past(&store, at(0)).await, found[1..2]);
    store.erase(two).await.unwrap();
    assert_eq!(past(&store, at(0)).await, []);
}

/// Something may have been written after its history was read, so what was read before does not count.
pub async fn a_past_dialog_that_is_told_again_is_told_anew(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for session in ["s", "t"] {
        let event = OperatorEvent { thread: thread(None, None, Some(session)), ..talk.event(wrote(1)) };
        store.record_outgoing(vec![event], at(1)).await.unwrap();
    }
    let before = past(&store, at(0)).await;
    talk.hear(finished("s"), at(2)).await;
    store.forget_past_dialogs(before.iter().map(|(id, ..)| *id).collect()).await.unwrap();
    let after = past(&store, at(0)).await;
    assert_eq!((before.len(), after.len(), &after[0].2), (1, 1, &before[0].2));
}

/// Whose histories are read for missed replies: open dialogs in which somebody wrote lately, in pages of any size.
pub async fn open_dialogs_are_followed(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let mut open = Vec::new();
    for n in 0..7 {
        let talk = Talk::new(&store, &format!("c{n}"));
        talk.write("a", at(n)).await;
        if n % 3 != 2 {
            talk.hear(started("s"), at(n)).await;
        }
        if n % 3 == 1 {
            talk.hear(finished("s"), at(n)).await;
        } else if n % 3 == 0 {
            open.push(talk.conversation().await);
        }
    }
    open.sort_by_key(|conversation| conversation.id);
    let following = async |after, since, limit| store.following(after, since, limit).await.unwrap();
    assert_eq!(following(None, at(0), 100).await, open);
    assert_eq!(following(None, at(3), 100).await.len(), 2);
    assert_eq!(following(None, at(7), 100).await, []);
    for limit in 1..=4 {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = following(after, at(0), limit).await;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            paged.extend(page);
            assert!(paged.len() <= open.len(), "some come twice");
        }
        assert_eq!(paged, open);
    }
    // Writing makes it active again, on either side.
    Talk::new(&store, "c0").write("b", at(20)).await;
    Talk::new(&store, "c3").answer(1, at(21)).await;
    assert_eq!(following(None, at(20), 100).await.len(), 2);
}

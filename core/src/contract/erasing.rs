//! Promises of [`crate::store::Erasing::erase`](crate::ports::store::Store::erase).

use super::fixture::{ALL, Talk, at, claim, claim_one, claim_some, die, done, retry, settle, started, work_off};
use super::{Harness, Stop};
use crate::domain::error::StoreError;
use crate::domain::id::{ConversationId, FileId, Rev};
use crate::domain::message::{Content, Dialog, File, FileSource, Note, Visitor};
use crate::ports::store::Store;
use crate::ports::store::{ALSO, Amend, Erased, Expect, FORGET_FILES, Outcome, Queue, chat_values};
use std::sync::Arc;

fn note(key: &str) -> Note {
    Note { key: key.to_owned(), text: key.to_owned() }
}

fn kept(digit: char) -> FileId {
    FileId::parse(&digit.to_string().repeat(64)).unwrap()
}

fn with_files(digits: &str) -> Content {
    let file = |digit| File {
        name: "\"stored\":\"".to_owned(),
        mime: String::new(),
        size: None,
        pixels: None,
        source: FileSource::Stored(kept(digit)),
    };
    Content { files: digits.chars().map(file).collect(), ..Content::plain(format!("\"stored\":\"{}\"", kept('f'))) }
}

async fn erase(store: &Arc<dyn Store>, id: ConversationId) -> Erased {
    store.erase(id).await.unwrap().unwrap()
}

/// Nothing of it can be found any more, and its neighbours are as they were.
pub async fn an_erased_conversation_is_gone(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    for talk in [&talk, &other] {
        let visitor = Visitor { name: "Ann".to_owned(), ..Visitor::default() };
        talk.write_as("a", Some(visitor), Content::plain("a"), at(1)).await;
        let job = claim_one(&store, &Queue::Backend, at(1)).await;
        settle(&store, &job, die(), at(1)).await;
        talk.write("b", at(2)).await;
        talk.answer(1, at(2)).await;
        talk.hear(started("s"), at(2)).await;
        store.record_note(talk.id().await, note("n"), at(2)).await.unwrap();
        work_off(&store, &Queue::Backend, at(2)).await;
    }
    let (id, item) = (talk.id().await, talk.item("a").await);
    assert_eq!(erase(&store, id).await, Erased { items: 5, files: Vec::new() });
    assert_eq!(store.conversation(&talk.channel, &talk.chat).await.unwrap(), None);
    assert_eq!(store.conversation_by_id(id).await.unwrap(), None);
    assert_eq!(store.item(id, item.id).await.unwrap(), None);
    assert!(store.items_before(id, None, ALL).await.unwrap().items.is_empty());
    let slice = store.items_since(id, Rev(0), ALL).await.unwrap();
    assert_eq!((slice.items.len(), slice.more, slice.rev), (0, false, Rev(0)));
    assert!(store.retry_failed(id, item.id, at(3)).await.unwrap().is_none());
    assert!(!store.record_note(id, note("m"), at(3)).await.unwrap());
    assert!(talk.amend("a", Amend::Delete, at(3)).await.is_none());
    assert_eq!(store.erase(id).await.unwrap(), None);
    let ids = |found: Vec<crate::domain::message::Conversation>| found.iter().map(|found| found.id).collect::<Vec<_>>();
    let rest = [other.id().await];
    assert_eq!(ids(store.find_visitors("ann", None, ALL).await.unwrap()), rest);
    assert_eq!(ids(store.following(None, at(0), ALL).await.unwrap()), rest);
    let letters = store.dead_letters(None, ALL).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.conversation).collect::<Vec<_>>(), rest);
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1);
    assert_eq!(work_off(&store, &talk.queue(), at(3)).await, ["1"]);
    assert_eq!(other.texts().await, ["", "a", "b", "1"]);
}

/// Whoever writes or answers in that chat again begins anew, with keys and dialogs that were known before.
pub async fn an_erased_chat_begins_anew(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let first = talk.write("a", at(1)).await;
    talk.answer(1, at(1)).await;
    talk.hear(started("s"), at(1)).await;
    let before = talk.conversation().await;
    erase(&store, before.id).await;
    let again = talk.write("a", at(2)).await;
    assert!(again.fresh && again.item.id > first.item.id);
    assert!(talk.answer(1, at(2)).await.change.is_some());
    assert!(talk.hear(started("s"), at(2)).await.change.is_some());
    let after = talk.conversation().await;
    assert!(after.id > before.id);
    assert_eq!((after.dialog, &after.visitor), (Dialog::Open, &Visitor::default()));
    assert_eq!(talk.texts().await, ["", "a", "1"]);
    assert_eq!(work_off(&store, &Queue::Backend, at(3)).await, ["a"]);
    assert_eq!(work_off(&store, &talk.queue(), at(3)).await, ["1"]);
}

/// Part of what the portal knows are our ids: what comes next must not be taken for what was there.
pub async fn erased_ids_are_not_used_again(harness: &dyn Harness) {
    for stop in [None, Some(Stop::Clean), Some(Stop::Crash)] {
        let mut store = harness.fresh().await;
        let talk = Talk::new(&store, "c");
        let first = talk.write("a", at(1)).await;
        let old = claim_one(&store, &Queue::Backend, at(2)).await;
        erase(&store, first.change.conversation).await;
        if let Some(stop) = stop {
            store = harness.reopen(store, stop).await;
        }
        let talk = Talk::new(&store, "c");
        let second = talk.write("a", at(3)).await;
        let new = claim_one(&store, &Queue::Backend, at(3)).await;
        assert!(second.change.conversation > first.change.conversation);
        assert!(second.item.id > first.item.id && new.id > old.id);
    }
}

/// Somebody may be carrying out a job of it. Its outcome comes to nothing, and hurts nobody.
pub async fn jobs_of_an_erased_conversation_are_passed_over(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let follow = Outcome::Done {
        thread: crate::domain::message::Thread { session: Some("s".to_owned()), ..Default::default() },
        delivered_as: vec!["x".to_owned()],
        confirm: true,
    };
    let dead = Outcome::Dead { reason: "refused".to_owned(), note: Some(note("n")) };
    for outcome in [follow, dead, done(), retry(at(3))] {
        let job = claim_one(&store, &talk.queue(), at(2)).await;
        erase(&store, talk.id().await).await;
        assert!(settle(&store, &job, outcome.clone(), at(3)).await.is_empty());
        assert_eq!(store.conversation(&talk.channel, &talk.chat).await.unwrap(), None);
        for queue in [Queue::Backend, Queue::Confirm, talk.queue()] {
            assert_eq!(store.depth(&queue).await.unwrap(), 0);
            assert_eq!(claim_some(&store, &queue, ALL, at(999)).await.next_due, None);
        }
        talk.answer(1, at(2)).await;
        settle(&store, &job, outcome, at(3)).await;
        assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1, "the new one's job is another one");
    }
    assert!(store.dead_letters(None, ALL).await.unwrap().is_empty());
}

/// Kept files go when the last message that names them goes, and not before.
pub async fn files_are_told_when_nobody_names_them(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    one.write_as("a", None, with_files("aab"), at(1)).await;
    one.write_as("b", None, with_files("c"), at(1)).await;
    two.write_as("a", None, with_files("bd"), at(1)).await;
    let all = || "abcdef".chars().map(kept).collect::<Vec<_>>();
    assert_eq!(store.unnamed_files(all()).await.unwrap(), ["e", "f"].map(|d| kept(d.chars().next().unwrap())));
    // Somebody keeps the same again just now: that stays noted.
    store.state_put(&format!("{FORGET_FILES}{}", kept('a')), b"7", Expect::Anything).await.unwrap();
    let erased = erase(&store, one.id().await).await;
    assert_eq!((erased.items, erased.files), (2, vec![kept('a'), kept('c')]));
    let noted = store.state_get(&format!("{FORGET_FILES}{}", kept('a'))).await.unwrap();
    assert_eq!(noted.as_deref(), Some(b"7".as_slice()));
    // Until somebody has removed them, a crash forgets none of them.
    let list: Vec<_> = store.state_list(FORGET_FILES).await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(list, ['a', 'b', 'c'].map(|digit| format!("{FORGET_FILES}{}", kept(digit))));
    let erased = erase(&store, two.id().await).await;
    assert_eq!(erased.files, [kept('b'), kept('d')]);
    assert_eq!(store.unnamed_files(all()).await.unwrap(), all());
    assert!(store.unnamed_files(Vec::new()).await.unwrap().is_empty());
}

/// Nobody gets at what a deleted or changed message named, and erasing the conversation would not find it any more.
pub async fn files_of_deleted_and_changed_messages_are_noted(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write_as("a", None, with_files("ab"), at(1)).await;
    talk.write_as("b", None, with_files("cd"), at(1)).await;
    let noted = async || {
        let list = store.state_list(FORGET_FILES).await.unwrap();
        list.into_iter().map(|(key, _)| key.strip_prefix(FORGET_FILES).unwrap()[..1].to_owned()).collect::<String>()
    };
    talk.amend("a", Amend::Edit(with_files("be")), at(2)).await.unwrap();
    assert_eq!(noted().await, "a");
    talk.amend("b", Amend::Delete, at(2)).await.unwrap();
    assert_eq!(noted().await, "acd");
    assert!(talk.amend("b", Amend::Delete, at(3)).await.is_none());
    assert_eq!(store.unnamed_files("abcde".chars().map(kept).collect()).await.unwrap(), ['a', 'c', 'd'].map(kept));
}

/// What an adapter remembers of a chat goes with its conversation; of others, whatever they are called, it stays.
pub async fn a_chats_values_go_with_it(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other, child) = (Talk::new(&store, "c"), Talk::new(&store, "cd"), Talk::new(&store, "c/d"));
    let key = |talk: &Talk, name: &str| format!("{}{name}", chat_values(&talk.channel, &talk.chat));
    for talk in [&talk, &other, &child] {
        talk.write("a", at(1)).await;
        for name in ["consent", "x/y"] {
            store.state_put(&key(talk, name), b"1", Expect::Anything).await.unwrap();
        }
    }
    store.state_put("chat", b"1", Expect::Anything).await.unwrap();
    // What a chat's value names goes too, and nothing that only looks like it.
    for (talk, other) in [(&talk, "moved/5"), (&child, "moved/55")] {
        store.state_put(other, b"c", Expect::Anything).await.unwrap();
        store.state_put(&key(talk, &format!("{ALSO}{other}")), b"", Expect::Anything).await.unwrap();
    }
    erase(&store, talk.id().await).await;
    let left: Vec<_> = store.state_list("").await.unwrap().into_iter().map(|(key, _)| key).collect();
    let mut wanted = vec!["chat".to_owned()];
    wanted.extend([&child, &other].into_iter().flat_map(|talk| ["consent", "x/y"].map(|name| key(talk, name))));
    wanted.extend([key(&child, &format!("{ALSO}moved/55")), "moved/55".to_owned()]);
    wanted.sort();
    assert_eq!(left, wanted);
}

/// While visitors write, operators answer and messages are delivered: each is stored before, and gone, or after, and
/// there. Nothing is half there.
pub async fn erasing_leaves_nothing_half_done(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..4_i64 {
        let talk = Talk::new(&store, "c");
        tasks.spawn(async move {
            for n in 0..25 {
                talk.write(&format!("{writer}/{n}"), at(1)).await;
                talk.answer(writer * 100 + n, at(1)).await;
                for queue in [Queue::Backend, talk.queue(), Queue::Confirm] {
                    for job in claim(&talk.store, &queue, at(2)).await {
                        let confirm = job.work.is_send();
                        let thread = crate::domain::message::Thread::default();
                        let outcome = Outcome::Done { thread, delivered_as: Vec::new(), confirm };
                        settle(&talk.store, &job, outcome, at(2)).await;
                    }
                }
            }
        });
    }
    let (talk, eraser) = (Talk::new(&store, "c"), Arc::clone(&store));
    tasks.spawn(async move {
        for _ in 0..20 {
            let found: Result<_, StoreError> = eraser.conversation(&talk.channel, &talk.chat).await;
            if let Some(conversation) = found.unwrap() {
                eraser.erase(conversation.id).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    });
    tasks.join_all().await;
    let talk = Talk::new(&store, "c");
    talk.write("last", at(3)).await;
    erase(&store, talk.id().await).await;
    for queue in [Queue::Backend, talk.queue(), Queue::Confirm] {
        assert_eq!(store.depth(&queue).await.unwrap(), 0);
        assert_eq!(claim_some(&store, &queue, ALL, at(9999)).await.next_due, None);
    }
}

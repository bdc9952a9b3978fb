//! Promises about notes: what only operators shall see.

use super::Harness;
use super::fixture::{ALL, Talk, at, claim, claim_one, die, done, follow, retry, settle, started, text_of, work_off};
use crate::domain::id::{ConversationId, Rev};
use crate::domain::message::{Content, Incoming, ItemKind, Note, Side};
use crate::ports::store::{Act, Outcome, Queue, Recorded, Work};

fn note(key: &str) -> Note {
    Note { key: key.to_owned(), text: format!("note {key}") }
}

async fn write_with(talk: &Talk, key: &str, noted: &str) -> Recorded {
    let (chat, content) = (talk.chat.clone(), Content::plain(key));
    let incoming = Incoming { chat, key: key.to_owned(), visitor: None, content, note: Some(note(noted)) };
    talk.store.record_incoming(&talk.channel, incoming, at(1)).await.unwrap()
}

fn died_with(noted: &str) -> Outcome {
    Outcome::Dead { reason: "refused".to_owned(), note: Some(note(noted)) }
}

/// The operators get it right behind the message that it belongs to.
pub async fn a_note_of_a_message_comes_after_it(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let recorded = write_with(&talk, "a", "1").await;
    talk.write("b", at(1)).await;
    assert_eq!((recorded.fresh, recorded.change.rev), (true, recorded.item.rev));
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 3);
    let send = claim_one(&store, &Queue::Backend, at(2)).await;
    assert_eq!((send.work, send.item.id), (Work::ToOperators(Act::Send), recorded.item.id));
    settle(&store, &send, done(), at(2)).await;
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    assert_eq!((job.work, job.created, job.attempts, job.uncertain), (Work::Note, at(1), 0, false));
    assert_eq!((job.item.kind, job.item.side, job.item.at), (ItemKind::Note, Side::System, at(1)));
    assert_eq!(job.item.content, Content::plain("note 1"));
    assert_eq!(store.item(talk.id().await, job.item.id).await.unwrap(), Some(job.item.clone()));
    settle(&store, &job, done(), at(3)).await;
    assert_eq!(work_off(&store, &Queue::Backend, at(4)).await, ["b"]);
}

/// Neither the message's repetition nor another message stores it a second time; another key is another note.
pub async fn a_note_is_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    write_with(&talk, "a", "1").await;
    assert!(!write_with(&talk, "a", "2").await.fresh, "a known message brings no note");
    assert!(write_with(&talk, "b", "1").await.fresh);
    let id = talk.id().await;
    assert!(!store.record_note(id, note("1"), at(2)).await.unwrap());
    assert!(store.record_note(id, note("2"), at(2)).await.unwrap());
    assert!(!store.record_note(id, note("2"), at(2)).await.unwrap());
    assert_eq!(work_off(&store, &Queue::Backend, at(3)).await, ["a", "note 1", "b", "note 2"]);
    assert!(!store.record_note(id, note("1"), at(4)).await.unwrap(), "not after it was told either");
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 0);
    assert_eq!(store.untouched(at(3), None, ALL).await.unwrap(), [id], "what is known keeps nothing lively");
    write_with(&other, "a", "1").await;
    assert_eq!(work_off(&store, &Queue::Backend, at(5)).await, ["a", "note 1"], "each chat has its own");
}

/// Nothing is kept for whom there is not.
pub async fn a_note_needs_a_conversation(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let nobody = ConversationId(talk.id().await.0 + 1);
    assert!(!store.record_note(nobody, note("1"), at(1)).await.unwrap());
    assert_eq!(work_off(&store, &Queue::Backend, at(2)).await, ["a"]);
}

/// The visitor's page has no trace of notes: no item, no revision, and no place in a page's number of items.
pub async fn visitors_never_see_notes(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for n in 0..6 {
        let recorded = write_with(&talk, &n.to_string(), &n.to_string()).await;
        assert_eq!(recorded.change.rev, recorded.item.rev);
    }
    let (id, rev) = (talk.id().await, talk.conversation().await.rev);
    for n in 10..13 {
        assert!(store.record_note(id, note(&n.to_string()), at(2)).await.unwrap());
    }
    assert_eq!(talk.conversation().await.rev, rev);
    assert_eq!(talk.texts().await, ["0", "1", "2", "3", "4", "5"]);
    let all = store.items_since(id, Rev(0), 6).await.unwrap();
    assert_eq!((all.items.len(), all.more, all.rev), (6, false, rev));
    let last = store.items_before(id, None, 6).await.unwrap();
    assert_eq!((last.items.len(), last.more), (6, false));
    assert!(store.items_since(id, rev, ALL).await.unwrap().items.is_empty());
    for since in [Rev(-1), Rev(i64::MIN)] {
        assert_eq!(store.items_since(id, since, ALL).await.unwrap().items.len(), 6);
    }
    let (pages, _) = follow(&store, id, Rev(0), 1).await;
    assert_eq!(pages.len(), 6);
}

/// Whatever becomes of its job, the visitor's page stays as it is. Operators' answers find their places as ever.
pub async fn a_notes_job_changes_nothing_visitors_see(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(20, at(1)).await;
    for key in ["1", "2"] {
        assert!(store.record_note(talk.id().await, note(key), at(2)).await.unwrap());
    }
    let before = talk.conversation().await;
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    assert!(settle(&store, &job, retry(at(4)), at(3)).await.is_empty());
    let job = claim_one(&store, &Queue::Backend, at(4)).await;
    assert!(settle(&store, &job, die(), at(4)).await.is_empty());
    let letters = store.dead_letters(None, ALL).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].work, letters[0].message, letters[0].attempts), (Work::Note, job.item.id, 2));
    assert!(store.retry_failed(before.id, job.item.id, at(5)).await.unwrap().is_none());
    let job = claim_one(&store, &Queue::Backend, at(5)).await;
    assert!(settle(&store, &job, done(), at(5)).await.is_empty());
    assert_eq!(talk.conversation().await, before);
    talk.answer(10, at(6)).await;
    talk.answer(30, at(6)).await;
    assert_eq!(talk.texts().await, ["10", "20", "30"]);
}

/// What a note is called is the channel's business.
pub async fn a_notes_key_meets_no_other(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let id = talk.id().await;
    let keys = ["start/7", "finish/7", "im/5", "a", "", "note/a", "\0", "failed/1"];
    for key in keys {
        assert!(store.record_note(id, note(key), at(2)).await.unwrap(), "{key:?}");
    }
    assert!(talk.hear(started("7"), at(3)).await.change.is_some());
    assert!(talk.answer(5, at(3)).await.change.is_some());
    assert!(talk.write("note/a", at(3)).await.fresh);
    for key in keys {
        assert!(!store.record_note(id, note(key), at(4)).await.unwrap(), "{key:?}");
    }
}

/// The dead letter and the note that tells of it are one step.
pub async fn a_dead_job_may_leave_a_note(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.answer(2, at(1)).await;
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    assert!(settle(&store, &job, died_with("x"), at(3)).await.is_empty());
    assert_eq!(store.dead_letters(None, ALL).await.unwrap().len(), 1);
    let told = claim_one(&store, &Queue::Backend, at(3)).await;
    assert_eq!((told.work, told.created, text_of(&told.item)), (Work::Note, at(3), "note x".to_owned()));
    assert_eq!(told.conversation.id, talk.id().await);
    // An answer of the store may be lost, so that the same settlement comes again; and what is over leaves nothing.
    settle(&store, &job, died_with("x"), at(4)).await;
    settle(&store, &job, died_with("y"), at(4)).await;
    settle(&store, &told, done(), at(4)).await;
    assert!(claim(&store, &Queue::Backend, at(5)).await.is_empty());
    // A known key: the letter is kept, the note is not told again.
    let job = claim_one(&store, &talk.queue(), at(5)).await;
    settle(&store, &job, died_with("x"), at(6)).await;
    assert_eq!(store.dead_letters(None, ALL).await.unwrap().len(), 2);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 0);
}

/// Many at once are many, and the same one at once is one.
pub async fn notes_that_come_at_once_are_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let id = talk.id().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let talk = talk.clone();
        tasks.spawn(async move {
            let key = (n % 10).to_string();
            if n < 20 {
                return usize::from(talk.store.record_note(id, note(&key), at(2)).await.unwrap());
            }
            write_with(&talk, &n.to_string(), &key).await;
            0
        });
    }
    tasks.join_all().await;
    let texts = work_off(&store, &Queue::Backend, at(3)).await;
    let notes = texts.iter().filter(|text| text.starts_with("note "));
    assert_eq!((texts.len(), notes.count()), (31, 10));
}

/// Oldest first, a page at a time, and nothing else; also when they were told long ago.
pub async fn notes_are_told_to_an_admin(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    for (key, noted) in [("a", "1"), ("b", "2"), ("c", "3")] {
        write_with(&talk, key, noted).await;
    }
    write_with(&other, "a", "4").await;
    work_off(&store, &Queue::Backend, at(2)).await;
    let id = talk.id().await;
    let first = store.notes(id, None, 2).await.unwrap();
    let rest = store.notes(id, Some(first[1].id), ALL).await.unwrap();
    let texts: Vec<_> = first.iter().chain(&rest).map(text_of).collect();
    assert_eq!(texts, ["note 1", "note 2", "note 3"]);
    assert!(rest.iter().all(|item| item.kind == ItemKind::Note));
    assert!(store.notes(ConversationId(other.id().await.0 + 1), None, ALL).await.unwrap().is_empty());
}

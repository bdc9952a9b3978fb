//! Promises about jobs that were given up.

use super::Harness;
use super::fixture::{ALL, Talk, at, claim, claim_one, die, done, edited, retry, settle, text_of, work_off};
use crate::domain::id::{ConversationId, JobId, MessageId};
use crate::domain::message::{Content, Note, State, Thread};
use crate::ports::store::Store;
use crate::ports::store::{Act, Amend, Outcome, Queue, Replayed, Work};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Gives up the talk's oldest message to the backend.
async fn give_up(store: &Arc<dyn Store>, seconds: u64) -> JobId {
    let job = claim_one(store, &Queue::Backend, at(seconds)).await;
    settle(store, &job, die(), at(seconds)).await;
    job.id
}

/// The visitor sees it, an admin finds it, and the conversation goes on without it.
pub async fn a_dead_job_fails_its_message_and_lets_the_lane_go_on(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let recorded = talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let job = claim_one(&store, &Queue::Backend, at(2)).await;
    settle(&store, &job, retry(at(3)), at(2)).await;
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    let changes = settle(&store, &job, die(), at(4)).await;
    let item = talk.item("a").await;
    assert_eq!((item.state, changes.len(), changes[0].rev), (State::Failed, 1, item.rev));
    assert!(item.rev > recorded.item.rev);
    let letters = store.dead_letters(None, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.job, letter.queue(), letter.work), (job.id, Queue::Backend, Work::ToOperators(Act::Send)));
    assert_eq!((letter.conversation, letter.message), (recorded.change.conversation, recorded.item.id));
    assert_eq!((letter.at, letter.reason.as_str(), letter.attempts), (at(4), "refused", 2));
    assert_eq!(work_off(&store, &Queue::Backend, at(4)).await, ["b"]);
    assert_eq!(store.dead_letters(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 0);
}

/// Operators' messages fail alike.
pub async fn an_answer_that_died_is_failed(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    settle(&store, &job, die(), at(3)).await;
    assert_eq!(talk.reply(1).await.state, State::Failed);
    assert_eq!(store.dead_letters(None, 1).await.unwrap()[0].queue(), talk.queue());
    let (_, queue) = store.retry_failed(talk.id().await, talk.reply(1).await.id, at(4)).await.unwrap().unwrap();
    assert_eq!(queue, talk.queue());
    assert_eq!(work_off(&store, &queue, at(4)).await, ["1"]);
    assert_eq!(talk.reply(1).await.state, State::Delivered);
}

/// That the message arrived stays true when a later edit of it does not.
pub async fn a_dead_edit_leaves_the_message_as_it_is(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    work_off(&store, &Queue::Backend, at(2)).await;
    talk.amend("a", Amend::Edit(Content::plain("new")), at(3)).await.unwrap();
    let before = talk.item("a").await;
    let job = claim_one(&store, &Queue::Backend, at(4)).await;
    assert!(settle(&store, &job, die(), at(4)).await.is_empty());
    assert_eq!((talk.item("a").await, before.state), (before.clone(), State::Delivered));
    assert_eq!(store.dead_letters(None, 5).await.unwrap()[0].work, Work::ToOperators(Act::Edit));
    assert!(store.retry_failed(talk.id().await, before.id, at(5)).await.unwrap().is_none());
}

/// It goes back to its place: before whatever was written after it and hasn't left yet. Attempts count from the start.
pub async fn a_retried_message_goes_before_the_later_ones(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let dead = give_up(&store, 2).await;
    let item = talk.item("a").await;
    let (change, queue) = store.retry_failed(talk.id().await, item.id, at(3)).await.unwrap().unwrap();
    let after = talk.item("a").await;
    assert_eq!((after.state, after.rev, after.pos), (State::Sent, change.rev, item.pos));
    assert_eq!((change.conversation, &queue), (talk.id().await, &Queue::Backend));
    assert!(after.rev > item.rev);
    assert!(store.dead_letters(None, 5).await.unwrap().is_empty());
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 2);
    assert!(store.retry_failed(talk.id().await, item.id, at(3)).await.unwrap().is_none(), "once is enough");
    let job = claim_one(&store, &Queue::Backend, at(3)).await;
    assert_eq!((text_of(&job.item).as_str(), job.attempts, job.created), ("a", 0, at(3)));
    assert_eq!(job.id, dead);
    settle(&store, &job, done(), at(4)).await;
    assert_eq!(work_off(&store, &Queue::Backend, at(4)).await, ["b"]);
}

/// At most one job of a lane is under way.
pub async fn a_retried_message_waits_for_what_is_under_way(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for key in ["a", "b", "c"] {
        talk.write(key, at(1)).await;
    }
    give_up(&store, 2).await;
    let later = claim_one(&store, &Queue::Backend, at(3)).await;
    let failed = talk.item("a").await.id;
    assert!(store.retry_failed(talk.id().await, failed, at(4)).await.unwrap().is_some());
    assert!(claim(&store, &Queue::Backend, at(5)).await.is_empty());
    settle(&store, &later, done(), at(6)).await;
    assert_eq!(work_off(&store, &Queue::Backend, at(6)).await, ["a", "c"]);
}

/// Messages on their way, delivered, unknown, or of another conversation.
pub async fn what_is_not_failed_is_not_retried(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    let item = talk.write("a", at(1)).await.item;
    let (id, stranger) = (talk.id().await, other.write("b", at(2)).await.change.conversation);
    let retried = async |id: ConversationId, message| store.retry_failed(id, message, at(9)).await.unwrap().is_some();
    assert!(!retried(id, item.id).await);
    let jobs = claim(&store, &Queue::Backend, at(3)).await;
    assert!(!retried(id, item.id).await);
    settle(&store, &jobs[0], die(), at(4)).await;
    assert!(!retried(stranger, item.id).await);
    assert!(!retried(id, MessageId(item.id.0 + 1000)).await);
    assert!(retried(id, item.id).await);
    work_off(&store, &Queue::Backend, at(9)).await;
    let rev = talk.conversation().await.rev;
    assert!(!retried(id, item.id).await);
    assert_eq!(talk.conversation().await.rev, rev);
}

/// The message stays failed; it can't be retried any more. A living job can't be dropped.
pub async fn a_dropped_dead_letter_is_forgotten(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let living = claim_one(&store, &Queue::Backend, at(2)).await;
    assert!(!store.drop_dead(living.id).await.unwrap());
    settle(&store, &living, die(), at(3)).await;
    assert!(store.drop_dead(living.id).await.unwrap());
    assert!(!store.drop_dead(living.id).await.unwrap());
    assert!(store.dead_letters(None, 5).await.unwrap().is_empty());
    let item = talk.item("a").await;
    assert_eq!(item.state, State::Failed);
    assert!(store.retry_failed(talk.id().await, item.id, at(4)).await.unwrap().is_none());
    assert_eq!(work_off(&store, &Queue::Backend, at(5)).await, ["b"]);
}

/// That the queue got it back, and that a visitor sees no difference.
fn back(queue: &Queue) -> Replayed {
    Replayed::Back { queue: queue.clone(), change: None }
}

/// As `retry_failed` does it, told by the letter's job.
pub async fn a_replayed_message_is_a_retried_one(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let dead = give_up(&store, 2).await;
    let Some(Replayed::Back { queue, change: Some(change) }) = store.replay_dead(dead, at(3)).await.unwrap() else {
        panic!("it goes back, and the visitor sees it")
    };
    let item = talk.item("a").await;
    assert_eq!((queue, item.state, item.rev), (Queue::Backend, State::Sent, change.rev));
    assert!(store.replay_dead(dead, at(4)).await.unwrap().is_none(), "once is enough");
    assert_eq!(work_off(&store, &Queue::Backend, at(4)).await, ["a", "b"]);
}

/// Edits, deletions and confirmations that were given up go out again, from the start.
pub async fn changes_and_confirmations_are_replayed(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.answer(1, at(1)).await;
    work_off(&store, &Queue::Backend, at(2)).await;
    let send = claim_one(&store, &talk.queue(), at(2)).await;
    settle(&store, &send, Outcome::Done { thread: Thread::default(), delivered_as: vec![], confirm: true }, at(2))
        .await;
    talk.amend("a", Amend::Edit(Content::plain("new")), at(3)).await.unwrap();
    let before = talk.conversation().await;
    for queue in [Queue::Backend, Queue::Confirm] {
        let job = claim_one(&store, &queue, at(4)).await;
        let uncertain = Outcome::Retry { at: at(4), reason: "cut".to_owned(), uncertain: true, counted: true };
        settle(&store, &job, uncertain, at(4)).await;
        let job = claim_one(&store, &queue, at(4)).await;
        settle(&store, &job, die(), at(5)).await;
        assert_eq!(store.replay_dead(job.id, at(6)).await.unwrap(), Some(back(&queue)));
        assert!(store.replay_dead(job.id, at(6)).await.unwrap().is_none(), "it lives");
        let again = claim_one(&store, &queue, at(6)).await;
        assert_eq!((again.id, again.work, again.created), (job.id, job.work, at(6)));
        assert_eq!((again.attempts, again.uncertain, again.unknown_since), (0, false, None));
        settle(&store, &again, done(), at(7)).await;
    }
    talk.amend("a", Amend::Delete, at(8)).await.unwrap();
    let job = give_up(&store, 9).await;
    assert_eq!(store.replay_dead(job, at(10)).await.unwrap(), Some(back(&Queue::Backend)));
    assert_eq!(claim_one(&store, &Queue::Backend, at(10)).await.work, Work::ToOperators(Act::Delete));
    assert_eq!(talk.conversation().await.visitor, before.visitor);
    assert!(store.dead_letters(None, 5).await.unwrap().is_empty());
}

/// A change of a message that was given up waits for the message, and then goes after it, whatever is uncertain.
pub async fn a_change_goes_after_its_message(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.answer(2, at(1)).await;
    talk.hear(edited(1, at(1), "new"), at(2)).await;
    let mut dead = Vec::new();
    for second in 3..6 {
        let job = claim_one(&store, &talk.queue(), at(second)).await;
        let uncertain = job.work == Work::ToVisitor(Act::Edit);
        let failed = Outcome::Retry { at: at(second), reason: "cut".to_owned(), uncertain, counted: true };
        settle(&store, &job, failed, at(second)).await;
        let job = claim_one(&store, &talk.queue(), at(second)).await;
        settle(&store, &job, die(), at(second)).await;
        dead.push((job.work, job.id));
    }
    let of = |act| dead.iter().find(|(known, _)| *known == Work::ToVisitor(act)).unwrap().1;
    let (edit, first) = (of(Act::Edit), of(Act::Send));
    assert_eq!(store.replay_dead(edit, at(7)).await.unwrap(), Some(Replayed::Behind(first)));
    assert_eq!(store.dead_letters(None, 5).await.unwrap().len(), 3, "nothing changed");
    assert!(store.replay_dead(first, at(7)).await.unwrap().is_some());
    assert_eq!(store.replay_dead(edit, at(7)).await.unwrap(), Some(back(&talk.queue())));
    for act in [Act::Send, Act::Edit] {
        let job = claim_one(&store, &talk.queue(), at(8)).await;
        assert_eq!((job.work, text_of(&job.item).as_str()), (Work::ToVisitor(act), "new"));
        settle(&store, &job, done(), at(8)).await;
    }
    // Without the message's letter nothing says that it did not arrive: the change goes.
    talk.hear(edited(2, at(9), "newer"), at(9)).await;
    let job = claim_one(&store, &talk.queue(), at(9)).await;
    settle(&store, &job, die(), at(9)).await;
    let other = dead.iter().rfind(|(work, _)| *work == Work::ToVisitor(Act::Send)).unwrap().1;
    assert!(store.drop_dead(other).await.unwrap());
    assert_eq!(store.replay_dead(job.id, at(10)).await.unwrap(), Some(back(&talk.queue())));
}

/// A note that was given up is said after all; visitors see nothing of it.
pub async fn a_note_is_replayed(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let note = Note { key: "n".to_owned(), text: "n".to_owned() };
    assert!(store.record_note(talk.id().await, note, at(2)).await.unwrap());
    let job = give_up(&store, 3).await;
    let before = talk.conversation().await;
    assert_eq!(store.replay_dead(job, at(4)).await.unwrap(), Some(back(&Queue::Backend)));
    let again = claim_one(&store, &Queue::Backend, at(4)).await;
    assert_eq!((again.work, again.item.state), (Work::Note, State::Sent));
    assert_eq!(talk.conversation().await, before);
}

/// Only dead letters are.
pub async fn what_lives_or_is_gone_is_not_replayed(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let living = claim_one(&store, &Queue::Backend, at(2)).await;
    assert!(store.replay_dead(living.id, at(3)).await.unwrap().is_none());
    settle(&store, &living, die(), at(3)).await;
    assert!(store.drop_dead(living.id).await.unwrap());
    assert!(store.replay_dead(living.id, at(4)).await.unwrap().is_none());
    assert!(store.replay_dead(JobId(living.id.0 + 1000), at(4)).await.unwrap().is_none());
    assert_eq!(talk.item("a").await.state, State::Failed);
}

/// For who looks what waits, and why: each queue by itself, the oldest first, dead letters not among it.
pub async fn what_waits_is_shown(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (talk, other) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    talk.write("a", at(1)).await;
    talk.write("b", at(2)).await;
    talk.answer(1, at(3)).await;
    give_up(&store, 4).await;
    let job = claim_one(&store, &Queue::Backend, at(5)).await;
    settle(&store, &job, retry(at(60)), at(5)).await;
    other.write("x", at(6)).await;
    let waiting = store.waiting(&Queue::Backend, 10).await.unwrap();
    let send = Work::ToOperators(Act::Send);
    let told: Vec<_> = waiting.iter().map(|one| (one.work, one.at, one.attempts, one.reason.as_str())).collect();
    assert_eq!(told, [(send, at(2), 1, "busy"), (send, at(6), 0, "")]);
    assert_eq!((waiting[1].conversation, waiting[1].queue()), (other.id().await, Queue::Backend));
    assert_eq!(store.waiting(&Queue::Backend, 1).await.unwrap()[0].job, waiting[0].job);
    assert_eq!(store.waiting(&talk.queue(), 10).await.unwrap()[0].message, talk.reply(1).await.id);
    assert!(store.waiting(&Queue::Confirm, 10).await.unwrap().is_empty());
}

/// Pages of any size show each dead letter once, oldest job first.
pub async fn dead_letters_come_in_pages(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for n in 0..7 {
        Talk::new(&store, &format!("c{n}")).write("a", at(n)).await;
    }
    for job in claim(&store, &Queue::Backend, at(10)).await.iter().rev() {
        settle(&store, job, die(), at(11)).await;
    }
    let all: Vec<_> = store.dead_letters(None, ALL).await.unwrap().iter().map(|letter| letter.job).collect();
    assert!(all.is_sorted());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 7);
    for limit in 1..=8 {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = store.dead_letters(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.job);
            paged.extend(page.iter().map(|letter| letter.job));
            assert!(paged.len() <= all.len(), "some come twice");
        }
        assert_eq!(paged, all);
    }
}

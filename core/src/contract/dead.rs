//! Promises about jobs that were given up.

use super::Harness;
use super::fixture::{ALL, Talk, at, claim, claim_one, die, done, retry, settle, text_of, work_off};
use crate::domain::id::{ConversationId, JobId, MessageId};
use crate::domain::message::{Content, State};
use crate::ports::store::Store;
use crate::ports::store::{Amend, Queue, Task};
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
    assert_eq!((letter.job, &letter.queue, letter.task), (job.id, &Queue::Backend, Task::Send));
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
    assert_eq!(store.dead_letters(None, 1).await.unwrap()[0].queue, talk.queue());
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
    assert_eq!(store.dead_letters(None, 5).await.unwrap()[0].task, Task::Edit);
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

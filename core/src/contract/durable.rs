//! Promises about what is there when a store is opened again.

use super::fixture::{ALL, Talk, at, claim, claim_one, die, done, edited, retry, settle, started, text_of, work_off};
use super::{Harness, Stop};
use crate::domain::error::StoreError;
use crate::domain::id::{ConversationId, JobId, MessageId};
use crate::domain::message::{Content, Conversation, Item, State, Visitor};
use crate::ports::store::Store;
use crate::ports::store::{Amend, Expect, Outcome, Queue};
use std::sync::Arc;

/// Something of everything. Nothing is leased.
async fn fill(store: &Arc<dyn Store>) {
    let talk = Talk::new(store, "c");
    let visitor = Visitor { name: "Ann".to_owned(), ..Visitor::default() };
    talk.write_as("a", Some(visitor), Content::plain("hello"), at(1)).await;
    talk.write("b", at(2)).await;
    talk.amend("b", Amend::Delete, at(3)).await;
    talk.hear(started("s"), at(4)).await;
    for remote in [1, 5, 3] {
        talk.answer(remote, at(5)).await;
    }
    talk.hear(edited(1, at(6), "new"), at(6)).await;
    let job = claim_one(store, &talk.queue(), at(7)).await;
    let thread = crate::domain::message::Thread { session: Some("s".to_owned()), ..Default::default() };
    settle(store, &job, Outcome::Done { thread, delivered_as: vec!["9".to_owned()], confirm: true }, at(8)).await;
    let job = claim_one(store, &Queue::Backend, at(9)).await;
    settle(store, &job, die(), at(10)).await;
    let other = Talk::of(store, "shop", "c");
    other.write("a", at(11)).await;
    let jobs = claim(store, &Queue::Backend, at(12)).await;
    settle(store, &jobs[0], retry(at(50)), at(12)).await;
    settle(store, &jobs[1], retry(at(60)), at(12)).await;
    store.state_put("k", b"v", Expect::Nothing).await.unwrap();
}

/// All that can be read.
async fn all(store: &Arc<dyn Store>) -> (Vec<(Conversation, Vec<Item>)>, String, Vec<(String, Vec<u8>)>) {
    let mut talks = Vec::new();
    for channel in ["site", "shop"] {
        let talk = Talk::of(store, channel, "c");
        talks.push((talk.conversation().await, talk.items().await));
    }
    let queues = [Queue::Backend, Queue::Confirm, Talk::new(store, "c").queue()];
    let mut depths = Vec::new();
    for queue in &queues {
        depths.push(store.depth(queue).await.unwrap());
    }
    let letters = store.dead_letters(None, ALL).await.unwrap();
    (talks, format!("{depths:?} {letters:?}"), store.state_list("").await.unwrap())
}

async fn everything_is_there(harness: &dyn Harness, stop: Stop) {
    let store = harness.fresh().await;
    fill(&store).await;
    let before = all(&store).await;
    let store = harness.reopen(store, stop).await;
    assert_eq!(all(&store).await, before);
    let talk = Talk::new(&store, "c");
    assert!(!talk.write("a", at(20)).await.fresh);
    assert!(talk.answer(5, at(20)).await.change.is_none());
    assert!(talk.hear(started("s"), at(20)).await.change.is_none());
    assert!(talk.hear(edited(1, at(5), "old"), at(20)).await.change.is_none());
    let waiting = claim(&store, &Queue::Backend, at(60)).await;
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|job| job.attempts == 1 && !job.uncertain));
    assert_eq!(work_off(&store, &talk.queue(), at(60)).await, ["new", "3", "5"]);
    assert_eq!(work_off(&store, &Queue::Confirm, at(60)).await, ["new"]);
    let failed = talk.item("a").await;
    assert_eq!(failed.state, State::Failed);
    assert!(store.retry_failed(talk.id().await, failed.id, at(61)).await.unwrap().is_some());
}

/// What was answered `Ok` is there, jobs and dedupe keys included.
pub async fn everything_is_there_after_a_clean_stop(harness: &dyn Harness) {
    everything_is_there(harness, Stop::Clean).await;
}

/// What was answered `Ok` is there, jobs and dedupe keys included.
pub async fn everything_is_there_after_a_crash(harness: &dyn Harness) {
    everything_is_there(harness, Stop::Crash).await;
}

async fn a_leased_job_is_uncertain(harness: &dyn Harness, stop: Stop) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    Talk::new(&store, "d").write("c", at(2)).await;
    let jobs = claim(&store, &Queue::Backend, at(3)).await;
    settle(&store, &jobs[1], retry(at(4)), at(3)).await;
    let store = harness.reopen(store, stop).await;
    // A store may give it back at once, or when its lease ends.
    let again = claim(&store, &Queue::Backend, at(100)).await;
    let mut seen: Vec<_> = again.iter().map(|job| (text_of(&job.item), job.uncertain)).collect();
    seen.sort();
    assert_eq!(seen, [("a".to_owned(), true), ("c".to_owned(), false)]);
    for job in &again {
        settle(&store, job, done(), at(101)).await;
    }
    assert_eq!(text_of(&claim_one(&store, &Queue::Backend, at(102)).await.item), "b");
}

/// What was under way may have been carried out.
pub async fn a_leased_job_is_uncertain_after_a_clean_stop(harness: &dyn Harness) {
    a_leased_job_is_uncertain(harness, Stop::Clean).await;
}

/// What was under way may have been carried out.
pub async fn a_leased_job_is_uncertain_after_a_crash(harness: &dyn Harness) {
    a_leased_job_is_uncertain(harness, Stop::Crash).await;
}

/// Message ids are part of external ids, and a settlement may come twice: what is new never gets the id of something
/// older, also when nothing is left of that.
pub async fn ids_are_not_used_again(harness: &dyn Harness) {
    let mut store = harness.fresh().await;
    let mut last = (MessageId(0), ConversationId(0), JobId(0));
    for (n, stop) in (0..).zip([Stop::Clean, Stop::Crash, Stop::Clean]) {
        for id in ["a", "b"] {
            let talk = Talk::new(&store, &format!("{id}{n}"));
            let recorded = talk.write("a", at(n)).await;
            let job = claim_one(&store, &Queue::Backend, at(n)).await;
            let now = (recorded.item.id, recorded.change.conversation, job.id);
            assert!(last.0 < now.0 && last.1 < now.1 && last.2 < now.2, "{last:?} {now:?}");
            last = now;
            settle(&store, &job, die(), at(n)).await;
            assert!(store.drop_dead(job.id).await.unwrap());
        }
        store = harness.reopen(store, stop).await;
    }
}

/// A backup that is restored gives out numbers once more that were given out before. So each opening has a tag of its own,
/// and what it stores keeps that: a message's name at the backend is never that of another one.
pub async fn every_opening_has_its_own_tag(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let mut tags = vec![harness.fresh().await.tag()];
    let mut written = Vec::new();
    let mut store = Some(store);
    for (n, stop) in (0..).zip([Stop::Clean, Stop::Crash, Stop::Clean]) {
        let open = store.take().unwrap();
        let talk = Talk::new(&open, "c");
        let recorded = talk.write(&n.to_string(), at(n)).await;
        talk.hear(started(&n.to_string()), at(n)).await;
        talk.answer(i64::try_from(n).unwrap() + 1, at(n)).await;
        assert!(!tags.contains(&open.tag()), "two openings share a tag");
        assert_eq!(recorded.item.tag, open.tag());
        assert_eq!(talk.write(&n.to_string(), at(n)).await.item.tag, open.tag());
        tags.push(open.tag());
        let items = talk.items().await;
        assert!(items.iter().rev().take(3).all(|item| item.tag == open.tag()));
        assert_eq!(items[..written.len()], written[..], "what is there keeps its tag");
        written = items;
        let (queue, confirm) = (Queue::Backend, Queue::Confirm);
        let claimed = claim(&open, &queue, at(n)).await;
        assert!(claimed.iter().all(|job| written.iter().any(|item| item.external_id() == job.item.external_id())));
        settle(&open, &claimed[0], retry(at(n)), at(n)).await;
        assert_eq!(open.depth(&confirm).await.unwrap(), 0);
        store = Some(harness.reopen(open, stop).await);
    }
}

/// After it was closed nothing is done, and nobody waits for ever. Closing twice is harmless.
pub async fn a_closed_store_says_so(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    store.close().await;
    store.close().await;
    assert!(matches!(store.depth(&Queue::Backend).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.state_put("k", b"v", Expect::Anything).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.conversation(&talk.channel, &talk.chat).await, Err(StoreError::Unavailable(_))));
    let store = harness.reopen(store, Stop::Clean).await;
    assert_eq!(Talk::new(&store, "c").texts().await, ["a"]);
}

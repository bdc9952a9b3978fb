//! Promises of [`crate::store::Jobs::settle`](crate::ports::store::Store::settle).

use super::Harness;
use super::fixture::{Talk, at, claim, claim_one, die, done, retry, settle, text_of, work_off};
use crate::domain::id::JobId;
use crate::domain::message::{Content, State, Thread};
use crate::ports::store::{Amend, Outcome, Queue, Settlement, Work};

/// The visitor sees that the message arrived: new state, new revision.
pub async fn a_message_that_was_done_is_delivered(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let recorded = talk.write("a", at(1)).await;
    let job = claim_one(&store, &Queue::Backend, at(2)).await;
    assert_eq!(talk.item("a").await.state, State::Sent);
    let changes = settle(&store, &job, done(), at(3)).await;
    let item = talk.item("a").await;
    assert_eq!((item.state, changes.len()), (State::Delivered, 1));
    assert_eq!((changes[0].conversation, changes[0].rev), (recorded.change.conversation, item.rev));
    assert!(item.rev > recorded.item.rev);
    assert_eq!(talk.conversation().await.rev, item.rev);
    assert_eq!((item.id, item.pos, item.content), (recorded.item.id, recorded.item.pos, recorded.item.content));
    assert!(claim(&store, &Queue::Backend, at(9999)).await.is_empty());
}

/// Visitors don't see the state of what operators wrote: it is no new revision.
pub async fn an_answer_that_was_done_is_no_news(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let before = talk.reply(1).await;
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    assert!(settle(&store, &job, done(), at(3)).await.is_empty());
    let item = talk.reply(1).await;
    assert_eq!((item.state, item.rev), (State::Delivered, before.rev));
    assert_eq!(talk.conversation().await.rev, before.rev);
}

/// Only sending makes a message delivered.
pub async fn an_edit_that_was_done_changes_nothing(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    work_off(&store, &Queue::Backend, at(2)).await;
    talk.amend("a", Amend::Edit(Content::plain("new")), at(3)).await.unwrap();
    let before = talk.item("a").await;
    assert_eq!(before.state, State::Delivered);
    let job = claim_one(&store, &Queue::Backend, at(4)).await;
    assert!(settle(&store, &job, done(), at(5)).await.is_empty());
    assert_eq!(talk.item("a").await, before);
    // Nor does it mend a message that never arrived.
    talk.write("b", at(6)).await;
    talk.amend("b", Amend::Delete, at(6)).await.unwrap();
    let send = claim_one(&store, &Queue::Backend, at(7)).await;
    settle(&store, &send, die(), at(7)).await;
    assert_eq!(work_off(&store, &Queue::Backend, at(8)).await.len(), 1);
    assert_eq!(talk.item("b").await.state, State::Failed);
}

fn delivered_as(ids: &[&str]) -> Outcome {
    let delivered_as = ids.iter().map(|id| (*id).to_owned()).collect();
    Outcome::Done { thread: Thread::default(), delivered_as, confirm: false }
}

/// Later jobs of the message see under which ids it was delivered; naming none leaves them.
pub async fn the_ids_of_a_delivery_are_kept(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    settle(&store, &job, delivered_as(&["10", "11"]), at(3)).await;
    assert_eq!(talk.reply(1).await.delivered_as, ["10", "11"]);
    talk.hear(super::fixture::edited(1, at(4), "new"), at(4)).await;
    let edit = claim_one(&store, &talk.queue(), at(5)).await;
    assert_eq!(edit.item.delivered_as, ["10", "11"]);
    settle(&store, &edit, delivered_as(&[]), at(6)).await;
    assert_eq!(talk.reply(1).await.delivered_as, ["10", "11"]);
}

/// A delivery and the job to confirm it are one step.
pub async fn a_follow_up_is_enqueued_with_the_settlement(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.answer(2, at(1)).await;
    for remote in [1, 2] {
        let job = claim_one(&store, &talk.queue(), at(9 + remote)).await;
        let outcome = Outcome::Done { thread: Thread::default(), delivered_as: vec!["x".to_owned()], confirm: true };
        settle(&store, &job, outcome, at(10 + remote)).await;
    }
    assert_eq!(store.depth(&Queue::Confirm).await.unwrap(), 2);
    let jobs = claim(&store, &Queue::Confirm, at(20)).await;
    assert_eq!(jobs.len(), 2);
    for (remote, job) in (1..).zip(jobs) {
        assert_eq!((job.work, job.item.remote), (Work::Confirm, Some(i64::try_from(remote).unwrap())));
        assert_eq!((job.created, job.attempts, job.uncertain), (at(10 + remote), 0, false));
        assert_eq!((job.item.state, &job.item.delivered_as), (State::Delivered, &vec!["x".to_owned()]));
        assert!(settle(&store, &job, done(), at(20)).await.is_empty());
    }
}

/// What stands behind a job that waits waits as well, also what comes meanwhile; the job itself goes first.
pub async fn a_lane_waits_whole_for_a_retry(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let job = claim_one(&store, &Queue::Backend, at(2)).await;
    assert!(settle(&store, &job, retry(at(100)), at(3)).await.is_empty());
    talk.write("c", at(4)).await;
    assert!(claim(&store, &Queue::Backend, at(99)).await.is_empty());
    assert_eq!(work_off(&store, &Queue::Backend, at(100)).await, ["a", "b", "c"]);
}

/// A pause of the other side is no attempt. Whether it may have been carried out is what was said last.
pub async fn attempts_are_counted_when_they_count(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let steps = [(true, true, 1), (false, true, 1), (true, false, 2), (false, false, 2)];
    for (n, (counted, uncertain, attempts)) in (2..).zip(steps) {
        let job = claim_one(&store, &Queue::Backend, at(n)).await;
        let outcome = Outcome::Retry { at: at(n), reason: "busy".to_owned(), uncertain, counted };
        settle(&store, &job, outcome, at(n)).await;
        let again = claim_one(&store, &Queue::Backend, at(n)).await;
        assert_eq!((again.id, again.attempts, again.uncertain), (job.id, attempts, uncertain));
        // An attempt of unknown outcome had ended when it was settled; a pause says nothing of it.
        assert_eq!(again.unknown_since, Some(at(2)));
        settle(
            &store,
            &again,
            Outcome::Retry { at: at(n + 1), reason: String::new(), uncertain, counted: false },
            at(n),
        )
        .await;
    }
    let job = claim_one(&store, &Queue::Backend, at(50)).await;
    settle(&store, &job, die(), at(50)).await;
    assert_eq!(store.dead_letters(None, 5).await.unwrap()[0].attempts, 3, "giving up is an attempt");
}

/// An answer of the store may be lost, so that the same settlement comes again.
pub async fn settling_twice_is_harmless(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(1, at(1)).await;
    talk.answer(2, at(1)).await;
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    let twice = async |outcome: Outcome, seconds| {
        settle(&store, &job, outcome.clone(), at(seconds)).await;
        assert!(settle(&store, &job, outcome, at(seconds + 1)).await.is_empty());
    };
    twice(retry(at(10)), 3).await;
    let again = claim_one(&store, &talk.queue(), at(10)).await;
    assert_eq!((again.id, again.attempts), (job.id, 1));
    twice(Outcome::Done { thread: Thread::default(), delivered_as: Vec::new(), confirm: true }, 11).await;
    assert_eq!(store.depth(&Queue::Confirm).await.unwrap(), 1);
    let next = claim_one(&store, &talk.queue(), at(20)).await;
    assert_eq!(text_of(&next.item), "2");
    // Now somebody works on the lane's next job; old news of the first one must not free the lane.
    for outcome in [done(), retry(at(21)), die()] {
        settle(&store, &job, outcome, at(21)).await;
    }
    assert!(claim(&store, &talk.queue(), at(22)).await.is_empty());
    settle(&store, &next, die(), at(23)).await;
    settle(&store, &next, die(), at(24)).await;
    let letters = store.dead_letters(None, 5).await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts, letters[0].at), (1, 1, at(23)));
}

/// A lease ran out, somebody else tried and failed, and then the first one says that it was carried out: it was.
pub async fn a_late_done_counts(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    let slow = claim_one(&store, &Queue::Backend, at(2)).await;
    let second = claim_one(&store, &Queue::Backend, at(100)).await;
    settle(&store, &second, retry(at(500)), at(101)).await;
    assert_eq!(settle(&store, &slow, done(), at(102)).await.len(), 1);
    assert_eq!(talk.item("a").await.state, State::Delivered);
    assert_eq!(store.depth(&Queue::Backend).await.unwrap(), 0);
    assert!(claim(&store, &Queue::Backend, at(500)).await.is_empty());
}

/// A job that was given up was put back and waits behind another one; now somebody says that it was carried out after
/// all. That does not free the lane.
pub async fn a_late_done_of_a_waiting_job_frees_no_lane(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for key in ["a", "b", "c"] {
        talk.write(key, at(1)).await;
    }
    let first = claim_one(&store, &Queue::Backend, at(2)).await;
    settle(&store, &first, die(), at(3)).await;
    let second = claim_one(&store, &Queue::Backend, at(4)).await;
    assert!(store.retry_failed(talk.id().await, first.item.id, at(5)).await.unwrap().is_some());
    settle(&store, &first, die(), at(6)).await;
    settle(&store, &first, done(), at(6)).await;
    assert_eq!(talk.item("a").await.state, State::Delivered);
    assert!(claim(&store, &Queue::Backend, at(7)).await.is_empty());
    settle(&store, &second, done(), at(8)).await;
    assert_eq!(work_off(&store, &Queue::Backend, at(8)).await, ["c"]);
}

/// Settlements of one call are each for itself; those of jobs that are not there change nothing.
pub async fn unknown_jobs_are_passed_over(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    one.write("a", at(1)).await;
    two.write("b", at(1)).await;
    let jobs = claim(&store, &Queue::Backend, at(2)).await;
    let nobody = JobId(jobs[0].id.0.max(jobs[1].id.0) + 1000);
    let settlements = [jobs[0].id, nobody, jobs[1].id].map(|job| Settlement { job, outcome: done() });
    let changes = store.settle(settlements.to_vec(), at(3)).await.unwrap();
    let mut changed: Vec<_> = changes.iter().map(|change| change.conversation).collect();
    changed.sort();
    assert_eq!(changed, [one.id().await, two.id().await]);
    assert!(store.settle(Vec::new(), at(4)).await.unwrap().is_empty());
}

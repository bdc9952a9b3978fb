//! Promises of [`crate::store::Jobs::claim`](crate::ports::store::Store::claim) and its neighbours: lanes and leases.

use super::Harness;
use super::fixture::{ALL, LEASE, Talk, at, claim, claim_one, claim_some, die, done, retry, settle, started, text_of};
use crate::domain::id::{ConversationId, JobId};
use crate::domain::message::{OperatorEvent, Thread};
use crate::ports::store::{Job, NEW_BEHIND, Outcome, Queue};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

fn texts(jobs: &[Job]) -> Vec<String> {
    jobs.iter().map(|job| text_of(&job.item)).collect()
}

/// The next job of a lane is claimed only after the first one is settled.
pub async fn a_lane_gives_one_job_at_a_time(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for key in ["a", "b", "c"] {
        talk.write(key, at(1)).await;
    }
    for key in ["a", "b", "c"] {
        let job = claim_one(&store, &Queue::Backend, at(2)).await;
        assert_eq!((text_of(&job.item).as_str(), job.uncertain), (key, false));
        assert!(claim(&store, &Queue::Backend, at(2)).await.is_empty());
        settle(&store, &job, done(), at(2)).await;
    }
    let nothing = claim_some(&store, &Queue::Backend, ALL, at(2)).await;
    assert_eq!((nothing.jobs.len(), nothing.next_due), (0, None));
    // A lane that was empty begins anew.
    talk.write("d", at(3)).await;
    assert_eq!(texts(&claim(&store, &Queue::Backend, at(3)).await), ["d"]);
}

/// A waiting conversation holds back nobody else.
pub async fn lanes_of_different_conversations_go_on_at_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for id in ["c", "d", "e"] {
        let talk = Talk::new(&store, id);
        talk.write(&format!("{id}1"), at(1)).await;
        talk.write(&format!("{id}2"), at(1)).await;
    }
    let jobs = claim(&store, &Queue::Backend, at(2)).await;
    let mut first = texts(&jobs);
    first.sort();
    assert_eq!(first, ["c1", "d1", "e1"]);
    let stuck = jobs.iter().find(|job| text_of(&job.item) == "d1").unwrap();
    let free = jobs.iter().filter(|job| job.id != stuck.id);
    settle(&store, stuck, retry(at(1000)), at(2)).await;
    for job in free {
        settle(&store, job, done(), at(2)).await;
    }
    let mut second = texts(&claim(&store, &Queue::Backend, at(3)).await);
    second.sort();
    assert_eq!(second, ["c2", "e2"]);
}

/// Operators' messages go in the order in which they were written, however late one was fetched; what was begun comes
/// first.
pub async fn a_late_answer_goes_before_the_later_ones_that_wait(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    for remote in [9, 7, 8] {
        talk.answer(remote, at(1)).await;
    }
    let first = claim_one(&store, &talk.queue(), at(2)).await;
    assert_eq!(text_of(&first.item), "7");
    talk.answer(5, at(2)).await;
    // Somebody is at it; then nobody knows what became of it.
    assert!(claim(&store, &talk.queue(), at(3)).await.is_empty());
    let later = at(3).plus(LEASE);
    let again = claim_one(&store, &talk.queue(), later).await;
    assert_eq!((again.id, again.uncertain), (first.id, true));
    settle(&store, &again, retry(later), later).await;
    for text in ["7", "5", "8", "9"] {
        let job = claim_one(&store, &talk.queue(), later).await;
        assert_eq!(text_of(&job.item), text);
        settle(&store, &job, done(), later).await;
    }
}

/// A conversation has a lane of its own in each queue.
pub async fn queues_are_apart(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (site, shop) = (Talk::of(&store, "site", "c"), Talk::of(&store, "shop", "c"));
    site.write("a", at(1)).await;
    site.answer(1, at(1)).await;
    shop.answer(2, at(1)).await;
    assert!(claim(&store, &Queue::Confirm, at(2)).await.is_empty());
    assert_eq!(texts(&claim(&store, &shop.queue(), at(2)).await), ["2"]);
    assert_eq!(texts(&claim(&store, &Queue::Backend, at(2)).await), ["a"]);
    assert_eq!(texts(&claim(&store, &site.queue(), at(2)).await), ["1"]);
}

/// What has waited longest is served first.
pub async fn what_is_due_longest_comes_first(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for (id, seconds) in [("c", 5), ("d", 3), ("e", 9), ("f", 1), ("g", 7)] {
        Talk::new(&store, id).write(id, at(seconds)).await;
    }
    // A message behind another one does not change when its lane is due.
    Talk::new(&store, "e").write("e2", at(2)).await;
    let first = claim_some(&store, &Queue::Backend, 2, at(20)).await.jobs;
    assert_eq!(texts(&first), ["f", "d"]);
    settle(&store, &first[0], retry(at(6)), at(20)).await;
    settle(&store, &first[1], retry(at(30)), at(20)).await;
    assert_eq!(texts(&claim(&store, &Queue::Backend, at(20)).await), ["c", "f", "g", "e"]);
}

/// However many strangers wait, who is in a dialog goes first; and nobody waits for ever.
pub async fn a_brand_new_conversation_stands_behind_those_that_exist(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let known = Talk::new(&store, "known");
    known.write("hello", at(1)).await;
    let job = claim_one(&store, &Queue::Backend, at(1)).await;
    settle(&store, &job, done(), at(1)).await;
    // An operator began this one.
    let begun = Talk::new(&store, "begun");
    let thread = Thread { chat: Some("7".into()), ..Thread::default() };
    let event = OperatorEvent { thread, ..begun.event(started("1")) };
    store.record_outgoing(vec![event], at(1)).await.unwrap();
    for n in 0..20 {
        Talk::new(&store, &format!("new{n}")).write(&format!("new{n}"), at(2)).await;
    }
    known.write("known", at(3)).await;
    begun.write("begun", at(4)).await;
    let first = claim_some(&store, &Queue::Backend, 3, at(10)).await.jobs;
    assert_eq!(texts(&first[..2]), ["known", "begun"]);
    assert!(text_of(&first[2].item).starts_with("new"));
    // Once something of it was done, it exists.
    let made = Talk::new(&store, first[2].conversation.chat.as_str());
    for job in &first {
        settle(&store, job, done(), at(10)).await;
    }
    made.write("again", at(11)).await;
    let again = claim_some(&store, &Queue::Backend, 1, at(12)).await.jobs;
    assert_eq!(texts(&again), ["again"]);
    settle(&store, &again[0], done(), at(12)).await;
    // In the end they have their turn.
    known.write("later", at(20).plus(NEW_BEHIND)).await;
    let late = claim_some(&store, &Queue::Backend, 19, at(21).plus(NEW_BEHIND)).await.jobs;
    assert_eq!(late.len(), 19);
    assert!(texts(&late).iter().all(|text| text.starts_with("new")), "{:?}", texts(&late));
}

/// At most so many, the rest with the next call.
pub async fn no_more_are_claimed_than_asked_for(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for n in 0..7 {
        Talk::new(&store, &format!("c{n}")).write("a", at(n)).await;
    }
    assert!(claim_some(&store, &Queue::Backend, 0, at(10)).await.jobs.is_empty());
    let mut lanes = BTreeSet::new();
    for wanted in [3, 3, 1, 0] {
        let jobs = claim_some(&store, &Queue::Backend, 3, at(10)).await.jobs;
        assert_eq!(jobs.len(), wanted);
        assert!(jobs.iter().all(|job| lanes.insert(job.conversation.id)));
    }
}

/// An idle dispatcher learns how long it may sleep: until a retry, a lease's end, or for ever.
pub async fn the_next_due_moment_is_told(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    assert_eq!(claim_some(&store, &Queue::Backend, 5, at(1)).await.next_due, None);
    one.write("a", at(10)).await;
    let early = claim_some(&store, &Queue::Backend, 5, at(9)).await;
    assert_eq!((early.jobs.len(), early.next_due), (0, Some(at(10))));
    let claimed = claim_some(&store, &Queue::Backend, 5, at(10)).await;
    assert_eq!((claimed.jobs.len(), claimed.next_due), (1, Some(at(10).plus(LEASE))));
    two.write("b", at(11)).await;
    let second = claim_one(&store, &Queue::Backend, at(11)).await;
    settle(&store, &second, retry(at(50)), at(11)).await;
    assert_eq!(claim_some(&store, &Queue::Backend, 5, at(12)).await.next_due, Some(at(50)));
    settle(&store, &claimed.jobs[0], die(), at(13)).await;
    assert_eq!(claim_some(&store, &Queue::Backend, 5, at(13)).await.next_due, Some(at(50)));
    let third = claim_one(&store, &Queue::Backend, at(50)).await;
    settle(&store, &third, done(), at(50)).await;
    assert_eq!(claim_some(&store, &Queue::Backend, 5, at(99)).await.next_due, None);
}

/// Whoever had it may be gone, or may have done it: nobody knows.
pub async fn an_expired_lease_comes_again_and_is_uncertain(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.write("b", at(1)).await;
    let first = claim_one(&store, &Queue::Backend, at(10)).await;
    assert!(claim(&store, &Queue::Backend, at(69)).await.is_empty());
    let second = claim_one(&store, &Queue::Backend, at(70)).await;
    assert_eq!((second.id, second.uncertain, second.attempts), (first.id, true, 0));
    assert_eq!((first.unknown_since, second.unknown_since), (None, Some(at(10))));
    assert!(claim(&store, &Queue::Backend, at(129)).await.is_empty());
    let third = claim_one(&store, &Queue::Backend, at(130)).await;
    assert_eq!((third.id, third.uncertain, third.unknown_since), (first.id, true, Some(at(70))));
    settle(&store, &third, done(), at(131)).await;
    let next = claim_one(&store, &Queue::Backend, at(132)).await;
    assert_eq!((text_of(&next.item).as_str(), next.uncertain), ("b", false));
}

/// Many claimers share the work without doubles.
pub async fn nobody_gets_a_job_that_somebody_has(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for n in 0..40 {
        let talk = Talk::new(&store, &format!("c{n}"));
        talk.write("a", at(1)).await;
        talk.write("b", at(1)).await;
    }
    let mut claimers = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        claimers.spawn(async move {
            let mut mine: Vec<(JobId, ConversationId)> = Vec::new();
            for _ in 0..ALL {
                // Somebody else may have taken what was due; only an empty queue is the end.
                let claimed = claim_some(&store, &Queue::Backend, 3, at(2)).await;
                mine.extend(claimed.jobs.iter().map(|job| (job.id, job.conversation.id)));
                if claimed.next_due.is_none_or(|due| due > at(2)) {
                    return mine;
                }
                tokio::task::yield_now().await;
            }
            panic!("it never ends");
        });
    }
    let all: Vec<_> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), 40);
    assert_eq!(all.iter().map(|(job, _)| *job).collect::<BTreeSet<_>>().len(), 40);
    assert_eq!(all.iter().map(|(_, lane)| *lane).collect::<BTreeSet<_>>().len(), 40);
}

/// The other side is back: what waits is due now. What is under way, or waits elsewhere, is not touched.
pub async fn hurry_makes_the_waiting_due(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    one.write("a", at(1)).await;
    two.write("b", at(2)).await;
    one.answer(1, at(1)).await;
    let jobs = claim(&store, &Queue::Backend, at(3)).await;
    settle(&store, &jobs[0], retry(at(1000)), at(3)).await;
    let elsewhere = claim_one(&store, &one.queue(), at(3)).await;
    settle(&store, &elsewhere, retry(at(1000)), at(3)).await;
    store.hurry(&Queue::Backend, at(5)).await.unwrap();
    let again = claim_one(&store, &Queue::Backend, at(5)).await;
    assert_eq!((again.id, again.attempts, again.uncertain), (jobs[0].id, 1, false));
    assert!(claim(&store, &one.queue(), at(5)).await.is_empty());
    store.hurry(&Queue::Confirm, at(5)).await.unwrap();
}

/// Depth counts what waits and what is under way, not what was done or given up.
pub async fn depth_counts_living_jobs(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    one.write("a", at(1)).await;
    one.write("b", at(1)).await;
    two.write("c", at(2)).await;
    let depth = async || store.depth(&Queue::Backend).await.unwrap();
    assert_eq!((depth().await, store.depth(&Queue::Confirm).await.unwrap()), (3, 0));
    let jobs = claim(&store, &Queue::Backend, at(3)).await;
    assert_eq!(depth().await, 3);
    settle(&store, &jobs[0], done(), at(3)).await;
    assert_eq!(depth().await, 2);
    settle(&store, &jobs[1], die(), at(3)).await;
    assert_eq!(depth().await, 1);
    one.answer(1, at(4)).await;
    assert_eq!((depth().await, store.depth(&one.queue()).await.unwrap()), (1, 1));
}

/// The oldest is told among what waits and what is under way.
pub async fn the_oldest_living_job_is_told(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    let oldest = async || store.oldest(&Queue::Backend).await.unwrap();
    assert_eq!(oldest().await, None);
    one.write("a", at(1)).await;
    two.write("b", at(2)).await;
    assert_eq!((oldest().await, store.oldest(&Queue::Confirm).await.unwrap()), (Some(at(1)), None));
    let jobs = claim(&store, &Queue::Backend, at(3)).await;
    settle(&store, &jobs[0], die(), at(3)).await;
    assert_eq!(oldest().await, Some(at(2)));
    settle(&store, &jobs[1], done(), at(3)).await;
    assert_eq!(oldest().await, None);
}

/// Delivers that many answers of a talk, so that they are to be confirmed.
async fn delivered(talk: &Talk, answers: std::ops::Range<i64>, seconds: u64) {
    for remote in answers {
        talk.answer(remote, at(seconds)).await;
        let job = claim_one(&talk.store, &talk.queue(), at(seconds)).await;
        let thread = Thread::default();
        settle(&talk.store, &job, Outcome::Done { thread, delivered_as: Vec::new(), confirm: true }, at(seconds)).await;
    }
}

/// The lane that is due longest gives as many as fit, but each lane one.
pub async fn confirmations_of_a_lane_come_together(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    delivered(&one, 0..5, 1).await;
    delivered(&two, 10..13, 2).await;
    let claimed = claim_some(&store, &Queue::Confirm, 4, at(10)).await;
    assert_eq!(texts(&claimed.jobs), ["0", "1", "2", "10"]);
    assert_eq!(claimed.next_due, Some(at(10).plus(LEASE)));
    assert!(claim(&store, &Queue::Confirm, at(10)).await.is_empty(), "the lanes are leased whole");
    for job in claimed.jobs.iter().rev() {
        assert!(settle(&store, job, done(), at(11)).await.is_empty());
    }
    assert_eq!(store.depth(&Queue::Confirm).await.unwrap(), 4);
    let rest = claim(&store, &Queue::Confirm, at(11)).await;
    let mut all = texts(&rest);
    all.sort();
    assert_eq!(all, ["11", "12", "3", "4"]);
}

/// Of each that was carried out it is known, in whatever order that is told; the rest comes again.
pub async fn confirmations_succeed_one_by_one(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    delivered(&talk, 0..6, 1).await;
    let jobs = claim(&store, &Queue::Confirm, at(2)).await;
    settle(&store, &jobs[3], done(), at(3)).await;
    assert!(claim(&store, &Queue::Confirm, at(3)).await.is_empty(), "the first one still has the lease");
    settle(&store, &jobs[1], retry(at(500)), at(3)).await;
    settle(&store, &jobs[0], done(), at(3)).await;
    let again = claim(&store, &Queue::Confirm, at(3)).await;
    assert_eq!(texts(&again), ["1", "2", "4", "5"]);
    assert!(again.iter().all(|job| job.attempts == 0 && !job.uncertain));
    // What the first claim tells late still counts, and frees nobody's lane.
    settle(&store, &jobs[2], done(), at(4)).await;
    assert!(claim(&store, &Queue::Confirm, at(4)).await.is_empty());
    settle(&store, &again[0], retry(at(50)), at(4)).await;
    assert!(claim(&store, &Queue::Confirm, at(49)).await.is_empty(), "all wait with the first one");
    let last = claim(&store, &Queue::Confirm, at(50)).await;
    let attempts: Vec<_> = last.iter().map(|job| (text_of(&job.item), job.attempts)).collect();
    assert_eq!(attempts, [("1", 1), ("4", 0), ("5", 0)].map(|(text, tries)| (text.to_owned(), tries)));
}

/// What can't be confirmed does not have to become the first one before it may be given up.
pub async fn confirmations_die_one_by_one(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    delivered(&talk, 0..4, 1).await;
    let jobs = claim(&store, &Queue::Confirm, at(2)).await;
    for job in [&jobs[3], &jobs[2], &jobs[0]] {
        settle(&store, job, die(), at(3)).await;
    }
    settle(&store, &jobs[1], die(), at(3)).await;
    let letters: Vec<_> = store.dead_letters(None, ALL).await.unwrap().iter().map(|letter| letter.job).collect();
    assert_eq!(letters, [jobs[0].id, jobs[2].id, jobs[3].id], "nobody had the last one leased any more");
    assert_eq!(texts(&claim(&store, &Queue::Confirm, at(4)).await), ["1"]);
}

/// A lease that ran out was for all.
pub async fn an_expired_lease_of_confirmations_comes_again(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    delivered(&talk, 0..3, 1).await;
    let first = claim(&store, &Queue::Confirm, at(10)).await;
    settle(&store, &first[1], done(), at(11)).await;
    assert!(claim(&store, &Queue::Confirm, at(69)).await.is_empty());
    let second = claim(&store, &Queue::Confirm, at(70)).await;
    assert_eq!(texts(&second), ["0", "2"]);
    assert!(second[0].uncertain);
    // The first claimer's answer comes after all.
    settle(&store, &first[2], done(), at(71)).await;
    settle(&store, &first[0], done(), at(71)).await;
    assert_eq!(claim_some(&store, &Queue::Confirm, ALL, at(72)).await.next_due, None);
    for job in &second {
        assert!(settle(&store, job, die(), at(73)).await.is_empty());
    }
    assert!(store.dead_letters(None, ALL).await.unwrap().is_empty());
}

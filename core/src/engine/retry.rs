//! When a failed job is tried again, and when it is given up. The only place that decides it.

use crate::domain::again::{Ladder, spread};
use crate::domain::error::DeliveryError;
use crate::ports::clock::Timestamp;
use crate::ports::store::{Job, Outcome};
use std::time::Duration;

const LADDER: Ladder = Ladder::of(&[1, 2, 4, 8, 15, 30, 60, 120, 300, 900, 1800]);

/// A job is given up after at least so many attempts (time in which the other side was away is none) …
const ENOUGH: u32 = 20;
/// … and not before it is this old: 3 days.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);

/// Jobs that wait for the same come back within so long, not all at once …
const SPREAD: Duration = Duration::from_secs(15);
/// … unless they wait for less than this: those that come together can be asked for together.
const SHORT: Duration = Duration::from_secs(5);

/// The outcome of a failed attempt. `jitter` is a random number from 0 to 1.
pub fn after_failure(job: &Job, error: DeliveryError, now: Timestamp, jitter: f64) -> Outcome {
    let unknown = matches!(error, DeliveryError::Unknown { .. });
    match error {
        DeliveryError::Refused { reason } => Outcome::Dead { reason, note: None },
        DeliveryError::Unsupported => Outcome::Dead { reason: "the channel can't do this".to_owned(), note: None },
        DeliveryError::Paused { reason, after } | DeliveryError::Closed { reason, after } => Outcome::Retry {
            at: now.plus(after + after.saturating_sub(SHORT).min(SPREAD).mul_f64(jitter)),
            reason,
            uncertain: job.uncertain,
            counted: false,
        },
        DeliveryError::Retry { .. } | DeliveryError::Unknown { .. }
            if job.attempts >= ENOUGH && job.created.until(now) > GIVE_UP_AFTER =>
        {
            Outcome::Dead { reason: format!("given up after {} attempts: {error}", job.attempts + 1), note: None }
        }
        DeliveryError::Retry { reason, after } => {
            let wait = after.unwrap_or_default().max(spread(LADDER.step(job.attempts), jitter));
            Outcome::Retry { at: now.plus(wait), reason, uncertain: job.uncertain, counted: true }
        }
        DeliveryError::Unknown { reason } => {
            let at = now.plus(spread(LADDER.step(job.attempts), jitter));
            Outcome::Retry { at, reason, uncertain: unknown, counted: true }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::id::{ChannelId, ChatId, ConversationId, JobId, MessageId, Pos, Rev};
    use crate::domain::message::{Content, Conversation, Dialog, Item, ItemKind, Side, State, Thread, Visitor};
    use crate::ports::store::{Act, Work};

    pub(crate) fn job(attempts: u32) -> Job {
        let conversation = Conversation {
            id: ConversationId(1),
            channel: ChannelId::parse("site").unwrap(),
            chat: ChatId::parse("c").unwrap(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::None,
            rev: Rev(1),
        };
        let item = Item {
            id: MessageId(1),
            rev: Rev(1),
            pos: Pos(1),
            kind: ItemKind::Message,
            side: Side::Visitor,
            state: State::Sent,
            key: "k".into(),
            author: None,
            content: Content::plain("x"),
            at: Timestamp(0),
            remote: None,
            delivered_as: vec![],
            tag: crate::Tag::default(),
            edited: false,
            deleted: false,
        };
        let created = Timestamp(0);
        Job {
            id: JobId(1),
            work: Work::ToOperators(Act::Send),
            conversation,
            item,
            attempts,
            uncertain: false,
            unknown_since: None,
            created,
        }
    }

    fn wait_of(attempts: u32, error: DeliveryError, jitter: f64) -> i64 {
        match after_failure(&job(attempts), error, Timestamp(0), jitter) {
            Outcome::Retry { at, .. } => at.0,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_ladder_climbs_and_stays_at_its_top() {
        assert_eq!(wait_of(0, DeliveryError::retry("x"), 1.0), 1000);
        assert_eq!(wait_of(0, DeliveryError::retry("x"), 0.0), 500);
        assert_eq!(wait_of(10, DeliveryError::retry("x"), 1.0), 1_800_000);
        assert_eq!(wait_of(999, DeliveryError::retry("x"), 1.0), 1_800_000);
    }

    #[test]
    fn what_the_other_side_asks_is_honoured() {
        let error = DeliveryError::Retry { reason: "x".into(), after: Some(Duration::from_secs(90)) };
        assert_eq!(wait_of(0, error, 0.0), 90_000);
    }

    #[test]
    fn a_pause_is_no_attempt() {
        let outcome = after_failure(&job(3), DeliveryError::paused("x"), Timestamp(0), 0.0);
        assert!(matches!(outcome, Outcome::Retry { counted: false, uncertain: false, .. }));
        let old = Timestamp(i64::try_from(GIVE_UP_AFTER.as_millis()).unwrap() * 2);
        assert!(matches!(after_failure(&job(3), DeliveryError::paused("x"), old, 0.0), Outcome::Retry { .. }));
    }

    #[test]
    fn a_long_pause_is_not_made_much_longer() {
        let paused = |secs| DeliveryError::Paused { reason: "x".into(), after: Duration::from_secs(secs) };
        assert_eq!((wait_of(0, paused(2), 1.0), wait_of(0, paused(600), 1.0)), (2_000, 615_000));
        assert_eq!(wait_of(0, paused(600), 0.0), 600_000);
    }

    #[test]
    fn refusal_and_three_days_of_failure_are_the_end() {
        assert!(matches!(after_failure(&job(0), DeliveryError::refused("x"), Timestamp(0), 0.0), Outcome::Dead { .. }));
        let late = Timestamp(i64::try_from(GIVE_UP_AFTER.as_millis()).unwrap() + 1);
        assert!(matches!(after_failure(&job(0), DeliveryError::retry("x"), late, 0.0), Outcome::Retry { .. }));
        assert!(matches!(after_failure(&job(ENOUGH), DeliveryError::retry("x"), late, 0.0), Outcome::Dead { .. }));
    }

    #[test]
    fn an_unknown_outcome_is_remembered() {
        let outcome = after_failure(&job(0), DeliveryError::unknown("x"), Timestamp(0), 0.0);
        assert!(matches!(outcome, Outcome::Retry { uncertain: true, counted: true, .. }));
    }
}

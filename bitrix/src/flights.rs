//! Messages whose call has begun and not ended with an answer.
//!
//! A request whose connection is gone goes on at the portal. So a message of unknown outcome that is not in the history
//! is not missing before the portal can't be working on it any more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often at the least it is looked whether such a message has arrived.
const LOOK: Duration = Duration::from_secs(2);

/// When each call began, by the message's external id; `None` when it has ended with an answer that did not tell what
/// became of the message.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Option<Instant>>>);

impl Flights {
    /// A call with these messages begins.
    pub(crate) fn started<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let now = Instant::now();
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.extend(ids.map(|id| (id.to_owned(), Some(now))));
    }

    /// The portal has answered, so it does not work on these any more; what became of them it did not tell.
    pub(crate) fn ended<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.extend(ids.map(|id| (id.to_owned(), None)));
    }

    /// What became of these is known.
    pub(crate) fn landed<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            flights.remove(id);
        }
    }

    /// Whether the portal may still be working on a message, when a call takes at most `longest`: how long to wait before
    /// looking again. A message whose call is not known here was sent before the program started: it counts from now.
    pub(crate) fn still_flying(&self, id: &str, longest: Duration) -> Option<Duration> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *flights.entry(id.to_owned()).or_insert_with(|| Some(Instant::now()));
        let left = began.map_or(Duration::ZERO, |began| longest.saturating_sub(began.elapsed()));
        if left.is_zero() {
            flights.remove(id);
            return None;
        }
        Some(left.min(LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cut_call_may_go_on_for_a_while() {
        let flights = Flights::default();
        flights.started(["a"].into_iter());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(flights.still_flying("a", Duration::from_secs(5)), Some(Duration::from_secs(1)));
        assert_eq!(flights.still_flying("before the start", Duration::from_secs(5)), Some(LOOK));
        flights.ended(["answered"].into_iter());
        assert_eq!(flights.still_flying("answered", Duration::from_secs(5)), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(flights.still_flying("a", Duration::from_secs(5)), None);
        assert_eq!(flights.still_flying("before the start", Duration::from_secs(5)), Some(LOOK));
    }
}

//! Messages whose call has begun and not ended with an answer.
//!
//! A request whose connection is gone goes on at the portal. So a message of unknown outcome that is not in the history
//! is not missing before the portal can't be working on it any more.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What is known of a message's call.
#[derive(Clone, Copy)]
enum Flight {
    /// It began then, with so many messages up to this one; after so long nobody waited for it any more, unless somebody
    /// still does.
    Begun(Instant, usize, Option<Duration>),
    /// It was not of this process, and is over by then.
    Elsewhere(Instant),
    /// The portal does not work on it any more; what became of the message nobody told.
    Ended,
}

/// The calls, by the messages' external ids.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Flight>>);

impl Flights {
    /// A request begins with these messages, and so many up to them: what stands behind is carried out after them.
    pub(crate) fn started<'i>(&self, ids: impl Iterator<Item = &'i str>, count: usize) {
        let now = Instant::now();
        let mut flights = self.0.lock();
        flights.extend(ids.map(|id| (id.to_owned(), Flight::Begun(now, count, None))));
    }

    /// The portal has answered, so it does not work on these any more; what became of them it did not tell.
    pub(crate) fn ended<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let mut flights = self.0.lock();
        flights.extend(ids.map(|id| (id.to_owned(), Flight::Ended)));
    }

    /// The call, whose request had left then, was cut: the portal may go on with it.
    pub(crate) fn cut<'i>(&self, ids: impl Iterator<Item = &'i str>, left: Instant) {
        let mut flights = self.0.lock();
        for id in ids {
            if let Some(Flight::Begun(began, _, ran)) = flights.get_mut(id) {
                // It may have waited for its request.
                (*began, *ran) = (left, Some(left.elapsed()));
            }
        }
    }

    /// What became of these is known.
    pub(crate) fn landed<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let mut flights = self.0.lock();
        for id in ids {
            flights.remove(id);
        }
    }

    /// Whether the portal may still be working on a message: how long it can't be missing yet. `longest` says how
    /// long a request with so many messages takes at most that ran for so long until it was cut. A message whose call is not known here was sent by
    /// another process, or before this one started: `elsewhere` is how long that call may go on from now.
    pub(crate) fn still_flying(
        &self,
        id: &str,
        longest: impl FnOnce(usize, Duration) -> Duration,
        elsewhere: Duration,
    ) -> Option<Duration> {
        let mut flights = self.0.lock();
        let unknown = || Flight::Elsewhere(Instant::now() + elsewhere);
        let left = match *flights.entry(id.to_owned()).or_insert_with(unknown) {
            Flight::Elsewhere(over) => over.saturating_duration_since(Instant::now()),
            Flight::Begun(began, count, ran) => {
                let elapsed = began.elapsed();
                longest(count, ran.unwrap_or(elapsed)).saturating_sub(elapsed)
            }
            Flight::Ended => Duration::ZERO,
        };
        if left.is_zero() {
            // Remembered until its outcome is known: whoever asks again must not take it for one of another process.
            flights.insert(id.to_owned(), Flight::Ended);
            return None;
        }
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cut_call_may_go_on_for_a_while() {
        let flights = Flights::default();
        let seven = Duration::from_secs(7);
        let flying = |id| flights.still_flying(id, |_, _| Duration::from_secs(5), seven);
        flights.started(["a"].into_iter(), 1);
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(flying("a"), Some(Duration::from_secs(1)));
        assert_eq!(flying("of another process"), Some(seven));
        flights.ended(["answered"].into_iter());
        assert_eq!(flying("answered"), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(flying("a"), None);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(flying("of another process"), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(flying("of another process"), None);
        // A look that failed, or a call that was refused, makes nobody wait anew.
        assert_eq!((flying("a"), flying("of another process"), flying("answered")), (None, None, None));
        flights.landed(["a"].into_iter());
        assert_eq!(flying("a"), Some(seven));
    }

    #[tokio::test(start_paused = true)]
    async fn it_counts_how_long_a_request_had_run_when_it_was_cut() {
        let flights = Flights::default();
        flights.started(["a"].into_iter(), 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        let left = Instant::now();
        tokio::time::advance(Duration::from_secs(2)).await;
        flights.cut(["a"].into_iter(), left);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(flights.still_flying("a", |_, ran| ran * 3, Duration::ZERO), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(flights.still_flying("a", |_, ran| ran * 3, Duration::ZERO), None);
    }
}

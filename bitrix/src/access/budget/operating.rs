//! The operating time of methods (`bitrix24.md` §3.4): seconds of work within ten minutes, of which the portal tells how
//! much is used up. When it gets scarce, what is left is spread over the time until some of it is forgotten.

use super::Class;
use openline_core::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// The lower of the numbers the vendor names.
const LIMIT: f64 = 420.0;
/// Over which operating time is counted.
const WINDOW: Duration = Duration::from_secs(600);
/// The share of it from which calls are spread out.
const SLOW: f64 = 0.6;
/// The share of it that looks for missed replies may use: what is left is for looks whether a message arrived.
const HISTORY: f64 = 0.2;
/// A blocked method is tried after so long, then after twice as long, and so on until the reset that the portal named.
const TRY: Duration = Duration::from_secs(10);
/// So close to the limit the portal's numbers leave no hope before the reset.
const NEAR: f64 = 0.95;

/// What is known of one method.
struct Method {
    /// Seconds used up, as the portal told last.
    used: f64,
    /// How much of it the portal gives, as far as is known.
    limit: f64,
    /// When the oldest minute of it is forgotten, as the portal told last.
    reset_at: Option<Timestamp>,
    /// No call before this.
    not_before: Option<Timestamp>,
    /// It was refused: when to try it, before that.
    trial: Option<Trial>,
}

#[derive(Clone, Copy)]
struct Trial {
    at: Timestamp,
    pause: Duration,
}

impl Default for Method {
    fn default() -> Self {
        Self { used: 0.0, limit: LIMIT, reset_at: None, not_before: None, trial: None }
    }
}

/// All methods.
#[derive(Default)]
pub(crate) struct Operating(HashMap<String, Method>);

impl Operating {
    /// The portal carried out a call that took `cost` seconds, and told how much is used up and until when.
    pub(crate) fn note(&mut self, method: &str, used: f64, reset_at: Timestamp, cost: f64, now: Timestamp) {
        let entry = self.0.entry(method.to_owned()).or_default();
        // The window is ten minutes: a reset further away is a clock that is off.
        let reset_at = reset_at.min(now.plus(WINDOW));
        (entry.reset_at, entry.trial, entry.used) = (Some(reset_at), None, used);
        if used > entry.limit {
            // More than was thought to be all.
            entry.limit = LIMIT;
        }
        if used < entry.limit * SLOW {
            entry.not_before = None;
            return;
        }
        let left = (entry.limit - used).max(0.0);
        let time = now.until(reset_at).as_secs_f64();
        let share = if left > 2.0 * cost { (cost / left).min(1.0) } else { 1.0 };
        entry.not_before = Some(now.plus(Duration::from_secs_f64(time * share)));
    }

    /// The portal refused the method. Below the limit that the vendor names, its own numbers say that some is left: then
    /// it gives less than that, or was wrong, and it is tried with one call now and then before the reset it named.
    pub(crate) fn block(&mut self, method: &str, now: Timestamp, otherwise: Duration) {
        let entry = self.0.entry(method.to_owned()).or_default();
        let until = entry.reset_at.filter(|reset| *reset > now).unwrap_or(now.plus(otherwise));
        entry.not_before = Some(until);
        let has_hope = entry.used < LIMIT * NEAR;
        let pause = entry.trial.map_or(TRY, |trial| trial.pause * 2);
        entry.trial = has_hope.then(|| Trial { at: now.plus(pause), pause });
        if entry.used > 1.0 && has_hope {
            entry.limit = entry.limit.min(entry.used);
        }
    }

    /// How long a method has to rest; `None` is also told to the one who may try it.
    pub(crate) fn blocked(&mut self, method: &str, class: Class, now: Timestamp) -> Option<Duration> {
        let entry = self.0.get_mut(method)?;
        if class == Class::History && entry.used >= entry.limit * HISTORY {
            let reset = entry.reset_at.filter(|reset| *reset > now);
            if let Some(reset) = reset {
                return Some(now.until(reset));
            }
        }
        let rest = now.until(entry.not_before.filter(|until| *until > now)?);
        match &mut entry.trial {
            Some(trial) if trial.at <= now && class != Class::History => {
                // One call; the others wait for what becomes of it.
                trial.at = now.plus(trial.pause * 2);
                None
            }
            Some(trial) => Some(rest.min(now.until(trial.at).max(Duration::from_millis(100)))),
            None => Some(rest),
        }
    }

    /// How long a method has to rest, for who does not call it now.
    pub(crate) fn rests(&self, method: &str, now: Timestamp) -> Option<Duration> {
        let entry = self.0.get(method)?;
        let until = entry.not_before.filter(|until| *until > now)?;
        let until = entry.trial.map_or(until, |trial| until.min(trial.at));
        (until > now).then(|| now.until(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(0);

    fn after(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn it_is_spread_before_it_runs_out() {
        let mut times = Operating::default();
        times.note("m", 100.0, after(60), 2.0, START);
        assert_eq!(times.blocked("m", Class::Message, START), None);
        times.note("m", 320.0, after(60), 2.0, START);
        let spread = Some(Duration::from_millis(1200));
        assert_eq!(times.blocked("m", Class::Message, START), spread, "2 s of the 100 s left, over 60 s");
        times.note("m", 418.0, after(60), 2.0, START);
        assert_eq!(times.blocked("m", Class::Message, START), Some(Duration::from_secs(60)));
        assert_eq!(times.blocked("other", Class::Message, START), None);
    }

    #[test]
    fn a_blocked_method_rests_until_its_time_frees_up() {
        let mut times = Operating::default();
        times.note("m", 419.0, after(60), 1.0, START);
        times.block("m", START, Duration::from_secs(60));
        assert_eq!(times.blocked("m", Class::Message, after(59)), Some(Duration::from_secs(1)));
        assert_eq!(times.blocked("m", Class::Message, after(60)), None);
    }

    #[test]
    fn one_call_is_tried_before_the_reset_when_the_numbers_say_that_some_is_left() {
        let mut times = Operating::default();
        times.note("m", 3.0, after(600), 1.0, START);
        times.block("m", START, Duration::from_secs(60));
        assert_eq!(times.blocked("m", Class::Message, START), Some(Duration::from_secs(10)));
        assert_eq!(times.rests("m", after(10)), None);
        assert_eq!(times.blocked("m", Class::Message, after(10)), None, "this one tries");
        assert!(times.blocked("m", Class::Message, after(10)).is_some(), "one only");
        times.block("m", after(10), Duration::from_secs(60));
        assert_eq!(times.blocked("m", Class::Message, after(11)), Some(Duration::from_secs(19)));
        assert_eq!(times.blocked("m", Class::Message, after(30)), None);
        times.note("m", 3.5, after(600), 0.5, after(30));
        assert_eq!(times.blocked("m", Class::Message, after(30)), None, "it goes on");
    }

    #[test]
    fn a_portal_that_gives_less_than_the_vendor_says_is_believed() {
        let mut times = Operating::default();
        times.note("m", 10.0, after(100), 1.0, START);
        times.block("m", START, Duration::from_secs(60));
        times.note("m", 8.0, after(200), 1.0, after(100));
        assert_eq!(
            times.blocked("m", Class::Message, after(100)),
            Some(Duration::from_secs(100)),
            "of the 2 s left the next takes 1"
        );
    }

    #[test]
    fn what_was_missed_leaves_a_method_to_the_looks() {
        let mut times = Operating::default();
        times.note("m", 90.0, after(60), 1.0, START);
        assert_eq!(times.blocked("m", Class::History, START), Some(Duration::from_secs(60)));
        assert_eq!(times.blocked("m", Class::Look, START), None);
    }
}

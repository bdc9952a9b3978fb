//! The portal's request limit, respected before the portal has to say so (`bitrix24.md` §3.4).

use crate::config::RequestLimit;
use openline_core::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// All plans but Enterprise.
const STANDARD: (u32, u32) = (50, 2);
/// Enterprise plans.
const ENTERPRISE: (u32, u32) = (250, 5);
/// Kept free for others at the same egress address, and for our clock being off.
const RESERVE: f64 = 3.0;

/// Seconds of work on one method within ten minutes: the lower of the numbers the vendor names.
const OPERATING_LIMIT: f64 = 420.0;
/// Over which operating time is counted.
const WINDOW: Duration = Duration::from_secs(600);
/// The share of it from which calls are spread out.
const OPERATING_SLOW: f64 = 0.6;

/// What a call is for. The less urgent leave room for the more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A visitor's message, or an admin who waits for a page.
    Now,
    /// Confirmations and checks: leaves a fifth of the burst to messages.
    Later,
}

/// One leaky bucket for a portal, and the methods that are blocked.
pub(crate) struct Budget {
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None`: no limit known.
    limit: Option<(f64, f64)>,
    fixed: bool,
    level: f64,
    at: Instant,
    methods: HashMap<String, Method>,
}

/// What is known of one method's operating time (`bitrix24.md` §3.4).
#[derive(Default)]
struct Method {
    /// When the oldest minute of its operating time is forgotten, as the portal told last.
    reset_at: Option<Timestamp>,
    /// No call before this.
    not_before: Option<Timestamp>,
}

impl Budget {
    /// A budget by configuration; `host` is the portal's.
    pub(crate) fn new(limit: RequestLimit, host: &str) -> Self {
        let in_cloud = crate::deliver::files::is_vendor_host(host);
        let (limit, fixed) = match limit {
            RequestLimit::Auto => (in_cloud.then_some(STANDARD), false),
            RequestLimit::Bucket { burst, per_second } => (Some((burst, per_second)), true),
            RequestLimit::None => (None, true),
        };
        let limit = limit.map(|(burst, rate)| (f64::from(burst), f64::from(rate)));
        Self { inner: Mutex::new(Inner { limit, fixed, level: 0.0, at: Instant::now(), methods: HashMap::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one request may be sent, and counts it.
    pub(crate) async fn take(&self, urgency: Urgency) {
        loop {
            let Some(wait) = self.lock().take(urgency) else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until a request could be sent, without counting one.
    pub(crate) async fn room(&self, urgency: Urgency) {
        loop {
            let Some(wait) = self.lock().wait(urgency) else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// The portal refused a request as one too many: the bucket there is full.
    pub(crate) fn overflowed(&self) {
        let mut inner = self.lock();
        if inner.limit.is_none() {
            inner.limit = Some((f64::from(STANDARD.0), f64::from(STANDARD.1)));
        }
        inner.leak();
        let (burst, _) = inner.limit.unwrap_or_default();
        inner.level = burst;
    }

    /// The portal told its plan.
    pub(crate) fn plan(&self, license_family: &str) {
        let mut inner = self.lock();
        if !inner.fixed && inner.limit.is_some() && license_family.eq_ignore_ascii_case("ent") {
            inner.limit = Some((f64::from(ENTERPRISE.0), f64::from(ENTERPRISE.1)));
        }
    }

    /// The portal told how much of a method's operating time is used up (seconds) and when some of it is forgotten;
    /// the call itself took `cost` seconds. When it gets scarce, what is left is spread over the time until then.
    pub(crate) fn note_operating(&self, method: &str, used: f64, reset_at: Timestamp, cost: f64, now: Timestamp) {
        let mut inner = self.lock();
        let entry = inner.methods.entry(method.to_owned()).or_default();
        // The window is ten minutes: a reset further away is a clock that is off.
        let reset_at = reset_at.min(now.plus(WINDOW));
        entry.reset_at = Some(reset_at);
        let left = (OPERATING_LIMIT - used).max(0.0);
        if used < OPERATING_LIMIT * OPERATING_SLOW {
            entry.not_before = None;
            return;
        }
        let time = now.until(reset_at).as_secs_f64();
        let share = if left > 2.0 * cost { (cost / left).min(1.0) } else { 1.0 };
        entry.not_before = Some(now.plus(Duration::from_secs_f64(time * share)));
    }

    /// A method is blocked: until its operating time frees up, when that is known to be ahead, else for `otherwise`.
    pub(crate) fn block(&self, method: &str, now: Timestamp, otherwise: Duration) {
        let mut inner = self.lock();
        let entry = inner.methods.entry(method.to_owned()).or_default();
        let until = entry.reset_at.filter(|reset| *reset > now).unwrap_or(now.plus(otherwise));
        entry.not_before = Some(until);
    }

    /// How long a method has to rest.
    pub(crate) fn blocked(&self, method: &str, now: Timestamp) -> Option<Duration> {
        let until = self.lock().methods.get(method)?.not_before?;
        (until > now).then(|| now.until(until))
    }
}

impl Inner {
    fn leak(&mut self) {
        let now = Instant::now();
        if let Some((_, rate)) = self.limit {
            self.level = (self.level - (now - self.at).as_secs_f64() * rate).max(0.0);
        }
        self.at = now;
    }

    /// How long until there is room; `None` when there is.
    fn wait(&mut self, urgency: Urgency) -> Option<Duration> {
        self.leak();
        let (burst, rate) = self.limit?;
        let share = if urgency == Urgency::Now { 1.0 } else { 0.8 };
        let excess = self.level + 1.0 - ((burst - RESERVE) * share).max(1.0);
        (excess > 0.0).then(|| Duration::from_secs_f64((excess / rate.max(0.1)).max(0.005)))
    }

    fn take(&mut self, urgency: Urgency) -> Option<Duration> {
        let wait = self.wait(urgency);
        if wait.is_none() && self.limit.is_some() {
            self.level += 1.0;
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent_within(budget: &Budget, time: Duration) -> u32 {
        let mut sent = 0;
        let _ = tokio::time::timeout(time, async {
            loop {
                budget.take(Urgency::Now).await;
                sent += 1;
            }
        })
        .await;
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn a_cloud_portal_is_limited_from_the_start() {
        let budget = Budget::new(RequestLimit::Auto, "company.bitrix24.com");
        let sent = sent_within(&budget, Duration::from_secs(60)).await;
        assert!((160..=170).contains(&sent), "{sent} requests in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn an_own_server_is_limited_once_it_refuses() {
        let budget = Budget::new(RequestLimit::Auto, "crm.example");
        for _ in 0..1000 {
            budget.take(Urgency::Now).await;
        }
        budget.overflowed();
        assert!(sent_within(&budget, Duration::from_secs(10)).await <= 20);
    }

    #[test]
    fn operating_time_is_spread_before_it_runs_out() {
        let (budget, now) = (Budget::new(RequestLimit::None, "x"), Timestamp(0));
        let reset = now.plus(Duration::from_secs(60));
        budget.note_operating("m", 100.0, reset, 2.0, now);
        assert_eq!(budget.blocked("m", now), None);
        budget.note_operating("m", 320.0, reset, 2.0, now);
        assert_eq!(budget.blocked("m", now), Some(Duration::from_millis(1200)), "2 s of the 100 s left, over 60 s");
        budget.note_operating("m", 418.0, reset, 2.0, now);
        assert_eq!(budget.blocked("m", now), Some(Duration::from_secs(60)));
        assert_eq!(budget.blocked("other", now), None);
    }

    #[test]
    fn a_blocked_method_rests_until_its_time_frees_up() {
        let (budget, now) = (Budget::new(RequestLimit::None, "x"), Timestamp(0));
        budget.block("m", now, Duration::from_secs(60));
        assert_eq!(budget.blocked("m", now), Some(Duration::from_secs(60)));
        budget.note_operating("m", 1.0, now.plus(Duration::from_secs(17)), 1.0, now);
        budget.block("m", now, Duration::from_secs(60));
        assert_eq!(budget.blocked("m", now), Some(Duration::from_secs(17)));
    }

    #[tokio::test(start_paused = true)]
    async fn confirmations_leave_room_for_messages() {
        let budget = Budget::new(RequestLimit::Bucket { burst: 50, per_second: 2 }, "x");
        let mut confirmations = 0;
        while budget.lock().take(Urgency::Later).is_none() {
            confirmations += 1;
        }
        assert!(confirmations < 40);
        assert!(budget.lock().take(Urgency::Now).is_none());
    }
}

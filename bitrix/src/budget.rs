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

/// What a call is for. The less urgent leave room for the more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A visitor's message, or an admin who waits for a page.
    Now,
    /// Confirmations and checks: leaves a fifth of the burst to messages.
    Later,
}

/// One leaky bucket for a portal, and the methods that are blocked.
pub struct Budget {
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None`: no limit known.
    limit: Option<(f64, f64)>,
    fixed: bool,
    level: f64,
    at: Instant,
    blocked: HashMap<String, Timestamp>,
    /// When each method's oldest minute of operating time is forgotten, as the portal told last.
    resets: HashMap<String, Timestamp>,
}

impl Budget {
    /// A budget by configuration; `host` is the portal's.
    pub fn new(limit: RequestLimit, host: &str) -> Self {
        let in_cloud = crate::files::is_vendor_host(host);
        let (limit, fixed) = match limit {
            RequestLimit::Auto => (in_cloud.then_some(STANDARD), false),
            RequestLimit::Bucket { burst, per_second } => (Some((burst, per_second)), true),
            RequestLimit::None => (None, true),
        };
        let limit = limit.map(|(burst, rate)| (f64::from(burst), f64::from(rate)));
        Self {
            inner: Mutex::new(Inner {
                limit,
                fixed,
                level: 0.0,
                at: Instant::now(),
                blocked: HashMap::new(),
                resets: HashMap::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one request may be sent, and counts it.
    pub async fn take(&self, urgency: Urgency) {
        loop {
            let Some(wait) = self.lock().take(urgency) else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until a request could be sent, without counting one.
    pub async fn room(&self, urgency: Urgency) {
        loop {
            let Some(wait) = self.lock().wait(urgency) else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// The portal refused a request as one too many: the bucket there is full.
    pub fn overflowed(&self) {
        let mut inner = self.lock();
        if inner.limit.is_none() {
            inner.limit = Some((f64::from(STANDARD.0), f64::from(STANDARD.1)));
        }
        inner.leak();
        let (burst, _) = inner.limit.unwrap_or_default();
        inner.level = burst;
    }

    /// The portal told its plan.
    pub fn plan(&self, license_family: &str) {
        let mut inner = self.lock();
        if !inner.fixed && inner.limit.is_some() && license_family.eq_ignore_ascii_case("ent") {
            inner.limit = Some((f64::from(ENTERPRISE.0), f64::from(ENTERPRISE.1)));
        }
    }

    /// The portal told when a method's operating time frees up next.
    pub fn note_reset(&self, method: &str, at: Timestamp) {
        self.lock().resets.insert(method.to_owned(), at);
    }

    /// A method is blocked: until its operating time frees up, when that is known to be ahead, else until `otherwise`.
    pub fn block(&self, method: &str, now: Timestamp, otherwise: Timestamp) {
        let mut inner = self.lock();
        let until = inner.resets.get(method).copied().filter(|reset| *reset > now).unwrap_or(otherwise);
        inner.blocked.insert(method.to_owned(), until);
    }

    /// How long a method is still blocked.
    pub fn blocked(&self, method: &str, now: Timestamp) -> Option<Duration> {
        let until = *self.lock().blocked.get(method)?;
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

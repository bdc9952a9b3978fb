//! The portal's request limit, respected before the portal has to say so (`bitrix24.md` §3.4), and shared fairly by what
//! calls are for: each class has its part of the requests, and what one does not use goes to the others.

mod limit;
mod operating;
mod shares;

pub(crate) use shares::Class;

use crate::settings::RequestLimit;
use limit::Limit;
use openline_core::Timestamp;
use operating::Operating;
use parking_lot::Mutex;
use shares::{Shares, Turn};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How soon those who are not next look at the latest whether they are.
const LOOK: Duration = Duration::from_secs(1);

/// What a request is paid from: the share of its class, unless it was counted already ([`Budget::take`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fare {
    pub(crate) class: Class,
    pub(crate) paid: bool,
}

impl From<Class> for Fare {
    fn from(class: Class) -> Self {
        Self { class, paid: false }
    }
}

impl Class {
    /// For a request that was counted already.
    pub(crate) fn paid(self) -> Fare {
        Fare { class: self, paid: true }
    }
}

/// One leaky bucket for a portal, who waits for it, and the methods that are blocked.
pub(crate) struct Budget {
    inner: Mutex<Inner>,
    /// Somebody has got what they waited for, or has gone away.
    moved: Notify,
}

struct Inner {
    limit: Limit,
    shares: Shares,
    operating: Operating,
}

/// A place among those who wait; given up when it is dropped.
struct Waiter<'b> {
    budget: &'b Budget,
    class: Class,
    ticket: u64,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.budget.inner.lock().shares.leave(self.class, self.ticket);
        self.budget.moved.notify_waiters();
    }
}

impl Budget {
    /// A budget by configuration; `host` is the portal's.
    pub(crate) fn new(limit: RequestLimit, host: &str) -> Self {
        let limit = Limit::new(limit, crate::access::servers::is_vendor_host(host));
        let inner = Inner { limit, shares: Shares::default(), operating: Operating::default() };
        Self { inner: Mutex::new(inner), moved: Notify::new() }
    }

    /// Another limit is configured, or another host.
    pub(crate) fn be(&self, limit: RequestLimit, host: &str) {
        let mut inner = self.inner.lock();
        inner.limit = inner.limit.replaced(limit, crate::access::servers::is_vendor_host(host));
        drop(inner);
        self.moved.notify_waiters();
    }

    /// Waits until one request may be sent, and counts it.
    pub(crate) async fn take(&self, class: Class) {
        let ticket = self.inner.lock().shares.join(class, Instant::now());
        let place = Waiter { budget: self, class, ticket };
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let Some(wait) = self.turn(&place) else { return };
            let _ = tokio::time::timeout(wait, moved).await;
        }
    }

    /// Counts a request when it is somebody's turn and there is room; else how long to wait before looking again.
    fn turn(&self, place: &Waiter<'_>) -> Option<Duration> {
        let mut inner = self.inner.lock();
        let Inner { limit, shares, .. } = &mut *inner;
        let now = Instant::now();
        let (fullness, wait) = limit.look(now);
        match shares.turn(place.class, place.ticket, fullness, now) {
            Turn::Next if wait.is_none() => {
                limit.count();
                shares.served(place.class);
                None
            }
            Turn::Next => wait,
            Turn::Later => Some(LOOK),
        }
    }

    /// A request that was counted is not sent after all.
    pub(crate) fn give_back(&self) {
        self.inner.lock().limit.uncount();
        self.moved.notify_waiters();
    }

    /// So many processes share the portal's limit.
    pub(crate) fn share(&self, processes: usize) {
        self.inner.lock().limit.share(processes, Instant::now());
        self.moved.notify_waiters();
    }

    /// Whether requests are limited at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.inner.lock().limit.is_known()
    }

    /// How often a request that was refused as one too many is sent again at once, before that is believed.
    pub(crate) fn doubts(&self) -> usize {
        if self.is_limited() { 1 } else { 2 }
    }

    /// The portal carried out a request, or refused it for another reason than the number of them.
    pub(crate) fn accepted(&self) {
        if self.inner.lock().limit.accepted(Instant::now()) {
            self.moved.notify_waiters();
        }
    }

    /// The portal refused a request as one too many, and again when it was repeated: the bucket there is full.
    pub(crate) fn overflowed(&self) {
        self.inner.lock().limit.overflowed(Instant::now());
    }

    /// The portal told its plan.
    pub(crate) fn plan(&self, license_family: &str) {
        self.inner.lock().limit.plan(license_family);
    }

    /// The portal told how much of a method's operating time is used up (seconds) and when some of it is forgotten;
    /// the call itself took `cost` seconds.
    pub(crate) fn note_operating(&self, method: &str, used: f64, reset_at: Timestamp, cost: f64, now: Timestamp) {
        self.inner.lock().operating.note(method, used, reset_at, cost, now);
    }

    /// The portal refused a method because its operating time is used up; for `otherwise` when it told no end of it.
    pub(crate) fn block(&self, method: &str, now: Timestamp, otherwise: Duration) {
        self.inner.lock().operating.block(method, now, otherwise);
    }

    /// How long a method has to rest. Once in a while it has not, to see whether the portal takes it again: whoever is
    /// told so has to call it.
    pub(crate) fn blocked(&self, method: &str, class: Class, now: Timestamp) -> Option<Duration> {
        self.inner.lock().operating.blocked(method, class, now)
    }

    /// How long a method has to rest, without a claim to be the one that tries it.
    pub(crate) fn rests(&self, method: &str, now: Timestamp) -> Option<Duration> {
        self.inner.lock().operating.rests(method, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::collections::HashMap;

    async fn sent_within(budget: &Budget, class: Class, time: Duration) -> u32 {
        let mut sent = 0;
        let _ = tokio::time::timeout(time, async {
            loop {
                budget.take(class).await;
                budget.accepted();
                sent += 1;
            }
        })
        .await;
        sent
    }

    /// How many requests each class gets when all want more than there are.
    async fn rivals(budget: &Budget, classes: &[Class], time: Duration) -> HashMap<Class, u32> {
        let each = classes.iter().map(|class| async { (*class, sent_within(budget, *class, time).await) });
        join_all(each).await.into_iter().collect()
    }

    fn standard() -> Budget {
        Budget::new(RequestLimit::Bucket { burst: 50, per_second: 2 }, "x")
    }

    #[tokio::test(start_paused = true)]
    async fn a_cloud_portal_is_limited_from_the_start() {
        let budget = Budget::new(RequestLimit::Auto, "company.bitrix24.com");
        let sent = sent_within(&budget, Class::Message, Duration::from_secs(60)).await;
        assert!((160..=170).contains(&sent), "{sent} requests in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_starves_while_messages_want_all() {
        let budget = standard();
        let sent = rivals(&budget, &Class::ALL, Duration::from_secs(600)).await;
        for class in Class::ALL {
            assert!(sent[&class] >= 15, "{class:?} had {} requests of {sent:?}", sent[&class]);
        }
        assert!(sent[&Class::Message] > 400, "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_class_does_not_use_goes_to_the_others() {
        let (all, minute) = (118..=122, Duration::from_secs(60));
        for class in Class::ALL {
            let budget = standard();
            sent_within(&budget, Class::Message, minute).await;
            let sent = sent_within(&budget, class, minute).await;
            assert!(all.contains(&sent) || class.is_patient(), "{class:?} alone: {sent}");
        }
        let budget = standard();
        sent_within(&budget, Class::Message, minute).await;
        let sent = rivals(&budget, &[Class::Note, Class::Confirm], minute).await;
        assert!(all.contains(&sent.values().sum::<u32>()), "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_leaves_room_for_a_burst() {
        let budget = standard();
        sent_within(&budget, Class::History, Duration::from_millis(10)).await;
        let sent = sent_within(&budget, Class::Message, Duration::from_millis(10)).await;
        assert!(sent >= 15, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_holds_nobody_up() {
        let budget = standard();
        sent_within(&budget, Class::Message, Duration::from_millis(10)).await;
        for _ in 0..5 {
            let _ = tokio::time::timeout(Duration::from_millis(5), budget.take(Class::Note)).await;
        }
        assert!(tokio::time::timeout(Duration::from_millis(600), budget.take(Class::Confirm)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_own_server_is_limited_once_it_refuses() {
        let budget = Budget::new(RequestLimit::Auto, "crm.example");
        for _ in 0..50 {
            budget.take(Class::Message).await;
            budget.accepted();
        }
        budget.overflowed();
        assert!(sent_within(&budget, Class::Message, Duration::from_secs(10)).await <= 20);
    }
}

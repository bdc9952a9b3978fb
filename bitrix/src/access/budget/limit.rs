//! How many requests the portal takes: known, configured, or learned by its refusals and unlearned again.

use crate::settings::RequestLimit;
use std::time::Duration;
use tokio::time::Instant;

/// How much may pile up, and how much of it leaks away a second.
type Bucket = (f64, f64);

/// All plans but Enterprise.
const STANDARD: Bucket = (50.0, 2.0);
/// Enterprise plans.
const ENTERPRISE: Bucket = (250.0, 5.0);
/// Kept free for others at the same egress address, and for our clock being off.
const RESERVE: f64 = 3.0;
/// So many more than a bucket holds, let through, prove that it is not the portal's.
const PROOF: f64 = 6.0;
/// So many more than a learned bucket holds are tried …
const TRIED: f64 = 30.0;
/// … after so long without a refusal, each time twice as long …
const QUIET: Duration = Duration::from_secs(60);
/// … and no longer than this.
const MOST_QUIET: Duration = Duration::from_secs(3600);

/// How long a bucket that can't be the portal's is not thought of again: plans change.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);

/// What the portal has let through, as a bucket of that kind would have counted it.
struct Shadow {
    bucket: Bucket,
    level: f64,
    /// When the portal let through more than such a bucket does.
    disproved: Option<Instant>,
}

impl Shadow {
    fn accepted(&mut self, now: Instant) {
        self.level += 1.0;
        if self.level >= self.bucket.0 + PROOF {
            self.disproved = Some(now);
        }
    }

    /// Whether this may be the portal's.
    fn may_be(&self, now: Instant) -> bool {
        self.disproved.is_none_or(|at| now.duration_since(at) >= REMEMBERED)
    }
}

/// The bucket, and where it comes from.
pub(crate) struct Limit {
    /// `None`: no limit known.
    bucket: Option<Bucket>,
    /// By configuration, or by what the vendor says of its cloud: nothing to find out.
    fixed: bool,
    is_cloud: bool,
    level: f64,
    at: Instant,
    shadows: [Shadow; 2],
    refused_at: Instant,
    quiet: Duration,
    /// How many processes share the bucket: each has its part.
    processes: f64,
}

impl Limit {
    /// By configuration, of a portal in the vendor's cloud or of an own server.
    pub(crate) fn new(limit: RequestLimit, is_cloud: bool) -> Self {
        let (bucket, fixed) = match limit {
            RequestLimit::Auto => (is_cloud.then_some(STANDARD), is_cloud),
            RequestLimit::Bucket { burst, per_second } => (Some((f64::from(burst), f64::from(per_second))), true),
            RequestLimit::None => (None, true),
        };
        let is_cloud = is_cloud && limit == RequestLimit::Auto;
        let shadows = [STANDARD, ENTERPRISE].map(|bucket| Shadow { bucket, level: 0.0, disproved: None });
        let now = Instant::now();
        Self { bucket, fixed, is_cloud, level: 0.0, at: now, shadows, refused_at: now, quiet: QUIET, processes: 1.0 }
    }

    /// Another one from now on, of which as much is used as of this one.
    pub(crate) fn replaced(&self, limit: RequestLimit, is_cloud: bool) -> Self {
        let new = Self::new(limit, is_cloud);
        Self { level: self.level, at: self.at, processes: self.processes, ..new }
    }

    /// So many processes share the bucket.
    pub(crate) fn share(&mut self, processes: usize, now: Instant) {
        self.leak(now);
        self.processes = f64::from(u32::try_from(processes.max(1)).unwrap_or(u32::MAX));
    }

    /// This process's part of the bucket.
    fn own(&self) -> Option<Bucket> {
        self.bucket.map(|(burst, rate)| (burst / self.processes, rate / self.processes))
    }

    /// Whether there is a limit as far as is known.
    pub(crate) fn is_known(&self) -> bool {
        self.bucket.is_some()
    }

    /// How full the bucket is (0 to 1), and how long until there is room; `None` when there is.
    pub(crate) fn look(&mut self, now: Instant) -> (f64, Option<Duration>) {
        self.leak(now);
        let Some((_, rate)) = self.own() else { return (0.0, None) };
        let room = self.room(now);
        let excess = self.level + 1.0 - room;
        let wait = (excess > 0.0).then(|| Duration::from_secs_f64((excess / rate.max(0.1)).max(0.005)));
        (self.level / room, wait)
    }

    /// How much may pile up: a learned limit is tried again after a quiet time.
    fn room(&self, now: Instant) -> f64 {
        let (burst, _) = self.own().unwrap_or_default();
        let tries = !self.fixed && now.duration_since(self.refused_at) >= self.quiet;
        (burst - RESERVE / self.processes).max(1.0) + if tries { TRIED } else { 0.0 }
    }

    fn leak(&mut self, now: Instant) {
        let time = now.duration_since(self.at).as_secs_f64();
        if let Some((_, rate)) = self.own() {
            self.level = (self.level - time * rate).max(0.0);
        }
        for shadow in &mut self.shadows {
            shadow.level = (shadow.level - time * shadow.bucket.1).max(0.0);
        }
        self.at = now;
    }

    /// A request is sent.
    pub(crate) fn count(&mut self) {
        if self.bucket.is_some() {
            self.level += 1.0;
        }
    }

    /// One that was counted is not.
    pub(crate) fn uncount(&mut self) {
        self.level = (self.level - 1.0).max(0.0);
    }

    /// The portal took a request. True when that shows a learned limit to be none.
    pub(crate) fn accepted(&mut self, now: Instant) -> bool {
        self.leak(now);
        for shadow in &mut self.shadows {
            shadow.accepted(now);
        }
        let is_wrong = |shadow: &Shadow| self.bucket == Some(shadow.bucket) && !shadow.may_be(now);
        if self.fixed || !self.shadows.iter().any(is_wrong) {
            return false;
        }
        tracing::info!("the portal takes more requests than the limit that was learned: it is dropped");
        (self.bucket, self.level) = (None, 0.0);
        true
    }

    /// The portal refused a request, and again when it was repeated. A limit is learned from that when one of the
    /// vendor's could have let through what this portal has let through; else it has a bad moment, and no limit.
    pub(crate) fn overflowed(&mut self, now: Instant) {
        self.leak(now);
        if !self.fixed {
            let known = self.bucket;
            let thought = self.shadows.iter_mut().find(|shadow| shadow.may_be(now));
            // If it is that one, then it is full.
            self.bucket = thought.map(|shadow| {
                shadow.level = shadow.bucket.0;
                shadow.bucket
            });
            if now.duration_since(self.refused_at) >= self.quiet && known.is_some() {
                self.quiet = (self.quiet * 2).min(MOST_QUIET);
            }
            if known != self.bucket {
                let a_second = self.bucket.map(|(_, rate)| rate);
                tracing::warn!(a_second, "how many requests the portal takes, as learned by its refusals");
            }
        }
        self.refused_at = now;
        self.level = self.own().map_or(0.0, |(burst, _)| burst);
    }

    /// The portal told its plan.
    pub(crate) fn plan(&mut self, license_family: &str) {
        if (self.is_cloud || !self.fixed) && self.bucket.is_some() && license_family.eq_ignore_ascii_case("ent") {
            self.bucket = Some(ENTERPRISE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A portal with a bucket, or with none, that has a bad moment every thousand calls.
    struct Portal {
        bucket: Option<Bucket>,
        level: f64,
        at: Instant,
        calls: u32,
        is_sick: bool,
        overflows: u32,
    }

    impl Portal {
        fn new(bucket: Option<Bucket>, is_sick: bool) -> Self {
            Self { bucket, level: 0.0, at: Instant::now(), calls: 0, is_sick, overflows: 0 }
        }

        fn takes(&mut self) -> bool {
            self.calls += 1;
            let now = Instant::now();
            if let Some((burst, rate)) = self.bucket {
                self.level = (self.level - now.duration_since(self.at).as_secs_f64() * rate).max(0.0);
                self.at = now;
                if self.level + 1.0 > burst {
                    return false;
                }
                self.level += 1.0;
            }
            !self.is_sick || self.calls % 1000 < 997
        }
    }

    /// Sends as fast as the limit and the portal let it; the calls that were taken.
    async fn send(limit: &mut Limit, portal: &mut Portal, time: Duration) -> u32 {
        let (until, mut taken) = (Instant::now() + time, 0);
        while Instant::now() < until {
            if let (_, Some(wait)) = limit.look(Instant::now()) {
                tokio::time::sleep(wait).await;
                continue;
            }
            limit.count();
            if portal.takes() || portal.takes() {
                limit.accepted(Instant::now());
                taken += 1;
            } else {
                portal.overflows += 1;
                limit.overflowed(Instant::now());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        taken
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn one_refusal_is_not_for_ever() {
        let (mut limit, mut portal) = (Limit::new(RequestLimit::Auto, false), Portal::new(None, false));
        limit.overflowed(Instant::now());
        assert!(send(&mut limit, &mut portal, MINUTE).await < 180, "it is believed at first");
        assert!(send(&mut limit, &mut portal, MINUTE).await > 2000, "and found to be wrong after a quiet minute");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sick_server_without_a_limit_is_not_taken_for_one_with_a_limit() {
        let (mut limit, mut portal) = (Limit::new(RequestLimit::Auto, false), Portal::new(None, true));
        let taken = send(&mut limit, &mut portal, MINUTE * 3).await;
        assert!(taken > 7500 && portal.overflows > 5, "{taken} with {} bad moments", portal.overflows);
    }

    #[tokio::test(start_paused = true)]
    async fn a_true_limit_is_tried_ever_more_seldom() {
        for bucket in [STANDARD, ENTERPRISE] {
            let (mut limit, mut portal) = (Limit::new(RequestLimit::Auto, false), Portal::new(Some(bucket), false));
            send(&mut limit, &mut portal, MINUTE).await;
            portal.overflows = 0;
            let taken = send(&mut limit, &mut portal, MINUTE * 60).await;
            assert!(f64::from(taken) > 3600.0 * bucket.1 * 0.95, "{taken} at {bucket:?}");
            assert!(portal.overflows <= 8, "{} refusals in an hour at {bucket:?}", portal.overflows);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn three_processes_together_send_no_more_than_one() {
        let mut portal = Portal::new(Some(STANDARD), false);
        let mut limits = [0; 3].map(|_| Limit::new(RequestLimit::Auto, true));
        for limit in &mut limits {
            limit.share(3, Instant::now());
        }
        let mut taken = 0;
        for _ in 0..60_000 {
            for limit in &mut limits {
                if limit.look(Instant::now()).1.is_none() {
                    limit.count();
                    taken += u32::from(portal.takes());
                }
            }
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        // Six hundred seconds, two requests in each, and what the buckets held.
        assert!((1190..=1260).contains(&taken), "{taken}");
        assert_eq!(portal.calls, taken, "none is refused");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_holds_up_three_processes_no_longer_than_one() {
        let wait = |processes| {
            let mut limit = Limit::new(RequestLimit::Auto, true);
            limit.share(processes, Instant::now());
            limit.overflowed(Instant::now());
            limit.look(Instant::now()).1.unwrap_or_default()
        };
        assert_eq!(wait(1), Duration::from_secs(2));
        // Each waits until there is room for its own request; the bucket leaks for all.
        assert!(wait(3) < Duration::from_millis(3100), "{:?}", wait(3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_configured_stays() {
        let bucket = RequestLimit::Bucket { burst: 10, per_second: 1 };
        let (mut limit, mut portal) = (Limit::new(bucket, false), Portal::new(None, false));
        assert!(send(&mut limit, &mut portal, MINUTE * 10).await < 620);
        let mut none = Limit::new(RequestLimit::None, true);
        none.overflowed(Instant::now());
        assert!(!none.is_known());
    }
}

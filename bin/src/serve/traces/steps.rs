//! The steps that wait to be told: a bounded queue that nobody waits for. When more comes than can be told, whole messages are
//! left out, by their traces' numbers.

use openline_core::trace::{Step, TraceId, Tracer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many steps wait at most.
const MOST: usize = 4096;
/// The most that is told at once.
pub(super) const BATCH: usize = 512;

/// Which messages are followed: those whose numbers end below it.
#[derive(Clone)]
struct Share(Arc<AtomicU32>);

impl Share {
    fn takes(&self, trace: TraceId) -> bool {
        let TraceId([.., a, b, c, d]) = trace;
        u32::from_be_bytes([a, b, c, d]) <= self.0.load(Ordering::Relaxed)
    }
}

struct Follower {
    steps: Sender<Step>,
    share: Share,
}

impl Tracer for Follower {
    fn follows(&self, trace: TraceId) -> bool {
        self.share.takes(trace)
    }

    fn step(&self, step: Step) {
        // What has no room is left out: nobody waits for a collector.
        let _ = self.steps.try_send(step);
    }
}

/// What waits to be told.
pub(super) struct Steps {
    steps: Receiver<Step>,
    share: Share,
}

/// The follower, and what it leaves to be told.
pub(super) fn queue() -> (Arc<dyn Tracer>, Steps) {
    let (sender, receiver) = channel(MOST);
    let share = Share(Arc::new(AtomicU32::new(u32::MAX)));
    (Arc::new(Follower { steps: sender, share: share.clone() }), Steps { steps: receiver, share })
}

impl Steps {
    /// The next ones, as soon as there are some; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<Vec<Step>> {
        let mut batch = Vec::new();
        (self.steps.recv_many(&mut batch, BATCH).await > 0).then_some(batch)
    }

    /// Those that are there.
    pub(super) fn rest(&mut self) -> Vec<Step> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Ok(step) = self.steps.try_recv()
        {
            batch.push(step);
        }
        batch
    }

    /// Follows fewer messages while steps pile up, and more again when they don't.
    pub(super) fn adjust(&self) {
        let share = self.share.0.load(Ordering::Relaxed);
        let wanted = match self.steps.len() {
            waiting if waiting > BATCH => share / 2,
            0 => share.saturating_mul(2).saturating_add(1),
            _ => share,
        };
        self.share.0.store(wanted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::ChannelId;
    use std::time::Duration;

    fn step(last: u8) -> Step {
        let channel = ChannelId::parse("site").unwrap();
        let mut trace = [0; 16];
        trace[12] = last;
        let (began, took) = (Duration::ZERO, Duration::ZERO);
        let (direction, task, result) = ("to_operators", "send", "done");
        let (trace, name, first, attempts) = (TraceId(trace), "stored", false, 0);
        Step { trace, name, first, began, took, channel, direction, task, result, attempts }
    }

    #[tokio::test]
    async fn a_flood_leaves_out_whole_messages_and_nobody_waits() {
        let (follower, mut steps) = queue();
        assert!(follower.follows(step(255).trace));
        for _ in 0..3 * MOST {
            follower.step(step(0));
        }
        assert_eq!(steps.steps.len(), MOST);
        for _ in 0..3 {
            steps.next().await.unwrap();
            steps.adjust();
        }
        assert!(!follower.follows(step(0x20).trace), "of eight messages seven are left out");
        assert!(follower.follows(step(0x1f).trace));
        while !steps.rest().is_empty() {}
        for _ in 0..3 {
            steps.adjust();
        }
        assert!(follower.follows(step(255).trace), "all of them again");
    }
}

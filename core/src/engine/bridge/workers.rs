//! Who works off which queue while the program runs: a channel's comes and goes with it.

use crate::ports::store::Queue;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct Workers(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Ends all of them; `None` while the program does not run.
    stop: Option<CancellationToken>,
    each: HashMap<Queue, (CancellationToken, JoinHandle<()>)>,
}

impl Workers {
    /// From now on until `stop` whoever is begun works.
    pub(super) fn start(&self, stop: &CancellationToken) {
        self.0.lock().stop = Some(stop.clone());
    }

    /// Begins one, unless the program does not run (yet), or the queue has one.
    pub(super) fn begin<F>(&self, queue: &Queue, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut known = self.0.lock();
        let Some(stop) = known.stop.as_ref().map(CancellationToken::child_token) else { return };
        if !known.each.contains_key(queue) {
            known.each.insert(queue.clone(), (stop.clone(), tokio::spawn(work(stop))));
        }
    }

    /// Ends a queue's, after what is under way.
    pub(super) async fn end(&self, queue: &Queue) {
        let ended = self.0.lock().each.remove(queue);
        if let Some((stop, task)) = ended {
            stop.cancel();
            let _ = task.await;
        }
    }

    /// Returns when all have ended, because they were told to.
    pub(super) async fn ended(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        let all: Vec<_> = {
            let mut known = self.0.lock();
            known.stop = None;
            known.each.drain().collect()
        };
        for (_, (_, task)) in all {
            let _ = task.await;
        }
    }
}

//! Telling a collector which way messages took (`[traces]`), in programs that are built with the feature `otlp`.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod steps;

use crate::config::Config;
use openline_core::inbox::Doors;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What was not told yet gets so long at the end.
const LAST_WORDS: Duration = Duration::from_millis(400);

/// The telling, while it goes on.
pub(crate) struct Telling {
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Telling {
    /// Ends it, with what was not told yet.
    pub(crate) async fn end(self) {
        self.end.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, self.task).await;
    }
}

/// The same doors, with somebody who tells of what goes through them when that is configured; `process` is this process's
/// word.
#[cfg(feature = "otlp")]
pub(crate) fn follow(doors: Doors, config: &Config, process: &str) -> (Doors, Option<Telling>) {
    let Some(endpoint) = &config.traces.endpoint else { return (doors, None) };
    let collector = match collector::Collector::new(&config.traces, endpoint, &config.public_url, process) {
        Ok(collector) => collector,
        Err(problem) => {
            tracing::error!(problem, "traces can't be told");
            return (doors, None);
        }
    };
    let (follower, steps) = steps::queue();
    let end = CancellationToken::new();
    let task = tokio::spawn(collector.run(steps, end.clone()));
    (doors.traced(follower), Some(Telling { end, task }))
}

/// The configuration takes no collector in a program that was built without.
#[cfg(not(feature = "otlp"))]
pub(crate) fn follow(doors: Doors, _: &Config, _: &str) -> (Doors, Option<Telling>) {
    (doors, None)
}

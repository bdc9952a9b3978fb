//! The log, with a brake: what goes wrong again and again is said some times, then counted.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

/// So many lines of one place in the program are written …
const LINES: u32 = 20;
/// … within this time.
const WINDOW: Duration = Duration::from_secs(10);

/// Starts the log on the standard error output.
pub fn start(level: &str, json: bool) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let brake = Brake::default();
    let counts = brake.clone();
    // It ends with the process.
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(WINDOW);
            counts.tell();
        }
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let registry = Registry::default().with(wanted);
    if json {
        registry.with(layer.json().with_filter(brake)).init();
    } else {
        registry.with(layer.with_filter(brake)).init();
    }
}

/// Counts warnings and errors by where in the program they come from.
#[derive(Clone, Default)]
struct Brake(Arc<Mutex<HashMap<Identifier, Count>>>);

struct Count {
    since: Instant,
    lines: u32,
    left_out: u64,
    place: String,
}

impl Brake {
    /// Whether a line may be written.
    fn lets(&self, about: &Metadata<'_>, now: Instant) -> bool {
        if *about.level() > Level::WARN {
            return true;
        }
        let mut counts = self.0.lock();
        let place = || format!("{}:{}", about.file().unwrap_or_default(), about.line().unwrap_or_default());
        let new = || Count { since: now, lines: 0, left_out: 0, place: place() };
        let count = counts.entry(about.callsite()).or_insert_with(new);
        if now.duration_since(count.since) >= WINDOW {
            (count.since, count.lines) = (now, 0);
        }
        count.lines = count.lines.saturating_add(1);
        let lets = count.lines <= LINES;
        count.left_out += u64::from(!lets);
        lets
    }

    /// Says what was left out.
    fn tell(&self) {
        for (place, left_out) in self.take() {
            tracing::warn!(left_out, place, "lines like those before were left out");
        }
    }

    fn take(&self) -> Vec<(String, u64)> {
        let mut counts = self.0.lock();
        let left_out = counts.values_mut().filter(|count| count.left_out > 0);
        left_out.map(|count| (count.place.clone(), std::mem::take(&mut count.left_out))).collect()
    }
}

impl<S: Subscriber> Filter<S> for Brake {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &tracing::Event<'_>, _: &Context<'_, S>) -> bool {
        self.lets(event.metadata(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_goes_wrong_again_and_again_is_counted() {
        let (lines, brake) = (Lines::default(), Brake::default());
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(brake.clone());
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            for n in 0..1000 {
                tracing::error!(n, "again");
                tracing::info!(n, "fine");
            }
            tracing::error!("another");
            brake.tell();
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!((count("again"), count("fine"), count("another")), (20, 1000, 1));
        assert_eq!(count("left_out=980"), 1, "{text}");
    }
}

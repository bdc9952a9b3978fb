//! How many messages are accepted a second, and what one costs.

use crate::REPEATS;
use crate::machine::Watch;
use crate::process;
use crate::stand::{Stand, unlimited};
use crate::stats::{Samples, micros_each, ms, rate};
use crate::table::Table;
use crate::visitor::{Visitor, all_send};
use anyhow::Result;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_millis(500);
const TIME: Duration = Duration::from_secs(3);
/// How many visitors there are, one measurement after another.
pub(crate) const CROWDS: [usize; 3] = [1, 16, 64];

/// What one measurement saw.
pub(crate) struct Seen {
    pub(crate) others: String,
    pub(crate) samples: Samples,
    pub(crate) time: Duration,
    /// Service's CPU while accepting, per accepted message, in microseconds.
    pub(crate) cpu: f64,
    /// The same until everything was delivered; zero when the portal is away.
    cpu_delivered: f64,
    portal: f64,
    generator: f64,
    shares: String,
    /// Cores in use while accepting: the service's, the portal's, the load generator's.
    cores: String,
    delivered: usize,
    drain: Duration,
    rss: f64,
}

/// With these crowds.
pub(crate) async fn run(crowds: &[usize]) -> Result<()> {
    for away in [true, false] {
        let title = if away {
            "accept: the portal is away, messages are stored and queued"
        } else {
            "accept: the portal answers at once, messages are delivered meanwhile and afterwards"
        };
        let headings = [
            "visitors",
            "accepted/s",
            "p50",
            "p99",
            "CPU/message",
            "CPU/message with delivery",
            "delivered meanwhile/s",
            "delivered overall/s",
            "portal's CPU/message",
            "generator's CPU/message",
            "RSS",
            "cores: service, portal, generator",
            "service's threads",
            "load, others",
        ];
        let mut table = Table::new(title, &headings);
        for &visitors in crowds {
            let mut best: Option<Seen> = None;
            for _ in 0..REPEATS {
                let seen = once(visitors, away, "").await?;
                if best.as_ref().is_none_or(|best| seen.samples.count() > best.samples.count()) {
                    best = Some(seen);
                }
            }
            if let Some(seen) = best {
                table.row(row(visitors, &seen));
            }
        }
        table.print();
    }
    Ok(())
}

fn row(visitors: usize, seen: &Seen) -> Vec<String> {
    let accepted = seen.samples.count();
    let or_none = |there: bool, text: String| if there { text } else { "–".to_owned() };
    let delivers = seen.cpu_delivered > 0.0;
    vec![
        visitors.to_string(),
        format!("{:.0}", rate(accepted, seen.time)),
        ms(seen.samples.p50()),
        ms(seen.samples.p99()),
        format!("{:.0} µs", seen.cpu),
        or_none(delivers, format!("{:.0} µs", seen.cpu_delivered)),
        or_none(delivers, format!("{:.0}", rate(seen.delivered, seen.time))),
        or_none(delivers, format!("{:.0}", rate(accepted, seen.time + seen.drain))),
        or_none(delivers, format!("{:.0} µs", seen.portal)),
        format!("{:.0} µs", seen.generator),
        format!("{:.0} MB", seen.rss),
        seen.cores.clone(),
        seen.shares.clone(),
        seen.others.clone(),
    ]
}

/// One measurement; `tables` are more of the configuration.
pub(crate) async fn once(visitors: usize, away: bool, tables: &str) -> Result<Seen> {
    let channels = format!("{tables}[channels.site]\nkind = \"website\"\n");
    let mut stand = Stand::with(unlimited(), &channels, &["openline_site"]).await?;
    let crowd = Visitor::crowd(&stand, visitors).await?;
    let (crowd, _) = all_send(crowd, WARM_UP).await?;
    let warm = crowd.iter().map(Visitor::sent).sum();
    stand.until_delivered(warm).await?;
    let crowd = if away {
        stand.portal_leaves().await?;
        // So that it is known to be away.
        all_send(crowd, WARM_UP).await?.0
    } else {
        crowd
    };
    let sent_before: usize = crowd.iter().map(Visitor::sent).sum();
    let watch = Watch::begin().await?;
    let (before, started) = (stand.cpu()?, Instant::now());
    let (crowd, samples) = all_send(crowd, TIME).await?;
    let (used, time) = (stand.cpu()?.since(&before), started.elapsed());
    let accepted = samples.count();
    let rss = process::memory(stand.pid)?.0;
    let mut seen = Seen {
        others: watch.end()?,
        cpu: micros_each(used.total(), accepted),
        cpu_delivered: 0.0,
        portal: 0.0,
        generator: micros_each(used.load, accepted),
        shares: used.shares(),
        cores: used.cores(time),
        delivered: stand.delivered().saturating_sub(sent_before),
        drain: Duration::ZERO,
        samples,
        time,
        rss,
    };
    if !away {
        let started = Instant::now();
        stand.until_delivered(crowd.iter().map(Visitor::sent).sum()).await?;
        let used = stand.cpu()?.since(&before);
        seen.drain = started.elapsed();
        seen.cpu_delivered = micros_each(used.total(), accepted);
        seen.portal = micros_each(used.portal, accepted);
    }
    Ok(seen)
}

//! How long a visitor waits for the acknowledgement, whatever the portal's speed.

use crate::REPEATS;
use crate::machine::Watch;
use crate::stand::{Stand, unlimited};
use crate::stats::{Samples, ms, rate};
use crate::table::Table;
use crate::visitor::{Visitor, all_send_paced};
use anyhow::Result;
use openline_sandbox::Fault;
use std::time::Duration;

const VISITORS: usize = 16;
const PAUSE: Duration = Duration::from_millis(100);
const TIME: Duration = Duration::from_secs(6);

pub(crate) async fn run() -> Result<()> {
    let title = format!("latency: {VISITORS} visitors send one message each {PAUSE:?}");
    let mut table =
        Table::new(&title, &["portal's time a call", "messages/s", "p50", "p99", "slowest", "load, others"]);
    for portal in [0, 300] {
        let mut best: Option<(String, Samples)> = None;
        for _ in 0..REPEATS {
            let seen = once(Duration::from_millis(portal)).await?;
            if best.as_ref().is_none_or(|(_, best)| seen.1.p99() < best.p99()) {
                best = Some(seen);
            }
        }
        if let Some((others, samples)) = best {
            table.row(vec![
                format!("{portal} ms"),
                format!("{:.0}", rate(samples.count(), TIME)),
                ms(samples.p50()),
                ms(samples.p99()),
                ms(samples.quantile(1.0)),
                others,
            ]);
        }
    }
    table.print();
    Ok(())
}

async fn once(portal: Duration) -> Result<(String, Samples)> {
    let stand = Stand::start(unlimited()).await?;
    if !portal.is_zero() {
        stand.sandbox()?.faults().add(Fault::latency(portal));
    }
    let mut crowd = Visitor::crowd(&stand, VISITORS).await?;
    for visitor in &mut crowd {
        visitor.send().await?;
    }
    let watch = Watch::begin().await?;
    let (_, samples) = all_send_paced(crowd, PAUSE, TIME).await?;
    Ok((watch.end()?, samples))
}

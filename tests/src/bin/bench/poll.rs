//! What it costs to ask for news.

use crate::REPEATS;
use crate::machine::Watch;
use crate::process;
use crate::stand::{Stand, unlimited};
use crate::stats::{Samples, micros_each, ms, rate};
use crate::table::Table;
use crate::visitor::Visitor;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Connections that poll at the same time.
const TABS: usize = 8;
const TIME: Duration = Duration::from_secs(2);

/// What one measurement saw.
struct Seen {
    others: String,
    polls: usize,
    time: Duration,
    cpu: f64,
    request: usize,
    answer: usize,
    samples: Samples,
}

pub(crate) async fn run() -> Result<()> {
    let headings = ["history", "new", "CPU/poll", "answer", "request", "polls/s", "p50", "p99", "load, others"];
    let mut table = Table::new(&format!("poll: {TABS} pages ask again and again"), &headings);
    for history in [10, 100, 1000] {
        let stand = Stand::start(unlimited()).await?;
        let mut crowd = Visitor::crowd(&stand, TABS).await?;
        for visitor in &mut crowd {
            for _ in 0..history {
                visitor.send().await?;
            }
        }
        stand.until_delivered(TABS * history).await?;
        for new in [0, 1] {
            let mut best: Option<Seen> = None;
            for _ in 0..REPEATS {
                let (back, seen) = once(&stand, crowd, new).await?;
                crowd = back;
                if best.as_ref().is_none_or(|best| seen.cpu < best.cpu) {
                    best = Some(seen);
                }
            }
            if let Some(seen) = best {
                table.row(vec![
                    history.to_string(),
                    new.to_string(),
                    format!("{:.1} µs", seen.cpu),
                    format!("{} B", seen.answer),
                    format!("{} B", seen.request),
                    format!("{:.0}", rate(seen.polls, seen.time)),
                    ms(seen.samples.p50()),
                    ms(seen.samples.p99()),
                    seen.others,
                ]);
            }
        }
    }
    table.print();
    Ok(())
}

async fn once(stand: &Stand, crowd: Vec<Visitor>, new: i64) -> Result<(Vec<Visitor>, Seen)> {
    let watch = Watch::begin().await?;
    let (before, started) = (process::cpu(stand.pid)?, Instant::now());
    let tasks: Vec<_> = crowd.into_iter().map(|visitor| tokio::spawn(ask(visitor, new, started + TIME))).collect();
    let (mut crowd, mut samples, mut sizes) = (Vec::new(), Samples::default(), (0, 0));
    for task in tasks {
        let (visitor, seen, size) = task.await??;
        crowd.push(visitor);
        samples.append(seen);
        sizes = size;
    }
    let (cpu, time) = (process::cpu(stand.pid)?.saturating_sub(before), started.elapsed());
    let polls = samples.count();
    let (request, answer) = sizes;
    Ok((crowd, Seen { others: watch.end()?, polls, time, cpu: micros_each(cpu, polls), request, answer, samples }))
}

async fn ask(mut visitor: Visitor, new: i64, until: Instant) -> Result<(Visitor, Samples, (usize, usize))> {
    let since = visitor.cursor().await? - new;
    let (mut samples, mut sizes) = (Samples::default(), (0, 0));
    while Instant::now() < until {
        let started = Instant::now();
        let (request, answer) = visitor.poll(since, 0).await?;
        sizes = (request, answer.size());
        samples.push(started.elapsed());
    }
    Ok((visitor, samples, sizes))
}

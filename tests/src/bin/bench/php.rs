//! The vendor's tutorial example, measured the same way.

use crate::REPEATS;
use crate::accept;
use crate::machine::Watch;
use crate::php_site::{Site, Visitor};
use crate::process;
use crate::stand::unlimited;
use crate::stats::{Samples, micros_each, ms, rate};
use crate::table::Table;
use anyhow::Result;
use openline_sandbox::SandboxConfig;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(3);
const POLLS: usize = 200;

pub(crate) async fn run() -> Result<()> {
    accept(&accept::CROWDS).await?;
    losses().await?;
    poll().await
}

async fn crowd(site: &Site, count: usize) -> Result<Vec<Visitor>> {
    let mut crowd = Vec::with_capacity(count);
    for who in 0..count {
        crowd.push(Visitor::open(site.address, format!("v{who}")).await?);
    }
    Ok(crowd)
}

async fn all_send(crowd: Vec<Visitor>, time: Duration, pause: Duration) -> Result<(Vec<Visitor>, Samples)> {
    let until = Instant::now() + time;
    let tasks: Vec<_> = crowd.into_iter().map(|visitor| tokio::spawn(visitor.send_until(until, pause))).collect();
    let (mut crowd, mut all) = (Vec::new(), Samples::default());
    for task in tasks {
        let (visitor, samples) = task.await??;
        crowd.push(visitor);
        all.append(samples);
    }
    Ok((crowd, all))
}

/// The example and openline by turns, so that an hour in which the machine is slower is both's.
pub(crate) async fn accept(crowds: &[usize]) -> Result<()> {
    let title = "php: accepted messages, the portal answers at once; the example and openline by turns";
    let headings = ["visitors", "who", "accepted/s", "p50", "p99", "CPU/message", "load, others"];
    let mut table = Table::new(title, &headings);
    for &visitors in crowds {
        let (mut example, mut ours) = (None, None);
        for _ in 0..REPEATS {
            keep_best(&mut example, once(visitors).await?);
            let seen = accept::once(visitors, false, "").await?;
            keep_best(&mut ours, Row { samples: seen.samples, time: seen.time, cpu: seen.cpu, others: seen.others });
        }
        let (Some(example), Some(ours)) = (example, ours) else { continue };
        let factor = ours.rate() / example.rate();
        table.row(example.cells(visitors, "the example".to_owned()));
        table.row(ours.cells(visitors, format!("openline, {factor:.1} times as many")));
    }
    table.print();
    Ok(())
}

/// What one measurement saw.
struct Row {
    samples: Samples,
    time: Duration,
    /// Per accepted message, in microseconds.
    cpu: f64,
    others: String,
}

impl Row {
    fn rate(&self) -> f64 {
        rate(self.samples.count(), self.time)
    }

    fn cells(&self, visitors: usize, who: String) -> Vec<String> {
        vec![
            visitors.to_string(),
            who,
            format!("{:.0}", self.rate()),
            ms(self.samples.p50()),
            ms(self.samples.p99()),
            format!("{:.0} µs", self.cpu),
            self.others.clone(),
        ]
    }
}

fn keep_best(best: &mut Option<Row>, row: Row) {
    if best.as_ref().is_none_or(|best| row.rate() > best.rate()) {
        *best = Some(row);
    }
}

async fn once(visitors: usize) -> Result<Row> {
    let site = Site::start(unlimited()).await?;
    let crowd = crowd(&site, visitors).await?;
    let watch = Watch::begin().await?;
    let (before, started) = (process::family_cpu(site.pid)?, Instant::now());
    let (_, samples) = all_send(crowd, TIME, Duration::ZERO).await?;
    let time = started.elapsed();
    let cpu = micros_each(process::family_cpu(site.pid)?.saturating_sub(before), samples.count());
    Ok(Row { samples, time, cpu, others: watch.end()? })
}

async fn losses() -> Result<()> {
    let mut table = Table::new("php: what is lost", &["situation", "acknowledged", "there", "lost"]);
    let mut row = |situation: &str, acknowledged: usize, there: usize| {
        let lost = acknowledged.saturating_sub(there);
        let share = lost as f64 * 100.0 / acknowledged.max(1) as f64;
        table.row(vec![
            situation.to_owned(),
            acknowledged.to_string(),
            there.to_string(),
            format!("{lost} ({share:.0} %)"),
        ]);
    };
    let limited = SandboxConfig { greeting: None, operating_limit_s: None, ..SandboxConfig::default() };
    let site = Site::start(limited).await?;
    // 8 messages a second.
    let (crowd, _) = all_send(crowd(&site, 16).await?, Duration::from_secs(30), Duration::from_secs(2)).await?;
    let acknowledged = crowd.iter().map(|visitor| visitor.sent).sum();
    row("8 messages/s for 30 s at the portal's limit of 2/s burst 50: in the portal", acknowledged, site.delivered());
    drop(site);
    let site = Site::start(unlimited()).await?;
    let mut visitor = crowd_of_one(&site).await?;
    visitor.send().await?;
    let operator = operator(&site, visitor.chat.clone().unwrap_or_default(), TIME);
    let until = Instant::now() + TIME;
    let (sent, answered) = tokio::join!(visitor.send_until(until, Duration::from_millis(20)), operator);
    let written = sent?.0.sent + answered?;
    row("a visitor and an operator write at the same time: in the chat's file", written, site.stored()?);
    table.print();
    Ok(())
}

async fn crowd_of_one(site: &Site) -> Result<Visitor> {
    Visitor::open(site.address, "v0".to_owned()).await
}

/// An operator who answers in the visitor's chat: the portal's events; how many.
async fn operator(site: &Site, chat: String, time: Duration) -> Result<usize> {
    let poster = Visitor::open(site.address, "portal".to_owned()).await?;
    let (until, mut count) = (Instant::now() + time, 0);
    while Instant::now() < until {
        let part = "data[MESSAGES][0]";
        let form = format!(
            "event=ONIMCONNECTORMESSAGEADD&{part}[im][chat_id]=1&{part}[im][message_id]={count}&{part}[message][text]=a&{part}[chat][id]={chat}"
        );
        poster.post("handler.php", &form).await?;
        count += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(count)
}

async fn poll() -> Result<()> {
    let headings = ["history", "new", "CPU/poll", "answer", "p50", "p99", "load, others"];
    let mut table = Table::new("php: the page asks every five seconds, and gets the whole history", &headings);
    let site = Site::start(unlimited()).await?;
    let mut visitor = crowd_of_one(&site).await?;
    visitor.send().await?;
    for history in [10, 100, 1000] {
        site.fill(&visitor, history)?;
        let mut best: Option<(f64, Vec<String>)> = None;
        for _ in 0..REPEATS {
            let watch = Watch::begin().await?;
            let (before, mut samples, mut size) = (process::family_cpu(site.pid)?, Samples::default(), 0);
            for _ in 0..POLLS {
                let started = Instant::now();
                let (head, body) = visitor.post("ajax.php", "type=chat_history").await?;
                samples.push(started.elapsed());
                size = head.len() + body.len();
            }
            let cpu = micros_each(process::family_cpu(site.pid)?.saturating_sub(before), POLLS);
            let cells = vec![
                history.to_string(),
                "0".to_owned(),
                format!("{cpu:.0} µs"),
                format!("{size} B"),
                ms(samples.p50()),
                ms(samples.p99()),
                watch.end()?,
            ];
            if best.as_ref().is_none_or(|(best, _)| cpu < *best) {
                best = Some((cpu, cells));
            }
        }
        if let Some((_, cells)) = best {
            table.row(cells);
        }
    }
    table.print();
    Ok(())
}

//! Twenty portals on one machine, each served by a process of its own, and nobody writes: what they take.

use crate::machine::Watch;
use crate::process;
use crate::stand::{Stand, unlimited};
use crate::table::Table;
use anyhow::Result;
use openline_sandbox::messengers::{Server, Which};
use std::time::Duration;

const PORTALS: usize = 20;
/// After the last one is installed: what an installation sets going is over.
const SETTLING: Duration = Duration::from_secs(30);
/// How long they are watched, unless told otherwise.
pub(crate) const WATCHED: u64 = 60;

pub(crate) async fn run(seconds: u64) -> Result<()> {
    let title = format!("portals: {PORTALS} processes, each with a website chat and a described messenger, idle");
    let mut table = Table::new(&title, &["", "each", "the most", "all"]);
    let (mut stands, mut messengers) = (Vec::new(), Vec::new());
    for _ in 0..PORTALS {
        let messenger = Server::start(Which::WhatsApp).await?;
        let channels = format!(
            "[channels.site]\nkind = \"website\"\n[channels.phone]\nkind = \"whatsapp\"\n[channels.phone.settings]\n{}",
            messenger.settings()
        );
        stands.push(Stand::with(unlimited(), &channels, &["openline_site", "openline_phone"]).await?);
        messengers.push(messenger);
    }
    tokio::time::sleep(SETTLING).await;
    let watch = Watch::begin().await?;
    let before = stands.iter().map(|stand| Seen::of(stand.pid)).collect::<Result<Vec<_>>>()?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = stands.iter().map(|stand| Seen::of(stand.pid)).collect::<Result<Vec<_>>>()?;
    let others = watch.end()?;
    let each = |value: &dyn Fn(&Seen, &Seen) -> f64| -> Vec<f64> {
        before.iter().zip(&after).map(|(b, a)| value(b, a)).collect()
    };
    let span = seconds as f64;
    let cpu = each(&|b, a| a.cpu.saturating_sub(b.cpu).as_secs_f64() / span * 100.0);
    let wakes = each(&|b, a| a.wakes.saturating_sub(b.wakes) as f64 / span);
    table.row(row("CPU, of one core", &cpu, "%", 3));
    table.row(row("wake-ups a second", &wakes, "", 1));
    table.row(row("memory, shared pages divided (PSS)", &each(&|_, a| a.pss), "MB", 1));
    table.row(row("memory (RSS)", &each(&|_, a| a.rss), "MB", 1));
    table.print();
    println!("watched for {seconds} s; load, others: {others}\n");
    Ok(())
}

/// One process at one moment.
struct Seen {
    cpu: Duration,
    /// How often a thread of it has slept.
    wakes: u64,
    rss: f64,
    pss: f64,
}

impl Seen {
    fn of(pid: u32) -> Result<Self> {
        let (rss, pss) = process::memory(pid)?;
        let cpu = process::threads(pid)?.values().sum();
        Ok(Self { cpu, wakes: process::wakes(pid)?, rss, pss })
    }
}

fn row(what: &str, values: &[f64], unit: &str, digits: usize) -> Vec<String> {
    let sum: f64 = values.iter().sum();
    let shown = |value: f64| format!("{value:.digits$} {unit}").trim_end().to_owned();
    let most = values.iter().copied().fold(0.0, f64::max);
    vec![what.to_owned(), shown(sum / values.len() as f64), shown(most), shown(sum)]
}

//! What the figures were seen on.

use crate::process::family_cpu;
use crate::stats::{Samples, ms};
use anyhow::Result;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the disk is asked.
const FLUSHES: usize = 200;
/// Others may use this share of the machine; while it is more, a measurement waits for a quieter moment.
const QUIET: f64 = 0.08;
/// For so many looks, half a second each.
const LOOKS: usize = 12;

/// The folder of this program: on the disk that builds use, not in memory as a temporary folder may be.
pub(crate) fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().map(PathBuf::from).unwrap_or_default())
}

/// A line about the machine.
pub(crate) fn describe() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let flushes = flushes()?;
    Ok(format!(
        "Machine: {}, {cores} cores, Linux {}, fdatasync of 4 KiB {} (p99 {}), load {}",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        ms(flushes.p50()),
        ms(flushes.p99()),
        load(),
    ))
}

/// What others do on the machine during a measurement.
pub(crate) struct Watch {
    load: String,
    started: Instant,
    busy: Duration,
    own: Duration,
}

impl Watch {
    /// Begins, in a quiet moment if one comes soon.
    pub(crate) async fn begin() -> Result<Self> {
        for _ in 0..LOOKS {
            let look = Self::look()?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            if look.others()? < QUIET {
                break;
            }
        }
        Self::look()
    }

    fn look() -> Result<Self> {
        Ok(Self { load: load(), started: Instant::now(), busy: busy()?, own: family_cpu(std::process::id())? })
    }

    /// The share of the machine that others took since the beginning. What this program started has to be alive.
    fn others(&self) -> Result<f64> {
        let own = family_cpu(std::process::id())?.saturating_sub(self.own);
        let others = busy()?.saturating_sub(self.busy).saturating_sub(own);
        let cores = std::thread::available_parallelism()?.get() as f64;
        Ok(others.as_secs_f64() / self.started.elapsed().as_secs_f64().max(1e-9) / cores)
    }

    /// Ends: "load average, share of others".
    pub(crate) fn end(self) -> Result<String> {
        Ok(format!("{}, {:.0} %", self.load, self.others()? * 100.0))
    }
}

/// What all cores together spent at work since the start, in ticks of 10 ms; the hypervisor's share counts as work.
fn busy() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let at_work = [0, 1, 2, 5, 6, 7].into_iter().filter_map(|column| ticks.get(column)).sum::<u64>();
    Ok(Duration::from_millis(at_work * 10))
}

/// The load average of the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// How long the disk takes to make 4 KiB durable, appended one after another.
fn flushes() -> Result<Samples> {
    let mut file = tempfile::tempfile_in(folder()?)?;
    let mut samples = Samples::default();
    for _ in 0..FLUSHES {
        file.write_all(&[1; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        samples.push(started.elapsed());
    }
    Ok(samples)
}

//! What a process used, from `/proc`.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// CPU time used so far, by the names of the threads (live ones).
pub(crate) type Cpu = BTreeMap<String, Duration>;

/// CPU time of a process's threads: nanoseconds from `schedstat`, grouped by the thread's name without its number.
pub(crate) fn threads(pid: u32) -> Result<Cpu> {
    let mut times = Cpu::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        let ran = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let ran = ran.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
        *times.entry(name).or_default() += Duration::from_nanos(ran);
    }
    Ok(times)
}

/// CPU time of a whole process, threads that ended included: ticks from `stat`, of which Linux has 100 a second.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold anything.
    let after = stat.rsplit_once(") ").map(|(_, after)| after).context("an unusual stat")?;
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// CPU time of a process and all its descendants.
pub(crate) fn family_cpu(pid: u32) -> Result<Duration> {
    let mut total = cpu(pid)?;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let children = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            total += family_cpu(child)?;
        }
    }
    Ok(total)
}

/// What was used between two looks.
pub(crate) fn difference(before: &Cpu, after: &Cpu) -> Cpu {
    let since = |(name, time): (&String, &Duration)| {
        (name.clone(), time.saturating_sub(before.get(name).copied().unwrap_or_default()))
    };
    after.iter().map(since).collect()
}

/// Resident memory in MB: what is mapped (RSS), and that with shared pages divided among those who share them (PSS).
pub(crate) fn memory(pid: u32) -> Result<(f64, f64)> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kilobytes = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0)
    };
    Ok((kilobytes("Rss:") * 1024.0 / 1e6, kilobytes("Pss:") * 1024.0 / 1e6))
}

/// How often its threads went to sleep by themselves, and so were woken.
pub(crate) fn wakes(pid: u32) -> Result<u64> {
    let mut all = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(task?.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        all += line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(all)
}

/// The most that was ever resident, in MB.
pub(crate) fn peak(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0 / 1e6)
}

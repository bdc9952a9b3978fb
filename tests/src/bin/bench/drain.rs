//! Delivery while the portal's request limit binds.

use crate::machine::Watch;
use crate::stand::Stand;
use crate::stats::{ms, rate};
use crate::table::Table;
use crate::visitor::{Visitor, all_send_paced};
use anyhow::{Context, Result};
use openline_sandbox::{Fault, Sandbox, SandboxConfig};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

const VISITORS: usize = 40;
/// All visitors together: 20 messages a second.
const PAUSE: Duration = Duration::from_secs(2);
const TIME: Duration = Duration::from_secs(60);
const PORTAL: Duration = Duration::from_millis(50);
/// How long what is left may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run() -> Result<()> {
    let config = SandboxConfig { greeting: None, operating_limit_s: None, ..SandboxConfig::default() };
    let stand = Stand::start(config).await?;
    let sandbox = Arc::clone(stand.sandbox()?);
    sandbox.faults().add(Fault::latency(PORTAL));
    sandbox.clear_record();
    let crowd = Visitor::crowd(&stand, VISITORS).await?;
    let (machine, began) = (Watch::begin().await?, Instant::now());
    let watching = tokio::spawn(watch(Arc::clone(&sandbox), began));
    let (crowd, samples) = all_send_paced(crowd, PAUSE, TIME).await?;
    let offered: usize = crowd.iter().map(Visitor::sent).sum();
    while stand.delivered() < offered && began.elapsed() < TIME + PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (delivered, took) = (stand.delivered(), began.elapsed());
    watching.abort();
    let others = machine.end()?;
    let calls = sandbox.view(|view| {
        let calls = view.calls_of("imconnector.send.messages").filter(|call| call.verdict == "ok");
        calls.map(|call| call.params["MESSAGES"].as_array().map_or(0, Vec::len)).collect::<Vec<_>>()
    });
    let (second, largest) = (second_half(&sandbox, took)?, calls.iter().max().copied().unwrap_or(0));
    let headings = [
        "offered",
        "delivered",
        "in order",
        "within",
        "rate over all",
        "rate in the second half",
        "calls",
        "messages/call",
        "most in a call",
        "send p99",
        "refused by the limit, each minute",
        "load, others",
    ];
    let title =
        format!("drain: limit 2/s burst 50, {PORTAL:?} a call, {VISITORS} visitors, 20 messages/s for {TIME:?}");
    let mut table = Table::new(&title, &headings);
    table.row(vec![
        offered.to_string(),
        delivered.to_string(),
        in_order(&sandbox, &crowd).to_string(),
        format!("{:.1} s", took.as_secs_f64()),
        format!("{:.1}/s", rate(delivered, took)),
        format!("{second:.1}/s"),
        calls.len().to_string(),
        format!("{:.1}", delivered as f64 / calls.len().max(1) as f64),
        largest.to_string(),
        ms(samples.p99()),
        refused(&sandbox),
        others,
    ]);
    table.print();
    Ok(())
}

/// Prints how delivery goes on, each ten seconds.
async fn watch(sandbox: Arc<Sandbox>, began: Instant) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (count, calls) = sandbox.view(|view| {
            let count = view.all_messages().filter(|message| message.author.side() == "client").count();
            (count, view.calls().count())
        });
        println!("after {:.0} s: {count} delivered, {calls} calls", began.elapsed().as_secs_f64());
    }
}

/// Messages a second that arrived in the second half of the time.
fn second_half(sandbox: &Sandbox, took: Duration) -> Result<f64> {
    let times: Vec<(i64, usize)> = sandbox.view(|view| {
        let calls = view.calls_of("imconnector.send.messages").filter(|call| call.verdict == "ok");
        calls.map(|call| (call.at_ms, call.params["MESSAGES"].as_array().map_or(0, Vec::len))).collect()
    });
    let first = times.first().context("no calls")?.0;
    let half = i64::try_from(took.as_millis() / 2)?;
    let late: usize = times.iter().filter(|(at, _)| *at >= first + half).map(|(_, count)| count).sum();
    Ok(rate(late, took / 2))
}

/// Whether every visitor's messages stand in the portal once and in order.
fn in_order(sandbox: &Sandbox, crowd: &[Visitor]) -> bool {
    let mut there: HashMap<String, Vec<String>> = HashMap::new();
    sandbox.view(|view| {
        for dialog in view.dialogs() {
            let texts = view.texts(dialog.chat_id, "client");
            there.insert(texts.first().cloned().unwrap_or_default(), texts);
        }
    });
    crowd.iter().all(|visitor| {
        let texts = visitor.texts();
        texts.first().and_then(|first| there.get(first)) == Some(&texts)
    })
}

/// Calls that the portal refused as one too many, by minute.
fn refused(sandbox: &Sandbox) -> String {
    let mut minutes: BTreeMap<i64, usize> = BTreeMap::new();
    sandbox.view(|view| {
        let first = view.calls().next().map_or(0, |call| call.at_ms);
        for call in view.calls() {
            let count = minutes.entry((call.at_ms - first) / 60_000).or_default();
            *count += usize::from(call.verdict == "QUERY_LIMIT_EXCEEDED");
        }
    });
    minutes.values().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

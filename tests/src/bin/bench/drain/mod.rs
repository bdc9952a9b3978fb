//! Delivery while the portal's request limit binds, with everything that a day has: messages of several channels, notes,
//! replies, confirmations, edits, and failing answers.

mod account;
mod traffic;

use crate::caller;
use crate::machine::Watch;
use crate::stand::{Stand, unlimited};
use crate::table::Table;
use account::{Account, Class};
use anyhow::Result;
use openline_sandbox::{Fault, Sandbox, SandboxConfig};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use traffic::Written;

const PORTAL: Duration = Duration::from_millis(50);
/// How long what is left may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often it is looked what has arrived.
const LOOK: Duration = Duration::from_millis(100);
const MESSAGES: &str = "imconnector.send.messages";

struct Scenario {
    name: &'static str,
    limited: bool,
    faults: Vec<Fault>,
}

fn scenarios() -> Vec<Scenario> {
    let html = || Fault::html(502).probability(0.1);
    let busy = |probability| Fault::status(503).probability(probability);
    vec![
        Scenario { name: "limit 2/s burst 50", limited: true, faults: vec![] },
        Scenario { name: "limit 2/s burst 50, 10 % html 502", limited: true, faults: vec![html()] },
        Scenario { name: "limit 2/s burst 50, 1 % 503", limited: true, faults: vec![busy(0.01)] },
        Scenario { name: "no limit, 10 % 503", limited: false, faults: vec![busy(0.1)] },
    ]
}

/// All scenarios, or the one of this number (from 1).
pub(crate) async fn run(minutes: u64, only: Option<u64>) -> Result<()> {
    for (number, scenario) in (1..).zip(scenarios()) {
        if only.is_none_or(|only| only == number) {
            measure(scenario, Duration::from_secs(60 * minutes)).await?;
        }
    }
    Ok(())
}

async fn measure(scenario: Scenario, time: Duration) -> Result<()> {
    let limited = SandboxConfig { greeting: None, operating_limit_s: None, ..SandboxConfig::default() };
    let website = |id: &str| format!("[channels.{id}]\nkind = \"website\"\n");
    let channels = [website("site"), website("shop"), caller::CHANNEL.to_owned()].concat();
    let connectors = ["openline_site", "openline_shop", "openline_crm"];
    let stand = Stand::with(if scenario.limited { limited } else { unlimited() }, &channels, &connectors).await?;
    let sandbox = Arc::clone(stand.sandbox()?);
    sandbox.faults().add(Fault::latency(PORTAL));
    scenario.faults.into_iter().for_each(|fault| sandbox.faults().add(fault));
    sandbox.clear_record();
    let (machine, began, account) = (Watch::begin().await?, Instant::now(), Arc::new(Account::default()));
    let (looking, looks) = (Arc::clone(&account), Arc::clone(&sandbox));
    let watching = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            looks.view(|view| looking.look(view));
        }
    });
    let written = traffic::run(&stand, &account, time).await?;
    while !account.is_done() && began.elapsed() < time + PATIENCE {
        tokio::time::sleep(LOOK).await;
    }
    let took = began.elapsed();
    watching.abort();
    tell(scenario.name, time, &account);
    tell_calls(&sandbox, &written, took, &machine.end()?);
    Ok(())
}

fn tell(name: &str, time: Duration, account: &Account) {
    let title = format!(
        "drain: {name}, {} ms a call; 40 visitors of 3 channels, 20 messages/s for {} s",
        PORTAL.as_millis(),
        time.as_secs()
    );
    let mut table = Table::new(&title, &["class", "begun", "arrived", "p50", "p99", "longest", "missing since"]);
    let s = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    for class in Class::ALL {
        let told = account.told(class);
        table.row(vec![
            class.name().to_owned(),
            told.begun.to_string(),
            told.waits.count().to_string(),
            s(told.waits.p50()),
            s(told.waits.p99()),
            s(told.waits.quantile(1.0)),
            told.missing.map_or_else(|| "-".to_owned(), s),
        ]);
    }
    table.print();
}

fn tell_calls(sandbox: &Sandbox, written: &Written, took: Duration, others: &str) {
    let mut methods: BTreeMap<String, usize> = BTreeMap::new();
    let (mut refused, mut failed) = (0, 0);
    sandbox.view(|view| {
        for call in view.calls() {
            let name = call.commands.first().map_or_else(|| call.method.clone(), |first| format!("batch of {first}"));
            *methods.entry(name).or_default() += 1;
            refused += usize::from(call.verdict == "QUERY_LIMIT_EXCEEDED");
            failed += usize::from(call.verdict == "html");
        }
    });
    let largest = sandbox.view(|view| {
        view.calls_of(MESSAGES).map(|call| call.params["MESSAGES"].as_array().map_or(0, Vec::len)).max().unwrap_or(0)
    });
    let methods: Vec<_> = methods.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
    println!(
        "all within {:.1} s; in order: {}; {refused} refused by the limit, {failed} html; most in a call {largest}; \
         load, others {others}\ncalls: {}\n",
        took.as_secs_f64(),
        in_order(sandbox, written),
        methods.join(", "),
    );
}

/// Whether every visitor's messages stand in the portal once and in order.
fn in_order(sandbox: &Sandbox, written: &Written) -> bool {
    let mut there: HashMap<String, Vec<String>> = HashMap::new();
    sandbox.view(|view| {
        for dialog in view.dialogs() {
            let texts = view.texts(dialog.chat_id, "client");
            there.insert(texts.first().cloned().unwrap_or_default(), texts);
        }
    });
    written.iter().all(|texts| texts.first().and_then(|first| there.get(first)) == Some(texts))
}

//! From an operator's message to the visitor's page.

use crate::REPEATS;
use crate::machine::Watch;
use crate::stand::{Stand, unlimited};
use crate::stats::{Samples, ms};
use crate::table::Table;
use crate::visitor::Visitor;
use anyhow::{Context, Result};
use openline_sandbox::Sandbox;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const ANSWERS: usize = 300;
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run() -> Result<()> {
    let title = "event: from the operator's message in the portal to the answer of the visitor's long poll";
    let mut table = Table::new(title, &["visitors waiting", "answers", "p50", "p99", "slowest", "load, others"]);
    for visitors in [1, 100] {
        let mut best: Option<(String, Samples)> = None;
        for _ in 0..REPEATS {
            let seen = once(visitors).await?;
            if best.as_ref().is_none_or(|(_, best)| seen.1.p99() < best.p99()) {
                best = Some(seen);
            }
        }
        if let Some((others, samples)) = best {
            table.row(vec![
                visitors.to_string(),
                samples.count().to_string(),
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

async fn once(visitors: usize) -> Result<(String, Samples)> {
    let stand = Stand::start(unlimited()).await?;
    let sandbox = Arc::clone(stand.sandbox()?);
    let mut crowd = Visitor::crowd(&stand, visitors).await?;
    for visitor in &mut crowd {
        visitor.send().await?;
    }
    stand.until_delivered(visitors).await?;
    let chats = chats(&sandbox, &crowd)?;
    let (seen, mut arrivals) = unbounded_channel();
    for mut visitor in crowd {
        let cursor = visitor.cursor().await?;
        let seen = seen.clone();
        tokio::spawn(async move { watch(visitor, cursor, seen).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (watch, mut samples) = (Watch::begin().await?, Samples::default());
    for n in 0..ANSWERS {
        let chat = chats[n % chats.len()];
        let text = format!("answer {n}.");
        let started = Instant::now();
        sandbox.operator_writes(chat, &text).map_err(anyhow::Error::msg)?;
        loop {
            let (at, body) = tokio::time::timeout(PATIENCE, arrivals.recv()).await?.context("nobody waits")?;
            if body.contains(&text) {
                samples.push(at - started);
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok((watch.end()?, samples))
}

/// The portal's chats, in the order of the visitors.
fn chats(sandbox: &Sandbox, crowd: &[Visitor]) -> Result<Vec<i64>> {
    let by_text: HashMap<String, i64> = sandbox.view(|view| {
        let dialogs = view.dialogs().into_iter();
        dialogs.filter_map(|dialog| Some((view.texts(dialog.chat_id, "client").pop()?, dialog.chat_id))).collect()
    });
    let chat = |visitor: &Visitor| visitor.texts().last().and_then(|text| by_text.get(text)).copied();
    crowd.iter().map(|visitor| chat(visitor).context("a visitor's chat")).collect()
}

async fn watch(mut visitor: Visitor, mut cursor: i64, seen: UnboundedSender<(Instant, String)>) -> Result<()> {
    loop {
        let (_, answer) = visitor.poll(cursor, 25).await?;
        let at = Instant::now();
        let body = String::from_utf8_lossy(answer.body).into_owned();
        let news: serde_json::Value = serde_json::from_str(&body)?;
        cursor = news["cursor"].as_i64().context("no cursor")?;
        if seen.send((at, body)).is_err() {
            return Ok(());
        }
    }
}

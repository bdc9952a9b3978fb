//! Memory of the service.

use crate::process;
use crate::stand::{Stand, unlimited};
use crate::table::Table;
use crate::visitor::{Visitor, all_send};
use anyhow::Result;
use std::time::Duration;
use tokio::task::JoinHandle;

const ACTIVE: usize = 64;
const IDLE: usize = 10_000;
const TIME: Duration = Duration::from_secs(5);
/// How long the waiting is watched: longer than a long poll is held, so that every page has asked again.
const HELD: Duration = Duration::from_secs(35);

pub(crate) async fn run() -> Result<()> {
    let mut table = Table::new("memory of the service", &["state", "RSS", "PSS", "highest RSS"]);
    let stand = Stand::start(unlimited()).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    table.row(row("installed and connected, nobody there", &stand)?);
    let crowd = Visitor::crowd(&stand, ACTIVE).await?;
    let (crowd, samples) = all_send(crowd, TIME).await?;
    let state = format!("{ACTIVE} visitors sent {} messages in {TIME:?}", samples.count());
    table.row(row(&state, &stand)?);
    stand.until_delivered(crowd.iter().map(Visitor::sent).sum()).await?;
    table.row(row("… and all are delivered", &stand)?);
    drop(crowd);
    drop(stand);
    let stand = Stand::start(unlimited()).await?;
    match waiting(&stand).await {
        Ok(waiting) => {
            tokio::time::sleep(HELD).await;
            let alive = waiting.iter().filter(|task| !task.is_finished()).count();
            table.row(row(&format!("{alive} visitors with a conversation each wait with a long poll"), &stand)?);
            waiting.iter().for_each(JoinHandle::abort);
        }
        Err(error) => println!("{IDLE} connections can't be made ({error}): raise `ulimit -n`\n"),
    }
    table.print();
    Ok(())
}

fn row(state: &str, stand: &Stand) -> Result<Vec<String>> {
    let (rss, pss) = process::memory(stand.pid)?;
    let peak = process::peak(stand.pid)?;
    let mb = |value: f64| format!("{value:.1} MB");
    Ok(vec![state.to_owned(), mb(rss), mb(pss), mb(peak)])
}

/// Many visitors who wait for news; each has written once.
async fn waiting(stand: &Stand) -> Result<Vec<JoinHandle<Result<()>>>> {
    let mut tasks = Vec::with_capacity(IDLE);
    for who in 0..IDLE {
        let mut visitor = Visitor::open(stand.address, format!("i{who}")).await?;
        visitor.send().await?;
        tasks.push(tokio::spawn(async move {
            let mut cursor = visitor.cursor().await?;
            loop {
                let (_, answer) = visitor.poll(cursor, 25).await?;
                let news: serde_json::Value = serde_json::from_slice(answer.body)?;
                cursor = news["cursor"].as_i64().unwrap_or(cursor);
            }
        }));
    }
    Ok(tasks)
}

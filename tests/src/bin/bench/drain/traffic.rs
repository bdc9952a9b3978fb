//! Everybody at once: visitors of two websites and of an app, and operators who answer.

use super::account::{Account, Class};
use crate::caller::Caller;
use crate::stand::Stand;
use crate::visitor::Visitor;
use anyhow::{Context, Result};
use openline_sandbox::Sandbox;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Visitors of each website, and of the app.
const PAGES: usize = 16;
const CALLERS: usize = 8;
/// Each writes so often: 20 messages a second together.
const PAUSE: Duration = Duration::from_secs(2);
/// Every so many messages of a page tell of another page …
const ABOUT: usize = 5;
/// … and of the app one is changed.
const EDIT: usize = 4;
/// An operator answers so often.
const ANSWER: Duration = Duration::from_millis(500);

/// Who wrote what, for the look whether it is all there in order.
pub(super) type Written = Vec<Vec<String>>;

/// Sends for `time`.
pub(super) async fn run(stand: &Stand, account: &Arc<Account>, time: Duration) -> Result<Written> {
    let (began, mut talking) = (Instant::now(), Vec::new());
    let at = |who: usize| began + PAUSE.mul_f64(who as f64 / (2 * PAGES + CALLERS) as f64);
    for (n, channel) in ["site", "shop"].into_iter().enumerate() {
        for who in 0..PAGES {
            let visitor = Visitor::of(channel, stand.address, format!("{channel}{who}")).await?;
            let reader = visitor.twin().await?;
            let read = Arc::clone(account);
            tokio::spawn(async move { read_page(reader, &read).await });
            talking.push(tokio::spawn(visit(visitor, Arc::clone(account), at(n * PAGES + who), began + time)));
        }
    }
    for who in 0..CALLERS {
        let caller = Caller::open(stand.address, format!("app{who}")).await?;
        talking.push(tokio::spawn(call(caller, Arc::clone(account), at(2 * PAGES + who), began + time)));
    }
    let answering = tokio::spawn(answer(Arc::clone(stand.sandbox()?), Arc::clone(account), began + time));
    let written = all(talking).await?;
    answering.await??;
    Ok(written)
}

async fn all(tasks: Vec<JoinHandle<Result<Vec<String>>>>) -> Result<Written> {
    let mut written = Vec::new();
    for task in tasks {
        written.push(task.await??);
    }
    Ok(written)
}

async fn visit(mut visitor: Visitor, account: Arc<Account>, mut at: Instant, until: Instant) -> Result<Vec<String>> {
    while at < until {
        tokio::time::sleep_until(at).await;
        let (n, text) = (visitor.sent(), visitor.text(visitor.sent()));
        let tells = n % ABOUT == 0;
        let note = format!("{} at page {n}", text.split(' ').next().unwrap_or_default());
        let about = format!(",\"about\":{{\"visit\":\"visit-{n}\",\"data\":{{\"n\":\"{note}\"}}}}");
        visitor.send_with(if tells { &about } else { "" }).await?;
        account.begin(if n == 0 { Class::First } else { Class::Message }, &text);
        if tells {
            account.begin(Class::Note, &note);
        }
        at += PAUSE;
    }
    Ok(visitor.texts())
}

async fn call(mut caller: Caller, account: Arc<Account>, mut at: Instant, until: Instant) -> Result<Vec<String>> {
    while at < until {
        tokio::time::sleep_until(at).await;
        let n = caller.sent();
        caller.send().await?;
        account.begin(if n == 0 { Class::First } else { Class::Message }, &caller.text(n));
        if n % EDIT == EDIT - 1 {
            let text = caller.edit(n - 2).await?;
            account.begin(Class::Edit, &text);
        }
        at += PAUSE;
    }
    let is_changed = |n: usize| n % EDIT == EDIT - 3 && n + 2 < caller.sent();
    let text = |n: usize| if is_changed(n) { format!("{} (edited)", caller.text(n)) } else { caller.text(n) };
    Ok((0..caller.sent()).map(text).collect())
}

/// Reads what comes on a visitor's page until the run is over.
async fn read_page(mut visitor: Visitor, account: &Account) -> Result<()> {
    let mut cursor = 0;
    loop {
        let (_, answer) = visitor.poll(cursor, 25).await?;
        let news: serde_json::Value = serde_json::from_slice(answer.body)?;
        cursor = news["cursor"].as_i64().context("no cursor")?;
        for text in news["items"].as_array().into_iter().flatten().filter_map(|item| item["text"].as_str()) {
            if text.starts_with("answer ") {
                account.end(Class::Reply, text);
            }
        }
    }
}

/// Operators answer in the websites' dialogs, one after another.
async fn answer(sandbox: Arc<Sandbox>, account: Arc<Account>, until: Instant) -> Result<()> {
    let mut n = 0;
    while Instant::now() < until {
        tokio::time::sleep(ANSWER).await;
        let chats = sandbox.view(|view| {
            let pages = view.dialogs().into_iter().filter(|dialog| dialog.connector != "openline_crm");
            let mut chats: Vec<_> = pages.map(|dialog| dialog.chat_id).collect();
            chats.sort_unstable();
            chats
        });
        if chats.is_empty() {
            continue;
        }
        let text = format!("answer {n} to all of this");
        account.begin(Class::Reply, &text);
        account.begin(Class::Confirmation, &text);
        sandbox.operator_writes(chats[n % chats.len()], &text).map_err(anyhow::Error::msg)?;
        n += 1;
    }
    Ok(())
}

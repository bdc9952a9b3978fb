//! Traffic of visitors and operators, and the account of what became of it.

use crate::{PATIENCE, Visitor, World, eventually, eventually_within};
use futures_util::future::join_all;
use openline_sandbox::View;
use serde_json::json;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// How much traffic.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Visitors, all at the same time.
    pub visitors: usize,
    /// Messages of each visitor.
    pub messages: usize,
    /// Answers of the operators to each visitor.
    pub answers: usize,
}

/// What went wrong; all zero when nothing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Acknowledged messages that are not at the desk, answers that are not on the page.
    pub lost: usize,
    /// Seen twice, on either side.
    pub doubled: usize,
    /// Not in the order of writing.
    pub reordered: usize,
    /// Answers that the operator still sees as "sending".
    pub unconfirmed: usize,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lost {}, doubled {}, out of order {}, unconfirmed {}",
            self.lost, self.doubled, self.reordered, self.unconfirmed
        )
    }
}

/// A visitor and what they were told is stored.
pub struct Talker {
    visitor: Visitor,
    name: String,
    acknowledged: Vec<String>,
    answers: Vec<String>,
}

/// Visitors who have not written yet.
pub async fn talkers(world: &World, amount: Amount, round: &str) -> Vec<Talker> {
    let made = (0..amount.visitors).map(|n| async move {
        let (visitor, name) = (world.visitor().await, format!("{round}-{n}"));
        Talker { visitor, name, acknowledged: Vec::new(), answers: Vec::new() }
    });
    join_all(made).await
}

impl Talker {
    /// Writes so many more messages one after another, each until it is acknowledged (with one key, as the page does).
    pub async fn write(&mut self, messages: usize) {
        let written = self.acknowledged.len();
        for n in written..written + messages {
            let text = format!("{} says {n}", self.name);
            let body = json!({ "key": format!("{}-{n}", self.name), "text": text, "name": "Ann Lee" });
            eventually("the message is acknowledged", async || {
                let response = self.visitor.try_send(&body).await.ok()?;
                response.status().is_success().then_some(())
            })
            .await;
            self.acknowledged.push(text);
        }
    }
}

/// The operators answer every chat that is there, in turn.
pub fn answer(world: &World, talkers: &mut [Talker], answers: usize) {
    let chats = chats(world);
    for n in 0..answers {
        for talker in talkers.iter_mut() {
            let Some(chat) = chats.get(&talker.name) else { continue };
            let text = format!("answer {n} to {}", talker.name);
            if world.sandbox.operator_writes(*chat, &text).is_ok() {
                talker.answers.push(text);
            }
        }
    }
}

/// The portal's chats by the talkers' names.
fn chats(world: &World) -> HashMap<String, i64> {
    world.sandbox.view(|portal| {
        let dialogs = portal.dialogs().into_iter();
        let named = dialogs.filter_map(|dialog| {
            let first = portal.texts(dialog.chat_id, "client").into_iter().next()?;
            Some((first.split(" says ").next()?.to_owned(), dialog.chat_id))
        });
        named.collect()
    })
}

/// Waits until every talker's first message is at the desk.
pub async fn begun(world: &World, talkers: &[Talker]) {
    let wanted = talkers.len();
    let all = async || (chats(world).len() >= wanted).then_some(());
    eventually_within(ROUND, "all conversations have begun", all).await;
}

/// Waits until nothing is missing any more, or for `patience`, and takes stock.
pub async fn account(world: &World, talkers: &[Talker], patience: Duration) -> Account {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let account = stock(world, talkers).await;
        if (account.lost, account.unconfirmed) == (0, 0) || tokio::time::Instant::now() > deadline {
            return account;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// [`account`], and once more when nothing is under way any more: what is doubled may come late. For services that look
/// for missed replies every second.
pub async fn last_account(world: &World, talkers: &[Talker]) -> Account {
    let account = account(world, talkers, ROUND).await;
    if account != Account::default() {
        return account;
    }
    let settled = async || {
        for talker in talkers {
            if !talker.visitor.is_all_delivered().await {
                return None;
            }
        }
        Some(())
    };
    eventually_within(ROUND, "every message counts as delivered", settled).await;
    eventually_within(ROUND, "the service is quiet", async || world.sandbox.view(is_quiet).then_some(())).await;
    stock(world, talkers).await
}

/// Whether the last calls were looks for missed replies only.
fn is_quiet(portal: View<'_>) -> bool {
    let calls: Vec<_> = portal.calls().map(|call| call.method.as_str()).collect();
    let is_look =
        |method: &&&str| matches!(**method, "batch" | "imopenlines.session.history.get" | "imopenlines.dialog.get");
    calls.iter().rev().take_while(is_look).count() >= QUIET
}

/// So many looks one after another, with nothing else between them, are quiet.
const QUIET: usize = 3;

async fn stock(world: &World, talkers: &[Talker]) -> Account {
    let mut account = Account::default();
    let chats = chats(world);
    for talker in talkers {
        let chat = chats.get(&talker.name).copied().unwrap_or_default();
        let at_desk = world.sandbox.view(|portal| portal.texts(chat, "client"));
        compare(&talker.acknowledged, &at_desk, &mut account);
        let on_page = talker.visitor.texts("operator").await;
        compare(&talker.answers, &on_page, &mut account);
        account.unconfirmed += world.sandbox.view(|portal| sending(portal, chat));
    }
    account
}

fn sending(portal: View<'_>, chat: i64) -> usize {
    portal.messages(chat).iter().filter(|message| message.sending).count()
}

fn compare(expected: &[String], seen: &[String], account: &mut Account) {
    let count = |text: &String| seen.iter().filter(|seen| *seen == text).count();
    account.lost += expected.iter().filter(|text| count(text) == 0).count();
    account.doubled += expected.iter().map(|text| count(text).saturating_sub(1)).sum::<usize>();
    let mut firsts: Vec<&String> = Vec::new();
    for text in seen.iter().filter(|text| expected.contains(text)) {
        if !firsts.contains(&text) {
            firsts.push(text);
        }
    }
    let wanted: Vec<_> = expected.iter().filter(|text| firsts.contains(text)).collect();
    account.reordered += firsts.iter().zip(&wanted).filter(|(seen, wanted)| seen != wanted).count();
}

/// Patience for a whole round under faults.
pub const ROUND: Duration = PATIENCE.saturating_mul(16);

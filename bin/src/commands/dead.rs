//! `openline dead`: what was given up, looked at and put back beside the running service.

use crate::audit;
use crate::config::Config;
use clap::Subcommand;
use openline_core::overview::{self, Entry};
use openline_core::store::{Act, Replayed, Work};
use openline_core::{Clock, JobId, Store, SystemClock};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// How many are read at a time.
const PAGE: usize = 100;
/// How much of a text the list shows, in characters.
const SHORT: usize = 60;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List them, oldest first
    List {
        /// As JSON, with the whole texts
        #[arg(long)]
        json: bool,
        /// Where
        #[command(flatten)]
        at: At,
    },
    /// Show one: whose it is, where it was going, why it was given up
    Show {
        /// Its number in the list
        number: i64,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Where
        #[command(flatten)]
        at: At,
    },
    /// Put one back on its way
    Replay {
        /// Its number in the list
        number: i64,
        /// Where
        #[command(flatten)]
        at: At,
    },
    /// Forget one; its message stays "not sent"
    Drop {
        /// Its number in the list
        number: i64,
        /// Where
        #[command(flatten)]
        at: At,
    },
}

/// Which installation.
#[derive(Debug, clap::Args)]
pub struct At {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    config: PathBuf,
}

/// Carries it out; what to print.
///
/// # Errors
/// What went wrong, for people.
pub async fn run(action: Action) -> Result<String, String> {
    let (Action::List { at, .. } | Action::Show { at, .. } | Action::Replay { at, .. } | Action::Drop { at, .. }) =
        &action;
    let config = Config::load(&at.config).map_err(|errors| errors.to_string())?;
    let store = openline_store::attach(&config.store).await.map_err(|error| error.to_string())?;
    let done = act(&store, &action).await;
    store.close().await;
    done
}

async fn act(store: &Arc<dyn Store>, action: &Action) -> Result<String, String> {
    match action {
        Action::List { json, .. } => list(store, *json).await,
        Action::Show { number, json, .. } => {
            let entry = find(store, *number).await?;
            Ok(if *json { pretty(&value(&entry)) } else { show(&entry) })
        }
        Action::Replay { number, .. } => {
            let replayed = replay(store, *number).await;
            audit::note(store, "dead replay", &format!("letter {number}"), &replayed).await;
            replayed
        }
        Action::Drop { number, .. } => {
            let dropped = store.drop_dead(JobId(*number)).await.map_err(|error| error.to_string())?;
            let dropped = if dropped { Ok(format!("{number} is forgotten")) } else { Err(missing(*number)) };
            audit::note(store, "dead drop", &format!("letter {number}"), &dropped).await;
            dropped
        }
    }
}

fn missing(number: i64) -> String {
    format!("there is no dead letter {number}; `openline dead list` shows them")
}

async fn page(store: &Arc<dyn Store>, after: Option<JobId>, most: usize) -> Result<Vec<Entry>, String> {
    let letters = store.dead_letters(after, most).await.map_err(|error| error.to_string())?;
    Ok(overview::entries(store, letters).await)
}

async fn find(store: &Arc<dyn Store>, number: i64) -> Result<Entry, String> {
    let found = page(store, Some(JobId(number.saturating_sub(1))), 1).await?;
    found.into_iter().find(|entry| entry.job.job.0 == number).ok_or_else(|| missing(number))
}

async fn list(store: &Arc<dyn Store>, as_json: bool) -> Result<String, String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = page(store, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.job.job);
        all.extend(page);
    }
    if as_json {
        return Ok(pretty(&all.iter().map(value).collect()));
    }
    let mut out: String = all.iter().map(line).collect();
    let _ = match all.len() {
        0 => write!(out, "no dead letters"),
        1 => write!(out, "1 dead letter"),
        count => write!(out, "{count} dead letters"),
    };
    Ok(out)
}

/// Two lines of the list.
fn line(entry: &Entry) -> String {
    let (job, text) = (&entry.job, entry.text(SHORT));
    format!(
        "{:>8}  {}  {} of {} in {}{}\n          {}\n",
        job.job.0,
        time(job.at.0),
        what(job.work),
        or_dash(&printable(&entry.visitor())),
        job.channel,
        if text.is_empty() { String::new() } else { format!(": \"{}\"", printable(&text)) },
        printable(&job.reason)
    )
}

/// What was to be done, and into which direction.
fn what(work: Work) -> String {
    let (act, to) = match work {
        Work::ToOperators(act) => (act, "the portal"),
        Work::ToVisitor(act) => (act, "the visitor"),
        Work::Confirm => return "confirmation to the portal".to_owned(),
        Work::Note => return "note to the operators".to_owned(),
    };
    match act {
        Act::Send => format!("message to {to}"),
        Act::Edit => format!("edit to {to}"),
        Act::Delete => format!("deletion to {to}"),
    }
}

pub(crate) fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// A stranger's text without what would move the cursor of a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

fn show(entry: &Entry) -> String {
    let job = &entry.job;
    format!(
        "dead letter   {}\ngiven up      {} UTC\nwhat          {}\nchannel       {}\nvisitor       {}\n\
         text          {}\nportal chat   {}\nattempts      {}\nreason        {}\n\
         stored as     message {} of conversation {}, queue {}",
        job.job,
        time(job.at.0),
        what(job.work),
        job.channel,
        or_dash(&printable(&entry.visitor())),
        or_dash(&printable(&entry.text(usize::MAX))),
        entry.portal_chat().unwrap_or("-"),
        job.attempts,
        printable(&job.reason),
        job.message,
        job.conversation,
        job.queue().name(),
    )
}

/// The same for programs.
fn value(entry: &Entry) -> Value {
    let job = &entry.job;
    json!({
        "number": job.job.0,
        "given_up_at": rfc3339(job.at.0),
        "task": job.work.name(),
        "queue": job.queue().name(),
        "channel": job.channel.as_str(),
        "visitor": entry.visitor(),
        "text": entry.text(usize::MAX),
        "portal_chat": entry.portal_chat(),
        "attempts": job.attempts,
        "reason": job.reason,
        "message": job.message.0,
        "conversation": job.conversation.0,
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

async fn replay(store: &Arc<dyn Store>, number: i64) -> Result<String, String> {
    let replayed = store.replay_dead(JobId(number), SystemClock::new().now()).await;
    match replayed.map_err(|error| error.to_string())? {
        Some(Replayed::Back { .. }) => Ok(format!("{number} is on its way again")),
        Some(Replayed::Behind(first)) => Err(format!(
            "{number} changes a message that was given up itself, as dead letter {first}: replay that one first; it goes \
             with its present text"
        )),
        None => Err(missing(number)),
    }
}

fn rfc3339(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

/// A moment in UTC.
pub(crate) fn time(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

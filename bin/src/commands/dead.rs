//! `openline dead`: messages that were given up, looked at and put back beside the running service.

use crate::audit;
use crate::config::Config;
use clap::Subcommand;
use openline_core::store::{DeadLetter, Task};
use openline_core::{JobId, Store, SystemClock};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List them, oldest first
    List {
        /// Where
        #[command(flatten)]
        at: At,
    },
    /// Show one: where it was going, why it was given up
    Show {
        /// Its number in the list
        number: i64,
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
    let (Action::List { at } | Action::Show { at, .. } | Action::Replay { at, .. } | Action::Drop { at, .. }) = &action;
    let config = Config::load(&at.config).map_err(|errors| errors.to_string())?;
    let store = openline_store::attach(&config.store).await.map_err(|error| error.to_string())?;
    let done = act(&store, &action).await;
    store.close().await;
    done
}

async fn act(store: &Arc<dyn Store>, action: &Action) -> Result<String, String> {
    match action {
        Action::List { .. } => list(store).await,
        Action::Show { number, .. } => Ok(show(&find(store, *number).await?)),
        Action::Replay { number, .. } => {
            let replayed = replay(store, &find(store, *number).await?).await;
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

async fn find(store: &Arc<dyn Store>, number: i64) -> Result<DeadLetter, String> {
    let before = JobId(number.saturating_sub(1));
    let letters = store.dead_letters(Some(before), 1).await.map_err(|error| error.to_string())?;
    letters.into_iter().find(|letter| letter.job.0 == number).ok_or_else(|| missing(number))
}

async fn list(store: &Arc<dyn Store>) -> Result<String, String> {
    let (mut out, mut after, mut count) = (String::new(), None, 0);
    loop {
        let page = store.dead_letters(after, 100).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { break };
        after = Some(last.job);
        count += page.len();
        for letter in &page {
            let _ = writeln!(
                out,
                "{:>8}  {}  {:<8} {:<18} {}",
                letter.job.0,
                time(letter.at.0),
                letter.task.name(),
                letter.queue.name(),
                letter.reason
            );
        }
    }
    let _ = match count {
        0 => write!(out, "no dead letters"),
        1 => write!(out, "1 dead letter"),
        _ => write!(out, "{count} dead letters"),
    };
    Ok(out)
}

fn show(letter: &DeadLetter) -> String {
    format!(
        "dead letter   {}\ngiven up      {}\nwhat          {} message {} of conversation {}\nqueue         {}\n\
         attempts      {}\nreason        {}",
        letter.job,
        time(letter.at.0),
        letter.task.name(),
        letter.message,
        letter.conversation,
        letter.queue.name(),
        letter.attempts,
        letter.reason
    )
}

async fn replay(store: &Arc<dyn Store>, letter: &DeadLetter) -> Result<String, String> {
    if letter.task != Task::Send {
        return Err(format!(
            "{} is a dead {}, and only messages can be put back: drop it",
            letter.job,
            letter.task.name()
        ));
    }
    let now = openline_core::Clock::now(&SystemClock::new());
    let back = store.retry_failed(letter.conversation, letter.message, now).await.map_err(|error| error.to_string())?;
    back.map(|_| format!("{} is on its way again", letter.job)).ok_or_else(|| missing(letter.job.0))
}

/// A moment in UTC.
pub(crate) fn time(at: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

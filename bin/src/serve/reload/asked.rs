//! Asking for a reload through the store, which every process on it hears; and what each answers.

use super::reloaded::Reloaded;
use crate::serve::{pulse, status};
use openline_core::store::{Expect, News};
use openline_core::{Clock, Store, StoreError, SystemClock};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Under this stands the word of who asked last.
const ASKED: &str = "reload/asked";
/// Under this, the word and a process's tag stands what it says to it.
const SAID: &str = "reload/said/";
/// How often it is looked whether somebody asks, or has answered, of whom nothing was heard.
const LOOK: Duration = Duration::from_secs(10);
/// The same of answers where nothing can be heard.
const DEAF: Duration = Duration::from_millis(50);
/// How long the answers are waited for. A channel that is taken away may take as long as a stop does to end.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a process says: which one, and what became of it.
#[derive(Serialize, Deserialize)]
struct Answer {
    process: String,
    outcome: Result<Reloaded, String>,
}

/// Hears who asks.
pub(super) struct Asked {
    store: Arc<dyn Store>,
    news: Option<Receiver<News>>,
    /// The word that was answered last.
    heard: Option<Vec<u8>>,
}

impl Asked {
    /// From now on; who asked before is not answered.
    pub(super) async fn from_now(store: &Arc<dyn Store>) -> Self {
        let news = store.news();
        Self { store: Arc::clone(store), news, heard: store.state_get(ASKED).await.ok().flatten() }
    }

    /// The word of who asks next. It may be dropped while it waits.
    pub(super) async fn next(&mut self) -> String {
        loop {
            written(&mut self.news, ASKED, LOOK).await;
            let asked = self.store.state_get(ASKED).await.ok().flatten();
            if asked.is_some() && asked != self.heard {
                self.heard.clone_from(&asked);
                return String::from_utf8_lossy(&asked.unwrap_or_default()).into_owned();
            }
        }
    }

    pub(super) async fn answer(&self, word: &str, outcome: Result<Reloaded, String>) {
        let value = serde_json::to_vec(&Answer { process: status::process(), outcome }).unwrap_or_default();
        let key = format!("{SAID}{word}/{}", self.store.tag());
        if let Err(error) = self.store.state_put(&key, &value, Expect::Anything).await {
            tracing::warn!(%error, "who asked for a reload can't be told");
        }
    }
}

/// Returns when another process may have written a value whose key begins so, after `most` at the latest.
async fn written(news: &mut Option<Receiver<News>>, key: &str, most: Duration) {
    let heard = async {
        let Some(news) = news else { return std::future::pending().await };
        loop {
            match news.recv().await {
                Ok(News::Value(written)) if written.starts_with(key) => return,
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => return std::future::pending().await,
                Ok(_) => {}
            }
        }
    };
    let _ = tokio::time::timeout(most, heard).await;
}

/// Asks every process on this store to read its configuration again; what each says.
///
/// # Errors
/// What went wrong, or that nobody answers.
pub async fn ask(store: &Arc<dyn Store>) -> Result<Vec<(String, Result<Reloaded, String>)>, String> {
    let told = |error: StoreError| error.to_string();
    let now = SystemClock::new().now();
    let running = pulse::living(store, now).await.map_err(told)?.len();
    if running == 0 {
        return Err("no service runs on this store; it reads its configuration when it is started".to_owned());
    }
    let (word, mut news) = (format!("{:016x}", fastrand::u64(..)), store.news());
    let look = if news.is_some() { LOOK } else { DEAF };
    store.state_put(ASKED, word.as_bytes(), Expect::Anything).await.map_err(told)?;
    let (asked, place) = (Instant::now(), format!("{SAID}{word}/"));
    loop {
        let rows = store.state_list(&place).await.map_err(told)?;
        if rows.len() >= running || asked.elapsed() > PATIENCE {
            let read = |(_, value): &(String, Vec<u8>)| serde_json::from_slice::<Answer>(value).ok();
            let answers = rows.iter().filter_map(read).map(|answer| (answer.process, answer.outcome));
            let silent = running.saturating_sub(rows.len());
            let others = (format!("{silent} more"), Err("no answer came in time; look at the log".to_owned()));
            let answers = answers.chain((silent > 0).then_some(others)).collect();
            for (key, _) in rows {
                store.state_delete(&key).await.map_err(told)?;
            }
            return Ok(answers);
        }
        written(&mut news, &place, look.min(PATIENCE.saturating_sub(asked.elapsed()))).await;
    }
}

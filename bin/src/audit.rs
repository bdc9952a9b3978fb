//! What an administrator does at the command line, for the security log. A command is a process of its own whose output
//! nobody keeps, so it leaves a note in the store, which the running service (or the next one) tells and removes.

use openline_core::store::Expect;
use openline_core::{Clock, Store, StoreError, SystemClock};
use openline_store::OpenError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Under this and a word of its own stands each note.
const NOTES: &str = "service/audit/";
/// How often it is looked for notes.
const EVERY: Duration = Duration::from_secs(2);

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// When, in Unix milliseconds.
    at: i64,
    /// The command.
    action: String,
    /// To what: numbers and ids, never a name or a text.
    what: String,
    /// The system's number of who did it.
    user: String,
    /// From which address they are logged in, when that is known.
    from: String,
    /// What came of it.
    result: String,
}

/// Notes that a command was carried out, or was not.
pub async fn note<T, E>(store: &Arc<dyn Store>, action: &str, what: &str, result: &Result<T, E>) {
    let at = SystemClock::new().now().0;
    let result = if result.is_ok() { "done" } else { "failed" };
    let note = Note { at, action: action.into(), what: what.into(), user: user(), from: from(), result: result.into() };
    let key = format!("{NOTES}{at}-{}", std::process::id());
    let value = serde_json::to_vec(&note).unwrap_or_default();
    if let Err(error) = store.state_put(&key, &value, Expect::Anything).await {
        tracing::warn!(%error, action, "a command can't be noted for the security log");
    }
}

/// The same in a store that was opened for it, and is closed again. When it could not be, only those who see the command's
/// own output know.
pub async fn note_in<T, E>(opened: Result<Arc<dyn Store>, OpenError>, action: &str, what: &str, result: &Result<T, E>) {
    match opened {
        Ok(store) => {
            note(&store, action, what, result).await;
            store.close().await;
        }
        Err(error) => tracing::warn!(%error, action, "a command can't be noted for the security log"),
    }
}

/// The system's number of the user, also of one who became another by sudo.
fn user() -> String {
    let own = rustix::process::getuid().as_raw();
    std::env::var("SUDO_UID").map_or_else(|_| own.to_string(), |before| format!("{own} (by sudo of {before})"))
}

/// What the user is called on this machine; their number where they have no name.
pub(crate) fn user_name() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    named
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

fn from() -> String {
    let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
    connection.split(' ').next().filter(|from| !from.is_empty()).unwrap_or("this machine").to_owned()
}

/// Tells the notes until `stop`.
pub(crate) async fn run(store: Arc<dyn Store>, stop: CancellationToken) {
    loop {
        if let Err(error) = tell(&store).await {
            tracing::warn!(%error, "can't look what was done at the command line");
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

async fn tell(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    for (key, value) in store.state_list(NOTES).await? {
        if let Ok(Note { at, action, what, user, from, result }) = serde_json::from_slice(&value) {
            let done_at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
            tracing::info!(target: "security", %done_at, action, what, user, from, result, "a command was carried out");
        }
        store.state_delete(&key).await?;
    }
    Ok(())
}

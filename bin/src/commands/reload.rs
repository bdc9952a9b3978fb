//! `openline reload`: lets the running service read its configuration again.

use crate::config::Config;
use crate::serve::reload;
use std::path::Path;

/// What each process changed.
///
/// # Errors
/// What is wrong with the configuration (nothing was changed), or what a process says.
pub async fn run(file: &Path) -> Result<String, String> {
    let config = Config::load(file).map_err(|errors| format!("{errors}\nnothing was changed"))?;
    let store = openline_store::attach(&config.store).await.map_err(|error| error.to_string())?;
    let answers = reload::ask(&store).await;
    store.close().await;
    let (mut lines, mut failed) = (Vec::new(), false);
    for (process, outcome) in answers? {
        failed |= outcome.is_err();
        lines.push(match outcome {
            Ok(done) => format!("{process}: {done}"),
            Err(problem) => format!("{process}: nothing was changed: {problem}"),
        });
    }
    let lines = lines.join("\n");
    if failed { Err(lines) } else { Ok(lines) }
}

//! `openline doctor`: looks at everything that a configuration names, thoroughly.

use crate::config::Config;
use openline_core::SystemClock;
use openline_store::DiskFiles;
use std::path::Path;
use std::sync::Arc;

/// Reads the whole store, and tries the folder for files. It may take minutes; a service may run meanwhile.
///
/// # Errors
/// What is wrong, for people.
pub async fn run(file: &Path) -> Result<String, String> {
    let config = Config::load(file).map_err(|errors| errors.to_string())?;
    openline_store::examine(&config.store).await.map_err(|error| format!("{}: store: {error}", file.display()))?;
    let files = DiskFiles::open(&config.files.folder, Arc::new(SystemClock::new())).await;
    files.map_err(|error| format!("{}: files.folder: {error}", file.display()))?;
    Ok(format!(
        "{}: ok\n  store         {}, read whole: no damage\n  files         {}, can be written",
        file.display(),
        config.store,
        config.files.folder.display()
    ))
}

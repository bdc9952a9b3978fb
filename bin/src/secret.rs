//! The installation's master secret: from the configuration, or from a file made beside the database.

use openline_core::secret::{MasterSecret, sign};
use openline_core::store::Expect;
use openline_core::{Store, StoreError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shortest secret taken from a configuration, in characters.
pub const MIN_LENGTH: usize = 32;

/// Where the bytes stand that names come from: they are no proof of anything, and stay when the secret is changed.
const ROOT: &str = "service/names";

/// The secret that a configured text stands for: its first line, and on the others earlier ones that are still good.
/// `None` when there is none.
pub fn from_text(text: &str) -> Option<MasterSecret> {
    let mut secrets = lines(text).map(|line| sign(&[0; 32], line.as_bytes()));
    let present = MasterSecret::new(secrets.next()?);
    Some(present.with_earlier(secrets.collect()))
}

/// The lines of a secret's text that are not empty.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The secret in this store's installation, whose names stay. A new installation makes the bytes that they come from.
///
/// # Errors
/// When the store can't be used, or the system has no randomness.
pub async fn rooted(secret: MasterSecret, store: &Arc<dyn Store>) -> Result<MasterSecret, StoreError> {
    loop {
        if let Some(known) = store.state_get(ROOT).await? {
            let root = known.try_into().map_err(|_| StoreError::Corrupt(format!("{ROOT} is not 32 bytes")))?;
            return Ok(secret.rooted(root));
        }
        let mut root = [0; 32];
        getrandom::fill(&mut root).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        match store.state_put(ROOT, &root, Expect::Nothing).await {
            // Another process was quicker.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The file beside a database in which the secret is.
pub fn file_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".secret");
    PathBuf::from(name)
}

/// The secret in the file beside a database; made when there is none.
///
/// # Errors
/// A sentence with the file's name.
pub fn beside(database: &Path) -> Result<MasterSecret, String> {
    let path = file_of(database);
    let problem = |what: String| format!("{}: {what}", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) => from_text(&text).filter(|_| lines(&text).all(|line| line.len() == 64)).ok_or_else(|| {
            problem(
                "is not a secret made by openline (64 characters on each line); restore it from a backup".to_owned(),
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path).map_err(problem),
        Err(error) => Err(problem(format!("can't be read: {error}"))),
    }
}

fn make(path: &Path) -> Result<MasterSecret, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| e.to_string())?;
    let text = hex::encode(bytes);
    let write = || {
        let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{text}")?;
        file.sync_all()
    };
    write().map_err(|e: std::io::Error| format!("can't be written: {e}"))?;
    from_text(&text).ok_or_else(|| "is empty".to_owned())
}

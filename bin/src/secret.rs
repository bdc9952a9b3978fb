//! The installation's master secret: from the configuration, or from a file made beside the database.

use openline_core::secret::{MasterSecret, sign};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Shortest secret taken from a configuration, in characters.
pub const MIN_LENGTH: usize = 32;

/// The secret that a configured text stands for.
pub fn from_text(text: &str) -> MasterSecret {
    MasterSecret::new(sign(&[0; 32], text.as_bytes()))
}

/// The secret in the file beside a database; made when there is none.
///
/// # Errors
/// A sentence with the file's name.
pub fn beside(database: &Path) -> Result<MasterSecret, String> {
    let mut name = database.as_os_str().to_owned();
    name.push(".secret");
    let path = PathBuf::from(name);
    let problem = |what: String| format!("{}: {what}", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().len() == 64 => Ok(from_text(text.trim())),
        Ok(_) => Err(problem("is not a secret made by openline; restore it from a backup".to_owned())),
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
    Ok(from_text(&text))
}

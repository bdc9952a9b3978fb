//! `openline backup` and `openline restore`: database, secret and visitors' files as one archive.
//!
//! The archive is a tar file. Its last entry lists the SHA-256 of all others as `sha256sum` writes it.

mod archive;
mod places;
mod restore;

pub use restore::{Source, restore};

use crate::audit;
use crate::config::Config;
use archive::Archive;
use places::{DATABASE, Places, SECRET};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What to copy, and where to.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The archive to write, or - for standard output
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    pub config: PathBuf,
}

/// Writes an archive while the service may run; what to print.
///
/// # Errors
/// What went wrong, for people. Nothing is left at the archive's place then.
pub async fn backup(target: Target) -> Result<String, String> {
    let config = Config::load(&target.config).map_err(|errors| errors.to_string())?;
    let places = Places::of(&config)?;
    let task = tokio::task::spawn_blocking(move || write(&places, &target.file));
    let written = task.await.map_err(|error| error.to_string())?;
    audit::note_in(openline_store::attach(&config.store).await, "backup", "everything", &written).await;
    written
}

fn write(places: &Places, file: &Path) -> Result<String, String> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    if file == Path::new("-") {
        let archive = fill(places, std::io::stdout().lock())?;
        return archive.finish().map(|_| String::new()).map_err(|error| at(&error));
    }
    if file.exists() {
        return Err(at(&"is there already; name a new file"));
    }
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = || {
        let out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part);
        let archive = fill(places, BufWriter::new(out.map_err(|error| at(&error))?))?;
        let entries = archive.entries();
        let out = archive.finish().and_then(|out| out.into_inner().map_err(std::io::IntoInnerError::into_error));
        let kept = out.and_then(|out| out.sync_all()).and_then(|()| std::fs::rename(&part, file));
        kept.map_err(|error| at(&error))?;
        Ok(format!(
            "{}: the database, {} of {entries} entries are visitors' files",
            file.display(),
            entries.saturating_sub(2)
        ))
    };
    let outcome = written();
    if outcome.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    outcome
}

/// The database first: what it names is still there when the files are read.
fn fill<W: Write>(places: &Places, out: W) -> Result<Archive<W>, String> {
    let folder = places.database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let copy = tempfile::Builder::new().prefix(".backup-").tempdir_in(folder);
    let copy = copy.map_err(|error| format!("{}: {error}", folder.display()))?;
    let snapshot = copy.path().join(DATABASE);
    openline_store::snapshot(&places.database, &snapshot).map_err(|error| error.to_string())?;
    let mut archive = Archive::new(out);
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    archive.add(DATABASE, &snapshot).map_err(|error| failed(&snapshot, error))?;
    if places.secret.exists() {
        archive.add(SECRET, &places.secret).map_err(|error| failed(&places.secret, error))?;
    }
    archive.add_files(&places.files).map_err(|error| failed(&places.files, error))?;
    Ok(archive)
}

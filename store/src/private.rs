//! What openline keeps is for its own user only: files 0600, folders 0700, whatever the umask says.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What everybody else may do with a file, of its mode.
const OTHERS: u32 = 0o077;

/// Options that make a file nobody else can read.
pub(crate) fn file() -> OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
}

/// Makes a folder, and those above it, that nobody else can look into.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes the others' rights to something that openline alone keeps, as an earlier version or another umask left them. What
/// isn't there, or belongs to somebody else, stays as it is.
pub(crate) fn close_up(path: &Path) -> Result<()> {
    let about = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        about => about?,
    };
    if about.mode() & OTHERS == 0 {
        return Ok(());
    }
    match std::fs::set_permissions(path, Permissions::from_mode(about.mode() & 0o7700)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

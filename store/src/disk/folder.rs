//! Where files lie in the folder, and what is done there in one go.

use super::draft::{Finished, PREFIX};
use crate::private;
use openline_core::{FileId, Timestamp};
use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file whose lock is held while a name is put or removed.
const LOCK: &str = ".lock";

/// The folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Where a content lies.
    pub(super) fn path(&self, id: &FileId) -> PathBuf {
        let (first, rest) = id.as_str().split_at(2);
        self.0.join(first).join(rest)
    }

    /// Makes the folder, tries whether it can be written to, and removes drafts that were last written before `before`.
    pub(super) fn prepare(&self, before: Timestamp) -> Result<()> {
        private::make_folder(&self.0)?;
        private::close_up(&self.0)?;
        private::close_up(&self.0.join(LOCK))?;
        drop(self.lock()?);
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let is_draft = entry.file_name().to_string_lossy().starts_with(PREFIX);
            // Another process may clear away the same.
            let Ok(about) = entry.metadata() else { continue };
            if is_draft && about.modified()? < time(before) {
                missing_is_fine(std::fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    /// Gives a draft its place. What is there already is the same content; the new one takes its place, so that it is
    /// young again, and whole should the old one be damaged.
    pub(super) fn put(&self, Finished { path, id }: Finished, now: Timestamp) -> Result<FileId> {
        let target = self.path(&id);
        let folder = target.parent().unwrap_or(&self.0);
        File::options().write(true).open(path.path())?.set_modified(time(now))?;
        private::make_folder(folder)?;
        let lock = self.lock()?;
        path.rename(&target)?;
        drop(lock);
        // The name, and the name of a folder that somebody has just made.
        sync(folder)?;
        sync(&self.0)?;
        Ok(id)
    }

    /// Removes what was kept before `before`, or whenever; false when it is younger.
    pub(super) fn remove(&self, id: &FileId, before: Option<Timestamp>) -> Result<bool> {
        let target = self.path(id);
        let lock = self.lock()?;
        let about = match std::fs::metadata(&target) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            about => about?,
        };
        if let Some(before) = before
            && about.modified()? >= time(before)
        {
            return Ok(false);
        }
        missing_is_fine(std::fs::remove_file(&target))?;
        drop(lock);
        sync(target.parent().unwrap_or(&self.0))?;
        Ok(true)
    }

    /// Nobody else puts or removes a name while this is held, in whatever process.
    fn lock(&self) -> Result<File> {
        let file = private::file().create(true).truncate(false).write(true).open(self.0.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }
}

fn missing_is_fine(result: Result<()>) -> Result<()> {
    result.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder)?.sync_all()
}

fn time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

//! The [`Files`] port on a folder: `ab/cdef…` for the content whose SHA-256 is `abcdef…`.
//!
//! What comes is written to a draft in the same folder and gets its name when it is whole and on the disk. Several
//! processes may share the folder: names are put and removed under a lock on a file in it.

mod blocking;
mod check;
mod draft;
mod folder;

use crate::OpenError;
use async_trait::async_trait;
use blocking::blocking;
use bytes::BytesMut;
pub use check::FileCheck;
use draft::Draft;
use folder::Folder;
use futures_util::StreamExt;
use futures_util::stream;
use openline_core::backend::FileStream;
use openline_core::files::{ByteStream, FileError, HEAD, Kept};
use openline_core::{Clock, FileId, Files};
use parking_lot::RwLock;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Bytes in one piece of an opened file.
const PIECE: usize = 64 * 1024;
/// A draft into which nothing was written for so long belongs to a process that is gone: no upload is let go on for so long.
const LEFTOVER: Duration = Duration::from_secs(20 * 60);
/// After so many bytes of one file it is looked again how much room is left.
const LOOK_AGAIN: u64 = 8_000_000;
/// A message that is just being stored may name bytes that were kept within this time.
const YOUNG: Duration = Duration::from_secs(3600);

/// Visitors' files in a folder.
pub struct DiskFiles {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    guard: RwLock<Guard>,
}

/// What stands before what is kept.
#[derive(Clone, Default)]
struct Guard {
    check: Option<FileCheck>,
    /// Bytes of room below which nothing more is taken.
    floor: u64,
}

impl DiskFiles {
    /// From now on a program looks at each file before it is kept, and none is taken when less than `floor` bytes of room are
    /// left.
    pub fn guard_by(&self, check: Option<FileCheck>, floor: u64) {
        *self.guard.write() = Guard { check, floor };
    }

    fn guard(&self) -> Guard {
        self.guard.read().clone()
    }

    /// Opens a folder, making it when it doesn't exist, and clears away what uploads left that never ended.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] when it can't be made or written to.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let place = Folder::new(folder);
        let before = clock.now().minus(LEFTOVER);
        let prepared = blocking(move || place.prepare(before)).await;
        prepared.map_err(|error| OpenError::Unusable { path: folder.to_owned(), problem: problem(&error) })?;
        Ok(Self { folder: folder.to_owned(), clock, guard: RwLock::default() })
    }

    /// Clears away what uploads left that never ended.
    ///
    /// # Errors
    /// What the system says.
    pub async fn tidy(&self) -> std::io::Result<()> {
        let (place, before) = (Folder::new(&self.folder), self.clock.now().minus(LEFTOVER));
        blocking(move || place.prepare(before)).await
    }

    /// Bytes of room left, when that is less than there should be.
    fn short_of_room(&self) -> Option<u64> {
        room(&self.folder).filter(|free| *free < self.guard().floor)
    }

    fn has_room(&self) -> Result<(), FileError> {
        self.short_of_room().map_or(Ok(()), |_| Err(FileError::Full))
    }

    fn unavailable(&self, error: &std::io::Error) -> FileError {
        FileError::Unavailable(format!("{}: {}", self.folder.display(), problem(error)))
    }
}

/// Bytes of room on the disk of a folder or file; `None` when that can't be told.
pub fn room(place: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(place).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

#[async_trait]
impl Files for DiskFiles {
    async fn keep(&self, mut bytes: ByteStream, most: u64) -> Result<Kept, FileError> {
        self.has_room()?;
        let mut draft = Draft::begin(&self.folder).await.map_err(|error| self.unavailable(&error))?;
        let mut head = BytesMut::new();
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|error| FileError::Broken(error.to_string()))?;
            if draft.size() + piece.len() as u64 > most {
                return Err(FileError::TooLarge { most });
            }
            if draft.size() / LOOK_AGAIN < (draft.size() + piece.len() as u64) / LOOK_AGAIN {
                self.has_room()?;
            }
            head.extend_from_slice(&piece[..piece.len().min(HEAD - head.len())]);
            draft.add(&piece).await.map_err(|error| self.unavailable(&error))?;
        }
        let size = draft.size();
        if size == 0 {
            return Err(FileError::Empty);
        }
        let finished = draft.finish().await.map_err(|error| self.unavailable(&error))?;
        if let Some(check) = self.guard().check {
            check.look(finished.path.path()).await?;
        }
        let (place, now) = (Folder::new(&self.folder), self.clock.now());
        let id = blocking(move || place.put(finished, now)).await.map_err(|error| self.unavailable(&error))?;
        Ok(Kept { id, size, head: head.freeze() })
    }

    fn problem(&self) -> Option<String> {
        let free = self.short_of_room()?;
        let (free, floor, folder) = (free / 1_000_000, self.guard().floor / 1_000_000, self.folder.display());
        Some(format!(
            "{folder}: {free} MB of room are left; below {floor} MB (files.min_free_megabytes) no files are taken: make room"
        ))
    }

    async fn open(&self, id: &FileId) -> Result<FileStream, FileError> {
        let opened = async {
            let file = File::open(Folder::new(&self.folder).path(id)).await?;
            let size = file.metadata().await?.len();
            Ok::<_, std::io::Error>((file, size))
        };
        let (file, size) = opened.await.map_err(|error| match error.kind() {
            // A folder that is gone as a whole is not a file that is gone.
            ErrorKind::NotFound if self.folder.is_dir() => FileError::Gone,
            _ => self.unavailable(&error),
        })?;
        Ok(FileStream { size: Some(size), mime: None, bytes: pieces(file) })
    }

    async fn remove(&self, id: &FileId, at_once: bool) -> Result<bool, FileError> {
        let (place, id) = (Folder::new(&self.folder), id.clone());
        let before = (!at_once).then(|| self.clock.now().minus(YOUNG));
        blocking(move || place.remove(&id, before)).await.map_err(|error| self.unavailable(&error))
    }
}

fn pieces(file: File) -> ByteStream {
    let next = async |mut file: File| {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = file.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (piece.freeze(), file)))
    };
    stream::try_unfold(file, next).boxed()
}

/// What is wrong with the folder, and what would help.
fn problem(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("no space for files left; make room ({error})"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("files can't be written there; openline needs the right to ({error})")
        }
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("the folder for files is not there (any more); is the disk mounted? ({error})")
        }
        _ => error.to_string(),
    }
}

//! A file on its way in. It has no name that anybody looks for before it is whole, and is gone when it never becomes so.

use openline_core::FileId;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// What drafts' names begin with.
pub(super) const PREFIX: &str = ".draft-";
/// Bytes that are gathered for one write.
const BUFFER: usize = 128 * 1024;

/// Bytes that come.
pub(super) struct Draft {
    file: BufWriter<File>,
    path: Leftover,
    hash: Sha256,
    size: u64,
}

/// Bytes that are whole and on the disk.
pub(super) struct Finished {
    pub(super) path: Leftover,
    pub(super) id: FileId,
}

/// The draft's name; removed with this unless it has become another.
pub(super) struct Leftover(Option<PathBuf>);

impl Leftover {
    /// Gives the draft its place.
    pub(super) fn rename(mut self, to: &Path) -> std::io::Result<()> {
        let Some(from) = &self.0 else { return Ok(()) };
        std::fs::rename(from, to)?;
        self.0 = None;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What can't be removed now is at one of the next starts.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Draft {
    pub(super) async fn begin(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join(format!("{PREFIX}{:016x}", fastrand::u64(..)));
        // The file and what removes it come as one: it may be made after nobody waits for it any more.
        let made = move || {
            let file = crate::private::file().write(true).create_new(true).open(&path)?;
            Ok((file, Leftover(Some(path))))
        };
        let (file, path) = super::blocking::blocking(made).await?;
        let file = BufWriter::with_capacity(BUFFER, File::from_std(file));
        Ok(Self { file, path, hash: Sha256::new(), size: 0 })
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn add(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        self.file.write_all(piece).await
    }

    /// Waits until all of it is on the disk.
    pub(super) async fn finish(mut self) -> std::io::Result<Finished> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        let id = FileId::parse(&hex::encode(self.hash.finalize())).map_err(std::io::Error::other)?;
        Ok(Finished { path: self.path, id })
    }
}

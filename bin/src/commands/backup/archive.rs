//! An archive being written.

use super::places::{FILES, SUMS};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read, Result, Write};
use std::path::Path;

/// A tar file that ends with the checksums of what is in it.
pub(super) struct Archive<W: Write> {
    tar: tar::Builder<W>,
    sums: String,
}

/// Reads and hashes in one go.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Self {
        Self { tar: tar::Builder::new(out), sums: String::new() }
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.sums.lines().count()
    }

    /// Adds a file under a name.
    pub(super) fn add(&mut self, name: &str, path: &Path) -> Result<()> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut content = Hashed { inner: file.take(size), hash: Sha256::new() };
        self.tar.append_data(&mut header(size), name, &mut content)?;
        self.sums.push_str(&format!("{}  {name}\n", hex::encode(content.hash.finalize())));
        Ok(())
    }

    /// Adds visitors' files. One that is erased meanwhile is left out; drafts and the lock are no files.
    pub(super) fn add_files(&mut self, folder: &Path) -> Result<()> {
        let listed = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        for first in listed {
            let first = first?;
            if !first.file_type()?.is_dir() {
                continue;
            }
            for rest in std::fs::read_dir(first.path())? {
                let rest = rest?;
                let name =
                    format!("{FILES}/{}/{}", first.file_name().to_string_lossy(), rest.file_name().to_string_lossy());
                match self.add(&name, &rest.path()) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    added => added?,
                }
            }
        }
        Ok(())
    }

    /// Adds the checksums and ends it.
    pub(super) fn finish(mut self) -> Result<W> {
        let sums = self.sums.into_bytes();
        self.tar.append_data(&mut header(sums.len() as u64), SUMS, sums.as_slice())?;
        let mut out = self.tar.into_inner()?;
        out.flush()?;
        Ok(out)
    }
}

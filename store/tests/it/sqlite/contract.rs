//! The contract of the `Store` port, on SQLite.

use crate::common::copy_as_after_a_crash;
use async_trait::async_trait;
use openline_core::Tag;
use openline_core::contract::{Harness, Stop};
use openline_core::store::prelude::*;
use openline_store::SqliteStore;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Makes databases in a folder of its own.
struct Sqlite {
    folder: TempDir,
    /// Each tag's newest file.
    files: Mutex<Vec<(Tag, PathBuf)>>,
}

impl Sqlite {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), files: Mutex::default() }
    }

    fn new_path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.db", self.files.lock().len()))
    }

    fn open(&self, path: PathBuf) -> Arc<dyn Store> {
        let store = SqliteStore::open(&path).unwrap();
        self.files.lock().push((store.tag(), path));
        Arc::new(store)
    }
}

#[async_trait]
impl Harness for Sqlite {
    async fn fresh(&self) -> Arc<dyn Store> {
        self.open(self.new_path())
    }

    async fn reopen(&self, store: Arc<dyn Store>, stop: Stop) -> Arc<dyn Store> {
        let known = self.files.lock().iter().rev().find(|(tag, _)| *tag == store.tag()).cloned();
        let (_, path) = known.unwrap();
        match stop {
            Stop::Clean => {
                store.close().await;
                self.open(path)
            }
            Stop::Crash => {
                let copy = self.new_path();
                copy_as_after_a_crash(&path, &copy);
                self.open(copy)
            }
        }
    }
}

openline_core::store_contract!(Sqlite::new());

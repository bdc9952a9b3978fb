//! The writer thread with its group commit, and the reader threads.

use crate::OpenError;
use crate::sqlite::schema;
use crate::sqlite::writer::{self, Answer, Rank, Step};
use openline_core::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const READERS: usize = 2;
type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Handles of the database's threads.
pub(crate) struct Threads {
    steps: Mutex<Option<Sender<(Rank, Step)>>>,
    queries: Mutex<Option<Sender<Query>>>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    /// Starts the threads; `writer` becomes the writing connection, and `locked` is held until its thread ends.
    pub(crate) fn start(path: &Path, writer: Connection, locked: Option<schema::Lock>) -> Result<Self, OpenError> {
        let (steps, todo) = channel();
        let (queries, asked) = channel();
        let asked = Arc::new(Mutex::new(asked));
        let readers = (0..READERS).map(|_| schema::reader(path)).collect::<Result<Vec<_>, _>>()?;
        let mut handles = vec![spawn("store-write", move || {
            writer::run(&writer, &todo);
            drop(locked);
        })];
        for reader in readers {
            let asked = Arc::clone(&asked);
            handles.push(spawn("store-read", move || read_loop(&reader, &asked)));
        }
        Ok(Self { steps: Mutex::new(Some(steps)), queries: Mutex::new(Some(queries)), handles: Mutex::new(handles) })
    }

    /// Runs a step that somebody waits for in the next transaction, and returns after its commit.
    pub(crate) async fn write<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_as(Rank::Awaited, step).await
    }

    /// Runs a step of the background in one of the next transactions, and returns after its commit.
    pub(crate) async fn write_behind<T, F>(&self, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.write_as(Rank::Behind, step).await
    }

    async fn write_as<T, F>(&self, rank: Rank, step: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        let step: Step = Box::new(move |db| {
            let result = db.and_then(step);
            let verdict = result.as_ref().map(|_| ()).map_err(Clone::clone);
            let finish: Answer = Box::new(move |committed| {
                let _ = told.send(committed.and(result));
            });
            (verdict, finish)
        });
        send(&self.steps, (rank, step))?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs a query on a reader thread.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (told, answer) = oneshot::channel();
        let query: Query = Box::new(move |db| {
            let _ = told.send(query(db));
        });
        send(&self.queries, query)?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the threads finish what was asked of them, and waits for that.
    pub(crate) async fn close(&self) {
        let handles = self.stop();
        let _ = tokio::task::spawn_blocking(move || join(handles)).await;
    }

    fn stop(&self) -> Vec<JoinHandle<()>> {
        lock(&self.steps).take();
        lock(&self.queries).take();
        std::mem::take(&mut *lock(&self.handles))
    }
}

impl Drop for Threads {
    /// Whoever lets the store go may open the file again.
    fn drop(&mut self) {
        join(self.stop());
    }
}

fn join(handles: Vec<JoinHandle<()>>) {
    for handle in handles {
        // A thread that panicked has answered whom it could.
        let _ = handle.join();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send<T>(sender: &Mutex<Option<Sender<T>>>, work: T) -> Result<(), StoreError> {
    lock(sender).as_ref().ok_or_else(closed)?.send(work).map_err(|_| closed())
}

fn closed() -> StoreError {
    StoreError::Unavailable("the database is closed".to_owned())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    // A system that has no thread to spare at start-up can't run the program at all.
    #[allow(clippy::expect_used)]
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread for the database")
}

fn read_loop(db: &Connection, asked: &Mutex<Receiver<Query>>) {
    loop {
        let query = lock(asked).recv();
        match query {
            Ok(query) => query(db),
            Err(_) => return,
        }
    }
}

/// SQLite's errors as ours.
pub(crate) fn failed(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    let code = error.sqlite_error_code();
    let corrupt =
        matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation))
            || matches!(
                error,
                E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..)
            );
    if corrupt { StoreError::Corrupt(error.to_string()) } else { StoreError::Unavailable(error.to_string()) }
}

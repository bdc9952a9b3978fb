//! The writer thread with its group commit, and the reader threads.

use crate::OpenError;
use crate::sqlite::mark::Mark;
use crate::sqlite::schema;
use crate::sqlite::writer::{self, Answer, Rank, WriteStep};
use openline_core::StoreError;
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const READERS: usize = 2;
type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Handles of the database's threads.
pub(crate) struct Threads {
    /// `None` when the database is closed.
    ways: RwLock<Option<Ways>>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

/// The ways to the threads.
struct Ways {
    steps: Sender<(Rank, WriteStep)>,
    readers: [Reader; READERS],
}

/// A reading thread. Each has a queue of its own: of one that is shared, all threads would fight for the lock.
struct Reader {
    queries: Sender<Query>,
    /// How many were asked and are not answered.
    waiting: Arc<AtomicUsize>,
}

impl Reader {
    fn start(path: &Path) -> Result<(Self, JoinHandle<()>), OpenError> {
        let (queries, asked) = channel::<Query>();
        let (waiting, db) = (Arc::new(AtomicUsize::new(0)), schema::reader(path)?);
        let answered = Arc::clone(&waiting);
        let handle = spawn("store-read", move || {
            for query in asked {
                query(&db);
                answered.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Ok((Self { queries, waiting }, handle))
    }

    fn ask(&self, query: Query) -> Result<(), StoreError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queries.send(query).map_err(|_| closed())
    }
}

impl Threads {
    /// Starts the threads; `writer` becomes the writing connection. Whoever has the database alone has `held` it, which is
    /// kept until its thread ends.
    pub(crate) fn start(
        path: &Path,
        writer: Connection,
        held: Option<(schema::Lock, Mark)>,
    ) -> Result<Self, OpenError> {
        let (steps, todo): (_, Receiver<(Rank, WriteStep)>) = channel();
        let ((one, first), (two, second)) = (Reader::start(path)?, Reader::start(path)?);
        let writing = spawn("store-write", move || {
            let (locked, mark) = held.unzip();
            writer::run(&writer, &todo, mark);
            drop(locked);
        });
        let ways = RwLock::new(Some(Ways { steps, readers: [one, two] }));
        Ok(Self { ways, handles: Mutex::new(vec![writing, first, second]) })
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
        let step: WriteStep = Box::new(move |db| {
            let result = db.and_then(step);
            let verdict = result.as_ref().map(|_| ()).map_err(Clone::clone);
            let finish: Answer = Box::new(move |committed| {
                let _ = told.send(committed.and(result));
            });
            (verdict, finish)
        });
        self.ways.read().as_ref().ok_or_else(closed)?.steps.send((rank, step)).map_err(|_| closed())?;
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
        self.ask(query)?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the threads finish what was asked of them, and waits for that.
    pub(crate) async fn close(&self) {
        let handles = self.stop();
        let _ = tokio::task::spawn_blocking(move || join(handles)).await;
    }

    /// Asks the reader that has least to do.
    fn ask(&self, query: Query) -> Result<(), StoreError> {
        let ways = self.ways.read();
        let [one, two] = &ways.as_ref().ok_or_else(closed)?.readers;
        let waiting = |reader: &Reader| reader.waiting.load(Ordering::Relaxed);
        let reader = if waiting(one) <= waiting(two) { one } else { two };
        reader.ask(query)
    }

    fn stop(&self) -> Vec<JoinHandle<()>> {
        self.ways.write().take();
        std::mem::take(&mut *self.handles.lock())
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

fn closed() -> StoreError {
    StoreError::Unavailable("the database is closed".to_owned())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    // A system that has no thread to spare at start-up can't run the program at all.
    #[allow(clippy::expect_used)]
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread for the database")
}

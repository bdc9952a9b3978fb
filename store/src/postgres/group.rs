//! Group commit: whatever visitors' messages wait are stored in one transaction, and only then everybody is answered.

use super::database::{Database, transaction};
use super::fault::closed;
use super::incoming::{self, Letter};
use openline_core::StoreError;
use openline_core::store::Recorded;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Most messages that share one transaction: bounds how long the first one waits for the others.
const GROUP: usize = 256;

type Answer = oneshot::Sender<Result<Recorded, StoreError>>;

/// Where messages wait for the next transaction.
pub(crate) struct Group {
    waiting: Mutex<Option<mpsc::UnboundedSender<(Letter, Answer)>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Group {
    /// Starts the writer.
    pub(crate) fn start(database: Arc<Database>) -> Self {
        let (waiting, mut letters) = mpsc::unbounded_channel();
        let writer = tokio::spawn(async move {
            let mut group = Vec::with_capacity(GROUP);
            while letters.recv_many(&mut group, GROUP).await > 0 {
                record(&database, group.drain(..).unzip()).await;
            }
        });
        Self { waiting: Mutex::new(Some(waiting)), writer: Mutex::new(Some(writer)) }
    }

    /// Stores a message with the next transaction.
    pub(crate) async fn record(&self, letter: Letter) -> Result<Recorded, StoreError> {
        let (told, answer) = oneshot::channel();
        let waiting = self.waiting.lock().clone().ok_or_else(closed)?;
        waiting.send((letter, told)).map_err(|_| closed())?;
        drop(waiting);
        answer.await.map_err(|_| closed())?
    }

    /// Waits until everything that was handed over is stored. Nothing is taken any more.
    pub(crate) async fn close(&self) {
        self.waiting.lock().take();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            // One that panicked has answered whom it could.
            let _ = writer.await;
        }
    }
}

async fn record(database: &Database, (letters, answers): (Vec<Letter>, Vec<Answer>)) {
    match store(database, &letters).await {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                let _ = answer.send(Ok(result));
            }
        }
        // One of them can't be stored: it must not hurt the others.
        Err(StoreError::Corrupt(_)) if letters.len() > 1 => record_each(database, &letters, answers).await,
        Err(error) => {
            tracing::error!(%error, messages = letters.len(), "a group of messages failed, nothing of it is stored");
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

async fn record_each(database: &Database, letters: &[Letter], answers: Vec<Answer>) {
    for (letter, answer) in letters.iter().zip(answers) {
        let letter = std::slice::from_ref(letter);
        let result = store(database, letter).await;
        let one = |mut results: Vec<Recorded>| results.pop().ok_or_else(closed);
        let _ = answer.send(result.and_then(one));
    }
}

async fn store(database: &Database, letters: &[Letter]) -> Result<Vec<Recorded>, StoreError> {
    transaction!(database, db => incoming::record(db, letters))
}

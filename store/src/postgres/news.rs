//! Telling the other processes on the same database what changed, by LISTEN and NOTIFY. It only saves them waiting.

use crate::words::{read, words};
use openline_core::store::News;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::time::Duration;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const CHANNEL: &str = "openline";
/// Shortest time between two notifications; what happens meanwhile comes in one.
const PAUSE: Duration = Duration::from_millis(5);
/// How long somebody waits for a connection to tell with, and the end for the last news to be told.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause before the listening connection is made anew.
const RECONNECT: Duration = Duration::from_millis(500);
/// How much news waits for a subscriber before that one lags behind.
const BACKLOG: usize = 4096;
/// Most news that are looked at together.
const TOGETHER: usize = 10_000;

/// Tells the other processes.
#[derive(Clone)]
pub(crate) struct Telling {
    /// `None` is the end.
    outbound: mpsc::UnboundedSender<Option<News>>,
    inbound: broadcast::Sender<News>,
}

impl Telling {
    /// Tells the other processes.
    pub(crate) fn tell(&self, news: News) {
        // Nobody takes it any more when the store is closed.
        let _ = self.outbound.send(Some(news));
    }

    /// Tells the other processes, and this one.
    pub(crate) fn tell_all(&self, news: News) {
        let _ = self.inbound.send(news.clone());
        self.tell(news);
    }

    /// What the others tell.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<News> {
        self.inbound.subscribe()
    }
}

/// The tasks that tell and listen.
pub(crate) struct Post {
    outbound: mpsc::UnboundedSender<Option<News>>,
    telling: Mutex<JoinHandle<()>>,
    listening: JoinHandle<()>,
}

impl Post {
    /// Starts the tasks. `owner` is the sender's name on everything that is told, by which it is known as one's own.
    pub(crate) fn start(options: &PgConnectOptions, owner: i64) -> (Self, Telling) {
        let (outbound, waiting) = mpsc::unbounded_channel();
        let inbound = broadcast::Sender::new(BACKLOG);
        // Connections of their own, which are kept.
        let pool = || {
            let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            pool.acquire_timeout(PATIENCE).connect_lazy_with(options.clone())
        };
        let telling = Mutex::new(tokio::spawn(tell(pool(), owner, waiting)));
        let listening = tokio::spawn(listen(pool(), owner, inbound.clone()));
        (Self { outbound: outbound.clone(), telling, listening }, Telling { outbound, inbound })
    }

    /// Tells what is still to be told, and ends the tasks.
    pub(crate) async fn close(&self) {
        self.listening.abort();
        let _ = self.outbound.send(None);
        let mut telling = self.telling.lock().await;
        if !telling.is_finished() && timeout(PATIENCE, &mut *telling).await.is_err() {
            telling.abort();
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.listening.abort();
        let _ = self.outbound.send(None);
    }
}

async fn tell(pool: PgPool, owner: i64, mut waiting: mpsc::UnboundedReceiver<Option<News>>) {
    let mut news = Vec::new();
    while waiting.recv_many(&mut news, TOGETHER).await > 0 {
        let last = news.iter().any(Option::is_none);
        let words = words(owner, news.drain(..).flatten());
        let sql = "SELECT pg_notify($1, word) FROM unnest($2::text[]) word";
        if let Err(error) = sqlx::query(sql).bind(CHANNEL).bind(words).execute(&pool).await {
            tracing::debug!(%error, "can't tell the other processes");
        }
        if last {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(pool: PgPool, owner: i64, inbound: broadcast::Sender<News>) {
    let mut heard = false;
    loop {
        if let Err(error) = hear(&pool, owner, &inbound, &mut heard).await {
            tracing::debug!(%error, "can't hear the other processes");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

/// Listens until the connection is lost for good. `heard` is whether something may have been missed before.
async fn hear(
    pool: &PgPool,
    owner: i64,
    inbound: &broadcast::Sender<News>,
    heard: &mut bool,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    if std::mem::replace(heard, true) {
        let _ = inbound.send(News::Gap);
    }
    loop {
        match listener.try_recv().await? {
            Some(notification) => {
                for news in read(owner, notification.payload()) {
                    let _ = inbound.send(news);
                }
            }
            // The connection was lost and is back.
            None => {
                let _ = inbound.send(News::Gap);
            }
        }
    }
}

//! Telling the other processes on the same database what changed, by LISTEN and NOTIFY. It only saves them waiting.

use openline_core::channel::ChatAddress;
use openline_core::store::{Change, News, Queue};
use openline_core::{ChannelId, ChatId, ConversationId, Rev};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const CHANNEL: &str = "openline";
/// Longest notification: PostgreSQL takes less than 8000 bytes.
const LONGEST: usize = 7500;
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

/// As few notifications as possible: the sender, `c` with a conversation and its newest revision, `b` with one that began
/// and its chat, `v` with an adapter's key, `q` with a queue, `g` that what is remembered may be wrong.
fn words(owner: i64, news: impl Iterator<Item = News>) -> Vec<String> {
    let (mut changes, mut others, mut gap) = (BTreeMap::new(), BTreeSet::new(), false);
    for news in news {
        match news {
            News::Change(change) => {
                let rev = changes.entry(change.conversation).or_insert(change.rev);
                *rev = change.rev.max(*rev);
            }
            News::Queue(queue) => {
                others.insert(format!(" q{}", queue.name()));
            }
            News::Begun(ChatAddress { channel, chat }, conversation) => {
                others.insert(format!(" b{conversation}:{channel}/{chat}"));
            }
            // Words end at a space.
            News::Value(key) if key.contains(char::is_whitespace) => gap = true,
            News::Value(key) => {
                others.insert(format!(" v{key}"));
            }
            News::Gap => gap = true,
        }
    }
    let changes = changes.into_iter().map(|(conversation, rev)| format!(" c{conversation}:{rev}"));
    let mut all = vec![owner.to_string()];
    let gap = gap.then(|| " g".to_owned());
    for word in changes.chain(others).chain(gap) {
        if all.last().is_none_or(|last| last.len() + word.len() > LONGEST) {
            all.push(owner.to_string());
        }
        if let Some(last) = all.last_mut() {
            last.push_str(&word);
        }
    }
    all
}

/// What somebody else told. Unknown words (of a newer version) are passed over.
fn read(owner: i64, payload: &str) -> Vec<News> {
    let mut words = payload.split(' ');
    if words.next() == Some(owner.to_string().as_str()) {
        return Vec::new();
    }
    words.filter_map(one).collect()
}

fn one(word: &str) -> Option<News> {
    if let Some(queue) = word.strip_prefix('q') {
        return Queue::from_name(queue).map(News::Queue);
    }
    if let Some(key) = word.strip_prefix('v') {
        return Some(News::Value(key.to_owned()));
    }
    if let Some(begun) = word.strip_prefix('b') {
        let (conversation, address) = begun.split_once(':')?;
        let (channel, chat) = address.split_once('/')?;
        let address = ChatAddress { channel: ChannelId::parse(channel).ok()?, chat: ChatId::parse(chat).ok()? };
        return Some(News::Begun(address, ConversationId(conversation.parse().ok()?)));
    }
    if word == "g" {
        return Some(News::Gap);
    }
    let (conversation, rev) = word.strip_prefix('c')?.split_once(':')?;
    let (conversation, rev) = (ConversationId(conversation.parse().ok()?), Rev(rev.parse().ok()?));
    Some(News::Change(Change { conversation, rev }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(conversation: i64, rev: i64) -> News {
        News::Change(Change { conversation: ConversationId(conversation), rev: Rev(rev) })
    }

    #[test]
    fn what_is_told_is_heard_by_others_once_and_in_its_newest_state() {
        let queue = News::Queue(Queue::Channel(ChannelId::parse("site").unwrap()));
        let address = ChatAddress { channel: ChannelId::parse("site").unwrap(), chat: ChatId::parse("a:/7").unwrap() };
        let (begun, value) = (News::Begun(address, ConversationId(2)), News::Value("lines/x y".replace(' ', "/")));
        let told =
            [change(1, 5), queue.clone(), change(2, 1), begun.clone(), value.clone(), change(1, 7), queue.clone()];
        let words = words(-3, told.into_iter().chain([News::Gap, change(1, 6)]));
        assert_eq!(words, ["-3 c1:7 c2:1 b2:site/a:/7 qchannel/site vlines/x/y g"]);
        assert_eq!(read(4, &words[0]), [change(1, 7), change(2, 1), begun, queue, value, News::Gap]);
        assert!(read(-3, &words[0]).is_empty());
        assert!(read(4, "-3 x c c1 c1: c:1 q qnothing future:1").is_empty());
    }

    #[test]
    fn much_news_comes_in_several_notifications() {
        let words = words(i64::MIN, (0..2000).map(|n| change(i64::MAX - n, i64::MAX)));
        assert!(words.len() > 1 && words.iter().all(|word| word.len() < 8000));
        assert_eq!(words.iter().flat_map(|word| read(1, word)).count(), 2000);
    }
}

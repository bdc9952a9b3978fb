//! What one process hears of another.

use super::talk::{NOW, claim, done, write};
use crate::cluster::Cluster;
use openline_core::ChatId;
use openline_core::channel::ChatAddress;
use openline_core::store::prelude::*;
use openline_core::store::{Change, Expect, News, Queue};
use openline_store::PostgresStore;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

async fn next(news: &mut Receiver<News>) -> News {
    timeout(Duration::from_secs(10), news.recv()).await.unwrap().unwrap()
}

/// Writes until the other one, which may not listen yet, has heard of it; then there is silence.
async fn connected(one: &dyn Store, news: &mut Receiver<News>) {
    for number in 0..200 {
        write(one, "first", &number.to_string()).await.unwrap();
        if timeout(Duration::from_millis(50), news.recv()).await.is_ok() {
            break;
        }
    }
    while timeout(Duration::from_millis(200), news.recv()).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_hear_of_changes_and_work() {
    let database = Cluster::shared().database();
    let one = PostgresStore::open(&database.url()).await.unwrap();
    let two = PostgresStore::open(&database.url()).await.unwrap();
    let (mut own, mut news) = (one.news().unwrap(), two.news().unwrap());
    connected(&one, &mut news).await;
    let recorded = write(&one, "c", "a").await.unwrap();
    assert_eq!(next(&mut news).await, News::Change(recorded.change));
    let address = ChatAddress { channel: super::talk::channel(), chat: ChatId::parse("c").unwrap() };
    assert_eq!(next(&mut news).await, News::Begun(address, recorded.change.conversation));
    assert_eq!(next(&mut news).await, News::Queue(Queue::Backend));
    assert!(!write(&one, "c", "a").await.unwrap().fresh, "which is no news");
    let job = claim(&one, 1).await.into_iter().next().unwrap();
    let changes: Vec<Change> = one.settle(vec![done(&job)], NOW).await.unwrap();
    assert_eq!(next(&mut news).await, News::Change(changes[0]));
    write(&one, "c", "b").await.unwrap();
    next(&mut news).await;
    assert_eq!(next(&mut news).await, News::Queue(Queue::Backend), "a chat begins once");
    one.state_put("bitrix/line/x/1", b"on", Expect::Anything).await.unwrap();
    one.state_put("service/pulse/1", b"now", Expect::Anything).await.unwrap();
    assert_eq!(next(&mut news).await, News::Value("bitrix/line/x/1".to_owned()));
    assert!(timeout(Duration::from_millis(200), news.recv()).await.is_err(), "it was told once");
    assert!(own.try_recv().is_err(), "nobody hears of what they did themselves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_connection_hears_that_something_may_be_missing() {
    let database = Cluster::shared().database();
    let one = PostgresStore::open(&database.url()).await.unwrap();
    let two = PostgresStore::open(&database.url()).await.unwrap();
    let mut news = two.news().unwrap();
    connected(&one, &mut news).await;
    let listening = "datname = current_database() AND query LIKE 'LISTEN%'";
    database.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}"));
    assert_eq!(next(&mut news).await, News::Gap);
    let recorded = write(&one, "c", "a").await.unwrap();
    assert_eq!(next(&mut news).await, News::Change(recorded.change));
}

/// Nobody waits for what a process did that ends now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_news_is_told_before_the_end() {
    let database = Cluster::shared().database();
    let one = PostgresStore::open(&database.url()).await.unwrap();
    let two = PostgresStore::open(&database.url()).await.unwrap();
    let mut news = two.news().unwrap();
    connected(&one, &mut news).await;
    write(&one, "c", "a").await.unwrap();
    let recorded = write(&one, "c", "b").await.unwrap();
    one.close().await;
    while next(&mut news).await != News::Change(recorded.change) {}
}

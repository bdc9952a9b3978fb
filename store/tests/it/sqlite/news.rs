//! What the service hears of commands that work beside it.

use super::talk::{NOW, write};
use openline_core::store::prelude::*;
use openline_core::store::{Expect, News, Outcome, Queue, Settlement};
use openline_store::SqliteStore;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn the_service_hears_what_a_command_beside_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openline.db");
    let service = SqliteStore::open(&file).unwrap();
    write(&service, "c", "a", "hello").await.unwrap();
    let job = service.claim(&Queue::Backend, 1, NOW, Duration::from_secs(60)).await.unwrap().jobs.remove(0);
    let outcome = Outcome::Dead { reason: "no".to_owned(), note: None };
    service.settle(vec![Settlement { job: job.id, outcome }], NOW).await.unwrap();
    let mut news = service.news().unwrap();
    let command = SqliteStore::attach(&file).unwrap();
    assert!(command.news().is_none() && !service.is_shared(), "one service has it alone");
    command.state_put("pause/site", b"{}", Expect::Anything).await.unwrap();
    command.state_put("service/own", b"its own", Expect::Anything).await.unwrap();
    command.state_delete("pause/site").await.unwrap();
    command.replay_dead(job.id, NOW).await.unwrap().unwrap();
    let next = async |news: &mut tokio::sync::broadcast::Receiver<News>| {
        timeout(Duration::from_secs(10), news.recv()).await.unwrap().unwrap()
    };
    for _ in 0..2 {
        assert_eq!(next(&mut news).await, News::Value("pause/site".to_owned()));
    }
    assert!(matches!(next(&mut news).await, News::Change(change) if change.conversation == job.conversation.id));
    assert_eq!(next(&mut news).await, News::Queue(Queue::Backend));
    // What the service does itself is no news to it.
    service.state_put("pause/own", b"{}", Expect::Anything).await.unwrap();
    service.close().await;
    assert!(news.try_recv().is_err());
    // Nobody listens: that is no fault of the command. The next service has the place again.
    command.state_put("pause/site", b"{}", Expect::Anything).await.unwrap();
    command.close().await;
    drop(service);
    let again = SqliteStore::open(&file).unwrap();
    let mut news = again.news().unwrap();
    SqliteStore::attach(&file).unwrap().state_put("pause/x", b"{}", Expect::Anything).await.unwrap();
    assert_eq!(next(&mut news).await, News::Value("pause/x".to_owned()));
}

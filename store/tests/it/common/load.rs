//! How much a store takes, in messages and jobs a second.

use openline_core::message::{Content, Incoming, Thread};
use openline_core::store::{Outcome, Queue, Settlement};
use openline_core::{ChannelId, ChatId, Store, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// Twenty messages make a conversation.
async fn write(store: &dyn Store, caller: usize, number: u64) {
    let channel = ChannelId::parse("site").unwrap();
    let chat = ChatId::parse(&format!("visitor-{caller}-{}", number / 20)).unwrap();
    let content = Content::plain("Hello, is this still available? I would take two of them.");
    let incoming = Incoming { chat, key: format!("0198-key-{number}"), visitor: None, content, note: None };
    assert!(store.record_incoming(&channel, incoming, NOW).await.unwrap().fresh);
}

/// Callers that write one message after the other; their waits in milliseconds, sorted, and the messages a second.
pub(crate) async fn write_for(store: &Arc<dyn Store>, callers: usize, time: Duration) -> (Vec<f64>, f64) {
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut waits = Vec::new();
            for number in 0.. {
                if start.elapsed() > time {
                    break;
                }
                let begun = Instant::now();
                write(&*store, caller * 1000 + callers, number).await;
                waits.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            waits
        });
    }
    let mut waits: Vec<f64> = tasks.join_all().await.into_iter().flatten().collect();
    waits.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss)]
    let rate = waits.len() as f64 / start.elapsed().as_secs_f64();
    (waits, rate)
}

pub(crate) async fn work_off(store: &dyn Store, batch: usize) -> f64 {
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(3) {
        let jobs = store.claim(&Queue::Backend, batch, NOW, Duration::from_secs(60)).await.unwrap().jobs;
        let outcome = || Outcome::Done {
            thread: Thread { session: Some("77".to_owned()), ..Default::default() },
            delivered_as: Vec::new(),
            confirm: false,
        };
        let settlements: Vec<_> = jobs.iter().map(|job| Settlement { job: job.id, outcome: outcome() }).collect();
        done += u32::try_from(settlements.len()).unwrap();
        store.settle(settlements, NOW).await.unwrap();
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

//! The portal is away for an hour of simulated time.

use async_trait::async_trait;
use futures_util::future::join_all;
use openline_core::backend::{Confirmation, Delivery, FileStream, Missed, Receipt, Watched};
use openline_core::clock::ManualClock;
use openline_core::inbox::Doors;
use openline_core::message::{Content, Conversation, File, Incoming};
use openline_core::store::Queue;
use openline_core::{Backend, Bridge, ChannelId, ChatId, Clock, DeliveryError, Roster, Sides, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A portal that is there or not.
#[derive(Default)]
struct Portal {
    away: AtomicBool,
    arrived: Mutex<HashMap<String, Vec<String>>>,
}

#[async_trait]
impl Backend for Portal {
    fn batch_limits(&self) -> (usize, usize) {
        (20, 20)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Receipt, DeliveryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(DeliveryError::paused("can't connect"));
        }
        let (chat, text) = (delivery.conversation.chat.to_string(), delivery.item.content.text.to_plain());
        self.arrived.lock().entry(chat).or_default().push(text);
        Ok(Receipt::default())
    }

    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        vec![Ok(()); batch.len()]
    }

    async fn missed(&self, dialogs: &[Watched]) -> Vec<Result<Missed, DeliveryError>> {
        dialogs.iter().map(|_| Ok(Missed::default())).collect()
    }

    async fn note(&self, _: &Conversation, _: &str, _: Option<Timestamp>) -> Result<(), DeliveryError> {
        Ok(())
    }

    async fn open(&self, _: &File) -> Result<FileStream, DeliveryError> {
        Err(DeliveryError::refused("no files"))
    }
}

#[tokio::test]
async fn an_hour_without_the_portal_loses_nothing_and_drains_in_order() {
    const CHATS: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let store = openline_store::open(&format!("sqlite:{}", folder.path().join("hour.db").display()).parse().unwrap())
        .await
        .unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_767_225_600_000)));
    let site = ChannelId::parse("site").unwrap();
    let doors = Doors::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>, std::slice::from_ref(&site));
    let portal = Arc::new(Portal::default());
    let sides = Sides::new(&doors, Arc::clone(&portal) as Arc<dyn Backend>, &Roster::default());
    let inbox = sides.inbox(site);
    let bridge = Bridge::new(sides, BTreeMap::new());
    portal.away.store(true, Ordering::SeqCst);
    for minute in 0..60 {
        join_all((0..CHATS).map(|chat| {
            let chat = ChatId::parse(&format!("c{chat}")).unwrap();
            let content = Content::plain(format!("minute {minute}"));
            inbox.accept(Incoming { chat, key: format!("m{minute}"), visitor: None, content, note: None })
        }))
        .await
        .into_iter()
        .for_each(|accepted| assert!(accepted.unwrap().fresh));
        bridge.drain().await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    assert!(portal.arrived.lock().is_empty());
    assert_eq!(
        store.depth(&Queue::Backend).await.unwrap(),
        60 * CHATS as u64,
        "the queue is kept, and nothing given up"
    );
    portal.away.store(false, Ordering::SeqCst);
    doors.operator_inbox().backend_is_back().await.unwrap();
    bridge.drain().await.unwrap();
    let expected: Vec<_> = (0..60).map(|minute| format!("minute {minute}")).collect();
    let arrived = portal.arrived.lock();
    assert_eq!(arrived.len(), CHATS);
    assert!(arrived.values().all(|texts| *texts == expected));
}

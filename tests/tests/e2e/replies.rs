//! What becomes of operators' replies: confirmed together, and told of when they fail.

use async_trait::async_trait;
use openline_core::backend::{Confirmation, Delivery, FileStream, Missed, Receipt, Watched};
use openline_core::channel::{Built, Capabilities, Outgoing};
use openline_core::clock::ManualClock;
use openline_core::desk::Desk;
use openline_core::inbox::Doors;
use openline_core::message::{Content, Conversation, File, Happened, Incoming, OperatorEvent, Side, Thread};
use openline_core::pauses::By;
use openline_core::store::Queue;
use openline_core::{
    Backend, Bridge, Channel, ChannelId, ChatId, Clock, DeliveryError, Roster, Sides, Store, Timestamp,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A portal that is there or not, and remembers what it was told.
#[derive(Default)]
struct Portal {
    away: AtomicBool,
    /// Whether nobody learns what became of a note.
    unclear: AtomicBool,
    confirmed: Mutex<Vec<Vec<i64>>>,
    notes: Mutex<Vec<String>>,
    news: Notify,
}

#[async_trait]
impl Backend for Portal {
    fn batch_limits(&self) -> (usize, usize) {
        (20, 50)
    }

    async fn deliver(&self, one: Delivery) -> Result<Receipt, DeliveryError> {
        let refused = one.item.content.text.to_plain().contains("refuse");
        if refused { Err(DeliveryError::refused("too bad")) } else { Ok(Receipt::default()) }
    }

    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        if self.away.load(Ordering::SeqCst) {
            return vec![Err(DeliveryError::paused("can't connect")); batch.len()];
        }
        self.confirmed.lock().push(batch.iter().filter_map(|one| one.item.remote).collect());
        self.news.notify_one();
        vec![Ok(()); batch.len()]
    }

    async fn missed(&self, dialogs: &[Watched]) -> Vec<Result<Missed, DeliveryError>> {
        dialogs.iter().map(|_| Ok(Missed::default())).collect()
    }

    async fn note(&self, _: &Conversation, text: &str, _: Option<Timestamp>) -> Result<(), DeliveryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(DeliveryError::paused("can't connect"));
        }
        self.notes.lock().push(text.to_owned());
        let unclear = self.unclear.load(Ordering::SeqCst);
        if unclear { Err(DeliveryError::unknown("HTTP 502 without JSON")) } else { Ok(()) }
    }

    async fn open(&self, _: &File) -> Result<FileStream, DeliveryError> {
        Err(DeliveryError::refused("no files"))
    }
}

/// A messenger that takes everything but what says "refuse", and "slow" things never to their end. It changes nothing
/// that is delivered: it can't, or it may not.
struct Messenger {
    /// What visitors were told that it was given up.
    given_up: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Channel for Messenger {
    async fn edit(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Err(DeliveryError::refused("it is too old"))
    }

    async fn delete(&self, _: Outgoing<'_>) -> Result<(), DeliveryError> {
        Err(DeliveryError::refused("it is too old"))
    }

    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        match message.item.content.text.to_plain() {
            text if text.contains("refuse") => Err(DeliveryError::refused("the visitor has blocked us")),
            text if text.contains("slow") => std::future::pending().await,
            text => Ok(vec![text]),
        }
    }

    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.given_up.lock().push(message.item.content.text.to_plain());
        Err(DeliveryError::retry("nobody repeats this"))
    }
}

/// A service whose process can be gone from one moment to the next.
struct Service {
    folder: TempDir,
    clock: Arc<ManualClock>,
    portal: Arc<Portal>,
    given_up: Arc<Mutex<Vec<String>>>,
    store: Arc<dyn Store>,
    doors: Doors,
    bridge: Arc<Bridge>,
}

impl Service {
    async fn start() -> Self {
        Self::that_can(Capabilities::default()).await
    }

    async fn that_can(can: Capabilities) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_767_225_600_000)));
        Self::on(folder, clock, Arc::default(), can).await
    }

    async fn on(folder: TempDir, clock: Arc<ManualClock>, portal: Arc<Portal>, can: Capabilities) -> Self {
        let url = format!("sqlite:{}", folder.path().join("replies.db").display());
        let store = openline_store::open(&url.parse().unwrap()).await.unwrap();
        let site = ChannelId::parse("site").unwrap();
        let doors = Doors::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>, std::slice::from_ref(&site));
        let given_up = Arc::<Mutex<Vec<String>>>::default();
        let channel = Arc::new(Messenger { given_up: Arc::clone(&given_up) });
        let channels = BTreeMap::from([(site, Built { channel, can, alone: false })]);
        let sides = Sides::new(&doors, Arc::clone(&portal) as Arc<dyn Backend>, &Roster::default());
        let bridge = Bridge::new(sides, channels);
        Self { folder, clock, portal, given_up, store, doors, bridge }
    }

    async fn restart(self) -> Self {
        let Self { folder, clock, portal, store, doors, bridge, .. } = self;
        store.close().await;
        drop((store, doors, bridge));
        Self::on(folder, clock, portal, Capabilities::default()).await
    }

    async fn happens(&self, remote: i64, edit: Option<&str>) {
        let happened = match edit {
            Some(text) => Happened::Edited { remote, text: Content::plain(text).text, at: self.clock.now() },
            None => Happened::Deleted { remote },
        };
        let (channel, chat) = (ChannelId::parse("site").unwrap(), ChatId::parse("c").unwrap());
        let event = OperatorEvent { channel, chat, thread: Thread::default(), happened };
        self.doors.operator_inbox().accept(vec![event]).await.unwrap();
        self.bridge.drain().await.unwrap();
    }

    async fn operator_writes(&self, remotes: std::ops::Range<i64>, text: &str) {
        self.operator_writes_to("c", remotes, text).await;
    }

    async fn operator_writes_to(&self, chat: &str, remotes: std::ops::Range<i64>, text: &str) {
        let event = |remote| OperatorEvent {
            channel: ChannelId::parse("site").unwrap(),
            chat: ChatId::parse(chat).unwrap(),
            thread: Thread::default(),
            happened: Happened::Wrote { remote, side: Side::Operator, author: None, content: Content::plain(text) },
        };
        self.doors.operator_inbox().accept(remotes.map(event).collect()).await.unwrap();
    }
}

#[tokio::test]
async fn thirty_replies_of_one_dialog_are_confirmed_in_one_call() {
    let service = Service::start().await;
    service.portal.away.store(true, Ordering::SeqCst);
    service.operator_writes(1..31, "hello").await;
    service.bridge.drain().await.unwrap();
    assert_eq!(service.store.depth(&Queue::Confirm).await.unwrap(), 30);
    service.portal.away.store(false, Ordering::SeqCst);
    service.doors.operator_inbox().backend_is_back().await.unwrap();
    service.bridge.drain().await.unwrap();
    assert_eq!(*service.portal.confirmed.lock(), [(1..31).collect::<Vec<_>>()]);
    assert_eq!(service.store.depth(&Queue::Confirm).await.unwrap(), 0);
}

/// Also when the process ends before the operators could be told.
#[tokio::test]
async fn operators_are_told_of_a_reply_that_failed() {
    let service = Service::start().await;
    service.portal.away.store(true, Ordering::SeqCst);
    service.operator_writes(1..2, "please refuse this").await;
    service.bridge.drain().await.unwrap();
    assert_eq!(service.store.dead_letters(None, 9).await.unwrap().len(), 1);
    let service = service.restart().await;
    service.portal.away.store(false, Ordering::SeqCst);
    service.doors.operator_inbox().backend_is_back().await.unwrap();
    service.bridge.drain().await.unwrap();
    let notes = service.portal.notes.lock().clone();
    assert_eq!(notes.len(), 1, "{notes:?}");
    for part in ["did not reach the visitor", "the visitor has blocked us", "please refuse this"] {
        assert!(notes[0].contains(part), "{notes:?}");
    }
}

#[tokio::test]
async fn visitors_are_told_of_what_the_operators_will_not_get() {
    let service = Service::start().await;
    let site = ChannelId::parse("site").unwrap();
    for text in ["hello", "please refuse this", "bye"] {
        let (chat, content) = (ChatId::parse("c").unwrap(), Content::plain(text));
        let incoming = Incoming { chat, key: text.to_owned(), visitor: None, content, note: None };
        service.bridge.visitor_inbox(site.clone()).accept(incoming).await.unwrap();
    }
    service.bridge.drain().await.unwrap();
    assert_eq!(*service.given_up.lock(), ["please refuse this"]);
    assert_eq!(service.store.dead_letters(None, 9).await.unwrap().len(), 1);
    assert_eq!(service.store.depth(&Queue::Backend).await.unwrap(), 0);
}

/// A chat whose file takes for ever holds up no other one, and what is done is settled meanwhile.
#[tokio::test]
async fn slow_sends_hold_up_nobody_else() {
    let service = Service::start().await;
    for chat in 0..40 {
        service.operator_writes_to(&format!("slow{chat}"), chat..chat + 1, "slow").await;
    }
    service.operator_writes_to("quick", 100..120, "quick").await;
    let (stop, bridge) = (CancellationToken::new(), Arc::clone(&service.bridge));
    let running = tokio::spawn(bridge.run(Duration::from_secs(3600), stop.clone()));
    let all = async {
        while service.portal.confirmed.lock().concat().len() < 20 {
            service.portal.news.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("the quick ones are confirmed");
    assert_eq!(service.portal.confirmed.lock().concat(), (100..120).collect::<Vec<_>>());
    assert_eq!(service.store.depth(&Queue::Channel(ChannelId::parse("site").unwrap())).await.unwrap(), 40);
    running.abort();
}

/// Whether the channel can't do it at all or failed to: one note for each message and kind of change.
#[tokio::test]
async fn operators_are_told_of_changes_that_the_visitor_does_not_see() {
    let all = Capabilities { edits: true, deletes: true, ..Capabilities::default() };
    for (can, reason, dead) in [(all, "it is too old", 3), (Capabilities::default(), "this channel can't change", 0)] {
        let service = Service::that_can(can).await;
        service.operator_writes(1..2, "ten euros").await;
        service.bridge.drain().await.unwrap();
        for (remote, edit) in [(1, Some("nine euros")), (1, Some("eight euros")), (1, None)] {
            service.happens(remote, edit).await;
        }
        let notes = service.portal.notes.lock().clone();
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with(&format!("The visitor may still see the earlier text of this message: {reason}")));
        assert!(notes[0].ends_with("> nine euros"), "{notes:?}");
        assert!(notes[1].starts_with(&format!("The visitor still sees a message that was deleted here: {reason}")));
        assert_eq!(service.store.dead_letters(None, 9).await.unwrap().len(), dead);
    }
}

/// What the visitor writes waits behind it.
#[tokio::test]
async fn a_note_of_unknown_outcome_is_said_for_a_minute_at_most() {
    let service = Service::start().await;
    service.portal.unclear.store(true, Ordering::SeqCst);
    service.operator_writes(1..2, "please refuse this").await;
    let mut said = Vec::new();
    for second in 0..90 {
        if service.bridge.drain().await.unwrap() > 0 {
            said.push(second);
        }
        service.clock.advance(Duration::from_secs(1));
    }
    // Ever more seldom.
    assert_eq!(service.portal.notes.lock().len(), 7);
    assert!(said[1] <= 1 && said.last().is_some_and(|last| (30..=70).contains(last)), "{said:?}");
    assert_eq!(service.store.depth(&Queue::Backend).await.unwrap(), 0);
}

/// Over a restart, and visitors' messages go on.
#[tokio::test]
async fn a_paused_channel_keeps_what_operators_write_until_it_is_resumed() {
    let site = ChannelId::parse("site").unwrap();
    let service = Service::start().await;
    assert!(Desk::new(&service.doors).pause(&site, " moving the bot ", By::Machine).await.unwrap());
    assert!(!Desk::new(&service.doors).pause(&site, "again", By::Machine).await.unwrap(), "it is paused already");
    assert!(
        !Desk::new(&service.doors).pause(&ChannelId::parse("other").unwrap(), "", By::Machine).await.unwrap(),
        "there is none"
    );
    service.operator_writes(1..3, "hello").await;
    service.bridge.drain().await.unwrap();
    let service = service.restart().await;
    service.bridge.drain().await.unwrap();
    assert_eq!(Desk::new(&service.doors).paused()[&site].why, "moving the bot");
    assert_eq!(service.store.depth(&Queue::Channel(site.clone())).await.unwrap(), 2);
    assert!(Desk::new(&service.doors).resume(&site).await.unwrap());
    assert!(!Desk::new(&service.doors).resume(&site).await.unwrap());
    service.bridge.drain().await.unwrap();
    assert_eq!(service.portal.confirmed.lock().concat(), [1, 2]);
}

/// While the service runs: what waits is not claimed, and goes on when it is served again.
#[tokio::test]
async fn a_channel_that_is_taken_away_keeps_what_waits_until_it_comes_back() {
    let site = ChannelId::parse("site").unwrap();
    let service = Service::start().await;
    let stop = CancellationToken::new();
    service.operator_writes(1..3, "hello").await;
    service.bridge.remove(&site).await;
    let running = tokio::spawn(Arc::clone(&service.bridge).run(Duration::from_secs(3600), stop.clone()));
    service.bridge.drain().await.unwrap();
    assert_eq!(service.store.depth(&Queue::Channel(site.clone())).await.unwrap(), 2);
    // What comes for it meanwhile is passed over, as after a start without it.
    service.operator_writes(3..4, "nobody is there").await;
    assert_eq!(service.store.depth(&Queue::Channel(site.clone())).await.unwrap(), 2);
    let channel = Arc::new(Messenger { given_up: Arc::default() });
    service.bridge.add(&site, Built { channel, can: Capabilities::default(), alone: false });
    openline_tests::eventually("what waited is brought", async || {
        (service.portal.confirmed.lock().concat() == [1, 2]).then_some(())
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

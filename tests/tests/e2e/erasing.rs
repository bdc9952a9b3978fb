//! A conversation is forgotten while the program runs.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use openline_core::backend::FileStream;
use openline_core::contract::Nobody;
use openline_core::files::{ByteStream, FileError, FileRules, Files, Kept};
use openline_core::inbox::Doors;
use openline_core::message::{Content, File, FileSource, Incoming};
use openline_core::secret::MasterSecret;
use openline_core::store::FORGET_FILES;
use openline_core::{ChannelId, ChatId, ConversationId, FileId, Rev, SystemClock, VisitorInbox};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// Files that are all young, or all old.
#[derive(Default)]
struct Drawer {
    files: Mutex<BTreeSet<FileId>>,
    young: AtomicBool,
}

#[async_trait]
impl Files for Drawer {
    async fn keep(&self, bytes: ByteStream, _: u64) -> Result<Kept, FileError> {
        let parts: Vec<_> = bytes.collect().await;
        let head: Bytes = parts.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat().into();
        let id = FileId::parse(&format!("{:064x}", head[0])).unwrap();
        self.files.lock().insert(id.clone());
        Ok(Kept { id, size: head.len() as u64, head })
    }

    async fn open(&self, _: &FileId) -> Result<FileStream, FileError> {
        Err(FileError::Gone)
    }

    async fn remove(&self, id: &FileId, at_once: bool) -> Result<bool, FileError> {
        let young = self.young.load(Ordering::SeqCst) && !at_once;
        if !young {
            self.files.lock().remove(id);
        }
        Ok(!young)
    }
}

struct Place {
    _folder: tempfile::TempDir,
    drawer: Arc<Drawer>,
    doors: Doors,
    inbox: VisitorInbox,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("erasing.db").display());
        let store = openline_store::open(&url.parse().unwrap()).await.unwrap();
        let (site, drawer) = (ChannelId::parse("site").unwrap(), Arc::new(Drawer::default()));
        let doors = Doors::new(store, Arc::new(SystemClock::default()), std::slice::from_ref(&site));
        let files = Arc::clone(&drawer) as Arc<dyn Files>;
        let doors = doors.equipped(files, FileRules::default(), "https://chat.example", &MasterSecret::new([1; 32]));
        let inbox = VisitorInbox::alone(doors.clone(), Arc::new(Nobody), site);
        Self { _folder: folder, drawer, doors, inbox }
    }

    async fn keep(&self, letter: &'static str) -> File {
        let bytes = futures_util::stream::iter([Ok(Bytes::from_static(letter.as_bytes()))]).boxed();
        self.inbox.keep_file("a.txt", "text/plain", bytes).await.unwrap()
    }

    async fn write(&self, id: &str, key: &str, files: Vec<File>) -> ConversationId {
        let content = Content { files, ..Content::plain(key) };
        let incoming = Incoming { chat: chat(id), key: key.to_owned(), visitor: None, content, note: None };
        self.inbox.accept(incoming).await.unwrap().change.conversation
    }

    fn kept(&self) -> Vec<FileId> {
        self.drawer.files.lock().iter().cloned().collect()
    }

    async fn to_remove(&self) -> usize {
        self.doors.operator_inbox().store().state_list(FORGET_FILES).await.unwrap().len()
    }
}

fn chat(id: &str) -> ChatId {
    ChatId::parse(id).unwrap()
}

fn id(file: &File) -> FileId {
    let FileSource::Stored(id) = &file.source else { panic!("{file:?}") };
    id.clone()
}

#[tokio::test]
async fn who_waits_for_news_finds_the_conversation_gone() {
    let place = Place::new().await;
    let conversation = place.write("c", "a", Vec::new()).await;
    let newest = place.inbox.newest(conversation).await.unwrap();
    let waits = place.inbox.wait_above(conversation, newest, LONG);
    let erases = async {
        tokio::task::yield_now().await;
        place.doors.erase(conversation).await.unwrap().unwrap()
    };
    let both = async { tokio::join!(waits, erases) };
    let (news, erased) = tokio::time::timeout(LONG / 4, both).await.expect("nobody was woken");
    assert_eq!((news, erased.items), (false, 1));
    assert_eq!(place.inbox.find(&chat("c")).await.unwrap(), None);
    assert!(place.inbox.items_since(conversation, Rev(0), 9).await.unwrap().items.is_empty());
    assert_eq!(place.doors.erase(conversation).await.unwrap(), None);
    let again = place.write("c", "a", Vec::new()).await;
    assert!(again > conversation);
    assert_eq!(place.inbox.find(&chat("c")).await.unwrap(), Some(again));
}

#[tokio::test]
async fn the_files_that_only_it_named_are_removed() {
    let place = Place::new().await;
    let (own, shared) = (place.keep("a").await, place.keep("b").await);
    let conversation = place.write("c", "a", vec![own, shared.clone()]).await;
    place.write("d", "a", vec![shared.clone()]).await;
    let erased = place.doors.erase(conversation).await.unwrap().unwrap();
    assert_eq!((erased.files.len(), place.kept()), (1, vec![id(&shared)]));
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (vec![id(&shared)], 0));
}

/// However young they are; but for those that somebody else has just sent, too.
#[tokio::test]
async fn files_go_at_once_unless_a_message_may_come_that_names_them() {
    let place = Place::new().await;
    place.drawer.young.store(true, Ordering::SeqCst);
    let (gone, again) = (place.keep("a").await, place.keep("b").await);
    let conversation = place.write("c", "a", vec![gone, again.clone()]).await;
    assert_eq!(id(&place.keep("b").await), id(&again), "another visitor's, of the same content");
    place.doors.erase(conversation).await.unwrap().unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (vec![id(&again)], 1));
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (vec![id(&again)], 1));
    let next = place.write("d", "a", vec![again.clone()]).await;
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (vec![id(&again)], 0));
    place.doors.erase(next).await.unwrap().unwrap();
    assert!(place.kept().is_empty());
}

#[tokio::test]
async fn what_no_message_came_to_name_is_removed() {
    let place = Place::new().await;
    let (refused, own) = (place.keep("a").await, place.keep("b").await);
    assert_eq!(place.to_remove().await, 2, "neither is named yet");
    place.write("c", "k", vec![own.clone()]).await;
    assert_eq!((place.kept().len(), place.to_remove().await), (2, 1));
    // The same key with another file is a conflict: what is stored stays as it is.
    let other = place.keep("d").await;
    place.write("c", "k", vec![other]).await;
    assert_eq!(place.to_remove().await, 2);
    place.drawer.young.store(true, Ordering::SeqCst);
    place.doors.sweep_files().await.unwrap();
    assert_eq!(place.kept().len(), 3, "somebody may be storing a message that names it");
    let shared = place.keep("a").await;
    assert_eq!(id(&shared), id(&refused));
    place.write("c", "l", vec![shared.clone()]).await;
    place.drawer.young.store(false, Ordering::SeqCst);
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (vec![id(&shared), id(&own)], 0));
}

#[tokio::test]
async fn what_a_sender_left_behind_who_is_gone_is_removed() {
    let place = Place::new().await;
    let bytes = futures_util::stream::iter([Ok(Bytes::from_static(b"a"))]).boxed();
    let mut keeping = Box::pin(place.inbox.keep_file("a.txt", "text/plain", bytes));
    while place.kept().is_empty() {
        assert!(futures_util::poll!(&mut keeping).is_pending(), "it was there before it was kept");
        tokio::task::yield_now().await;
    }
    drop(keeping);
    openline_tests::eventually("it is noted", async || (place.to_remove().await == 1).then_some(())).await;
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (Vec::new(), 0));
}

#[tokio::test]
async fn the_files_of_a_visitor_who_was_forgotten_are_removed() {
    let place = Place::new().await;
    let own = place.keep("a").await;
    let conversation = place.write("c", "k", vec![own]).await;
    assert!(place.inbox.forget_visitor(&chat("c")).await.unwrap());
    // The deletion at the backend empties the message before the conversation goes.
    assert_eq!(openline_core::forget::round(&place.doors).await.unwrap(), 0);
    place.doors.erase(conversation).await.unwrap().unwrap();
    place.doors.sweep_files().await.unwrap();
    assert_eq!((place.kept(), place.to_remove().await), (Vec::new(), 0));
}

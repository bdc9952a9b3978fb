//! Store, files and backend in memory: as much of them as a channel uses.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use openline_core::backend::{Backend, Confirmation, Delivery, FileStream, Missed, Receipt, Watched};
use openline_core::clock::Timestamp;
use openline_core::files::{ByteStream, FileError, Files, HEAD, Kept};
use openline_core::message::{
    Content, Conversation, Dialog, File, Incoming, Item, ItemKind, Note, OperatorEvent, Side, State, Thread,
};
use openline_core::store::{
    Amend, Change, Claimed, Erased, Expect, Noted, PastDialog, Queue, Recorded, Replayed, Settlement, ShownJob, Slice,
    Store,
};
use openline_core::{ChannelId, ChatId, ConversationId, DeliveryError, FileId, JobId, MessageId, Pos, Rev, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) rooms: Mutex<Vec<(Conversation, Vec<Item>)>>,
    pub(crate) notes: Mutex<Vec<Note>>,
    pub(crate) state: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Stores nothing as long as this is set.
    pub(crate) full: AtomicBool,
    /// What was asked for or written.
    calls: Mutex<Vec<&'static str>>,
}

fn gone<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("full".into()))
}

pub(crate) fn item(id: i64, key: &str, side: Side, content: Content) -> Item {
    Item {
        id: MessageId(id),
        rev: Rev(1),
        pos: Pos(id),
        kind: ItemKind::Message,
        side,
        state: State::Sent,
        key: key.to_owned(),
        author: None,
        content,
        at: Timestamp(0),
        remote: None,
        delivered_as: Vec::new(),
        tag: openline_core::Tag::default(),
        edited: false,
        deleted: false,
    }
}

impl Memory {
    fn called(&self, what: &'static str) {
        self.calls.lock().unwrap().push(what);
    }

    /// What was asked for or written since the last time.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn ready(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) { gone() } else { Ok(()) }
    }

    fn note(&self, note: Note) -> bool {
        let mut notes = self.notes.lock().unwrap();
        let fresh = notes.iter().all(|known| known.key != note.key);
        if fresh {
            notes.push(note);
        }
        fresh
    }
}

#[async_trait]
impl Store for Memory {
    fn tag(&self) -> openline_core::Tag {
        openline_core::Tag::default()
    }

    async fn record_incoming(
        &self,
        channel: &ChannelId,
        new: Incoming,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        self.called("record_incoming");
        self.ready()?;
        let mut rooms = self.rooms.lock().unwrap();
        let place = rooms.iter().position(|(room, _)| room.channel == *channel && room.chat == new.chat);
        let place = place.unwrap_or_else(|| {
            let conversation = Conversation {
                id: ConversationId(i64::try_from(rooms.len()).unwrap() + 1),
                channel: channel.clone(),
                chat: new.chat.clone(),
                visitor: new.visitor.clone().unwrap_or_default(),
                thread: Thread::default(),
                dialog: Dialog::None,
                rev: Rev(1),
            };
            rooms.push((conversation, Vec::new()));
            rooms.len() - 1
        });
        let (conversation, items) = &mut rooms[place];
        let change = Change { conversation: conversation.id, rev: Rev(1) };
        if let Some(known) = items.iter().find(|item| item.key == new.key) {
            return Ok(Recorded { item: known.clone(), change, fresh: false });
        }
        if let Some(visitor) = new.visitor {
            conversation.visitor = visitor;
        }
        let id = conversation.id.0 * 1000 + i64::try_from(items.len()).unwrap();
        items.push(Item { at: now, ..item(id, &new.key, Side::Visitor, new.content) });
        new.note.map(|note| self.note(note));
        Ok(Recorded { item: items[items.len() - 1].clone(), change, fresh: true })
    }

    async fn notes(&self, _: ConversationId, _: Option<MessageId>, _: usize) -> Result<Vec<Item>, StoreError> {
        Ok(Vec::new())
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        _: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        self.called("amend_incoming");
        self.ready()?;
        let mut rooms = self.rooms.lock().unwrap();
        let room = rooms.iter_mut().find(|(room, _)| room.channel == *channel && room.chat == *chat);
        let Some((room, items)) = room else { return Ok(None) };
        let Some(item) = items.iter_mut().find(|item| item.key == key) else { return Ok(None) };
        let Amend::Edit(content) = amend else {
            item.deleted = true;
            return Ok(Some(Change { conversation: room.id, rev: Rev(2) }));
        };
        if item.content == content {
            return Ok(None);
        }
        (item.content, item.edited) = (content, true);
        Ok(Some(Change { conversation: room.id, rev: Rev(2) }))
    }

    async fn record_note(&self, _: ConversationId, note: Note, _: Timestamp) -> Result<bool, StoreError> {
        self.called("record_note");
        self.ready()?;
        Ok(self.note(note))
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.called("conversation_by_id");
        Ok(self.rooms.lock().unwrap().iter().find(|(room, _)| room.id == id).map(|(room, _)| room.clone()))
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        self.called("conversation");
        let rooms = self.rooms.lock().unwrap();
        Ok(rooms.iter().find(|(room, _)| room.channel == *channel && room.chat == *chat).map(|(room, _)| room.clone()))
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, most: usize) -> Result<Slice, StoreError> {
        self.called("items_before");
        let rooms = self.rooms.lock().unwrap();
        let all = rooms.iter().find(|(room, _)| room.id == id).map(|(_, items)| items.clone()).unwrap_or_default();
        let mut items: Vec<_> = all.into_iter().filter(|item| before.is_none_or(|before| item.pos < before)).collect();
        let more = items.len() > most;
        items.drain(..items.len().saturating_sub(most));
        Ok(Slice { items, more, rev: Rev(1) })
    }

    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.called("state_get");
        Ok(self.state.lock().unwrap().get(key).cloned())
    }

    async fn state_put(&self, key: &str, value: &[u8], _: Expect<'_>) -> Result<(), StoreError> {
        self.called("state_put");
        self.ready()?;
        self.state.lock().unwrap().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<(), StoreError> {
        self.called("state_delete");
        self.ready()?;
        self.state.lock().unwrap().remove(key);
        Ok(())
    }

    async fn record_outgoing(&self, _: Vec<OperatorEvent>, _: Timestamp) -> Result<Vec<Noted>, StoreError> {
        gone()
    }
    async fn following(
        &self,
        _: Option<ConversationId>,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        gone()
    }
    async fn past_dialogs(&self, _: i64, _: Timestamp, _: usize) -> Result<Vec<PastDialog>, StoreError> {
        gone()
    }
    async fn forget_past_dialogs(&self, _: Vec<i64>) -> Result<(), StoreError> {
        gone()
    }
    async fn items_since(&self, _: ConversationId, _: Rev, _: usize) -> Result<Slice, StoreError> {
        gone()
    }
    async fn item(&self, _: ConversationId, _: MessageId) -> Result<Option<Item>, StoreError> {
        gone()
    }
    async fn claim(&self, _: &Queue, _: usize, _: Timestamp, _: Duration) -> Result<Claimed, StoreError> {
        gone()
    }
    async fn settle(&self, _: Vec<Settlement>, _: Timestamp) -> Result<Vec<Change>, StoreError> {
        gone()
    }
    async fn hurry(&self, _: &Queue, _: Timestamp) -> Result<(), StoreError> {
        gone()
    }
    async fn retry_failed(
        &self,
        _: ConversationId,
        _: MessageId,
        _: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError> {
        gone()
    }
    async fn replay_dead(&self, _: JobId, _: Timestamp) -> Result<Option<Replayed>, StoreError> {
        gone()
    }
    async fn waiting(&self, _: &Queue, _: usize) -> Result<Vec<ShownJob>, StoreError> {
        gone()
    }
    async fn dead_letters(&self, _: Option<JobId>, _: usize) -> Result<Vec<ShownJob>, StoreError> {
        gone()
    }
    async fn drop_dead(&self, _: JobId) -> Result<bool, StoreError> {
        gone()
    }
    async fn depth(&self, _: &Queue) -> Result<u64, StoreError> {
        gone()
    }
    async fn oldest(&self, _: &Queue) -> Result<Option<Timestamp>, StoreError> {
        gone()
    }
    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.called("state_list");
        let state = self.state.lock().unwrap();
        let fits = state.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(fits.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
    async fn find_visitors(
        &self,
        _: &str,
        _: Option<ConversationId>,
        _: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        gone()
    }
    async fn idle(&self, _: Timestamp, _: Option<ConversationId>, _: usize) -> Result<Vec<ConversationId>, StoreError> {
        gone()
    }
    async fn untouched(
        &self,
        _: Timestamp,
        _: Option<ConversationId>,
        _: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        gone()
    }
    async fn erase(&self, _: ConversationId) -> Result<Option<Erased>, StoreError> {
        gone()
    }
    async fn unnamed_files(&self, _: Vec<FileId>) -> Result<Vec<FileId>, StoreError> {
        gone()
    }
    async fn close(&self) {}
}

/// Files by a made-up hash.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) files: Mutex<HashMap<FileId, Bytes>>,
    /// Does not tell how many bytes a file has.
    pub(crate) vague: AtomicBool,
}

impl Shelf {
    pub(crate) fn put(&self, bytes: impl Into<Bytes>) -> FileId {
        let (mut shelf, bytes) = (self.files.lock().unwrap(), bytes.into());
        // The same bytes are the same file, as on the disk.
        if let Some((known, _)) = shelf.iter().find(|(_, kept)| **kept == bytes) {
            return known.clone();
        }
        let id = FileId::parse(&format!("{:064x}", shelf.len() + 1)).unwrap();
        shelf.insert(id.clone(), bytes);
        id
    }
}

#[async_trait]
impl Files for Shelf {
    async fn keep(&self, mut bytes: ByteStream, most: u64) -> Result<Kept, FileError> {
        let mut all = BytesMut::new();
        while let Some(piece) = bytes.next().await {
            all.extend_from_slice(&piece.map_err(|error| FileError::Broken(error.to_string()))?);
        }
        let all = all.freeze();
        match all.len() as u64 {
            0 => Err(FileError::Empty),
            size if size > most => Err(FileError::TooLarge { most }),
            size => Ok(Kept { id: self.put(all.clone()), size, head: all.slice(..all.len().min(HEAD)) }),
        }
    }

    async fn open(&self, id: &FileId) -> Result<FileStream, FileError> {
        let bytes = self.files.lock().unwrap().get(id).cloned().ok_or(FileError::Gone)?;
        let size = Some(bytes.len() as u64).filter(|_| !self.vague.load(Ordering::SeqCst));
        Ok(FileStream { size, mime: None, bytes: futures_util::stream::iter([Ok(bytes)]).boxed() })
    }

    async fn remove(&self, _: &FileId, _: bool) -> Result<bool, FileError> {
        Ok(false)
    }
}

/// A backend that does nothing.
pub(crate) struct Nobody;

#[async_trait]
impl Backend for Nobody {
    async fn deliver(&self, _: Delivery) -> Result<Receipt, DeliveryError> {
        Err(DeliveryError::Unsupported)
    }
    async fn confirm(&self, _: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        Vec::new()
    }
    async fn missed(&self, _: &[Watched]) -> Vec<Result<Missed, DeliveryError>> {
        Vec::new()
    }
    async fn note(&self, _: &Conversation, _: &str) -> Result<(), DeliveryError> {
        Ok(())
    }
    async fn open(&self, _: &File) -> Result<FileStream, DeliveryError> {
        Err(DeliveryError::Unsupported)
    }
}

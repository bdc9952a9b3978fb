//! Walk 2, step 4: what happened on the operators' side, once however often it is told.

use super::chats::{self, Address, remember_thread, set_dialog, touch};
use super::fault::{Result, corrupt};
use super::items::{self, Errand, enqueue, insert, known};
use super::late::{opening, place_before, place_by_remote};
use super::past;
use super::row::{text, to_json};
use crate::code::Stored;
use openline_core::message::{Content, Dialog, Happened, Item, ItemKind, OperatorEvent, Side, State};
use openline_core::store::{Act, Change, Noted, Queue, Work};
use openline_core::text::RichText;
use openline_core::{ConversationId, MessageId, Tag, Timestamp};
use sqlx::postgres::PgConnection;

pub(crate) async fn record(
    db: &mut PgConnection,
    events: &[OperatorEvent],
    tag: Tag,
    at: Timestamp,
) -> Result<Vec<Noted>> {
    let chats = chats::lock(db, &events.iter().map(|event| (address(event), at)).collect()).await?;
    let mut noted = Vec::with_capacity(events.len());
    for event in events {
        let chat = chats.get(&address(event)).ok_or_else(|| corrupt("a conversation is gone"))?;
        let mut step = Step { db, id: ConversationId(chat.id), queue: Queue::Channel(event.channel.clone()), tag, at };
        remember_thread(step.db, step.id, &event.thread).await?;
        noted.push(step.record(&event.happened).await?);
    }
    Ok(noted)
}

fn address(event: &OperatorEvent) -> Address {
    (event.channel.as_str().to_owned(), event.chat.as_str().to_owned())
}

/// What stands in the events that bring a message.
struct Written<'a> {
    remote: i64,
    side: Side,
    author: Option<&'a String>,
    content: &'a Content,
    /// The ids under which it reached its visitor before.
    arrived: Option<&'a Vec<String>>,
    /// It stands before what the visitor began the dialog with.
    greets: bool,
}

impl<'a> Written<'a> {
    fn of(content: &'a Content) -> Self {
        Self { remote: 0, side: Side::System, author: None, content, arrived: None, greets: false }
    }
}

/// One event on its way into its conversation.
struct Step<'a> {
    db: &'a mut PgConnection,
    id: ConversationId,
    queue: Queue,
    tag: Tag,
    at: Timestamp,
}

impl Step<'_> {
    async fn record(&mut self, happened: &Happened) -> Result<Noted> {
        match happened {
            Happened::Wrote { remote, side, author, content } => {
                let written = Written { remote: *remote, side: *side, author: author.as_ref(), ..Written::of(content) };
                self.wrote(written).await
            }
            Happened::Greeted { remote, content } => {
                self.wrote(Written { remote: *remote, greets: true, ..Written::of(content) }).await
            }
            Happened::Arrived { remote, side, author, content, delivered_as } => {
                let written = Written { remote: *remote, side: *side, author: author.as_ref(), ..Written::of(content) };
                self.wrote(Written { arrived: Some(delivered_as), ..written }).await
            }
            Happened::Edited { remote, at, text } => self.edited(*remote, *at, text).await,
            Happened::Deleted { remote } => self.deleted(*remote).await,
            Happened::DialogStarted { session } => self.dialog(session, ItemKind::DialogStarted).await,
            Happened::DialogFinished { session } => self.dialog(session, ItemKind::DialogFinished).await,
        }
    }

    async fn wrote(&mut self, written: Written<'_>) -> Result<Noted> {
        let Written { remote, side, author, content, arrived, greets } = written;
        if self.by_remote(remote).await?.is_some() {
            return Ok(Noted::default());
        }
        let place = place_by_remote(self.db, self.id, remote, greets, self.at).await?;
        let item = Item {
            id: MessageId(0),
            tag: self.tag,
            rev: place.rev,
            pos: place.pos,
            kind: ItemKind::Message,
            side,
            state: if arrived.is_some() { State::Delivered } else { State::Sent },
            key: remote_key(remote),
            author: author.cloned(),
            content: content.clone(),
            at: self.at,
            remote: Some(remote),
            delivered_as: arrived.cloned().unwrap_or_default(),
            edited: false,
            deleted: false,
        };
        let message = insert(self.db, self.id, &item).await?;
        let change = Change { conversation: self.id, rev: place.rev };
        if arrived.is_some() {
            return Ok(Noted { change: Some(change), queue: None });
        }
        self.enqueue(Act::Send, message).await?;
        Ok(self.noted(change))
    }

    async fn edited(&mut self, remote: i64, edited_at: Timestamp, text: &RichText) -> Result<Noted> {
        let Some(item) = self.living(remote).await? else { return Ok(Noted::default()) };
        // An edit back to the present text changes nothing, but older ones that come after it are out of date.
        let sql = "UPDATE messages SET edited_at = $2 WHERE id = $1 AND coalesce(edited_at, $2) <= $2";
        let newest = sqlx::query(sql).bind(item.id.0).bind(edited_at.0).execute(&mut *self.db).await?;
        if newest.rows_affected() == 0 || item.content.text == *text {
            return Ok(Noted::default());
        }
        let content = Content { text: text.clone(), files: item.content.files };
        items::edit(self.db, item.id, &to_json(&content)?).await?;
        self.enqueue(Act::Edit, item.id).await?;
        let change = touch(self.db, self.id, item.id).await?;
        Ok(self.noted(change))
    }

    async fn deleted(&mut self, remote: i64) -> Result<Noted> {
        let Some(item) = self.living(remote).await? else { return Ok(Noted::default()) };
        items::delete(self.db, item.id).await?;
        self.enqueue(Act::Delete, item.id).await?;
        let change = touch(self.db, self.id, item.id).await?;
        Ok(self.noted(change))
    }

    async fn dialog(&mut self, session: &str, kind: ItemKind) -> Result<Noted> {
        let (word, state) = match kind {
            ItemKind::DialogFinished => ("finish", Dialog::Closed),
            _ => ("start", Dialog::Open),
        };
        let key = format!("{word}/{session}");
        // A start that comes after the finish of the same session is late: the dialog stays closed.
        let late = state == Dialog::Open && self.marked(&finish_key(session)).await?;
        if late || self.marked(&key).await? {
            return Ok(Noted::default());
        }
        if state == Dialog::Open || !self.another_runs(session).await? {
            set_dialog(self.db, self.id, state).await?;
        }
        if kind == ItemKind::DialogFinished {
            past::add(self.db, self.id, session).await?;
        }
        let opening = if kind == ItemKind::DialogStarted { opening(self.db, self.id).await? } else { None };
        let place = place_before(self.db, self.id, opening, self.at).await?;
        let item = Item {
            id: MessageId(0),
            tag: self.tag,
            rev: place.rev,
            pos: place.pos,
            kind,
            side: Side::System,
            state: State::Delivered,
            key,
            author: None,
            content: Content::default(),
            at: self.at,
            remote: None,
            delivered_as: Vec::new(),
            edited: false,
            deleted: false,
        };
        insert(self.db, self.id, &item).await?;
        Ok(Noted { change: Some(Change { conversation: self.id, rev: place.rev }), queue: None })
    }

    /// Whether the dialog that began last is another one and has not been finished.
    async fn another_runs(&mut self, session: &str) -> Result<bool> {
        let sql = "SELECT key FROM messages WHERE conversation = $1 AND kind = $2 ORDER BY pos DESC LIMIT 1";
        let kind = ItemKind::DialogStarted.code();
        let key: Option<Vec<u8>> =
            sqlx::query_scalar(sql).bind(self.id.0).bind(kind).fetch_optional(&mut *self.db).await?;
        let started = key.map(text).transpose()?;
        match started.as_deref().and_then(|key| key.strip_prefix("start/")) {
            Some(running) if running != session => Ok(!self.marked(&finish_key(running)).await?),
            _ => Ok(false),
        }
    }

    async fn marked(&mut self, key: &str) -> Result<bool> {
        Ok(known(self.db, self.id, Side::System, key).await?.is_some())
    }

    async fn by_remote(&mut self, remote: i64) -> Result<Option<Item>> {
        let key = remote_key(remote);
        match known(self.db, self.id, Side::Operator, &key).await? {
            Some(item) => Ok(Some(item)),
            None => known(self.db, self.id, Side::System, &key).await,
        }
    }

    async fn living(&mut self, remote: i64) -> Result<Option<Item>> {
        Ok(self.by_remote(remote).await?.filter(|item| !item.deleted))
    }

    async fn enqueue(&mut self, act: Act, message: MessageId) -> Result<()> {
        let errand = Errand { conversation: self.id, queue: self.queue.clone(), work: Work::ToVisitor(act), message };
        enqueue(self.db, &[errand], self.at).await
    }

    fn noted(&self, change: Change) -> Noted {
        Noted { change: Some(change), queue: Some(self.queue.clone()) }
    }
}

fn remote_key(remote: i64) -> String {
    format!("im/{remote}")
}

/// The key of the mark that a session was finished.
pub(crate) fn finish_key(session: &str) -> String {
    format!("finish/{session}")
}

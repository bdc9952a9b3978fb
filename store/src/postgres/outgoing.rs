//! Walk 2, step 4: what happened on the operators' side, once however often it is told.

use super::chats::{self, Address, remember_thread, set_dialog, touch};
use super::fault::{Result, corrupt};
use super::items::{self, Errand, enqueue, insert, known};
use super::late::{opening, place_before, place_by_remote};
use super::past;
use super::row::{text, to_json};
use crate::code::Stored;
use openline_core::message::{Content, Happened, Item, ItemKind, OperatorEvent, Side};
use openline_core::steps::{Heard, Mark, Written, remote_key};
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
        let mut step =
            Arrival { db, id: ConversationId(chat.id), queue: Queue::Channel(event.channel.clone()), tag, at };
        remember_thread(step.db, step.id, &event.thread).await?;
        noted.push(step.record(event.happened.clone()).await?);
    }
    Ok(noted)
}

fn address(event: &OperatorEvent) -> Address {
    (event.channel.as_str().to_owned(), event.chat.as_str().to_owned())
}

/// One event on its way into its conversation.
struct Arrival<'a> {
    db: &'a mut PgConnection,
    id: ConversationId,
    queue: Queue,
    tag: Tag,
    at: Timestamp,
}

impl Arrival<'_> {
    async fn record(&mut self, happened: Happened) -> Result<Noted> {
        match Heard::from(happened) {
            Heard::Written(written) => self.wrote(written).await,
            Heard::Edited { remote, at, text } => self.edited(remote, at, text).await,
            Heard::Deleted { remote } => self.deleted(remote).await,
            Heard::Marked { mark, session } => self.marked(mark, &session).await,
        }
    }

    async fn wrote(&mut self, written: Written) -> Result<Noted> {
        if self.by_remote(written.remote).await?.is_some() {
            return Ok(Noted::default());
        }
        let place = place_by_remote(self.db, self.id, &written, self.at).await?;
        let arrived = written.arrived.is_some();
        let message = insert(self.db, self.id, &written.item(place, self.tag, self.at)).await?;
        let change = Change { conversation: self.id, rev: place.rev };
        if arrived {
            return Ok(Noted { change: Some(change), queue: None });
        }
        self.enqueue(Act::Send, message).await?;
        Ok(self.noted(change))
    }

    async fn edited(&mut self, remote: i64, edited_at: Timestamp, text: RichText) -> Result<Noted> {
        let Some(item) = self.living(remote).await? else { return Ok(Noted::default()) };
        // An edit back to the present text changes nothing, but older ones that come after it are out of date.
        let sql = "UPDATE messages SET edited_at = $2 WHERE id = $1 AND coalesce(edited_at, $2) <= $2";
        let newest = sqlx::query(sql).bind(item.id.0).bind(edited_at.0).execute(&mut *self.db).await?;
        if newest.rows_affected() == 0 || item.content.text == text {
            return Ok(Noted::default());
        }
        let content = Content { text, files: item.content.files };
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

    async fn marked(&mut self, mark: Mark, session: &str) -> Result<Noted> {
        for earlier in mark.outdated_by() {
            if self.is_marked(*earlier, session).await? {
                return Ok(Noted::default());
            }
        }
        let another = mark == Mark::Finish && self.another_runs(session).await?;
        if let Some(dialog) = mark.dialog(another) {
            set_dialog(self.db, self.id, dialog).await?;
        }
        let opening = match mark {
            Mark::Start => opening(self.db, self.id).await?,
            Mark::Finish => {
                past::add(self.db, self.id, session).await?;
                None
            }
        };
        let place = place_before(self.db, self.id, opening, self.at).await?;
        insert(self.db, self.id, &mark.item(session, place, self.tag, self.at)).await?;
        Ok(Noted { change: Some(Change { conversation: self.id, rev: place.rev }), queue: None })
    }

    /// Whether the dialog that began last is another one and has not been finished.
    async fn another_runs(&mut self, session: &str) -> Result<bool> {
        let sql = "SELECT key FROM messages WHERE conversation = $1 AND kind = $2 ORDER BY pos DESC LIMIT 1";
        let kind = ItemKind::DialogStarted.code();
        let key: Option<Vec<u8>> =
            sqlx::query_scalar(sql).bind(self.id.0).bind(kind).fetch_optional(&mut *self.db).await?;
        let started = key.map(text).transpose()?;
        match started.as_deref().and_then(|key| Mark::Start.session(key)) {
            Some(running) if running != session => Ok(!self.is_marked(Mark::Finish, running).await?),
            _ => Ok(false),
        }
    }

    async fn is_marked(&mut self, mark: Mark, session: &str) -> Result<bool> {
        Ok(known(self.db, self.id, Side::System, &mark.key(session)).await?.is_some())
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

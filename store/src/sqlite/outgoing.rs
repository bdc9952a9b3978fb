//! Walk 2, step 4: what happened on the operators' side, once however often it is told.

use super::items::{conversation_id, insert, known, next_place, set_dialog, touch};
use super::lanes::enqueue;
use super::past;
use super::row::{Result, Stored, all, column, execute, first, to_json};
use openline_core::message::{Content, Dialog, Item, ItemKind, OperatorEvent, Side, Thread};
use openline_core::steps::{Heard, Mark, POS_STEP, Place, Stands, Written, between, remote_key};
use openline_core::store::{Act, Change, Noted, Queue, Work};
use openline_core::text::RichText;
use openline_core::{ConversationId, MessageId, Tag, Timestamp};
use rusqlite::Connection;

pub(crate) fn record(db: &Connection, event: OperatorEvent, tag: Tag, at: Timestamp) -> Result<Noted> {
    let id = conversation_id(db, &event.channel, &event.chat, at)?;
    remember_thread(db, id, &event.thread)?;
    let queue = Queue::Channel(event.channel);
    match Heard::from(event.happened) {
        Heard::Written(written) => wrote(db, id, queue, written, tag, at),
        Heard::Edited { remote, at: edited_at, text } => edited(db, id, queue, remote, edited_at, text, at),
        Heard::Deleted { remote } => deleted(db, id, queue, remote, at),
        Heard::Marked { mark, session } => marked(db, id, &session, mark, tag, at),
    }
}

fn wrote(
    db: &Connection,
    id: ConversationId,
    queue: Queue,
    written: Written,
    tag: Tag,
    at: Timestamp,
) -> Result<Noted> {
    if by_remote(db, id, written.remote)?.is_some() {
        return Ok(Noted::default());
    }
    let place = place_by_remote(db, id, &written, at)?;
    let arrived = written.arrived.is_some();
    let message = insert(db, id, &written.item(place, tag, at))?;
    let change = Some(Change { conversation: id, rev: place.rev });
    if arrived {
        return Ok(Noted { change, queue: None });
    }
    enqueue(db, id, &queue, Work::ToVisitor(Act::Send), message, at)?;
    Ok(Noted { change, queue: Some(queue) })
}

fn edited(
    db: &Connection,
    id: ConversationId,
    queue: Queue,
    remote: i64,
    edited_at: Timestamp,
    text: RichText,
    at: Timestamp,
) -> Result<Noted> {
    let Some(item) = by_remote(db, id, remote)?.filter(|item| !item.deleted) else { return Ok(Noted::default()) };
    // An edit back to the present text changes nothing, but older ones that come after it are out of date.
    let sql = "UPDATE messages SET edited_at = ?2 WHERE id = ?1 AND coalesce(edited_at, ?2) <= ?2";
    let newest = execute(db, sql, (item.id.0, edited_at.0))? > 0;
    if !newest || item.content.text == text {
        return Ok(Noted::default());
    }
    let content = to_json(&Content { text, files: item.content.files })?;
    execute(db, "UPDATE messages SET content = ?2, edited = 1 WHERE id = ?1", (item.id.0, content))?;
    enqueue(db, id, &queue, Work::ToVisitor(Act::Edit), item.id, at)?;
    Ok(Noted { change: Some(touch(db, id, item.id)?), queue: Some(queue) })
}

fn deleted(db: &Connection, id: ConversationId, queue: Queue, remote: i64, at: Timestamp) -> Result<Noted> {
    let Some(item) = by_remote(db, id, remote)?.filter(|item| !item.deleted) else { return Ok(Noted::default()) };
    execute(db, "UPDATE messages SET content = '{}', deleted = 1 WHERE id = ?1", [item.id.0])?;
    enqueue(db, id, &queue, Work::ToVisitor(Act::Delete), item.id, at)?;
    Ok(Noted { change: Some(touch(db, id, item.id)?), queue: Some(queue) })
}

fn marked(db: &Connection, id: ConversationId, session: &str, mark: Mark, tag: Tag, at: Timestamp) -> Result<Noted> {
    for earlier in mark.outdated_by() {
        if is_marked(db, id, *earlier, session)? {
            return Ok(Noted::default());
        }
    }
    let another = mark == Mark::Finish && another_runs(db, id, session)?;
    if let Some(dialog) = mark.dialog(another) {
        set_dialog(db, id, dialog)?;
    }
    let opening = match mark {
        Mark::Start => opening(db, id)?,
        Mark::Finish => {
            past::add(db, id, session)?;
            None
        }
    };
    let place = place_before(db, id, opening, at)?;
    insert(db, id, &mark.item(session, place, tag, at))?;
    Ok(Noted { change: Some(Change { conversation: id, rev: place.rev }), queue: None })
}

fn is_marked(db: &Connection, id: ConversationId, mark: Mark, session: &str) -> Result<bool> {
    Ok(known(db, id, Side::System, &mark.key(session))?.is_some())
}

/// Whether the dialog that began last is another one and has not been finished.
fn another_runs(db: &Connection, id: ConversationId, session: &str) -> Result<bool> {
    let sql = "SELECT key FROM messages WHERE conversation = ?1 AND kind = ?2 ORDER BY pos DESC LIMIT 1";
    let started: Option<String> = first(db, sql, (id.0, ItemKind::DialogStarted.code()), |row| column(row, 0))?;
    match started.as_deref().and_then(|key| Mark::Start.session(key)) {
        Some(running) if running != session => Ok(!is_marked(db, id, Mark::Finish, running)?),
        _ => Ok(false),
    }
}

/// A message was put into a dialog: that one is open, unless we know it was closed meanwhile. (Its start event may have
/// been lost, and then nobody would look for replies in it.)
pub(crate) fn delivered_into(db: &Connection, id: ConversationId, thread: &Thread) -> Result<()> {
    let Some(session) = &thread.session else { return Ok(()) };
    if is_marked(db, id, Mark::Finish, session)? { Ok(()) } else { set_dialog(db, id, Dialog::Open) }
}

/// Keeps what is told of the conversation's place on the backend's side.
pub(crate) fn remember_thread(db: &Connection, id: ConversationId, thread: &Thread) -> Result<()> {
    if *thread == Thread::default() {
        return Ok(());
    }
    if let Some(session) = &thread.session {
        past::add_before(db, id, session)?;
    }
    let sql = "UPDATE conversations SET line = coalesce(?2, line), portal_chat = coalesce(?3, portal_chat), \
               session = coalesce(?4, session) WHERE id = ?1 AND (coalesce(?2, line) IS NOT line \
               OR coalesce(?3, portal_chat) IS NOT portal_chat OR coalesce(?4, session) IS NOT session)";
    execute(db, sql, (id.0, &thread.line, &thread.chat, &thread.session)).map(|_| ())
}

fn by_remote(db: &Connection, id: ConversationId, remote: i64) -> Result<Option<Item>> {
    let key = remote_key(remote);
    match known(db, id, Side::Operator, &key)? {
        Some(item) => Ok(Some(item)),
        None => known(db, id, Side::System, &key),
    }
}

/// The place at the end, or before the first reply that was written later but came earlier. A greeting stands before what
/// the visitor wrote last.
fn place_by_remote(db: &Connection, id: ConversationId, written: &Written, at: Timestamp) -> Result<Place> {
    let remote = written.remote;
    let sql = "UPDATE conversations SET newest_remote = ?2 WHERE id = ?1 AND newest_remote < ?2";
    let newest = execute(db, sql, (id.0, remote))? > 0;
    let next = match Stands::of(newest, written.greets) {
        Stands::AtTheEnd => None,
        Stands::BeforeLastWords => last_words(db, id)?,
        Stands::BeforeLater => {
            let sql = "SELECT min(pos) FROM messages WHERE conversation = ?1 AND remote > ?2";
            first(db, sql, (id.0, remote), |row| column(row, 0))?.flatten()
        }
    };
    place_before(db, id, next, at)
}

/// Where what began a dialog stands, when its start is told only afterwards: the visitor's last words, or else the first
/// ones since the dialog before.
fn opening(db: &Connection, id: ConversationId) -> Result<Option<i64>> {
    if let Some(last) = last_words(db, id)? {
        return Ok(Some(last));
    }
    let sql = "SELECT min(pos) FROM messages WHERE conversation = ?1 AND side = ?2 AND pos > coalesce((SELECT pos FROM \
               messages WHERE conversation = ?1 AND pos > 0 AND kind IN (?3, ?4) ORDER BY pos DESC LIMIT 1), 0)";
    let marks = (ItemKind::DialogStarted.code(), ItemKind::DialogFinished.code());
    Ok(first(db, sql, (id.0, Side::Visitor.code(), marks.0, marks.1), |row| column(row, 0))?.flatten())
}

/// The first of the visitor's messages that nobody has answered; `None` when the last word is another's.
fn last_words(db: &Connection, id: ConversationId) -> Result<Option<i64>> {
    let sql = "SELECT min(pos) FROM messages WHERE conversation = ?1 AND pos > coalesce((SELECT pos FROM messages WHERE \
               conversation = ?1 AND pos > 0 AND side <> ?2 ORDER BY pos DESC LIMIT 1), 0)";
    Ok(first(db, sql, (id.0, Side::Visitor.code()), |row| column(row, 0))?.flatten())
}

/// The middle between the item at `next` and what stands before it, or the place at the end.
fn place_before(db: &Connection, id: ConversationId, next: Option<i64>, at: Timestamp) -> Result<Place> {
    let Some(next) = next else { return next_place(db, id, at) };
    let sql = "SELECT max(pos) FROM messages WHERE conversation = ?1 AND pos < ?2";
    let (pos, crowded) = between(first(db, sql, (id.0, next), |row| column(row, 0))?.flatten(), next);
    if crowded {
        make_room(db, id, next)?;
    }
    Ok(Place { pos, ..next_place(db, id, at)? })
}

/// Moves the item at `pos` and all after it one step on; each has changed for those who follow. The late
/// item takes a step at the end as every new one does, so that what comes next still stands behind all.
fn make_room(db: &Connection, id: ConversationId, pos: i64) -> Result<()> {
    let sql = "SELECT id FROM messages WHERE conversation = ?1 AND pos >= ?2 ORDER BY pos";
    for message in all(db, sql, (id.0, pos), |row| column::<i64>(row, 0))? {
        execute(db, "UPDATE messages SET pos = pos + ?2 WHERE id = ?1", (message, POS_STEP))?;
        touch(db, id, MessageId(message))?;
    }
    Ok(())
}

//! Conversations' rows: made, locked, and moved on.

use super::fault::{Result, corrupt};
use super::past;
use super::row::{column, conversation as conversation_of, conversation_columns};
use crate::code::Stored;
use openline_core::message::{Conversation, Dialog, Thread};
use openline_core::steps::{POS_STEP, Place};
use openline_core::store::Change;
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, Timestamp};
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// How often conversations may be erased while somebody writes in them, before that one has to come again.
const ERASED: u32 = 10;

/// A channel's id and a chat's.
pub(crate) type Address = (String, String);

/// A conversation whose row this transaction has locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locked {
    pub(crate) id: i64,
    pub(crate) rev: i64,
    pub(crate) last_pos: i64,
}

/// Makes the conversations that are not there (begun at that time), and locks all.
pub(crate) async fn lock(
    db: &mut PgConnection,
    chats: &BTreeMap<Address, Timestamp>,
) -> Result<BTreeMap<Address, Locked>> {
    let (mut channels, mut ids, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    for ((channel, chat), at) in chats {
        channels.push(channel.as_str());
        ids.push(chat.as_str());
        begun.push(at.0);
    }
    // One that is being erased is there for the first statement, and gone for the second one.
    for _ in 0..ERASED {
        let locked = make_and_lock(db, &channels, &ids, &begun).await?;
        if locked.len() == chats.len() {
            return Ok(locked);
        }
    }
    Err(corrupt("a conversation is gone"))
}

async fn make_and_lock(
    db: &mut PgConnection,
    channels: &[&str],
    ids: &[&str],
    begun: &[i64],
) -> Result<BTreeMap<Address, Locked>> {
    // In one order, before any row is locked: of two that make the same ones, one waits and nobody waits for that one.
    sqlx::query(
        "INSERT INTO conversations (channel, chat, visitor, created_at, active_at) \
         SELECT k.channel, k.chat, '{}', k.at, k.at FROM unnest($1::text[], $2::text[], $3::bigint[]) \
         WITH ORDINALITY k (channel, chat, at, n) WHERE NOT EXISTS \
         (SELECT 1 FROM conversations c WHERE c.channel = k.channel AND c.chat = k.chat) \
         ORDER BY k.n ON CONFLICT (channel, chat) DO NOTHING",
    )
    .bind(channels)
    .bind(ids)
    .bind(begun)
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query(
        "SELECT c.channel, c.chat, c.id, c.rev, c.last_pos FROM unnest($1::text[], $2::text[]) k (channel, chat) \
         JOIN conversations c ON c.channel = k.channel AND c.chat = k.chat ORDER BY c.id FOR NO KEY UPDATE OF c",
    )
    .bind(channels)
    .bind(ids)
    .fetch_all(db)
    .await?;
    let read = |row| {
        let locked = Locked { id: column(row, 2)?, rev: column(row, 3)?, last_pos: column(row, 4)? };
        Ok(((column(row, 0)?, column(row, 1)?), locked))
    };
    rows.iter().map(read).collect()
}

/// Locks the conversation of a chat, when there is one.
pub(crate) async fn lock_known(db: &mut PgConnection, channel: &str, chat: &str) -> Result<Option<ConversationId>> {
    let id = sqlx::query_scalar("SELECT id FROM conversations WHERE channel = $1 AND chat = $2 FOR NO KEY UPDATE")
        .bind(channel)
        .bind(chat)
        .fetch_optional(db)
        .await?;
    Ok(id.map(ConversationId))
}

/// Locks a conversation, when there is one of that id.
pub(crate) async fn lock_id(db: &mut PgConnection, id: ConversationId) -> Result<bool> {
    let sql = "SELECT id FROM conversations WHERE id = $1 FOR NO KEY UPDATE";
    Ok(sqlx::query(sql).bind(id.0).fetch_optional(db).await?.is_some())
}

pub(crate) async fn conversation(
    db: &mut PgConnection,
    channel: &ChannelId,
    chat: &ChatId,
) -> Result<Option<Conversation>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.channel = $1 AND c.chat = $2"
    ))
    .bind(channel.as_str())
    .bind(chat.as_str())
    .fetch_optional(db)
    .await?;
    row.map(|row| conversation_of(&row, 0)).transpose()
}

pub(crate) async fn conversation_by_id(db: &mut PgConnection, id: ConversationId) -> Result<Option<Conversation>> {
    let row = sqlx::query(concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = $1"))
        .bind(id.0)
        .fetch_optional(db)
        .await?;
    row.map(|row| conversation_of(&row, 0)).transpose()
}

/// Takes the next revision and the place at the end.
pub(crate) async fn next_place(db: &mut PgConnection, id: ConversationId, at: Timestamp) -> Result<Place> {
    let row = sqlx::query(
        "UPDATE conversations SET rev = rev + 1, last_pos = last_pos + $2, active_at = $3 WHERE id = $1 \
         RETURNING rev, last_pos",
    )
    .bind(id.0)
    .bind(POS_STEP)
    .bind(at.0)
    .fetch_one(db)
    .await?;
    Ok(Place { rev: Rev(column(&row, 0)?), pos: Pos(column(&row, 1)?) })
}

/// Gives a changed item the next revision.
pub(crate) async fn touch(db: &mut PgConnection, id: ConversationId, message: MessageId) -> Result<Change> {
    let rev: Option<i64> = sqlx::query_scalar(
        "WITH moved AS (UPDATE conversations SET rev = rev + 1 WHERE id = $1 RETURNING rev) \
         UPDATE messages m SET rev = moved.rev FROM moved WHERE m.id = $2 RETURNING m.rev",
    )
    .bind(id.0)
    .bind(message.0)
    .fetch_optional(db)
    .await?;
    let rev = rev.ok_or_else(|| corrupt("a message without a conversation"))?;
    Ok(Change { conversation: id, rev: Rev(rev) })
}

/// Sets how the dialog stands.
pub(crate) async fn set_dialog(db: &mut PgConnection, id: ConversationId, dialog: Dialog) -> Result<()> {
    let sql = "UPDATE conversations SET dialog = $2 WHERE id = $1";
    sqlx::query(sql).bind(id.0).bind(dialog.code()).execute(db).await?;
    Ok(())
}

/// Keeps what is told of the conversation's place on the backend's side.
pub(crate) async fn remember_thread(db: &mut PgConnection, id: ConversationId, thread: &Thread) -> Result<()> {
    if *thread == Thread::default() {
        return Ok(());
    }
    if let Some(session) = &thread.session {
        past::add_before(db, &[(id, session)]).await?;
    }
    sqlx::query(
        "UPDATE conversations SET line = coalesce($2, line), portal_chat = coalesce($3, portal_chat), \
         session = coalesce($4, session) WHERE id = $1",
    )
    .bind(id.0)
    .bind(thread.line.as_deref().map(str::as_bytes))
    .bind(thread.chat.as_deref().map(str::as_bytes))
    .bind(thread.session.as_deref().map(str::as_bytes))
    .execute(db)
    .await?;
    Ok(())
}

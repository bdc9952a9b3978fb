//! Walk 1, step 4: visitors' messages, their conversations and their jobs, many in one transaction.

use super::chats::{self, Address, Locked};
use super::fault::{Result, corrupt};
use super::notes;
use super::row::{column, item, item_columns, to_json};
use crate::code::Stored;
use openline_core::message::{Incoming, Item, ItemKind, Side, State};
use openline_core::steps::{self, POS_STEP, Place};
use openline_core::store::{Act, Change, Queue, Recorded, Work};
use openline_core::{ChannelId, ConversationId, MessageId, Pos, Rev, Tag, Timestamp};
use sqlx::postgres::PgConnection;
use std::collections::BTreeMap;

/// A visitor's message, ready to be stored.
pub(crate) struct Letter {
    address: Address,
    incoming: Incoming,
    /// JSON of the visitor, when one is told.
    visitor: Option<String>,
    /// JSON of the content.
    content: String,
    tag: Tag,
    at: Timestamp,
}

impl Letter {
    pub(crate) fn new(channel: &ChannelId, incoming: Incoming, tag: Tag, at: Timestamp) -> Result<Self> {
        Ok(Self {
            address: (channel.as_str().to_owned(), incoming.chat.as_str().to_owned()),
            visitor: incoming.visitor.as_ref().map(to_json).transpose()?,
            content: to_json(&incoming.content)?,
            incoming,
            tag,
            at,
        })
    }

    fn item(&self, place: &Locked) -> Item {
        let place = Place { rev: Rev(place.rev), pos: Pos(place.last_pos) };
        steps::visitors(place, self.tag, self.at, self.incoming.key.clone(), self.incoming.content.clone())
    }
}

/// Stores the letters in their order. One result for each.
pub(crate) async fn record(db: &mut PgConnection, letters: &[Letter]) -> Result<Vec<Recorded>> {
    let begun = letters.iter().rev().map(|letter| (letter.address.clone(), letter.at)).collect();
    let mut chats = chats::lock(db, &begun).await?;
    let known = known(db, letters, &chats).await?;
    let (mut fresh, mut results) = (Fresh::default(), Vec::with_capacity(letters.len()));
    for (index, letter) in letters.iter().enumerate() {
        let chat = chats.get_mut(&letter.address).ok_or_else(|| corrupt("a conversation is gone"))?;
        results.push(match known.get(&index) {
            Some(item) => Recorded { item: item.clone(), change: change(chat), fresh: false },
            None => fresh.add(chat, letter, index),
        });
    }
    if !fresh.letters.is_empty() {
        fresh.store(db, letters, &mut results).await?;
    }
    for (letter, recorded) in letters.iter().zip(&results) {
        if let Some(note) = letter.incoming.note.as_ref().filter(|_| recorded.fresh) {
            notes::record(db, recorded.change.conversation, note, letter.at).await?;
        }
    }
    Ok(results)
}

fn change(chat: &Locked) -> Change {
    Change { conversation: ConversationId(chat.id), rev: Rev(chat.rev) }
}

/// The items that are stored under letters' keys, by the letters' index.
async fn known(
    db: &mut PgConnection,
    letters: &[Letter],
    chats: &BTreeMap<Address, Locked>,
) -> Result<BTreeMap<usize, Item>> {
    let ids: Vec<i64> = letters.iter().map(|letter| chats.get(&letter.address).map_or(0, |chat| chat.id)).collect();
    let keys: Vec<&[u8]> = letters.iter().map(|letter| letter.incoming.key.as_bytes()).collect();
    let rows = sqlx::query(concat!(
        "SELECT k.n, ",
        item_columns!(),
        " FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY k (conversation, key, n) CROSS JOIN LATERAL \
         (SELECT * FROM messages WHERE conversation = k.conversation AND sha256(key) = sha256(k.key) AND side = $3 \
         LIMIT 1) m"
    ))
    .bind(ids)
    .bind(keys)
    .bind(Side::Visitor.code())
    .fetch_all(db)
    .await?;
    let mut known = BTreeMap::new();
    for row in &rows {
        let number: i64 = column(row, 0)?;
        known.insert(usize::try_from(number - 1).unwrap_or(usize::MAX), item(row, 1)?);
    }
    Ok(known)
}

/// The letters that are not stored yet, and what becomes of their conversations.
#[derive(Default)]
struct Fresh {
    /// Indices of the letters by conversation and key.
    letters: BTreeMap<(i64, String), usize>,
    /// Indices of letters that repeat one of these, and of those.
    repeats: Vec<(usize, usize)>,
    /// The changed conversations.
    chats: BTreeMap<i64, Moved>,
}

/// What becomes of a conversation.
struct Moved {
    to: Locked,
    /// JSON of the last visitor who was told.
    visitor: Option<String>,
    /// The times of the first and the last letter.
    first: Timestamp,
    last: Timestamp,
}

impl Fresh {
    fn add(&mut self, chat: &mut Locked, letter: &Letter, index: usize) -> Recorded {
        let key = (chat.id, letter.incoming.key.clone());
        if let Some(first) = self.letters.get(&key) {
            self.repeats.push((index, *first));
            // The item is filled in when it is stored.
            return Recorded { item: letter.item(chat), change: change(chat), fresh: false };
        }
        self.letters.insert(key, index);
        chat.rev += 1;
        chat.last_pos += POS_STEP;
        let new = Moved { to: *chat, visitor: None, first: letter.at, last: letter.at };
        let moved = self.chats.entry(chat.id).or_insert(new);
        (moved.to, moved.last) = (*chat, letter.at);
        if letter.visitor.is_some() {
            moved.visitor.clone_from(&letter.visitor);
        }
        Recorded { item: letter.item(chat), change: change(chat), fresh: true }
    }

    /// Stores all, and tells the results the ids that they got.
    async fn store(&self, db: &mut PgConnection, letters: &[Letter], results: &mut [Recorded]) -> Result<()> {
        let lanes = self.open_lanes(db).await?;
        let mut indices: Vec<usize> = self.letters.values().copied().collect();
        indices.sort_unstable();
        let items = || indices.iter().map(|index| &results[*index]);
        let lane = |fresh: &Recorded| lanes.get(&fresh.change.conversation.0).copied();
        let ids: Vec<i64> = sqlx::query_scalar(STORE)
            .bind(items().map(|fresh| fresh.change.conversation.0).collect::<Vec<_>>())
            .bind(items().map(lane).collect::<Vec<_>>())
            .bind(items().map(|fresh| fresh.item.rev.0).collect::<Vec<_>>())
            .bind(items().map(|fresh| fresh.item.pos.0).collect::<Vec<_>>())
            .bind(items().map(|fresh| fresh.item.key.as_bytes()).collect::<Vec<_>>())
            .bind(indices.iter().map(|index| letters[*index].content.as_str()).collect::<Vec<_>>())
            .bind(items().map(|fresh| fresh.item.at.0).collect::<Vec<_>>())
            .bind(ItemKind::Message.code())
            .bind(Side::Visitor.code())
            .bind(State::Sent.code())
            .bind(Work::ToOperators(Act::Send).code())
            .bind(items().map(|fresh| i64::from(fresh.item.tag.0)).collect::<Vec<_>>())
            .fetch_all(&mut *db)
            .await?;
        for (index, id) in indices.iter().zip(ids) {
            results[*index].item.id = MessageId(id);
        }
        for (index, first) in &self.repeats {
            results[*index].item = results[*first].item.clone();
        }
        self.move_on(db).await
    }

    /// The conversations' lanes to the backend, which are due from now on, when they were empty.
    async fn open_lanes(&self, db: &mut PgConnection) -> Result<BTreeMap<i64, i64>> {
        let rows = sqlx::query(
            "INSERT INTO lanes (conversation, queue, due_at, fresh) SELECT k.id, $3, k.at, c.portal_chat IS NULL \
             FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY k (id, at, n) \
             JOIN conversations c ON c.id = k.id ORDER BY k.n \
             ON CONFLICT (conversation, queue) DO UPDATE SET due_at = coalesce(lanes.due_at, excluded.due_at) \
             RETURNING conversation, id",
        )
        .bind(self.chats.keys().copied().collect::<Vec<_>>())
        .bind(self.chats.values().map(|moved| moved.first.0).collect::<Vec<_>>())
        .bind(Queue::Backend.name())
        .fetch_all(db)
        .await?;
        rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?))).collect()
    }

    async fn move_on(&self, db: &mut PgConnection) -> Result<()> {
        sqlx::query(
            "UPDATE conversations c SET rev = k.rev, last_pos = k.last_pos, active_at = k.at, \
             visitor = coalesce(k.visitor, c.visitor) \
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) \
             k (id, rev, last_pos, visitor, at) WHERE c.id = k.id",
        )
        .bind(self.chats.keys().copied().collect::<Vec<_>>())
        .bind(self.chats.values().map(|moved| moved.to.rev).collect::<Vec<_>>())
        .bind(self.chats.values().map(|moved| moved.to.last_pos).collect::<Vec<_>>())
        .bind(self.chats.values().map(|moved| moved.visitor.as_deref()).collect::<Vec<_>>())
        .bind(self.chats.values().map(|moved| moved.last.0).collect::<Vec<_>>())
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Messages with their jobs. Their ids are taken, and told, in the letters' order.
const STORE: &str = "\
    WITH letter AS MATERIALIZED (SELECT nextval('messages_id_seq') AS id, k.* FROM unnest($1::bigint[], $2::bigint[], \
        $3::bigint[], $4::bigint[], $5::bytea[], $6::text[], $7::bigint[], $12::bigint[]) \
        WITH ORDINALITY k (conversation, lane, rev, pos, key, content, at, tag, n) ORDER BY k.n), \
    stored AS (INSERT INTO messages (id, conversation, rev, pos, kind, side, state, key, content, at, tag) \
        SELECT id, conversation, rev, pos, $8, $9, $10, key, content, at, tag FROM letter), \
    queued AS (INSERT INTO jobs (lane, message, task, created_at) SELECT lane, id, $11, at FROM letter ORDER BY n) \
    SELECT id FROM letter ORDER BY n";

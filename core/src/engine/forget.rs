//! Forgetting: conversations that somebody asked to erase, and those that are older than the admin wants to keep.
//!
//! A wish to erase is a row of its own, so that neither a crash nor a portal that is away forgets it. First everything
//! that the visitor wrote is deleted at the backend, by the same jobs as any deletion; when none is left to do, the
//! conversation goes from the store, and its files with it. What a visitor writes meanwhile would go too, so the door takes
//! none of it ([`VisitorInbox::admits`]), and they send it later.
//!
//! [`VisitorInbox::admits`]: crate::engine::inbox::VisitorInbox::admits

use crate::domain::error::StoreError;
use crate::domain::id::ConversationId;
use crate::domain::message::{Conversation, Item, ItemKind, Side, Thread};
use crate::engine::inbox::Doors;
use crate::ports::clock::Timestamp;
use crate::ports::store::Store;
use crate::ports::store::{Amend, Expect, Queue};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Under this and a conversation's id stands the moment at which somebody asked to erase it, in Unix milliseconds.
const ASKED: &str = "erase/";
/// How often wishes from other processes are looked for, and waiting ones gone on with.
const LOOK: Duration = Duration::from_secs(5);
/// How often what is too old is looked for.
const RETAIN: Duration = Duration::from_secs(3600);
/// After so long what the backend did not take is left to it: 7 days.
const PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);
const PAGE: usize = 200;
/// No item is newer.
const ANY_TIME: Timestamp = Timestamp(i64::MAX);

/// Asks to erase a conversation; it is carried out by the running program, or at its next start.
///
/// # Errors
/// When the wish was not stored.
pub async fn ask(store: &Arc<dyn Store>, id: ConversationId, now: Timestamp) -> Result<(), StoreError> {
    store.state_put(&format!("{ASKED}{id}"), now.0.to_string().as_bytes(), Expect::Anything).await
}

/// Whether a wish is not carried out yet.
///
/// # Errors
/// When the store can't be read.
pub async fn is_asked(store: &Arc<dyn Store>, id: ConversationId) -> Result<bool, StoreError> {
    Ok(store.state_get(&format!("{ASKED}{id}")).await?.is_some())
}

/// Like [`ask`], for this process: from now on it knows.
pub(crate) async fn ask_here(doors: &Doors, id: ConversationId) -> Result<(), StoreError> {
    drop(doors.wishes.add([id]));
    let asked = ask(&doors.store, id, doors.now()).await;
    if asked.is_err() {
        doors.wishes.remove(id);
    }
    asked
}

/// Whether a conversation is being erased. Of what another process was asked for on a database that only one serves (by
/// the command line) it may learn some seconds later.
pub(crate) async fn is_going_on(doors: &Doors, id: ConversationId) -> Result<bool, StoreError> {
    if doors.store.is_shared() {
        return is_asked(&doors.store, id).await;
    }
    {
        let known = doors.wishes.0.lock();
        if known.all || known.wished.contains(&id) {
            return Ok(known.wished.contains(&id));
        }
    }
    let earlier = doors.store.state_list(ASKED).await?;
    let mut known = doors.wishes.add(earlier.iter().filter_map(|(key, _)| conversation_of(key)));
    known.all = true;
    Ok(known.wished.contains(&id))
}

fn conversation_of(key: &str) -> Option<ConversationId> {
    key.strip_prefix(ASKED)?.parse().ok().map(ConversationId)
}

/// Carries out wishes, and forgets what is older than `keep` (nothing when `None`), until `stop`.
pub async fn run(doors: Doors, keep: Option<Duration>, stop: CancellationToken) {
    let (mut swept, mut retained) = (None, None);
    let rounds = async {
        loop {
            let now = doors.now();
            match round(&doors).await {
                Ok(0) => {}
                // What the deletions emptied named files.
                Ok(_) => swept = None,
                Err(error) => tracing::error!(%error, "can't erase what was asked for, trying again"),
            }
            let is_due = |last: Option<Timestamp>| last.is_none_or(|last| last.until(now) >= RETAIN);
            if let Some(keep) = keep.filter(|_| is_due(retained)) {
                retained = Some(now);
                match retain(&doors, keep).await {
                    Ok(0) => {}
                    Ok(conversations) => tracing::info!(conversations, "forgotten, older than privacy.keep_days"),
                    Err(error) => tracing::error!(%error, "can't forget what is too old"),
                }
            }
            if is_due(swept) {
                swept = Some(now);
                if let Err(error) = doors.sweep_files().await {
                    tracing::error!(%error, "can't remove files that nothing names any more");
                }
            }
            let _ = tokio::time::timeout(LOOK, doors.erasing().notified()).await;
        }
    };
    stop.run_until_cancelled(rounds).await;
}

/// Goes on with every wish once. How many conversations are gone.
///
/// # Errors
/// When the store can't be used.
pub async fn round(doors: &Doors) -> Result<usize, StoreError> {
    let mut gone = 0;
    for (key, asked) in doors.store.state_list(ASKED).await? {
        let id = conversation_of(&key);
        drop(doors.wishes.add(id));
        let asked = std::str::from_utf8(&asked).ok().and_then(|at| at.parse().ok()).map_or(Timestamp(0), Timestamp);
        let over = match id {
            Some(id) => go_on(doors, id, asked).await?,
            None => true,
        };
        if over {
            doors.store.state_delete(&key).await?;
            id.inspect(|id| doors.wishes.remove(*id));
            gone += 1;
        }
    }
    Ok(gone)
}

/// Whether it is over.
async fn go_on(doors: &Doors, id: ConversationId, asked: Timestamp) -> Result<bool, StoreError> {
    let Some(conversation) = doors.store.conversation_by_id(id).await? else { return Ok(true) };
    if take_back(doors, &conversation).await? {
        doors.wake(&Queue::Backend);
        return Ok(false);
    }
    let before = ConversationId(id.0 - 1);
    let settled = doors.store.idle(ANY_TIME, Some(before), 1).await?.first() == Some(&id);
    if !settled && asked.until(doors.now()) < PATIENCE {
        return Ok(false);
    }
    let notes = doors.store.notes(id, None, usize::MAX).await?.len();
    let items = doors.erase(id).await?.map_or(0, |erased| erased.items);
    let Thread { line, chat, session } = conversation.thread;
    let [line, chat, session] = [line, chat, session].map(Option::unwrap_or_default);
    // Where whoever clears up the portal has to look.
    tracing::info!(
        conversation = %id, channel = %conversation.channel, items, notes_left_in_the_portal = notes, line, chat,
        session, settled, "erased"
    );
    Ok(true)
}

/// Deletes all that the visitor wrote, at the backend too. Whether there was something.
async fn take_back(doors: &Doors, conversation: &Conversation) -> Result<bool, StoreError> {
    let own = |item: &Item| item.side == Side::Visitor && item.kind == ItemKind::Message && !item.deleted;
    let (mut some, mut before) = (false, None);
    loop {
        let slice = doors.store.items_before(conversation.id, before, PAGE).await?;
        for item in slice.items.iter().filter(|item| own(item)) {
            let Conversation { channel, chat, .. } = conversation;
            let amended = doors.store.amend_incoming(channel, chat, &item.key, Amend::Delete, doors.now()).await?;
            if let Some(change) = amended {
                doors.publish(change);
                some = true;
            }
        }
        before = slice.items.first().map(|item| item.pos);
        if !slice.more || before.is_none() {
            return Ok(some);
        }
    }
}

/// Forgets, here only, every conversation in which nothing happened for so long. How many.
///
/// # Errors
/// When the store can't be used.
pub async fn retain(doors: &Doors, keep: Duration) -> Result<usize, StoreError> {
    let (mut gone, mut after) = (0, None);
    let before = doors.now().minus(keep);
    loop {
        let page = doors.store.idle(before, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(*last);
        for id in page {
            gone += usize::from(doors.erase(id).await?.is_some());
        }
    }
}

/// Forgets, here only, every conversation in which nothing happened since `before`, whatever still waits in it. How many.
///
/// # Errors
/// When the store can't be used.
pub async fn everything(doors: &Doors, before: Timestamp) -> Result<usize, StoreError> {
    let (mut gone, mut after) = (0, None);
    loop {
        let page = doors.store.untouched(before, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(*last);
        for id in page {
            gone += usize::from(doors.erase(id).await?.is_some());
        }
    }
}

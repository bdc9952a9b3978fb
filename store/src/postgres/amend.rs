//! What a visitor changes of an own message.

use super::chats::{lock_known, touch};
use super::fault::Result;
use super::items::{Errand, delete, edit, enqueue, known};
use super::row::to_json;
use super::values;
use openline_core::message::Side;
use openline_core::steps;
use openline_core::store::{Amend, Change, FORGET_FILES, Queue, Work};
use openline_core::{ChannelId, ChatId, Timestamp};
use sqlx::postgres::PgConnection;

/// A visitor edits or deletes an own message.
pub(crate) async fn amend(
    db: &mut PgConnection,
    channel: &ChannelId,
    chat: &ChatId,
    key: &str,
    amend: &Amend,
    at: Timestamp,
) -> Result<Option<Change>> {
    let Some(conversation) = lock_known(db, channel.as_str(), chat.as_str()).await? else {
        return Ok(None);
    };
    let Some(item) = known(db, conversation, Side::Visitor, key).await? else { return Ok(None) };
    let Some(act) = steps::amend(&item, amend) else { return Ok(None) };
    match amend {
        Amend::Edit(content) => edit(db, item.id, &to_json(content)?).await?,
        Amend::Delete => delete(db, item.id).await?,
    }
    for file in steps::let_go(&item.content, amend) {
        values::put_new(db, &format!("{FORGET_FILES}{file}"), b"").await?;
    }
    let errand = Errand { conversation, queue: Queue::Backend, work: Work::ToOperators(act), message: item.id };
    enqueue(db, &[errand], at).await?;
    touch(db, conversation, item.id).await.map(Some)
}

//! Reactions: what a visitor put to a message with one tap. The portal knows none, so operators read a note.

use crate::telegram::incoming::names::name;
use crate::telegram::updates::chats::{self, Chat};
use crate::telegram::updates::way_in::Intake;
use openline_core::message::{Item, Note};
use openline_core::words::Catalogue;
use openline_core::{ChatId, StoreError};
use serde_json::Value;

/// So many of a conversation's last items are looked through for the message.
const BACK: usize = 200;
/// Most characters of it that are quoted.
const EXCERPT: usize = 80;

/// Tells the operators of a conversation that there is.
pub(super) async fn reacted(intake: &Intake, change: &Value) -> Result<(), StoreError> {
    let Some(chat) = Chat::of(change).filter(|chat| intake.serves(chat)) else { return Ok(()) };
    let words = intake.inbox.words();
    let now = emoji(words, &change["new_reaction"]);
    let who = name(&change["user"]).filter(|_| chat.group).unwrap_or_else(|| words.get("the_visitor").to_owned());
    let id = chats::known_as(&intake.inbox, &chat).await?;
    let number = change["message_id"].as_i64().unwrap_or_default();
    let quoted = excerpt(intake, &id, number).await?;
    let did = match (now.is_empty(), quoted.is_some()) {
        (true, false) => "unreacted",
        (true, true) => "unreacted_to",
        (false, false) => "reacted",
        (false, true) => "reacted_to",
    };
    let quoted = quoted.map(|quoted| format!("\n> {quoted}")).unwrap_or_default();
    let text = words.fill(did, &[("who", &who), ("reaction", &now)]) + &quoted;
    let key = format!("reaction/{number}/{}/{now}", change["date"].as_i64().unwrap_or_default());
    intake.inbox.note(&id, Note { key, text }).await.map(|_| ())
}

/// What was chosen, as people see it.
fn emoji(words: &Catalogue, reactions: &Value) -> String {
    let one = |reaction: &Value| match reaction["type"].as_str()? {
        "emoji" => reaction["emoji"].as_str().map(str::to_owned),
        "custom_emoji" => Some(words.get("own_emoji").to_owned()),
        "paid" => Some("⭐".to_owned()),
        other => Some(other.to_owned()),
    };
    reactions.as_array().into_iter().flatten().filter_map(one).collect::<Vec<_>>().join(" ")
}

/// The beginning of the message with this number.
async fn excerpt(intake: &Intake, id: &ChatId, number: i64) -> Result<Option<String>, StoreError> {
    let Some(conversation) = intake.inbox.find(id).await? else { return Ok(None) };
    let items = intake.inbox.items_before(conversation, None, BACK).await?.items;
    let number = number.to_string();
    let is_it = |item: &&Item| {
        let own = item.key.rsplit('/').next() == Some(number.as_str()) && item.remote.is_none();
        own || item.delivered_as.contains(&number)
    };
    let Some(item) = items.iter().rev().find(is_it) else { return Ok(None) };
    let text = item.content.text.to_plain().replace('\n', " ");
    let short: String = text.chars().take(EXCERPT).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    let files = item.content.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    Ok(Some(format!("{short}{more} {files}").trim().to_owned()).filter(|quoted| !quoted.is_empty()))
}

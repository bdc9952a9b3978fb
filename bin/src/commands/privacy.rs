//! `openline export` and `openline erase`: what is kept of a visitor, and forgetting it.

use crate::config::Config;
use openline_core::message::{Conversation, FileSource, Item};
use openline_core::store::chat_values;
use openline_core::{Clock, ConversationId, Store, SystemClock, forget};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGE: usize = 200;
/// How long it is waited for the service to carry a wish out.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose data, and in which installation.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// The visitor: a chat id, an e-mail address, a phone number, or a name
    #[arg(long, value_name = "WHO")]
    pub visitor: String,
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    pub config: PathBuf,
}

/// Everything that is kept of the visitor, as JSON: what to print, or what was written into the new file `to`.
///
/// # Errors
/// What went wrong, for people.
pub async fn export(whose: Whose, to: Option<PathBuf>) -> Result<String, String> {
    let store = attach(&whose).await?;
    let exported = exported(&store, &whose.visitor).await;
    store.close().await;
    let document = serde_json::to_string_pretty(&exported?).map_err(|error| error.to_string())?;
    let Some(file) = to else { return Ok(document) };
    let made = File::options().write(true).create_new(true).mode(0o600).open(&file);
    let written = made.and_then(|mut made| writeln!(made, "{document}"));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(format!("{}: written, readable by you only", file.display()))
}

async fn attach(whose: &Whose) -> Result<Arc<dyn Store>, String> {
    let config = Config::load(&whose.config).map_err(|errors| errors.to_string())?;
    openline_store::attach(&config.store).await.map_err(|error| error.to_string())
}

async fn find(store: &Arc<dyn Store>, visitor: &str) -> Result<Vec<Conversation>, String> {
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|conversation: &Conversation| conversation.id);
        let page = store.find_visitors(visitor, after, PAGE).await.map_err(|error| error.to_string())?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    if found.is_empty() {
        return Err(format!(
            "there is no conversation of {visitor:?}: give the chat id, the e-mail address, the phone number, or the whole name"
        ));
    }
    Ok(found)
}

async fn exported(store: &Arc<dyn Store>, visitor: &str) -> Result<Value, String> {
    let mut conversations = Vec::new();
    for conversation in find(store, visitor).await? {
        let items: Vec<Value> = items(store, conversation.id).await?.iter().map(described).collect();
        let notes: Vec<Value> = notes(store, conversation.id).await?.iter().map(described).collect();
        let values = values(store, &conversation).await?;
        let Conversation { id, channel, chat, visitor, thread, dialog, .. } = conversation;
        conversations.push(json!({
            "conversation": id, "channel": channel, "chat": chat, "visitor": visitor, "portal": thread,
            "dialog": dialog, "items": items, "notes": notes, "values": values,
        }));
    }
    Ok(json!({ "conversations": conversations }))
}

async fn items(store: &Arc<dyn Store>, id: ConversationId) -> Result<Vec<Item>, String> {
    let mut all: Vec<Item> = Vec::new();
    loop {
        let before = all.first().map(|item| item.pos);
        let slice = store.items_before(id, before, PAGE).await.map_err(|error| error.to_string())?;
        let more = slice.more && !slice.items.is_empty();
        all.splice(0..0, slice.items);
        if !more {
            return Ok(all);
        }
    }
}

/// What operators were told of the visitor: the page, what was filled in and agreed to.
async fn notes(store: &Arc<dyn Store>, id: ConversationId) -> Result<Vec<Item>, String> {
    store.notes(id, None, usize::MAX).await.map_err(|error| error.to_string())
}

/// What the channel remembers of the chat: to what its visitor agreed.
async fn values(store: &Arc<dyn Store>, conversation: &Conversation) -> Result<Map<String, Value>, String> {
    let prefix = chat_values(&conversation.channel, &conversation.chat);
    let values = store.state_list(&prefix).await.map_err(|error| error.to_string())?;
    let readable =
        |(key, value): (String, Vec<u8>)| (key[prefix.len()..].to_owned(), json!(String::from_utf8_lossy(&value)));
    Ok(values.into_iter().map(readable).collect())
}

fn described(item: &Item) -> Value {
    let files = item.content.files.iter().map(|file| {
        let kept = match &file.source {
            FileSource::Stored(id) => Some(id.as_str()),
            FileSource::Backend(_) => None,
        };
        json!({ "name": file.name, "type": file.mime, "size": file.size, "kept_as": kept })
    });
    let at = jiff::Timestamp::from_millisecond(item.at.0).unwrap_or_default();
    json!({
        "message": item.id, "at": at.to_string(), "kind": item.kind, "from": item.side, "author": item.author,
        "text": item.content.text.to_plain(), "files": files.collect::<Vec<_>>(), "state": item.state,
        "edited": item.edited, "deleted": item.deleted,
    })
}

/// Asks to erase everything of the visitor, and waits a while for the service to do it.
///
/// # Errors
/// What went wrong, or that several conversations were found and `sure` is not set.
pub async fn erase(whose: Whose, sure: bool) -> Result<String, String> {
    let store = attach(&whose).await?;
    let erased = erased(&store, &whose.visitor, sure).await;
    store.close().await;
    erased
}

async fn erased(store: &Arc<dyn Store>, visitor: &str, sure: bool) -> Result<String, String> {
    let found = find(store, visitor).await?;
    if found.len() > 1 && !sure {
        let mut out = format!("{} conversations of {visitor:?}:\n", found.len());
        for conversation in &found {
            line(&mut out, conversation);
        }
        out.push_str("Nothing was erased. Repeat it with --yes to erase all of them, or name one by its chat id.");
        return Err(out);
    }
    let failed = |error: openline_core::StoreError| error.to_string();
    for conversation in &found {
        forget::ask(store, conversation.id, SystemClock::new().now()).await.map_err(failed)?;
    }
    let mut told = BTreeMap::new();
    for conversation in &found {
        told.insert(conversation.id, notes(store, conversation.id).await?.len());
    }
    let mut out = String::new();
    let end = Instant::now() + PATIENCE;
    for conversation in &found {
        while forget::is_asked(store, conversation.id).await.map_err(failed)? && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let waits = forget::is_asked(store, conversation.id).await.map_err(failed)?;
        line(&mut out, conversation);
        out.push_str(if waits {
            "    will be erased: the service carries it out when it runs and the portal takes the deletions\n"
        } else {
            "    erased here, and the visitor's messages in the portal\n"
        });
        if let Some(notes) = told.get(&conversation.id).filter(|notes| **notes > 0) {
            let _ = writeln!(
                out,
                "    left in the portal's chat: notes for the operators ({notes}), which tell of the visitor"
            );
        }
    }
    out.push_str(
        "What openline can't take out of the portal, and an administrator has to: openline's notes for the operators in \
         these chats (pages visited, what was filled in, e-mail address and phone number, consent), operators' own messages, \
         the visitor as an external user, contacts, leads, deals and activities of the CRM (also those made from such a \
         note), and files that operators saved.",
    );
    Ok(out)
}

fn line(out: &mut String, conversation: &Conversation) {
    let Conversation { id, channel, chat, visitor, thread, .. } = conversation;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let _ = writeln!(
        out,
        "  conversation {id}: channel {channel}, chat {chat}, visitor {:?}; in the portal: chat {}, line {}, session {}",
        visitor.name,
        shown(&thread.chat),
        shown(&thread.line),
        shown(&thread.session)
    );
}

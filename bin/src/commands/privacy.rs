//! `openline export` and `openline erase`: what is kept of a visitor, and forgetting it.

use crate::audit;
use crate::config::Config;
use openline_core::export::Exported;
use openline_core::message::{Conversation, FileSource, Item};
use openline_core::store::{CHATS, OWN_NAME, ShownJob};
use openline_core::{ChannelId, ChatId, Clock, Store, StoreError, SystemClock, forget};
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
    /// The visitor: a chat id (also a caller's own of the HTTP channel), an e-mail address, a phone number, or a name
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
        found = by_own_name(store, visitor).await.map_err(|error| error.to_string())?;
    }
    if found.is_empty() {
        return Err(format!(
            "there is no conversation of {visitor:?}: give the chat id, the e-mail address, the phone number, or the whole name"
        ));
    }
    Ok(found)
}

/// The conversations of a chat that has this name on its channel's side, where that is not our chat id.
async fn by_own_name(store: &Arc<dyn Store>, name: &str) -> Result<Vec<Conversation>, StoreError> {
    let mut found = Vec::new();
    for (key, value) in store.state_list(CHATS).await? {
        let Some((place, OWN_NAME)) = key.strip_prefix(CHATS).and_then(|rest| rest.rsplit_once('|')) else { continue };
        let Some((channel, chat)) = place.split_once('/').filter(|_| value == name.as_bytes()) else { continue };
        if let (Ok(channel), Ok(chat)) = (ChannelId::parse(channel), ChatId::parse(chat)) {
            found.extend(store.conversation(&channel, &chat).await?);
        }
    }
    Ok(found)
}

/// For the security log.
fn ids(found: &[Conversation]) -> String {
    let ids: Vec<_> = found.iter().map(|conversation| conversation.id.to_string()).collect();
    format!("conversations {}", ids.join(", "))
}

async fn exported(store: &Arc<dyn Store>, visitor: &str) -> Result<Value, String> {
    let mut conversations = Vec::new();
    let found = find(store, visitor).await?;
    audit::note(store, "export", &ids(&found), &Ok::<_, String>(())).await;
    for conversation in found {
        let exported = Exported::of(store, conversation).await.map_err(|error| error.to_string())?;
        let Exported { conversation, items, notes, values, dead } = exported;
        let described = |items: &[Item]| items.iter().map(described).collect::<Vec<_>>();
        let values: Map<String, Value> =
            values.into_iter().map(|(name, value)| (name, json!(String::from_utf8_lossy(&value)))).collect();
        let dead = dead.iter().map(|letter| {
            let ShownJob { job, message, work, reason, attempts, .. } = letter;
            json!({ "job": job, "message": message, "task": work.name(), "reason": reason, "attempts": attempts })
        });
        let Conversation { id, channel, chat, visitor, thread, dialog, .. } = conversation;
        conversations.push(json!({
            "conversation": id, "channel": channel, "chat": chat, "visitor": visitor, "portal": thread,
            "dialog": dialog, "items": described(&items), "notes": described(&notes), "values": values,
            "given_up": dead.collect::<Vec<_>>(),
        }));
    }
    Ok(json!({ "conversations": conversations }))
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
    let mut asked = Ok(());
    for conversation in &found {
        if asked.is_ok() {
            asked = forget::ask(store, conversation.id, SystemClock::new().now()).await.map_err(failed).map(drop);
        }
    }
    audit::note(store, "erase", &ids(&found), &asked).await;
    asked?;
    let mut told = BTreeMap::new();
    for conversation in &found {
        told.insert(conversation.id, store.notes(conversation.id, None, usize::MAX).await.map_err(failed)?.len());
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

//! What happened at the messenger, on its way into the inbox. It is acknowledged only when all of it is durable.

use super::caller::Call;
use super::events::{FileDraft, Happened, Read};
use super::expr::Scope;
use super::file::Action;
use super::instance::{Instance, KEPT};
use super::memory::Heard;
use super::progress;
use crate::common::input::{self, called, clean};
use crate::common::serial::Turns;
use openline_core::files::FileError;
use openline_core::message::{Content, File, Incoming, Note, Side, Visitor};
use openline_core::store::{Amend, Recorded};
use openline_core::text::{Href, RichText, Span};
use openline_core::{ChatId, ConversationId, DeliveryError, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Until a file is asked for again that the messenger did not give, in milliseconds; then the message goes on without it.
const FILE_PAUSES: [u64; 3] = [500, 1000, 2000];
/// How many messages back one is looked for that was told to have failed.
const BACK: usize = 50;
/// Under which name a note waits for a chat's first message, and what is known of a visitor.
const WAITING: &str = "note";
const PROFILE: &str = "profile";

/// Why something can't be acknowledged yet: it must come again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Held {
    #[error("nothing was stored: {0}")]
    Store(#[from] StoreError),
    #[error("a visitor's file: {0}")]
    File(String),
}

/// The way in, for webhooks and polls.
pub(super) struct Intake {
    pub(super) instance: Arc<Instance>,
    turns: Turns<ChatId>,
}

impl Intake {
    pub(super) fn new(instance: Instance) -> Self {
        Self { instance: Arc::new(instance), turns: Turns::default() }
    }

    /// Takes all that a body says: of each chat in order, of several at the same time.
    pub(super) async fn take(self: &Arc<Self>, read: Read) -> Result<(), Held> {
        for shape in &read.unknown {
            self.instance.unknown(shape);
        }
        let mut chats: Vec<(ChatId, Vec<Happened>)> = Vec::new();
        for happened in read.happened {
            if happened.action == Action::Ignore {
                continue;
            }
            let Ok(chat) = ChatId::parse(&happened.chat) else {
                self.instance.unknown("a chat that has no usable name");
                continue;
            };
            match chats.iter_mut().find(|(known, _)| *known == chat) {
                Some((_, all)) => all.push(happened),
                None => chats.push((chat, vec![happened])),
            }
        }
        let under_way: Vec<_> = chats
            .into_iter()
            .map(|(chat, all)| {
                let (intake, turn) = (Arc::clone(self), self.turns.stand(&chat));
                async move {
                    let _turn = turn.await;
                    for happened in all {
                        intake.one(&chat, happened).await?;
                    }
                    Ok(())
                }
            })
            .collect();
        futures_util::future::join_all(under_way).await.into_iter().collect()
    }

    async fn one(&self, chat: &ChatId, happened: Happened) -> Result<(), Held> {
        if happened.key.chars().count() > 200 || happened.key.is_empty() && happened.action != Action::Receipt {
            self.instance.unknown("an event without a usable key");
            return Ok(());
        }
        match happened.action {
            Action::Message | Action::Edit => self.wrote(chat, happened).await,
            Action::Delete => Ok(self.instance.inbox.amend(chat, &happened.key, Amend::Delete).await.map(|_| ())?),
            Action::Note => self.note(chat, happened).await,
            Action::Receipt => self.receipt(chat, &happened).await,
            Action::Ignore => Ok(()),
        }
    }

    /// A message, or its edit. One that we do not know yet is taken as new; the key keeps it from being stored twice.
    async fn wrote(&self, chat: &ChatId, happened: Happened) -> Result<(), Held> {
        // The door asks, too; but nothing is fetched in vain, and nothing kept that would outlive the erasing.
        self.instance.inbox.admits(chat).await?;
        let content = self.content(&happened).await?;
        if happened.action == Action::Edit
            && self.instance.inbox.amend(chat, &happened.key, Amend::Edit(content.clone())).await?.is_some()
        {
            return Ok(());
        }
        let known = self.instance.inbox.find(chat).await?;
        let profile = self.profile(chat, known).await?;
        let mut said = profile.clone().unwrap_or_default();
        said.extend(happened.user);
        let visitor = visitor(&said);
        // Notes wait only until there is a conversation.
        let waiting = match known {
            Some(_) => None,
            None => self.instance.inbox.remember_of(chat, WAITING).await?,
        };
        let waiting = waiting.and_then(|kept| serde_json::from_slice::<(String, String)>(&kept).ok());
        let noted = waiting.is_some();
        let own = (!happened.note.trim().is_empty())
            .then(|| (format!("with/{}", happened.key), self.instance.inbox.words().told(&happened.note)));
        let note = match (waiting, own) {
            (Some((key, first)), Some((_, second))) => Some(Note { key, text: format!("{first}\n{second}") }),
            (waiting, own) => waiting.or(own).map(|(key, text)| Note { key, text }),
        };
        let kept = self.kept(chat, known, happened.keep).await?;
        let incoming = Incoming { chat: chat.clone(), key: happened.key.clone(), visitor, content, note };
        // Together: one flush is enough for both.
        let (recorded, keeping) = tokio::join!(self.instance.inbox.accept(incoming), self.keep(chat, kept.as_ref()));
        let recorded = recorded?;
        keeping?;
        if noted {
            self.instance.inbox.forget_of(chat, WAITING).await?;
        }
        if recorded.fresh {
            self.heard(chat, &recorded, profile);
        }
        if let Some(kept) = kept {
            self.instance.keeps(chat, recorded.change.conversation, &kept);
        }
        Ok(())
    }

    /// Remembers what was just stored.
    fn heard(&self, chat: &ChatId, recorded: &Recorded, profile: Option<BTreeMap<String, String>>) {
        let Some(lately) = self.instance.heard() else { return };
        let conversation = recorded.change.conversation;
        let kept = |heard: &mut Heard| heard.kept.take().filter(|_| heard.conversation == conversation);
        let kept = lately.at(chat, kept).flatten();
        let (last, at) = (recorded.item.key.clone(), recorded.item.at);
        lately.put(chat, Heard { conversation, last, at, read: false, profile, kept });
    }

    /// The values for later calls, when an event brings new ones.
    async fn kept(
        &self,
        chat: &ChatId,
        known: Option<ConversationId>,
        new: BTreeMap<String, String>,
    ) -> Result<Option<BTreeMap<String, String>>, Held> {
        if new.is_empty() {
            return Ok(None);
        }
        let before = match known {
            Some(id) => self.instance.kept(chat, id).await?,
            None => BTreeMap::new(),
        };
        let mut values = before.clone();
        values.extend(new);
        Ok((values != before).then_some(values))
    }

    async fn keep(&self, chat: &ChatId, values: Option<&BTreeMap<String, String>>) -> Result<(), Held> {
        let Some(values) = values else { return Ok(()) };
        let kept = serde_json::to_vec(values).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(self.instance.inbox.keep_of(chat, KEPT, &kept).await?)
    }

    /// Something for the operators: now, or with the first message, because an empty conversation is not begun.
    async fn note(&self, chat: &ChatId, happened: Happened) -> Result<(), Held> {
        if happened.text.trim().is_empty() {
            return Ok(());
        }
        let note = Note { key: happened.key, text: self.instance.inbox.words().told(&happened.text) };
        if self.instance.inbox.find(chat).await?.is_some() {
            return Ok(self.instance.inbox.note(chat, note).await.map(|_| ())?);
        }
        let kept =
            serde_json::to_vec(&(note.key, note.text)).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(self.instance.inbox.keep_of(chat, WAITING, &kept).await?)
    }

    /// What became of one of our messages. A failure after it was accepted reaches the operators once.
    async fn receipt(&self, chat: &ChatId, happened: &Happened) -> Result<(), Held> {
        if !happened.id.is_empty() {
            progress::told(&self.instance, chat, &happened.id, &happened.tag).await?;
        }
        if happened.state != "failed" {
            return Ok(());
        }
        let Some(id) = self.instance.inbox.find(chat).await? else { return Ok(()) };
        let slice = self.instance.inbox.items_before(id, None, BACK).await?;
        let meant =
            slice.items.iter().rfind(|item| item.side != Side::Visitor && item.delivered_as.contains(&happened.id));
        let excerpt = meant.map(|item| item.content.text.to_plain().chars().take(80).collect::<String>());
        let excerpt = excerpt.filter(|text| !text.is_empty()).map(|text| format!("\n> {}", text.replace('\n', " ")));
        let words = self.instance.inbox.words();
        let why = if happened.why.is_empty() { words.get("no_reason") } else { &happened.why };
        let text = format!("{}: {why}{}", words.get("not_sent"), excerpt.unwrap_or_default());
        let key = format!("failed-there/{}", happened.id);
        Ok(self.instance.inbox.note(chat, Note { key, text }).await.map(|_| ())?)
    }

    async fn content(&self, happened: &Happened) -> Result<Content, Held> {
        let (mut files, mut remarks) = (Vec::new(), Vec::new());
        for draft in &happened.files {
            match self.file(draft).await {
                Ok(file) => files.push(file),
                Err(Missing::Never(why)) => remarks.push(format!("[file not delivered: {why}]")),
                Err(Missing::Storage(why)) => return Err(Held::File(why)),
            }
        }
        let mut spans = Vec::new();
        if !happened.quote.trim().is_empty() {
            let excerpt: String = happened.quote.chars().take(200).collect();
            spans.push(Span::Quote { author: None, c: vec![Span::text(excerpt)] });
        }
        let mut text = clean(&happened.text, true);
        for remark in remarks {
            let line = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{line}{remark}"));
        }
        if text.is_empty() && files.is_empty() {
            "[a message that can't be shown here]".clone_into(&mut text);
        }
        if !text.is_empty() {
            spans.push(Span::text(text));
        }
        Ok(Content { text: RichText(spans), files })
    }

    /// Fetches a file and keeps it; what the messenger does not give goes on as a remark.
    async fn file(&self, draft: &FileDraft) -> Result<File, Missing> {
        let mut pauses = FILE_PAUSES.into_iter();
        loop {
            match (self.fetch(draft).await, pauses.next()) {
                (Err(Problem::Now(_)), Some(pause)) => tokio::time::sleep(Duration::from_millis(pause)).await,
                (Err(Problem::Now(why) | Problem::Never(why)), _) => {
                    tracing::warn!(channel = %self.instance.inbox.channel(), why, "a visitor's file was given up");
                    return Err(Missing::Never(why));
                }
                (Err(Problem::Storage(why)), _) => return Err(Missing::Storage(why)),
                (Ok(file), _) => return Ok(file),
            }
        }
    }

    async fn fetch(&self, draft: &FileDraft) -> Result<File, Problem> {
        let mut scope = draft.scope.clone();
        let stepped = self.instance.run(&Call::of(&draft.file.steps), &mut scope).await;
        stepped.map_err(|failed| Problem::of(failed.error))?;
        let found = draft.file.found(&scope).map_err(Problem::Never)?;
        let url = url::Url::parse(&found.url).map_err(|_| Problem::Never("its address is none".to_owned()))?;
        let fetched = self.instance.transport.fetch(&url, &found.headers).await;
        let (answer, stream) = fetched.map_err(|failed| Problem::of(failed.error))?;
        let Some(stream) = stream else {
            let why = format!("its address answered {}", answer.status);
            return Err(if matches!(answer.status, 300..=428) { Problem::Never(why) } else { Problem::Now(why) });
        };
        let mime = if found.mime.is_empty() { stream.mime.unwrap_or_default() } else { found.mime };
        self.instance.inbox.keep_file(&found.name, &mime, stream.bytes).await.map_err(|error| match error {
            FileError::TooLarge { .. } | FileError::Empty | FileError::TypeRefused(_) | FileError::NotLetThrough(_) => {
                Problem::Never(error.to_string())
            }
            FileError::Broken(_) => Problem::Now(error.to_string()),
            FileError::Unavailable(_) | FileError::Full | FileError::Gone => Problem::Storage(error.to_string()),
        })
    }

    /// What the messenger knows of who writes, asked once; `None` when it is not known.
    async fn profile(
        &self,
        chat: &ChatId,
        known: Option<ConversationId>,
    ) -> Result<Option<BTreeMap<String, String>>, Held> {
        let Some(profile) = &self.instance.description.profile else { return Ok(None) };
        let same = |heard: &mut Heard| heard.profile.clone().filter(|_| Some(heard.conversation) == known);
        if let Some(found) = self.instance.heard().and_then(|lately| lately.at(chat, same)).flatten() {
            return Ok(Some(found));
        }
        let kept = self.instance.inbox.remember_of(chat, PROFILE).await?;
        if let Some(known) = kept.and_then(|kept| serde_json::from_slice(&kept).ok()) {
            return Ok(Some(known));
        }
        let mut scope = self.instance.scope();
        scope.set("chat", chat.as_str());
        let call = Call::of(&profile.steps);
        let asked = tokio::time::timeout(Duration::from_secs(3), self.instance.run(&call, &mut scope)).await;
        if !matches!(asked, Ok(Ok(_))) {
            // Without a name, then; the next message asks again.
            return Ok(None);
        }
        let render = |(name, template): &(String, super::expr::Template)| {
            template.text(&scope).ok().filter(|text| !text.is_empty()).map(|text| (name.clone(), text))
        };
        let known: BTreeMap<_, _> = profile.user.iter().filter_map(render).collect();
        let kept = serde_json::to_vec(&known).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.instance.inbox.keep_of(chat, PROFILE, &kept).await?;
        Ok(Some(known))
    }

    /// What a body says, with everything that rules may name.
    pub(super) fn read(&self, scope: &Scope) -> Read {
        super::events::read(&self.instance.description.events, scope)
    }
}

/// Why a file is not here.
enum Missing {
    Never(String),
    Storage(String),
}

enum Problem {
    Never(String),
    Now(String),
    Storage(String),
}

impl Problem {
    fn of(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Refused { reason } => Self::Never(reason),
            other => Self::Now(other.to_string()),
        }
    }
}

/// A visitor as core takes one; what is no good is left out, because the portal refuses the whole message for it.
pub(super) fn visitor(known: &BTreeMap<String, String>) -> Option<Visitor> {
    let text = |name: &str| known.get(name).map(|value| clean(value, false)).filter(|value| !value.is_empty());
    let name = |key: &str| known.get(key).map(|value| called(value)).unwrap_or_default();
    let web = |name: &str| text(name).filter(|url| Href::parse(url).is_ok_and(|href| href.is_web()));
    let (phone, email) = (text("phone").and_then(|phone| input::phone(&phone)), text("email"));
    let email = email.and_then(|email| input::email(&email));
    let visitor = Visitor {
        name: name("name"),
        last_name: name("last_name"),
        email,
        phone,
        url: web("url"),
        picture: web("picture"),
        page: None,
    };
    (visitor != Visitor::default()).then_some(visitor)
}

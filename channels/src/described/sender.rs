//! Operators' messages on their way to the visitor: each part once, whatever is lost on the way.

use super::caller::{Call, not_sent};
use super::description::{Act, Window};
use super::expr::Scope;
use super::file::{By, Otherwise};
use super::filters;
use super::instance::Instance;
use super::memory::{Heard, Progress};
use super::parts::{Part, Seen, plan};
use super::progress;
use super::transport::FileOut;
use crate::common::media::media_type;
use crate::common::once::Once;
use crate::common::rich::Rendered;
use futures_util::FutureExt;
use minijinja::Value;
use openline_core::channel::Outgoing;
use openline_core::clock::Timestamp;
use openline_core::files::Holder;
use openline_core::message::{Conversation, Side};
use openline_core::{DeliveryError, StoreError};
use std::mem;
use std::time::{Duration, Instant};

/// After this long no further part is begun: core wants an answer within a minute.
const ENOUGH: Duration = Duration::from_secs(8);
/// So many messages back is looked.
const BACK: usize = 200;
/// So many at a time when the visitor's last is looked for.
const LOOK: usize = 20;
/// Clocks differ by so much, in milliseconds.
const SKEW: i64 = 10_000;

#[allow(clippy::needless_pass_by_value)] // as map_err gives it
pub(super) fn unstored(error: StoreError) -> DeliveryError {
    DeliveryError::retry(error.to_string())
}

/// Brings messages to the messenger.
pub(super) struct Sender<'i> {
    pub(super) instance: &'i Instance,
}

impl Sender<'_> {
    /// Sends a message in as many parts as it takes; those of an earlier attempt are not sent again.
    pub(super) async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let mut scope = self.scope(message).await?;
        scope.set("late", self.is_late(message).await?);
        let files = self.files(message);
        let writing = self.instance.writing()?;
        let parts = plan(&self.instance.description, writing, &self.rendered(message), &files, &scope);
        let parts = parts.map_err(DeliveryError::refused)?;
        if parts.is_empty() {
            return Err(DeliveryError::refused("there is nothing in it that could be shown"));
        }
        let (begun, mut progress) = (Instant::now(), self.progress(message).await?);
        let done = progress.ids.len();
        for (index, part) in parts.iter().enumerate().skip(done) {
            if begun.elapsed() > ENOUGH {
                return Err(DeliveryError::retry("the message has more parts"));
            }
            let scope = Self::of_part(message, index, part, &files, &scope);
            let found = if index == done { self.found(message, index, &scope, &progress).await? } else { None };
            let id = match found {
                Some(id) => id,
                None => self.begin(message, part, &files, scope, &mut progress, index == done).await?,
            };
            progress.ids.push(id);
            progress.told.clear();
            let more = index + 1 < parts.len();
            progress.begun = more.then(|| self.instance.inbox.now().0);
            if let Err(error) = self.done(message, &progress, more).await {
                // What was sent counts nevertheless: it would be doubled otherwise.
                tracing::warn!(%error, "it could not be written down what was sent");
            }
        }
        Ok(progress.ids)
    }

    /// Writes down what was sent. That the last part was is written in a moment with the message's own end; until then, and
    /// for events that tell of it later, this process knows it.
    async fn done(&self, message: Outgoing<'_>, progress: &Progress, more: bool) -> Result<(), StoreError> {
        match self.instance.sending() {
            _ if more => self.keep(message, progress).await,
            _ if self.by() == By::Key => Ok(()),
            Some(lately) => {
                lately.put(&message.conversation.chat, progress.clone());
                Ok(())
            }
            None => self.keep(message, progress).await,
        }
    }

    fn by(&self) -> By {
        self.instance.description.once.by
    }

    /// Whether it is written down before the first part goes that it is begun: not where a key makes that needless, nor where
    /// the history is looked into, because core knows that the message may have gone.
    fn notes_begin(&self) -> bool {
        matches!(self.by(), By::Events | By::Nothing)
    }

    /// Sends a part.
    async fn begin(
        &self,
        message: Outgoing<'_>,
        part: &Part,
        files: &[Seen],
        mut scope: Scope,
        progress: &mut Progress,
        first: bool,
    ) -> Result<String, DeliveryError> {
        self.instance.admitted(message.conversation.chat.as_str()).await?;
        if first && self.notes_begin() {
            progress.begun = Some(self.instance.inbox.now().0);
            progress.told.clear();
            self.keep(message, progress).await.map_err(unstored)?;
        }
        let way = &self.instance.description.ways[part.way];
        for (name, expr) in &way.with {
            let value = expr.eval(&scope).map_err(DeliveryError::refused)?;
            scope.set(name, value);
        }
        let file = part.file.and_then(|index| files.get(index)).map(|seen| self.out(seen));
        let call = Call { steps: &way.steps, attempts: message.attempts, file: file.as_ref() };
        let sent = self.instance.run(&call, &mut scope).await.map_err(|failed| self.instance.settle(failed))?;
        // An answer that names no id is one nevertheless.
        Ok(sent
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| filters::text(&scope.get("message").get_attr("tag").unwrap_or_default())))
    }

    /// Whether a part whose answer was lost is there; refused when nobody can tell and the description wants that.
    async fn found(
        &self,
        message: Outgoing<'_>,
        index: usize,
        scope: &Scope,
        progress: &Progress,
    ) -> Result<Option<String>, DeliveryError> {
        let once = &self.instance.description.once;
        // Not before it was written.
        let unwritten = (!self.notes_begin()).then_some(message.item.at.0);
        let begun = progress.begun.or(unwritten).filter(|_| message.uncertain && once.by != By::Key);
        let Some(begun) = begun else { return Ok(None) };
        let known = self.known(message).await?;
        let tag = Once::of(message, index).text();
        let found = match once.by {
            By::Lookup => {
                let mut scope = scope.with("since", begun - SKEW);
                let call = Call { attempts: message.attempts, ..Call::of(&once.steps) };
                let looked = self.instance.run(&call, &mut scope).await;
                looked.map_err(|failed| self.instance.settle(not_sent(failed)))?;
                let id = once.found.as_ref().map(|found| found.eval(&scope)).transpose();
                id.map_err(DeliveryError::retry)?.map(|id| filters::text(&id)).filter(|id| !id.is_empty())
            }
            By::Events => {
                let mine = |(id, told): &&(String, String)| *told == tag || told.is_empty() && !known.contains(id);
                progress.told.iter().find(mine).map(|(id, _)| id.clone())
            }
            By::Key | By::Nothing => None,
        };
        if let Some(id) = found.filter(|id| !known.contains(id) && !progress.ids.contains(id)) {
            return Ok(Some(id));
        }
        let left = Duration::from_secs(once.wait).saturating_sub(Timestamp(begun).until(self.instance.inbox.now()));
        if !left.is_zero() {
            let reason = "waiting for news of a message whose answer was lost".to_owned();
            return Err(DeliveryError::Retry { reason, after: Some(left.min(Duration::from_secs(1))) });
        }
        match once.otherwise {
            Otherwise::Send => {
                tracing::warn!(message = %message.item.id, "nobody knows whether a part arrived, sending it again");
                Ok(None)
            }
            Otherwise::Refuse => Err(DeliveryError::refused(format!(
                "{} did not say whether it arrived; it may be there: look before you write it again",
                self.instance.description.name
            ))),
        }
    }

    /// The ids of what was delivered in the chat.
    pub(super) async fn known(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        let slice = self.instance.inbox.items_before(message.conversation.id, None, BACK).await.map_err(unstored)?;
        Ok(slice.items.into_iter().flat_map(|item| item.delivered_as).collect())
    }

    /// Brings delivered texts to the present one; files stay.
    pub(super) async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let Some(act) = &self.instance.description.edit else { return Err(DeliveryError::Unsupported) };
        let item = message.item;
        if item.delivered_as.is_empty() {
            return Ok(());
        }
        let scope = self.scope(message).await?;
        let pieces = self.instance.writing()?.pieces(&self.rendered(message));
        // Texts stand before files; a text that went along with a file has its id.
        let apart = item.delivered_as.len().saturating_sub(item.content.files.len());
        let (texts, along) =
            if apart == 0 { (&item.delivered_as[..1], true) } else { (&item.delivered_as[..apart], false) };
        if pieces.len() > texts.len() {
            return Err(DeliveryError::refused("the new text is too long for the message that is there"));
        }
        for (id, piece) in texts.iter().zip(&pieces) {
            let mut scope = scope.with("text", piece.0.clone());
            scope.set("plain", piece.1.clone());
            self.act(act, id, scope, message.attempts).await?;
        }
        for id in texts.iter().skip(pieces.len()).filter(|_| !along) {
            match &self.instance.description.delete {
                Some(delete) => self.act(delete, id, scope.clone(), message.attempts).await?,
                None => return Err(DeliveryError::refused("a part of the earlier text can't be taken back")),
            }
        }
        Ok(())
    }

    /// Takes everything back that the message has become.
    pub(super) async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let Some(act) = &self.instance.description.delete else { return Err(DeliveryError::Unsupported) };
        let scope = self.scope(message).await?;
        for id in &message.item.delivered_as {
            self.act(act, id, scope.clone(), message.attempts).await?;
        }
        Ok(())
    }

    async fn act(&self, act: &Act, id: &str, mut scope: Scope, attempts: u32) -> Result<(), DeliveryError> {
        scope.set("id", id);
        if !act.when.as_ref().map_or(Ok(true), |when| when.holds(&scope)).map_err(DeliveryError::refused)? {
            return Ok(());
        }
        let call = Call { attempts, ..Call::of(&act.steps) };
        let done = self.instance.run(&call, &mut scope).await;
        done.map(|_| ()).map_err(|failed| self.instance.settle(failed))
    }

    /// Who answers has read what was written: told once for all that was written since the last time.
    pub(super) async fn mark_read(&self, message: Outgoing<'_>) {
        let Some(act) = &self.instance.description.read else { return };
        let marked = async {
            let Some(last) = self.unread(message).await? else { return Ok(()) };
            let scope = self.scope(message).await?.with("last", last);
            self.act(act, "", scope, 0).await
        };
        if let Err(error) = marked.await {
            tracing::debug!(%error, "a chat could not be marked as read");
        }
    }

    /// The key of the visitor's newest message, unless the messenger was told that it is read; from now on it was.
    async fn unread(&self, message: Outgoing<'_>) -> Result<Option<String>, DeliveryError> {
        let Conversation { id, chat, .. } = message.conversation;
        let unread = |heard: &mut Heard| {
            (heard.conversation == *id).then(|| (!mem::replace(&mut heard.read, true)).then(|| heard.last.clone()))
        };
        if let Some(unread) = self.instance.heard().and_then(|lately| lately.at(chat, unread)).flatten() {
            return Ok(unread);
        }
        let slice = self.instance.inbox.items_before(*id, None, LOOK).await.map_err(unstored)?;
        Ok(slice.items.into_iter().rfind(|item| item.side == Side::Visitor).map(|item| item.key))
    }

    /// Tells a visitor that a message of theirs was given up.
    pub(super) async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let text = self.instance.given.undelivered_text.clone();
        if text.trim().is_empty() {
            return Ok(());
        }
        let mut scope = self.scope(message).await?;
        scope.set("late", false);
        let rendered = Rendered::of(&openline_core::text::RichText::plain(text), None);
        let parts = plan(&self.instance.description, self.instance.writing()?, &rendered, &[], &scope);
        for (index, part) in parts.map_err(DeliveryError::refused)?.iter().enumerate() {
            // Its own key: the number of a part that a message never has.
            let mut scope = Self::of_part(message, 1000 + index, part, &[], &scope);
            let call = Call::of(&self.instance.description.ways[part.way].steps);
            self.instance.run(&call, &mut scope).await.map_err(|failed| self.instance.settle(failed))?;
        }
        Ok(())
    }

    fn rendered(&self, message: Outgoing<'_>) -> Rendered {
        let author = message.item.author.as_deref().filter(|_| self.instance.given.operator_names);
        let text = &message.item.content.text;
        Rendered::of(text, author.filter(|author| !author.trim().is_empty() && !text.is_empty()))
    }

    fn files(&self, message: Outgoing<'_>) -> Vec<Seen> {
        let Outgoing { item, conversation, .. } = message;
        let seen = |(index, file): (usize, &openline_core::message::File)| Seen {
            file: file.clone(),
            url: self.instance.inbox.file_url(item, conversation.id, index, Holder::Messenger),
        };
        item.content.files.iter().enumerate().map(seen).collect()
    }

    fn out(&self, seen: &Seen) -> FileOut {
        let (inbox, file) = (self.instance.inbox.clone(), seen.file.clone());
        let open = move || {
            let (inbox, file) = (inbox.clone(), file.clone());
            async move { inbox.open_file(&file).await }.boxed()
        };
        let mime = media_type(&seen.file, None);
        let mime = if mime.is_empty() { "application/octet-stream".to_owned() } else { mime };
        let name = openline_core::files::file_name(&seen.file.name);
        FileOut { name, mime, size: seen.file.size, open: Box::new(open) }
    }

    async fn scope(&self, message: Outgoing<'_>) -> Result<Scope, DeliveryError> {
        let chat = &message.conversation.chat;
        let kept = self.instance.kept(chat, message.conversation.id).await.map_err(unstored)?;
        let mut scope = self.instance.scope().with("kept", Value::from(kept));
        scope.set("chat", chat.as_str());
        Ok(scope)
    }

    fn of_part(message: Outgoing<'_>, index: usize, part: &Part, files: &[Seen], scope: &Scope) -> Scope {
        let once = Once::of(message, index);
        let author = message.item.author.clone().unwrap_or_default();
        let names = [("tag", once.text()), ("uuid", once.uuid()), ("author", author)];
        let names = names.into_iter().map(|(name, text)| (name, Value::from(text)));
        let mut scope = scope.with("message", Value::from_pairs(names.chain([("number", Value::from(once.number()))])));
        scope.set("text", part.text.clone());
        scope.set("plain", part.plain.clone());
        if let Some(file) = part.file.and_then(|index| files.get(index)) {
            scope.set("file", file.value());
        }
        scope
    }

    /// Whether the window of service is over and the description has a way for that.
    async fn is_late(&self, message: Outgoing<'_>) -> Result<bool, DeliveryError> {
        let Some(window) = &self.instance.description.window else { return Ok(false) };
        let (last, now) = (self.last_written(message, window).await?, self.instance.inbox.now());
        let passed = |hours: u64| last.is_none_or(|at| at.until(now) >= Duration::from_secs(hours * 3600));
        if !passed(window.hours) {
            return Ok(false);
        }
        let allowed = window.late.as_ref().map_or(Ok(false), |late| late.holds(&self.instance.scope()));
        if allowed.map_err(DeliveryError::refused)? && window.late_hours.is_none_or(|hours| !passed(hours)) {
            return Ok(true);
        }
        Err(DeliveryError::refused(window.refuse.clone()))
    }

    /// When the visitor wrote last, as far back as it matters.
    async fn last_written(&self, message: Outgoing<'_>, window: &Window) -> Result<Option<Timestamp>, DeliveryError> {
        let hours = window.hours.max(window.late_hours.unwrap_or_default());
        let said = |heard: &mut Heard| (heard.conversation == message.conversation.id).then_some(heard.at);
        let lately = self.instance.heard().and_then(|lately| lately.at(&message.conversation.chat, said)).flatten();
        if lately.is_some() {
            return Ok(lately);
        }
        let oldest = self.instance.inbox.now().minus(Duration::from_secs(hours * 3600));
        let mut before = None;
        loop {
            let slice =
                self.instance.inbox.items_before(message.conversation.id, before, LOOK).await.map_err(unstored)?;
            let last = slice.items.iter().filter(|item| item.side == Side::Visitor).map(|item| item.at).max();
            let first = slice.items.first();
            match first.filter(|first| last.is_none() && slice.more && first.at > oldest) {
                Some(first) => before = Some(first.pos),
                None => return Ok(last),
            }
        }
    }

    async fn progress(&self, message: Outgoing<'_>) -> Result<Progress, DeliveryError> {
        let kept = progress::read(self.instance, &message.conversation.chat).await.map_err(unstored)?;
        let fresh = Progress { message: message.item.id.0, ..Progress::default() };
        Ok(if kept.message == message.item.id.0 { kept } else { fresh })
    }

    async fn keep(&self, message: Outgoing<'_>, progress: &Progress) -> Result<(), StoreError> {
        progress::keep(self.instance, &message.conversation.chat, progress).await
    }
}

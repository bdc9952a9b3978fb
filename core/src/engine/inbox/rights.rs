//! What a visitor may ask for beside writing and reading: to go on elsewhere, to be forgotten, to get what is kept.

use super::visitor::VisitorInbox;
use crate::domain::error::StoreError;
use crate::domain::id::{ChannelId, ChatId, ConversationId};
use crate::engine::export::Exported;
use crate::engine::forget;
use crate::engine::handover::{self, Continuation, Handover};

impl VisitorInbox {
    /// Where the visitor of this chat may go on with the conversation, see [`Channel::continue_at`]: in the channels that
    /// are `offered`, or in all.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn elsewhere(
        &self,
        chat: &ChatId,
        offered: Option<&[ChannelId]>,
    ) -> Result<Vec<Continuation>, StoreError> {
        let Some(equipment) = &self.doors.equipment else { return Ok(Vec::new()) };
        let Some(id) = self.find(chat).await? else { return Ok(Vec::new()) };
        let word = equipment.words.make(id, self.now().plus(handover::LIFETIME));
        let is_offered = |channel: &ChannelId| offered.is_none_or(|offered| offered.contains(channel));
        let is_other = |channel: &ChannelId| *channel != self.channel && is_offered(channel);
        Ok(handover::told_apart(self.beyond.channels.continuations(&word, &is_other)))
    }

    /// Whether this is a word to take over a conversation by, good or not any more.
    pub fn is_handover(&self, word: &str) -> bool {
        self.doors.equipment.as_ref().is_some_and(|equipment| equipment.words.signed(word).is_some())
    }

    /// Takes over a conversation by the word that its visitor brought; `None` when the word is not good (any more).
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn take_over(&self, word: &str) -> Result<Option<Handover>, StoreError> {
        let Some(words) = self.doors.equipment.as_ref().map(|equipment| &equipment.words) else { return Ok(None) };
        let Some(from) = words.read(word, self.now()) else { return Ok(None) };
        let Some(conversation) = self.doors.store.conversation_by_id(from).await? else { return Ok(None) };
        let slice = self.doors.store.items_before(from, None, handover::TOLD).await?;
        let transcript = handover::transcript(self.words(), conversation.channel.as_str(), &slice.items);
        let word = words.make(from, self.now().plus(handover::KEPT));
        Ok(Some(Handover { from, visitor: conversation.visitor, transcript, word }))
    }

    /// Asks to forget all that this chat's visitor wrote, here and at the backend; see [`crate::engine::forget`]. Whether there is
    /// a conversation to forget.
    ///
    /// # Errors
    /// When the wish was not stored.
    pub async fn forget_visitor(&self, chat: &ChatId) -> Result<bool, StoreError> {
        let Some(conversation) = self.conversation(chat).await? else { return Ok(false) };
        forget::ask_here(&self.doors, conversation.id).await?;
        self.doors.erasing.notify_one();
        Ok(true)
    }

    /// Asks whether something of this chat's visitor may be taken now; the conversation that it goes into, if there is one. The
    /// door asks by itself when something is given to it; ask before what would be in vain or would outlive the erasing: a
    /// file that is fetched, a value that is kept.
    ///
    /// # Errors
    /// [`StoreError::Erasing`] while what the visitor wrote before is being erased: what came now would go with it, so it has
    /// to come later. And when the store has to be read and can't be.
    pub async fn admits(&self, chat: &ChatId) -> Result<Option<ConversationId>, StoreError> {
        let Some(id) = self.find(chat).await? else { return Ok(None) };
        if forget::is_going_on(&self.doors, id).await? { Err(StoreError::Erasing) } else { Ok(Some(id)) }
    }

    /// Everything that is kept of a chat's visitor; `None` when there is no conversation.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn export(&self, chat: &ChatId) -> Result<Option<Exported>, StoreError> {
        match self.conversation(chat).await? {
            Some(conversation) => Exported::of(&self.doors.store, conversation).await.map(Some),
            None => Ok(None),
        }
    }
}

//! Forgetting a conversation whole, with what is remembered of it and with its files.

use crate::channel::ChatAddress;
use crate::error::StoreError;
use crate::id::{ConversationId, FileId};
use crate::inbox::Doors;
use crate::store::{Erased, Expect, FORGET_FILES};
use std::sync::atomic::Ordering;

impl Doors {
    /// Forgets a conversation: in the store, in memory (who waits for its news is woken and finds it gone), and the kept
    /// files that only it named. `None` when there is none. What comes for its chat afterwards begins a new one.
    ///
    /// A file that can't be removed yet is remembered, see [`Doors::sweep_files`].
    ///
    /// # Errors
    /// When the conversation may still be there; repeat it.
    pub async fn erase(&self, conversation: ConversationId) -> Result<Option<Erased>, StoreError> {
        let Some(known) = self.store.conversation_by_id(conversation).await? else { return Ok(None) };
        let erased = self.store.erase(conversation).await;
        // Also when that failed: it may be gone nevertheless, and what is forgotten is read again.
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.directory.forget(&ChatAddress { channel: known.channel, chat: known.chat });
        self.revisions.forget(&conversation);
        let erased = erased?;
        for file in erased.iter().flat_map(|erased| &erased.files) {
            self.remove_file(file).await?;
        }
        Ok(erased)
    }

    /// Removes the files of erased conversations that could not be removed at that time: they had been kept shortly
    /// before, or the process ended. To be called now and then.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn sweep_files(&self) -> Result<(), StoreError> {
        let keys = self.store.state_list(FORGET_FILES).await?;
        let ids = keys.iter().filter_map(|(key, _)| FileId::parse(key.strip_prefix(FORGET_FILES)?).ok());
        let ids: Vec<_> = ids.collect();
        let unnamed = self.store.unnamed_files(ids.clone()).await?;
        let named: Vec<_> = ids.into_iter().filter(|id| !unnamed.contains(id)).collect();
        for file in &unnamed {
            self.remove_file(file).await?;
        }
        for file in &named {
            self.store.state_delete(&key(file)).await?;
        }
        // Whoever named them may have been erased before the line was gone.
        for file in self.store.unnamed_files(named).await? {
            self.store.state_put(&key(&file), b"", Expect::Anything).await?;
        }
        Ok(())
    }

    /// Removes a file, and what says that it is to be removed; that stays when the file can't be removed now.
    async fn remove_file(&self, file: &FileId) -> Result<(), StoreError> {
        let Some(equipment) = &self.equipment else { return Ok(()) };
        match equipment.files.remove(file).await {
            Ok(true) => self.store.state_delete(&key(file)).await,
            Ok(false) => Ok(()),
            Err(error) => {
                tracing::warn!(%file, %error, "a file of an erased conversation can't be removed yet");
                Ok(())
            }
        }
    }

    /// Nothing that is remembered may be trusted.
    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.directory.forget_all();
        self.revisions.forget_all();
    }
}

fn key(file: &FileId) -> String {
    format!("{FORGET_FILES}{file}")
}

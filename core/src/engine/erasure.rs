//! Forgetting a conversation whole, with what is remembered of it and with its files; and files that no message names.

use crate::domain::error::StoreError;
use crate::domain::id::ChatAddress;
use crate::domain::id::{ConversationId, FileId};
use crate::domain::message::{Content, FileSource};
use crate::engine::arriving::GIVEN_UP;
use crate::engine::inbox::Doors;
use crate::ports::clock::Timestamp;
use crate::ports::files::{ByteStream, FileError, Files, Kept};
use crate::ports::store::{Erased, Expect, FORGET_FILES};
use std::sync::Arc;
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
        let chat = ChatAddress { channel: known.channel, chat: known.chat };
        self.directory.forget(&chat);
        self.visitors.forget(&chat);
        self.revisions.forget(&conversation);
        let erased = erased?;
        for file in erased.iter().flat_map(|erased| &erased.files) {
            self.remove_file(file).await?;
        }
        Ok(erased)
    }

    /// Keeps bytes for a message that is stored next, and notes that none names them yet: it may be refused, or its sender
    /// may be gone. It goes on when nobody waits for it any more, so that what is kept is noted.
    pub(crate) async fn keep_bytes(
        &self,
        files: &Arc<dyn Files>,
        bytes: ByteStream,
        most: u64,
    ) -> Result<Kept, FileError> {
        let (files, store) = (Arc::clone(files), Arc::clone(&self.store));
        let (arriving, clock) = (Arc::clone(&self.arriving), Arc::clone(&self.clock));
        let keeping = async move {
            let kept = files.keep(bytes, most).await?;
            arriving.kept(&kept.id, clock.now());
            let noted = store.state_put(&key(&kept.id), clock.now().0.to_string().as_bytes(), Expect::Anything).await;
            noted.map_err(|error| FileError::Unavailable(error.to_string()))?;
            Ok(kept)
        };
        tokio::spawn(keeping).await.unwrap_or_else(|error| Err(FileError::Unavailable(error.to_string())))
    }

    /// A message is stored that names files. When it can't be noted, [`Doors::sweep_files`] finds it out.
    pub(crate) async fn named(&self, content: &Content) {
        for file in &content.files {
            let FileSource::Stored(id) = &file.source else { continue };
            if let Err(error) = self.store.state_delete(&key(id)).await {
                tracing::debug!(%error, "that a file is named could not be noted");
            }
            self.arriving.named(id, self.now());
        }
    }

    /// Removes the files that no message names (any more) and that could not be removed at that time: a message may come that
    /// names them, or the process ended. To be called now and then.
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
        let at_once = !self.is_expected(file).await?;
        match equipment.files.remove(file, at_once).await {
            Ok(true) => self.store.state_delete(&key(file)).await,
            Ok(false) => Ok(()),
            Err(error) => {
                tracing::warn!(%file, %error, "a file that no message names can't be removed yet");
                Ok(())
            }
        }
    }

    /// Whether a message may come that names the file: it was kept for one here, or as the store says in another process. (Of
    /// two who send the same bytes at the same moment to different processes only one may be known.)
    async fn is_expected(&self, file: &FileId) -> Result<bool, StoreError> {
        let now = self.now();
        if self.arriving.is_expected(file, now) {
            return Ok(true);
        }
        let kept = self.store.state_get(&key(file)).await?;
        let kept = kept.and_then(|at| std::str::from_utf8(&at).ok()?.parse().ok()).map(Timestamp);
        Ok(kept.is_some_and(|at| at.until(now) < GIVEN_UP))
    }

    /// Nothing that is remembered may be trusted.
    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.directory.forget_all();
        self.visitors.forget_all();
        self.revisions.forget_all();
    }
}

fn key(file: &FileId) -> String {
    format!("{FORGET_FILES}{file}")
}

//! Everything that is kept of a visitor.

use crate::domain::error::StoreError;
use crate::domain::message::{Conversation, Item};
use crate::ports::store::{ALSO, ShownJob, Store, chat_values};
use std::sync::Arc;

const PAGE: usize = 200;

/// What is kept of one conversation.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Where it is, and whose.
    pub conversation: Conversation,
    /// Its items, oldest first; their contents name the kept files.
    pub items: Vec<Item>,
    /// What operators were told of the visitor.
    pub notes: Vec<Item>,
    /// What the channel remembers of the chat, by name.
    pub values: Vec<(String, Vec<u8>)>,
    /// What was given up of it.
    pub dead: Vec<ShownJob>,
}

impl Exported {
    /// Reads it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn of(store: &Arc<dyn Store>, conversation: Conversation) -> Result<Self, StoreError> {
        let id = conversation.id;
        let mut items: Vec<Item> = Vec::new();
        loop {
            let slice = store.items_before(id, items.first().map(|item| item.pos), PAGE).await?;
            let more = slice.more && !slice.items.is_empty();
            items.splice(0..0, slice.items);
            if !more {
                break;
            }
        }
        let notes = store.notes(id, None, usize::MAX).await?;
        let prefix = chat_values(&conversation.channel, &conversation.chat);
        let named = |(key, value): (String, Vec<u8>)| Some((key.strip_prefix(&prefix)?.to_owned(), value));
        let values = store.state_list(&prefix).await?.into_iter().filter_map(named);
        let values = values.filter(|(name, _)| !name.starts_with(ALSO)).collect();
        let (mut dead, mut after): (Vec<ShownJob>, _) = (Vec::new(), None);
        loop {
            let page = store.dead_letters(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.job);
            dead.extend(page.into_iter().filter(|letter| letter.conversation == id));
        }
        Ok(Self { conversation, items, notes, values, dead })
    }
}

//! What visitors' doors reach beyond the store: the backend, and the other channels.

use crate::domain::id::ChannelId;
use crate::engine::channel::Channel;
use crate::engine::handover::Continuation;
use crate::engine::inbox::{Asked, Beyond};
use crate::ports::backend::Backend;
use std::collections::HashMap;
use std::sync::Arc;

/// What visitors' doors ask is asked of this channel.
struct Of(Arc<dyn Channel>);

impl Asked for Of {
    fn continue_at(&self, word: &str) -> Option<Continuation> {
        self.0.continue_at(word)
    }
}

/// All of it.
pub(super) fn of(backend: &Arc<dyn Backend>, channels: &HashMap<ChannelId, Arc<dyn Channel>>) -> Arc<Beyond> {
    let asked = |(id, channel): (&ChannelId, &Arc<dyn Channel>)| (id.clone(), Box::new(Of(Arc::clone(channel))) as _);
    Arc::new(Beyond { backend: Arc::clone(backend), channels: channels.iter().map(asked).collect() })
}

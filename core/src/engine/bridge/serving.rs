//! Which channels the dispatcher serves: they come and go while it runs.

use super::Bridge;
use crate::domain::id::ChannelId;
use crate::engine::channel::Channel;
use crate::engine::handover::Continuation;
use crate::engine::inbox::Asked;
use crate::ports::store::Queue;
use std::sync::Arc;

/// What visitors' doors ask is asked of this channel.
struct Of(Arc<dyn Channel>);

impl Asked for Of {
    fn continue_at(&self, word: &str) -> Option<Continuation> {
        self.0.continue_at(word)
    }
}

impl Bridge {
    /// Serves a channel from now on, also while it runs.
    pub fn add(self: &Arc<Self>, id: &ChannelId, channel: Arc<dyn Channel>) {
        self.gates.add(id);
        self.doors.serve(id, channel.capabilities().fixed_order);
        self.beyond.add(id, Arc::new(Of(Arc::clone(&channel))));
        self.channels.write().insert(id.clone(), channel);
        self.begin(Queue::Channel(id.clone()));
    }

    /// Serves a channel no more: what is under way ends first, what waits stays for when it is added again.
    pub async fn remove(&self, id: &ChannelId) {
        self.workers.end(&Queue::Channel(id.clone())).await;
        self.doors.serve_no_more(id);
        self.beyond.remove(id);
        self.channels.write().remove(id);
        self.gates.remove(id);
    }

    pub(super) fn begin(self: &Arc<Self>, queue: Queue) {
        let bridge = Arc::clone(self);
        self.workers.begin(&queue.clone(), |stop| bridge.work(queue, stop));
    }

    pub(super) fn channel(&self, id: &ChannelId) -> Option<Arc<dyn Channel>> {
        self.channels.read().get(id).cloned()
    }
}

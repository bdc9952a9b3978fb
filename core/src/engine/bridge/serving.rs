//! Which channels the dispatcher serves: they come and go while it runs.

use super::Bridge;
use crate::domain::id::ChannelId;
use crate::engine::channel::Built;
use crate::ports::store::Queue;
use std::sync::Arc;

impl Bridge {
    /// Serves a channel from now on, also while it runs.
    pub fn add(self: &Arc<Self>, id: &ChannelId, channel: Built) {
        self.gates.add(id);
        self.doors.serve(id, channel.can.fixed_order);
        self.sides.roster.add(id, channel);
        self.begin(Queue::Channel(id.clone()));
    }

    /// Serves a channel no more: what is under way ends first, what waits stays for when it is added again.
    pub async fn remove(&self, id: &ChannelId) {
        self.workers.end(&Queue::Channel(id.clone())).await;
        self.doors.serve_no_more(id);
        self.sides.roster.remove(id);
        self.gates.remove(id);
    }

    pub(super) fn begin(self: &Arc<Self>, queue: Queue) {
        let bridge = Arc::clone(self);
        self.workers.begin(&queue.clone(), |stop| bridge.work(queue, stop));
    }

    pub(super) fn channel(&self, id: &ChannelId) -> Option<Built> {
        self.sides.roster.get(id)
    }
}

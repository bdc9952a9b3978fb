//! Replies for channels in which order can't be mended afterwards: held for a moment at the door, so that those whose
//! events come in another order than they were written are brought into theirs.
//!
//! The backend is told that they were taken only after they are stored, so nothing is at stake while they wait.

use crate::domain::error::StoreError;
use crate::domain::message::{Happened, OperatorEvent};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the first of them waits. Events of one operator that overtake each other are some tens of milliseconds
/// apart, and the backend must be answered within a second.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);

type Told = oneshot::Sender<Result<(), StoreError>>;

/// Events that came together, and who wants to know what became of them.
type Waiting = (Vec<OperatorEvent>, Told);

/// What waits.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<Mutex<Vec<Waiting>>>);

impl Hold {
    /// Puts events to the others. Whether they are the first, who has to [`Hold::take`] all after the moment.
    pub(crate) fn add(&self, events: Vec<OperatorEvent>) -> (bool, oneshot::Receiver<Result<(), StoreError>>) {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.lock();
        waiting.push((events, tell));
        (waiting.len() == 1, told)
    }

    /// All that wait, in the order in which they happened.
    pub(crate) fn take(&self) -> (Vec<OperatorEvent>, Vec<Told>) {
        let waiting = std::mem::take(&mut *self.0.lock());
        let (events, told): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let mut events: Vec<_> = events.into_iter().flatten().collect();
        events.sort_by_key(|event| place(&event.happened));
        (events, told)
    }
}

/// Messages by their number, each before what was changed of it; a dialog's start before and its end behind all.
fn place(happened: &Happened) -> (i64, u8) {
    match happened {
        Happened::DialogStarted { .. } => (i64::MIN, 0),
        Happened::Wrote { remote, .. } | Happened::Greeted { remote, .. } | Happened::Arrived { remote, .. } => {
            (*remote, 0)
        }
        Happened::Edited { remote, .. } => (*remote, 1),
        Happened::Deleted { remote } => (*remote, 2),
        Happened::DialogFinished { .. } => (i64::MAX, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ChannelId, ChatId};
    use crate::domain::message::{Content, Side, Thread};

    fn event(happened: Happened) -> OperatorEvent {
        let (channel, chat) = (ChannelId::parse("bot").unwrap(), ChatId::parse("c").unwrap());
        OperatorEvent { channel, chat, thread: Thread::default(), happened }
    }

    fn wrote(remote: i64) -> OperatorEvent {
        event(Happened::Wrote { remote, side: Side::Operator, author: None, content: Content::plain("x") })
    }

    #[test]
    fn what_came_in_another_order_is_put_into_its_own() {
        let hold = Hold::default();
        assert!(hold.add(vec![event(Happened::Deleted { remote: 2 }), wrote(3)]).0);
        assert!(!hold.add(vec![wrote(2)]).0);
        assert!(!hold.add(vec![event(Happened::DialogStarted { session: "1".into() }), wrote(1)]).0);
        let (events, told) = hold.take();
        let places: Vec<_> = events.iter().map(|event| place(&event.happened)).collect();
        assert_eq!(places, [(i64::MIN, 0), (1, 0), (2, 0), (2, 2), (3, 0)]);
        assert_eq!(told.len(), 3);
        assert!(hold.add(vec![wrote(4)]).0, "the next one begins anew");
    }
}

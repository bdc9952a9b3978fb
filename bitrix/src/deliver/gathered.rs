//! What waits for a request, each kind for itself.

use crate::access::batch::Command;
use crate::access::budget::Class;
use crate::deliver::gather::Gather;
use crate::wire::rest::CallError;
use openline_core::DeliveryError;
use openline_core::backend::{Delivery, Receipt};
use serde_json::Value;
use tokio::time::Instant;

pub(crate) type Delivered = Result<Receipt, DeliveryError>;

/// What goes into one call: same method, connector and line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) method: &'static str,
    pub(crate) connector: String,
    pub(crate) line: String,
    /// The message that is alone in its call: the portal fetches its files meanwhile (`bitrix24.md` §4.7).
    pub(crate) alone: Option<String>,
}

/// A delivery that waits for its call.
pub(crate) struct Ready {
    pub(super) delivery: Delivery,
    pub(super) key: CallKey,
    pub(super) since: Instant,
    /// See [`openline_core::Store::lease_epoch`].
    pub(super) leased: Option<u64>,
}

/// A visitor's message that waits for its call.
pub(crate) struct Message(pub(super) Ready);

/// A visitor's change of a message that waits for its call.
pub(crate) struct Change(pub(super) Ready);

/// A note that waits for its call.
pub(crate) struct Noting {
    pub(super) params: Value,
    /// What it is known by while nobody knows whether it arrived: the portal gives it no name of ours.
    pub(super) id: String,
}

/// A confirmation that waits for its call.
pub(crate) struct Confirming {
    pub(super) place: ConnectorLine,
    pub(super) element: Value,
}

/// Connector and line.
pub(super) type ConnectorLine = (String, String);

/// Whether the portal knows nothing of the conversation yet: such ones hold up nobody who is in a dialog.
fn is_brand_new(Message(ready): &Message) -> bool {
    ready.delivery.conversation.thread.chat.is_none()
}

pub(super) type Done = Result<(), DeliveryError>;

/// What was looked for; `None` when the portal has no such thing, or does not let us see it.
pub(super) type Looked = Result<Option<Value>, CallError>;

/// A look that waits: a call that changes nothing, or nothing more when it is made twice.
pub(crate) struct Looking(pub(super) Command<'static>);

/// What waits for a request, each kind for itself.
pub(crate) struct Gathered {
    pub(crate) messages: Gather<Message, Delivered>,
    pub(crate) edits: Gather<Change, Delivered>,
    pub(crate) confirmations: Gather<Confirming, Done>,
    pub(crate) notes: Gather<Noting, Done>,
    pub(crate) looks: Gather<Looking, Looked>,
}

/// Calls with messages under way at the same time.
pub(crate) const MESSAGE_CALLS: usize = 8;

impl Default for Gathered {
    fn default() -> Self {
        Self {
            messages: Gather::new(Class::Message, MESSAGE_CALLS).with_behind(is_brand_new),
            edits: Gather::new(Class::Edit, 2),
            confirmations: Gather::new(Class::Confirm, 2),
            notes: Gather::new(Class::Note, 4),
            looks: Gather::new(Class::Look, 4),
        }
    }
}

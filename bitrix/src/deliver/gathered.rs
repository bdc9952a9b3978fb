//! What waits for a request, each kind for itself.

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

/// Whether the portal knows nothing of the conversation yet: such ones hold up nobody who is in a dialog.
fn is_brand_new(ready: &Ready) -> bool {
    ready.delivery.conversation.thread.chat.is_none()
}

/// Messages that wait, or changes of them.
pub(crate) type Messages = Gather<Ready, Delivered>;

/// Connector and line.
pub(super) type ConnectorLine = (String, String);
pub(super) type Confirmed = Result<(), DeliveryError>;

/// Confirmations that wait.
pub(crate) type Confirmations = Gather<(ConnectorLine, Value), Confirmed>;

/// A history; `None` when the portal does not let us read it.
pub(super) type Looked = Result<Option<Value>, CallError>;

/// Looks that wait.
pub(crate) type Looks = Gather<Value, Looked>;

/// Notes that wait.
pub(crate) type Notes = Gather<Value, Result<(), DeliveryError>>;

/// What waits for a request, each kind for itself.
pub(crate) struct Gathered {
    pub(crate) messages: Messages,
    pub(crate) edits: Messages,
    pub(crate) confirmations: Confirmations,
    pub(crate) notes: Notes,
    pub(crate) looks: Looks,
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

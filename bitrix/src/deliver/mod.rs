//! What goes to the portal and what is fetched from it: messages, confirmations, notes, histories, files.

pub(crate) mod attached;
pub(crate) mod confirm;
pub(crate) mod files;
pub(crate) mod flights;
pub(crate) mod gather;
pub(crate) mod genuine;
pub(crate) mod history;
pub(crate) mod judge;
pub(crate) mod missed;
pub(crate) mod names;
pub(crate) mod note;
pub(crate) mod pace;
pub(crate) mod replies;
pub(crate) mod send;
pub(crate) mod tries;
pub(crate) mod uncertain;

use crate::access::budget::Class;
use gather::Gather;

/// What waits for a request, each kind for itself.
pub(crate) struct Gathered {
    pub(crate) messages: send::Waiting,
    pub(crate) edits: send::Waiting,
    pub(crate) confirmations: confirm::Waiting,
    pub(crate) notes: note::Waiting,
    pub(crate) looks: history::Waiting,
}

/// Calls with messages under way at the same time.
pub(crate) const MESSAGE_CALLS: usize = 8;

impl Default for Gathered {
    fn default() -> Self {
        Self {
            messages: Gather::new(Class::Message, MESSAGE_CALLS).with_behind(send::is_brand_new),
            edits: Gather::new(Class::Edit, 2),
            confirmations: Gather::new(Class::Confirm, 2),
            notes: Gather::new(Class::Note, 4),
            looks: Gather::new(Class::Look, 4),
        }
    }
}

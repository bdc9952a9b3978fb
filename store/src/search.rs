//! Looking for visitors.

use openline_core::StoreError;
use openline_core::message::Conversation;
use openline_core::visitor::Wanted;

/// Those of the conversations whose visitor is wanted. One that can't be read must not hide the others.
pub(crate) fn fitting(page: Vec<(i64, Result<Conversation, StoreError>)>, wanted: &Wanted) -> Vec<Conversation> {
    let readable = page.into_iter().filter_map(|(conversation, read)| {
        read.inspect_err(|error| tracing::warn!(conversation, %error, "an unreadable conversation, passed over")).ok()
    });
    readable.filter(|found| wanted.fits(&found.chat, &found.visitor)).collect()
}

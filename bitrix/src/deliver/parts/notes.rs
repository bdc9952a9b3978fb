//! Notes to operators in a request: a call for each. There is no way to mark one message as failed (`bitrix24.md` §4.12), so they
//! are told in the chat: a system message, which is not echoed to the visitor.

use crate::access::batch::Entry;
use crate::deliver::gather::Waiting;
use crate::deliver::gathered::{Done, Noting};
use crate::deliver::request::Part;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use openline_core::DeliveryError;

const METHOD: &str = "im.message.add";

pub(crate) fn part((note, told): Waiting<Noting, Done>) -> Part {
    let Noting { params, id } = note;
    let unload = Box::new(move |entry: Entry| {
        let _ = told.send(entry.map(|_| ()).map_err(|error| verdict_on(&error)));
        Box::pin(std::future::ready(())) as _
    });
    Part { command: (METHOD, params), ids: vec![id], weight: 1, is_measure: false, unload }
}

fn verdict_on(error: &CallError) -> DeliveryError {
    match verdict::of(error) {
        // Nothing may be said there (no scope `im`, no access to the chat): it stays in our own records.
        Verdict::Suspend(_) if !error.is_about_the_portal() => DeliveryError::refused(error.to_string()),
        _ => verdict::to_delivery(error),
    }
}

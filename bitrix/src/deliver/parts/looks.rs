//! Looks in a request: a call for each.

use crate::access::batch::{Entry, if_any};
use crate::deliver::gather::Waiting;
use crate::deliver::gathered::{Looked, Looking};
use crate::deliver::request::Part;

pub(crate) fn part((Looking(command), told): Waiting<Looking, Looked>) -> Part {
    let unload = Box::new(move |entry: Entry| {
        let _ = told.send(if_any(entry));
        Box::pin(std::future::ready(())) as _
    });
    Part { command, ids: Vec::new(), weight: 1, is_measure: false, unload }
}

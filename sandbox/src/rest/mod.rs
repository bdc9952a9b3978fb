//! The REST front of the portal: requests in any encoding, checks in the portal's order, answers in its envelope.

pub(crate) mod answer;
pub(crate) mod batch;
pub(crate) mod caller;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod front;
pub(crate) mod limits;
mod metered;
pub(crate) mod params;
pub(crate) mod request;

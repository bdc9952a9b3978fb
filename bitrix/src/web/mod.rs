//! What the portal, or an administrator's browser in it, calls.

pub(crate) mod operator_events;
pub(crate) mod page;
pub(crate) mod routes;

//! What was sent, by a script or by a form: how it has to come, and how it is read.

pub(crate) mod form;
pub(crate) mod kind;
pub(crate) mod query;
pub(crate) mod upload;

//! What goes to a person: texts in parts, edits, and looking for what may have arrived.

pub(crate) mod edit;
pub(crate) mod find;
pub(crate) mod numbers;
pub(crate) mod render;
pub(crate) mod send;
pub(crate) mod sender;
pub(crate) mod window;

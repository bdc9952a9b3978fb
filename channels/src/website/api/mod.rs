//! What is called: messages in, news and files out.

pub(crate) mod calls;
pub(crate) mod files;
pub(crate) mod forget;
pub(crate) mod stream;

//! What is called: messages in, news and files out.

pub(crate) mod calls;
pub(crate) mod files;
pub(crate) mod forget;
pub(crate) mod openapi;
pub(crate) mod routes;
pub(crate) mod session;
pub(crate) mod shared;
pub(crate) mod stream;

//! The dashboard: how channels, messages and processes stand, and the few things that may be done about it. The same in the
//! portal, where an administrator opens the application's page, and at `/admin` of the own listener.

mod act;
mod look;
mod own;
mod pages;
mod rows;
mod shown;

pub(super) use act::act;
pub(crate) use own::own;
pub(super) use pages::page;
pub(crate) use shown::Shared;
pub(super) use shown::Who;
pub use shown::{Said, Watch};

//! What tests and the demo tell the portal to do, in its own terms.

mod install;
mod observe;
mod operator;
mod page;
mod tenant;

pub(crate) use page::PageForm;

pub use install::Tokens;
pub use observe::TimedOut;
pub use page::{Page, PageOptions};

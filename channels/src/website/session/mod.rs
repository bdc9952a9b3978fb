//! Who a visitor is.

pub(crate) mod ended;
pub(crate) mod identity;
pub(crate) mod sessions;

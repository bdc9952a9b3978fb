//! Who a visitor is.

pub(crate) mod identity;
pub(crate) mod sessions;

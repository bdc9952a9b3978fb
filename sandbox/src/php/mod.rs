//! PHP's view of values, as far as it shows on the wire: what counts as empty, how arrays and forms are written.

pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod value;
pub(crate) mod xml;

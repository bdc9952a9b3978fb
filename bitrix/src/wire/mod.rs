//! One request, forms and values, and what an error means. Knows nothing above it.

pub(crate) mod field;
pub(crate) mod form;
pub(crate) mod rest;
pub(crate) mod values;
pub(crate) mod verdict;

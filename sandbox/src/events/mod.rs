//! Events: what is said, to whom, and the queue that says it once and never again (bitrix24.md §6).

pub(crate) mod emit;
pub(crate) mod forge;
pub(crate) mod queue;

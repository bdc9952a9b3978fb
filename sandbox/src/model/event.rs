//! Event bindings and what waits to be posted.

use serde_json::Value;

/// One row of `event.bind`.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) id: i64,
    pub(crate) app: i64,
    /// Upper case.
    pub(crate) event: String,
    /// Empty for offline bindings.
    pub(crate) handler: String,
    /// Whose token the event carries; 0 for the acting user.
    pub(crate) user: i64,
    pub(crate) offline: bool,
    pub(crate) connector_id: String,
}

/// One event on its way to one handler.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) event: String,
    pub(crate) url: String,
    /// The form body as it goes over the wire.
    pub(crate) body: String,
    /// Equal keys within one hit are collapsed (bitrix24.md §6.1).
    pub(crate) key: String,
}

/// An event kept for `event.offline.get` (bitrix24.md §6.10).
#[derive(Debug, Clone)]
pub(crate) struct OfflineEvent {
    pub(crate) id: i64,
    pub(crate) app: i64,
    pub(crate) event: String,
    pub(crate) data: Value,
    pub(crate) date_ms: i64,
    pub(crate) message_id: String,
    /// Set while a reader has reserved it.
    pub(crate) process_id: Option<String>,
    pub(crate) connector_id: String,
}

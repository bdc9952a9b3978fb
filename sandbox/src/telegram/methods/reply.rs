//! What a method gives.

use serde_json::Value;

/// What a method gives.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) result: Value,
    /// Only the webhook methods have one.
    pub(crate) description: Option<String>,
}

impl From<Value> for Reply {
    fn from(result: Value) -> Self {
        Self { result, description: None }
    }
}

//! Refusals in Telegram's words.

use serde_json::{Map, Value, json};

/// What a method did not do, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// HTTP status and `error_code`.
    pub(crate) code: u16,
    pub(crate) description: String,
    /// `parameters`; empty for most.
    pub(crate) parameters: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), parameters: Map::new() }
    }

    /// 400; the reason follows "Bad Request: ".
    pub(crate) fn bad(reason: impl std::fmt::Display) -> Self {
        Self::new(400, format!("Bad Request: {reason}"))
    }

    /// 403; the reason follows "Forbidden: ".
    pub(crate) fn forbidden(reason: &str) -> Self {
        Self::new(403, format!("Forbidden: {reason}"))
    }

    /// 409; the reason follows "Conflict: ".
    pub(crate) fn conflict(reason: &str) -> Self {
        Self::new(409, format!("Conflict: {reason}"))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "Request Entity Too Large")
    }

    /// 429 with the seconds to wait.
    pub(crate) fn retry_after(seconds: i64) -> Self {
        Self::new(429, format!("Too Many Requests: retry after {seconds}")).with("retry_after", seconds)
    }

    /// The group lives on as a supergroup.
    pub(crate) fn migrated(to: i64) -> Self {
        Self::bad("group chat was upgraded to a supergroup chat").with("migrate_to_chat_id", to)
    }

    fn with(mut self, name: &str, value: i64) -> Self {
        self.parameters.insert(name.to_owned(), json!(value));
        self
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let (Some(object), false) = (body.as_object_mut(), self.parameters.is_empty()) {
            object.insert("parameters".to_owned(), Value::Object(self.parameters.clone()));
        }
        body
    }
}

/// How a method ends without a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    Refused(ApiError),
    /// The connection closes without an answer.
    Cut,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

//! Errors as the portal words them.

use serde_json::{Value, json};

/// A refused call: HTTP status, code, text, and sometimes one extra key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RestError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) description: String,
    /// `argument` of argument errors.
    argument: Option<String>,
}

impl RestError {
    pub(crate) fn new(status: u16, code: &str, description: &str) -> Self {
        Self { status, code: code.to_owned(), description: description.to_owned(), argument: None }
    }

    /// 400 with this code.
    pub(crate) fn bad(code: &str, description: &str) -> Self {
        Self::new(400, code, description)
    }

    /// 400 `ERROR_ARGUMENT` for a missing parameter (bitrix24.md §4.0).
    pub(crate) fn missing(argument: &str) -> Self {
        Self::argument(argument, &format!("Argument '{argument}' is null or empty"))
    }

    /// 400 `ERROR_ARGUMENT` about one parameter.
    pub(crate) fn argument(argument: &str, description: &str) -> Self {
        Self { argument: Some(argument.to_owned()), ..Self::bad("ERROR_ARGUMENT", description) }
    }

    /// 403 `WRONG_AUTH_TYPE` in the short wording of `event.*` and `imconnector.list`.
    pub(crate) fn wrong_auth_short() -> Self {
        Self::new(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
    }

    /// 403 `WRONG_AUTH_TYPE` in the long wording of the other `imconnector.*` methods (bitrix24.md §2.1).
    pub(crate) fn wrong_auth_long() -> Self {
        let text = "Current authorization type is denied for this method Application context required";
        Self::new(403, "WRONG_AUTH_TYPE", text)
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "error": self.code, "error_description": self.description });
        if let Some(argument) = &self.argument {
            body["argument"] = json!(argument);
        }
        body
    }
}

/// Why a method gave no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error answer.
    Rest(RestError),
    /// The connection breaks here.
    Cut,
}

impl From<RestError> for Failure {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

//! Parameters of one method call: a PHP array whose top-level names are upper-cased (bitrix24.md §4.0).

use serde_json::{Map, Value};

use super::error::RestError;
use crate::php::value;

/// Parameters of one call, authorization removed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    upper: Value,
    given: Value,
}

impl Params {
    /// Upper-cases the top-level names and drops the token.
    pub(crate) fn new(mut raw: Map<String, Value>) -> Self {
        raw.shift_remove("auth");
        raw.shift_remove("access_token");
        let given = Value::Object(raw);
        Self { upper: value::map_keys(given.clone(), false, str::to_uppercase), given }
    }

    /// A parameter, null included.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        value::get(&self.upper, name)
    }

    /// A parameter that must be set and not null; an empty string passes.
    pub(crate) fn require(&self, name: &str) -> Result<&Value, RestError> {
        self.get(name).filter(|value| !value.is_null()).ok_or_else(|| RestError::missing(name))
    }

    /// A scalar parameter as text; empty when missing.
    pub(crate) fn text(&self, name: &str) -> String {
        value::text_of(&self.upper, name)
    }

    /// A parameter cast to an integer; 0 when missing.
    pub(crate) fn int(&self, name: &str) -> i64 {
        self.get(name).map_or(0, value::int)
    }

    /// PHP `empty`.
    pub(crate) fn empty(&self, name: &str) -> bool {
        value::empty(self.get(name))
    }

    /// All parameters, for the record.
    pub(crate) fn all(&self) -> &Value {
        &self.upper
    }

    /// All parameters, named as the caller named them.
    pub(crate) fn given(&self) -> &Value {
        &self.given
    }
}

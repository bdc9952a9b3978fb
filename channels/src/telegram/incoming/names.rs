//! What people and chats are called.

use crate::common::input::called;
use serde_json::Value;

/// A user's or chat's name.
pub(in crate::telegram) fn name(of: &Value) -> Option<String> {
    let part = |key: &str| of[key].as_str().map(called).filter(|part| !part.is_empty());
    let full = [part("first_name"), part("last_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let full = Some(full).filter(|name| !name.is_empty());
    full.or_else(|| part("title")).or_else(|| part("username").map(|name| format!("@{name}")))
}

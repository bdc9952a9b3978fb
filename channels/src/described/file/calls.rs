//! Calls and answers as they are written.

use super::Ordered;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Http {
    pub(in crate::described) base: String,
    pub(in crate::described) headers: BTreeMap<String, String>,
    pub(in crate::described) query: BTreeMap<String, String>,
    pub(in crate::described) form: BTreeMap<String, String>,
    pub(in crate::described) hosts: Vec<String>,
    pub(in crate::described) seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Token {
    pub(in crate::described) steps: Vec<Step>,
    pub(in crate::described) value: String,
    #[serde(default)]
    pub(in crate::described) seconds: Option<String>,
    #[serde(default)]
    pub(in crate::described) refresh: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Step {
    pub(in crate::described) get: Option<String>,
    pub(in crate::described) post: Option<String>,
    pub(in crate::described) put: Option<String>,
    pub(in crate::described) delete: Option<String>,
    pub(in crate::described) when: Option<String>,
    pub(in crate::described) headers: BTreeMap<String, String>,
    pub(in crate::described) query: BTreeMap<String, toml::Value>,
    pub(in crate::described) json: Option<toml::Value>,
    pub(in crate::described) form: BTreeMap<String, toml::Value>,
    pub(in crate::described) multipart: Ordered<toml::Value>,
    pub(in crate::described) take: BTreeMap<String, String>,
    pub(in crate::described) id: Option<String>,
    pub(in crate::described) again: Option<Again>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Again {
    pub(in crate::described) when: String,
    pub(in crate::described) pause: u64,
    pub(in crate::described) times: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Answers {
    pub(in crate::described) good: Option<String>,
    pub(in crate::described) code: Option<String>,
    pub(in crate::described) why: Option<String>,
    pub(in crate::described) rules: Vec<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::described) enum Is {
    Ok,
    Retry,
    Refused,
    Unknown,
    Paused,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Verdict {
    #[serde(default)]
    pub(in crate::described) codes: Vec<toml::Value>,
    #[serde(default)]
    pub(in crate::described) when: Option<String>,
    pub(in crate::described) is: Is,
    #[serde(default)]
    pub(in crate::described) after: Option<toml::Value>,
    #[serde(default)]
    pub(in crate::described) tries: Option<u32>,
    #[serde(default)]
    pub(in crate::described) chat: bool,
    #[serde(default)]
    pub(in crate::described) why: Option<String>,
}

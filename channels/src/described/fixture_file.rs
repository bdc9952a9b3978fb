//! How fixtures are written. `docs/messengers.md` explains each key.

use super::script::Scripted;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixtures {
    #[serde(default)]
    pub(super) settings: toml::Table,
    #[serde(default)]
    pub(super) webhook: Vec<toml::Spanned<Hooked>>,
    #[serde(default)]
    pub(super) send: Vec<toml::Spanned<Sent>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Hooked {
    pub(super) name: String,
    pub(super) method: Option<String>,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
    /// Whether the verification is carried out, too.
    pub(super) signed: bool,
    pub(super) now: Option<i64>,
    pub(super) settings: toml::Table,
    pub(super) status: Option<u16>,
    pub(super) answer: Option<String>,
    pub(super) comes: Vec<toml::Value>,
    pub(super) unknown: usize,
    pub(super) answers: VecDeque<Scripted>,
    pub(super) requests: Option<Vec<toml::Value>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // switches of a fixture, each by its own name
pub(super) struct Sent {
    pub(super) name: String,
    pub(super) chat: String,
    pub(super) text: String,
    pub(super) rich: Option<toml::Value>,
    pub(super) files: Vec<Given>,
    pub(super) author: String,
    pub(super) late: bool,
    pub(super) attempts: u32,
    pub(super) kept: toml::Table,
    pub(super) settings: toml::Table,
    pub(super) edit: Option<String>,
    pub(super) delete: Option<String>,
    pub(super) read: bool,
    /// The key of the visitor's newest message, for `read`.
    pub(super) last: String,
    /// The steps of `once`, after a lost answer.
    pub(super) look: bool,
    /// The steps of `setup`.
    pub(super) setup: bool,
    /// The steps of `profile`, and what they must tell.
    pub(super) user: Option<BTreeMap<String, String>>,
    pub(super) answers: VecDeque<Scripted>,
    pub(super) requests: Option<Vec<toml::Value>>,
    pub(super) sent: Option<Vec<String>>,
    pub(super) verdict: Option<String>,
    pub(super) after: Option<u64>,
    pub(super) why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) mime: String,
    #[serde(default)]
    pub(super) size: Option<u64>,
}

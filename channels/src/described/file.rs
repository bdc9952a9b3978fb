//! A description as it is written: TOML of language version 1. What each key means is said in `docs/messengers.md`.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The version of the language that this program speaks.
pub(super) const VERSION: u32 = 1;

/// Names and values in the order in which they are written.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

/// One, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) summary: String,
    #[serde(default)]
    pub(super) page: String,
    #[serde(default)]
    pub(super) settings: Ordered<Setting>,
    #[serde(default)]
    pub(super) http: Http,
    #[serde(default)]
    pub(super) token: Option<Token>,
    #[serde(default)]
    pub(super) text: Text,
    #[serde(default)]
    pub(super) webhook: Option<Webhook>,
    #[serde(default)]
    pub(super) poll: Option<Poll>,
    #[serde(default)]
    pub(super) events: Vec<Group>,
    #[serde(default)]
    pub(super) profile: Option<Profile>,
    #[serde(default)]
    pub(super) send: Vec<Way>,
    #[serde(default)]
    pub(super) edit: Option<Act>,
    #[serde(default)]
    pub(super) delete: Option<Act>,
    #[serde(default)]
    pub(super) read: Option<Act>,
    #[serde(default)]
    pub(super) answers: Answers,
    pub(super) once: Once,
    #[serde(default)]
    pub(super) window: Option<Window>,
    #[serde(default)]
    pub(super) rate: Rate,
    #[serde(default)]
    pub(super) setup: Option<Setup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Text,
    Secret,
    Number,
    Switch,
    Url,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    #[serde(rename = "is")]
    pub(super) kind: Type,
    pub(super) about: String,
    #[serde(default)]
    pub(super) default: Option<toml::Value>,
    #[serde(default)]
    pub(super) example: Option<toml::Value>,
    #[serde(default)]
    pub(super) one_of: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http {
    pub(super) base: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) form: BTreeMap<String, String>,
    pub(super) hosts: Vec<String>,
    pub(super) seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) steps: Vec<Step>,
    pub(super) value: String,
    #[serde(default)]
    pub(super) seconds: Option<String>,
    #[serde(default)]
    pub(super) refresh: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Limit {
    Fixed(usize),
    Of(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Text {
    pub(super) limit: Option<Limit>,
    pub(super) unit: Option<String>,
    pub(super) escape: BTreeMap<String, String>,
    pub(super) marks: BTreeMap<String, OneOrMore<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Webhook {
    pub(super) answer: String,
    pub(super) answer_type: Option<String>,
    pub(super) verify: Vec<Check>,
    pub(super) handshake: Vec<Handshake>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) given: String,
    #[serde(default)]
    pub(super) equals: Option<String>,
    #[serde(default)]
    pub(super) hmac: Option<String>,
    #[serde(default)]
    pub(super) digest: Option<String>,
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default)]
    pub(super) over: Option<String>,
    #[serde(default)]
    pub(super) encoding: Option<String>,
    #[serde(default)]
    pub(super) prefix: String,
    #[serde(default)]
    pub(super) not_older_than: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handshake {
    #[serde(default)]
    pub(super) method: Option<String>,
    pub(super) when: String,
    #[serde(default)]
    pub(super) given: Option<String>,
    #[serde(default)]
    pub(super) equals: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    #[serde(default)]
    pub(super) answer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Poll {
    #[serde(default)]
    pub(super) when: Option<String>,
    pub(super) steps: Vec<Step>,
    #[serde(default)]
    pub(super) events: Option<String>,
    #[serde(default)]
    pub(super) cursor: Option<String>,
    #[serde(default)]
    pub(super) pause: Option<u64>,
}

/// What is no key here is found by [`Fields::unknown`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) each: Vec<String>,
    pub(super) with: Ordered<String>,
    #[serde(flatten)]
    pub(super) shared: Fields,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    pub(super) when: Option<String>,
    pub(super) action: Option<Action>,
    #[serde(flatten)]
    pub(super) fields: Fields,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Message,
    Edit,
    Delete,
    Note,
    Receipt,
    Ignore,
}

/// What a rule says, or all rules of its group.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    pub(super) chat: Option<String>,
    pub(super) key: Option<String>,
    pub(super) text: Option<OneOrMore<String>>,
    pub(super) quote: Option<String>,
    pub(super) note: Option<String>,
    pub(super) files: Vec<FileIn>,
    pub(super) user: BTreeMap<String, String>,
    pub(super) keep: BTreeMap<String, String>,
    pub(super) state: Option<String>,
    pub(super) id: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) why: Option<String>,
    #[serde(flatten)]
    pub(super) unknown: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileIn {
    #[serde(default)]
    pub(super) each: Option<String>,
    #[serde(default)]
    pub(super) when: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) mime: String,
    #[serde(default)]
    pub(super) otherwise: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) steps: Vec<Step>,
    pub(super) user: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    #[serde(default)]
    pub(super) when: Option<String>,
    #[serde(default)]
    pub(super) with: Ordered<String>,
    #[serde(default)]
    pub(super) caption: usize,
    #[serde(default)]
    pub(super) max_mb: Option<u64>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    #[serde(default)]
    pub(super) when: Option<String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Step {
    pub(super) get: Option<String>,
    pub(super) post: Option<String>,
    pub(super) put: Option<String>,
    pub(super) delete: Option<String>,
    pub(super) when: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) json: Option<toml::Value>,
    pub(super) form: BTreeMap<String, toml::Value>,
    pub(super) multipart: Ordered<toml::Value>,
    pub(super) take: BTreeMap<String, String>,
    pub(super) id: Option<String>,
    pub(super) again: Option<Again>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    pub(super) when: String,
    pub(super) pause: u64,
    pub(super) times: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    pub(super) good: Option<String>,
    pub(super) code: Option<String>,
    pub(super) why: Option<String>,
    pub(super) rules: Vec<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Is {
    Ok,
    Retry,
    Refused,
    Unknown,
    Paused,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    #[serde(default)]
    pub(super) codes: Vec<toml::Value>,
    #[serde(default)]
    pub(super) when: Option<String>,
    pub(super) is: Is,
    #[serde(default)]
    pub(super) after: Option<toml::Value>,
    #[serde(default)]
    pub(super) tries: Option<u32>,
    #[serde(default)]
    pub(super) chat: bool,
    #[serde(default)]
    pub(super) why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    Key,
    Lookup,
    Events,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Otherwise {
    Send,
    Refuse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Once {
    pub(super) by: By,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    #[serde(default)]
    pub(super) found: Option<String>,
    #[serde(default)]
    pub(super) wait: u64,
    #[serde(default)]
    pub(super) otherwise: Option<Otherwise>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) hours: u64,
    #[serde(default)]
    pub(super) late: Option<String>,
    #[serde(default)]
    pub(super) late_hours: Option<u64>,
    pub(super) refuse: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rate {
    pub(super) per_second: Option<f64>,
    pub(super) chat_per_minute: Option<f64>,
    pub(super) chat_burst: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    pub(super) steps: Vec<Step>,
    #[serde(default)]
    pub(super) every_minutes: Option<u64>,
}

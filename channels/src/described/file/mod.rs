//! A description as it is written: TOML of language version 1. What each key means is said in `docs/messengers.md`.

mod calls;

pub(in crate::described) use calls::{Answers, Http, Is, Step, Token, Verdict};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The version of the language that this program speaks.
pub(in crate::described) const VERSION: u32 = 1;

/// Names and values in the order in which they are written.
#[derive(Debug)]
pub(in crate::described) struct Ordered<T>(pub(in crate::described) Vec<(String, T)>);

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
pub(in crate::described) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct File {
    pub(in crate::described) version: u32,
    pub(in crate::described) name: String,
    pub(in crate::described) summary: String,
    #[serde(default)]
    pub(in crate::described) page: String,
    #[serde(default)]
    pub(in crate::described) settings: Ordered<Setting>,
    #[serde(default)]
    pub(in crate::described) http: Http,
    #[serde(default)]
    pub(in crate::described) token: Option<Token>,
    #[serde(default)]
    pub(in crate::described) text: Text,
    #[serde(default)]
    pub(in crate::described) webhook: Option<Webhook>,
    #[serde(default)]
    pub(in crate::described) poll: Option<Poll>,
    #[serde(default)]
    pub(in crate::described) events: Vec<Group>,
    #[serde(default)]
    pub(in crate::described) profile: Option<Profile>,
    #[serde(default)]
    pub(in crate::described) send: Vec<Way>,
    #[serde(default)]
    pub(in crate::described) edit: Option<Act>,
    #[serde(default)]
    pub(in crate::described) delete: Option<Act>,
    #[serde(default)]
    pub(in crate::described) read: Option<Act>,
    #[serde(default)]
    pub(in crate::described) answers: Answers,
    pub(in crate::described) once: Once,
    #[serde(default)]
    pub(in crate::described) window: Option<Window>,
    #[serde(default)]
    pub(in crate::described) rate: Rate,
    #[serde(default)]
    pub(in crate::described) setup: Option<Setup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::described) enum Type {
    Text,
    Secret,
    Number,
    Switch,
    Url,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Setting {
    #[serde(rename = "is")]
    pub(in crate::described) kind: Type,
    pub(in crate::described) about: String,
    #[serde(default)]
    pub(in crate::described) default: Option<toml::Value>,
    #[serde(default)]
    pub(in crate::described) example: Option<toml::Value>,
    #[serde(default)]
    pub(in crate::described) one_of: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::described) enum Limit {
    Fixed(usize),
    Of(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Text {
    pub(in crate::described) limit: Option<Limit>,
    pub(in crate::described) unit: Option<String>,
    pub(in crate::described) escape: BTreeMap<String, String>,
    pub(in crate::described) marks: BTreeMap<String, OneOrMore<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Webhook {
    pub(in crate::described) answer: String,
    pub(in crate::described) answer_type: Option<String>,
    pub(in crate::described) verify: Vec<Check>,
    pub(in crate::described) handshake: Vec<Handshake>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Check {
    pub(in crate::described) given: String,
    #[serde(default)]
    pub(in crate::described) equals: Option<String>,
    #[serde(default)]
    pub(in crate::described) hmac: Option<String>,
    #[serde(default)]
    pub(in crate::described) digest: Option<String>,
    #[serde(default)]
    pub(in crate::described) key: Option<String>,
    #[serde(default)]
    pub(in crate::described) over: Option<String>,
    #[serde(default)]
    pub(in crate::described) encoding: Option<String>,
    #[serde(default)]
    pub(in crate::described) prefix: String,
    #[serde(default)]
    pub(in crate::described) not_older_than: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Handshake {
    #[serde(default)]
    pub(in crate::described) method: Option<String>,
    pub(in crate::described) when: String,
    #[serde(default)]
    pub(in crate::described) given: Option<String>,
    #[serde(default)]
    pub(in crate::described) equals: Option<String>,
    #[serde(default)]
    pub(in crate::described) steps: Vec<Step>,
    #[serde(default)]
    pub(in crate::described) answer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Poll {
    #[serde(default)]
    pub(in crate::described) when: Option<String>,
    pub(in crate::described) steps: Vec<Step>,
    #[serde(default)]
    pub(in crate::described) events: Option<String>,
    #[serde(default)]
    pub(in crate::described) cursor: Option<String>,
    #[serde(default)]
    pub(in crate::described) pause: Option<u64>,
}

/// What is no key here is found by [`Fields::unknown`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::described) struct Group {
    pub(in crate::described) each: Vec<String>,
    pub(in crate::described) with: Ordered<String>,
    #[serde(flatten)]
    pub(in crate::described) shared: Fields,
    pub(in crate::described) rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::described) struct Rule {
    pub(in crate::described) when: Option<String>,
    pub(in crate::described) action: Option<Action>,
    #[serde(flatten)]
    pub(in crate::described) fields: Fields,
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
pub(in crate::described) struct Fields {
    pub(in crate::described) chat: Option<String>,
    pub(in crate::described) key: Option<String>,
    pub(in crate::described) text: Option<OneOrMore<String>>,
    pub(in crate::described) quote: Option<String>,
    pub(in crate::described) note: Option<String>,
    pub(in crate::described) files: Vec<FileIn>,
    pub(in crate::described) user: BTreeMap<String, String>,
    pub(in crate::described) keep: BTreeMap<String, String>,
    pub(in crate::described) state: Option<String>,
    pub(in crate::described) id: Option<String>,
    pub(in crate::described) tag: Option<String>,
    pub(in crate::described) why: Option<String>,
    #[serde(flatten)]
    pub(in crate::described) unknown: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct FileIn {
    #[serde(default)]
    pub(in crate::described) each: Option<String>,
    #[serde(default)]
    pub(in crate::described) when: Option<String>,
    #[serde(default)]
    pub(in crate::described) steps: Vec<Step>,
    pub(in crate::described) url: String,
    #[serde(default)]
    pub(in crate::described) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(in crate::described) name: String,
    #[serde(default, rename = "type")]
    pub(in crate::described) mime: String,
    #[serde(default)]
    pub(in crate::described) otherwise: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Profile {
    pub(in crate::described) steps: Vec<Step>,
    pub(in crate::described) user: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Way {
    #[serde(default)]
    pub(in crate::described) when: Option<String>,
    #[serde(default)]
    pub(in crate::described) with: Ordered<String>,
    #[serde(default)]
    pub(in crate::described) caption: usize,
    #[serde(default)]
    pub(in crate::described) max_mb: Option<u64>,
    pub(in crate::described) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Act {
    #[serde(default)]
    pub(in crate::described) when: Option<String>,
    pub(in crate::described) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::described) enum By {
    Key,
    Lookup,
    Events,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::described) enum Otherwise {
    Send,
    Refuse,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Once {
    pub(in crate::described) by: By,
    #[serde(default)]
    pub(in crate::described) steps: Vec<Step>,
    #[serde(default)]
    pub(in crate::described) found: Option<String>,
    #[serde(default)]
    pub(in crate::described) wait: u64,
    #[serde(default)]
    pub(in crate::described) otherwise: Option<Otherwise>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Window {
    pub(in crate::described) hours: u64,
    #[serde(default)]
    pub(in crate::described) late: Option<String>,
    #[serde(default)]
    pub(in crate::described) late_hours: Option<u64>,
    pub(in crate::described) refuse: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::described) struct Rate {
    pub(in crate::described) per_second: Option<f64>,
    pub(in crate::described) chat_per_minute: Option<f64>,
    pub(in crate::described) chat_burst: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::described) struct Setup {
    pub(in crate::described) steps: Vec<Step>,
    #[serde(default)]
    pub(in crate::described) every_minutes: Option<u64>,
}

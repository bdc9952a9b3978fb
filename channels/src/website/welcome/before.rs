//! The form before the conversation: its fields, and what was filled in.
//! More than 400 lines with its tests, a quarter of the file.

use crate::common::input::{clean, email, phone};
use crate::website::bounds::{MAX_NAME, Name};
use crate::website::error::{Faults, Problem, Refusal};
use crate::website::welcome::texts::Catalogue;
use crate::website::welcome::words::Words;
use openline_core::ConfigError;
use openline_core::message::Visitor;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor as Reader};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Longest value of an own field, in characters.
const MAX_VALUE: usize = 300;
/// Fields that every form may have, in their order.
const STANDARD: [&str; 3] = ["name", "email", "phone"];

/// `[settings.before]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawBefore {
    fields: Vec<RawField>,
}

#[derive(Debug)]
enum RawField {
    Named(String),
    Full(FullField),
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldReader)
    }
}

struct FieldReader;

impl<'de> Reader<'de> for FieldReader {
    type Value = RawField;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("one of name, email, phone, or a table like { key = \"order\", label = \"Order number\" }")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<RawField, E> {
        Ok(RawField::Named(key.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RawField, A::Error> {
        FullField::deserialize(MapAccessDeserializer::new(table)).map(RawField::Full)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullField {
    key: String,
    #[serde(default)]
    label: Words,
    #[serde(default)]
    kind: FieldType,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    options: Vec<Words>,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::website) enum FieldType {
    /// A line of text.
    #[default]
    Text,
    /// Several lines.
    Long,
    /// One of the options.
    Select,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

/// A field of the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::website) struct Field {
    pub(in crate::website) key: String,
    /// What stands beside it; of standard fields in the visitor's language.
    pub(in crate::website) label: String,
    pub(in crate::website) kind: FieldType,
    pub(in crate::website) required: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::website) options: Vec<String>,
    /// What `label` and `options` are made from.
    #[serde(skip)]
    #[schema(ignore)]
    words: (Words, Vec<Words>),
}

impl Field {
    fn standard(key: &str, required: bool) -> Self {
        let kind = match key {
            "email" => FieldType::Email,
            "phone" => FieldType::Phone,
            _ => FieldType::Text,
        };
        Self {
            key: key.to_owned(),
            label: String::new(),
            kind,
            required,
            options: Vec::new(),
            words: Default::default(),
        }
    }

    /// Whether it is one of the options, in any language.
    fn has(&self, text: &str) -> bool {
        let (_, options) = &self.words;
        options.iter().any(|option| option.all().any(|known| known == text))
    }

    fn is_standard(&self) -> bool {
        STANDARD.contains(&self.key.as_str())
    }

    /// The field with its label in that language.
    pub(in crate::website) fn labelled(mut self, language: &Catalogue) -> Self {
        let (label, options) = &self.words;
        let ours = || language.get(&format!("field_{}", self.key));
        self.label = label.given(language).unwrap_or_else(ours).to_owned();
        self.options = options.iter().map(|option| option.get(language).to_owned()).collect();
        self
    }
}

/// The fields as configured.
pub(in crate::website) fn read(raw: RawBefore) -> Result<Vec<Field>, ConfigError> {
    let mut fields: Vec<Field> = Vec::new();
    for raw in raw.fields {
        let field = field(raw)?;
        if fields.iter().any(|known| known.key == field.key) {
            return Err(error(&field.key, "is there twice"));
        }
        fields.push(field);
    }
    Ok(fields)
}

fn error(key: &str, problem: &str) -> ConfigError {
    ConfigError::at("before.fields", format!("{key:?} {problem}"))
}

fn field(raw: RawField) -> Result<Field, ConfigError> {
    let full = match raw {
        RawField::Named(key) if STANDARD.contains(&key.as_str()) => return Ok(Field::standard(&key, false)),
        RawField::Named(key) => {
            let problem =
                "is none of name, email, phone; an own field is a table: {key = \"order\", label = \"Order\"}";
            return Err(error(&key, problem));
        }
        RawField::Full(full) => full,
    };
    let key_ok = (1..=32).contains(&full.key.len())
        && full.key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && full.key != "consent";
    if !key_ok {
        return Err(error(&full.key, "is no key: use 1 to 32 of a-z, 0-9 and _, and not \"consent\""));
    }
    let standard = STANDARD.contains(&full.key.as_str());
    if !standard && full.label.all().any(|text| text.trim().is_empty()) {
        return Err(error(&full.key, "has no label"));
    }
    if (full.kind == FieldType::Select) == full.options.is_empty() {
        return Err(error(&full.key, "must have options exactly when its kind is \"select\""));
    }
    let base = Field::standard(&full.key, full.required);
    let kind = if standard { base.kind } else { full.kind };
    Ok(Field { kind, words: (full.label, full.options), ..base })
}

/// The form with what reaches a visitor later: for when nobody is there.
pub(in crate::website) fn with_contact(mut fields: Vec<Field>) -> Vec<Field> {
    for (at, key) in STANDARD.iter().enumerate() {
        if !fields.iter().any(|field| field.key == *key) {
            fields.insert(at.min(fields.len()), Field::standard(key, false));
        }
    }
    if let Some(name) = fields.iter_mut().find(|field| field.key == "name") {
        name.required = true;
    }
    fields
}

/// The fields with their labels in that language.
pub(in crate::website) fn labelled(fields: Vec<Field>, language: &Catalogue) -> Vec<Field> {
    fields.into_iter().map(|field| field.labelled(language)).collect()
}

/// What a visitor filled in: `profile` of `docs/website-api.md`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::website) struct Profile {
    #[schema(value_type = Name)]
    pub(in crate::website) name: Option<String>,
    pub(in crate::website) email: Option<String>,
    pub(in crate::website) phone: Option<String>,
    /// Of own fields, by their keys.
    #[schema(value_type = Object)]
    pub(in crate::website) fields: BTreeMap<String, Value>,
    pub(in crate::website) consent: bool,
    /// In which language the form stood there.
    pub(in crate::website) language: Option<String>,
}

/// The most characters that a field takes.
pub(in crate::website) fn limit(key: &str) -> usize {
    if key == "name" { MAX_NAME } else { MAX_VALUE }
}

/// A profile that may be kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::website) struct Checked {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    /// Label and value of own fields.
    pub(in crate::website) own: Vec<(String, String)>,
}

impl Profile {
    /// Checks it against the fields that are asked; with `contact` an e-mail address or a phone number must be there.
    pub(in crate::website) fn check(&self, form: &[Field], contact: bool) -> Result<Checked, Problem> {
        let (mut checked, mut faults) = (Checked::default(), Faults::new());
        for key in STANDARD {
            let asked = form.iter().find(|field| field.key == key);
            let field = asked.cloned().unwrap_or_else(|| Field::standard(key, false));
            match value(&field, &self.given(key)) {
                Ok(value) => *checked.slot(key) = value,
                Err(fault) => drop(faults.insert(key.to_owned(), fault)),
            }
        }
        for field in form.iter().filter(|field| !field.is_standard()) {
            match value(field, &self.given(&field.key)) {
                Ok(value) => checked.own.extend(value.map(|value| (field.label.clone(), value))),
                Err(fault) => drop(faults.insert(field.key.clone(), fault)),
            }
        }
        let reachable = checked.email.is_some() || checked.phone.is_some();
        if contact && !reachable && !faults.contains_key("email") && !faults.contains_key("phone") {
            faults.insert("email".to_owned(), "contact_missing");
        }
        if faults.is_empty() { Ok(checked) } else { Err(invalid(faults)) }
    }

    /// What was filled in under that key; empty when nothing was.
    pub(in crate::website) fn given(&self, key: &str) -> String {
        let text = match key {
            "name" => self.name.as_deref(),
            "email" => self.email.as_deref(),
            "phone" => self.phone.as_deref(),
            own => return self.fields.get(own).map(plain).unwrap_or_default(),
        };
        text.unwrap_or_default().to_owned()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    }
}

fn invalid(faults: Faults) -> Problem {
    let told: Vec<_> = faults.iter().map(|(key, fault)| format!("{key}: {fault}")).collect();
    let message = format!("profile is not as the form asks: {}", told.join(", "));
    Problem { fields: faults, ..Problem::of(Refusal::ProfileInvalid, message) }
}

/// One value as it is kept; `None` when it is empty.
fn value(field: &Field, given: &str) -> Result<Option<String>, &'static str> {
    let text = clean(given, field.kind == FieldType::Long);
    if text.is_empty() {
        return if field.required { Err("value_missing") } else { Ok(None) };
    }
    let most = limit(&field.key);
    match field.kind {
        FieldType::Email => email(&text).map(Some).ok_or("email_invalid"),
        FieldType::Phone => phone(&text).map(Some).ok_or("phone_invalid"),
        FieldType::Select if !field.has(&text) => Err("choice_invalid"),
        _ if text.chars().count() > most => Err(if field.key == "name" { "name_too_long" } else { "value_too_long" }),
        _ => Ok(Some(text)),
    }
}

impl Checked {
    fn slot(&mut self, key: &str) -> &mut Option<String> {
        match key {
            "email" => &mut self.email,
            "phone" => &mut self.phone,
            _ => &mut self.name,
        }
    }

    /// The visitor as known, with what was told now.
    pub(in crate::website) fn over(&self, known: Visitor) -> Visitor {
        Visitor {
            name: self.name.clone().unwrap_or(known.name),
            email: self.email.clone().or(known.email),
            phone: self.phone.clone().or(known.phone),
            ..known
        }
    }

    /// How the visitor can be reached, for people.
    pub(in crate::website) fn contact(&self) -> Option<String> {
        let known: Vec<_> = [&self.name, &self.email, &self.phone].into_iter().flatten().cloned().collect();
        (self.email.is_some() || self.phone.is_some()).then(|| known.join(", "))
    }
}

#[cfg(test)]
mod tests;

//! `[files]`: where visitors' files are kept, and which are taken.

use openline_core::ConfigError;
use openline_core::files::{FileRules, USUAL};
use openline_core::settings::seconds;
use openline_store::{FileCheck, StoreUrl};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most that may be configured, in megabytes.
const MOST: u64 = 1000;
const MEGABYTE: u64 = 1_000_000;

/// What is done with visitors' files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesSettings {
    /// Where they are kept; when it is not named, beside the database.
    #[serde(deserialize_with = "folder")]
    pub folder: PathBuf,
    /// Most bytes of one.
    #[serde(rename = "max_megabytes", deserialize_with = "most")]
    pub most: u64,
    /// Bytes of room below which no files are taken.
    #[serde(rename = "min_free_megabytes", deserialize_with = "floor")]
    pub floor: u64,
    /// The media types that are taken.
    #[serde(deserialize_with = "types")]
    pub types: Vec<String>,
    /// The program that looks at each, with its first arguments; empty for none.
    #[serde(deserialize_with = "check")]
    pub check: Vec<String>,
    /// How long that may take.
    #[serde(rename = "check_seconds", deserialize_with = "seconds::<_, 1, 300>")]
    pub check_patience: Duration,
}

impl Default for FilesSettings {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            most: 25 * MEGABYTE,
            floor: 300 * MEGABYTE,
            types: USUAL.map(str::to_owned).to_vec(),
            check: Vec::new(),
            check_patience: Duration::from_secs(30),
        }
    }
}

/// What a channel has its own of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnFiles {
    /// The types that it takes instead of those that the others take.
    #[serde(deserialize_with = "own_types")]
    pub types: Option<Vec<String>>,
}

impl FilesSettings {
    /// Names the folder when nobody did. A database in a file has it beside it.
    pub(super) fn settle(&mut self, store: &StoreUrl) -> Result<(), ConfigError> {
        if self.folder.as_os_str().is_empty() {
            let problem = "is missing; with a database server it has to be configured: a folder that all replicas share, \
                           like \"/srv/openline/files\"";
            let database = store.file().ok_or_else(|| ConfigError::at("files.folder", problem))?;
            self.folder = database.with_file_name("files");
        }
        Ok(())
    }

    /// Which are taken.
    pub fn rules(&self) -> FileRules {
        FileRules { most: self.most, types: self.types.clone() }
    }

    /// The program that looks at each file, as the store takes it.
    pub(crate) fn checked_by(&self) -> Option<FileCheck> {
        FileCheck::new(self.check.clone(), self.check_patience)
    }

    /// As `openline check` says it.
    pub fn shown(&self) -> String {
        let types = match self.types.as_slice() {
            _ if self.rules().takes_all() => "of any type".to_owned(),
            usual if usual == USUAL => "of the usual types".to_owned(),
            some => some.join(", "),
        };
        format!("{}, up to {} MB each, {types}", self.folder.display(), self.most / MEGABYTE)
    }
}

fn folder<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    match String::deserialize(from)? {
        blank if blank.trim().is_empty() => Err(D::Error::custom("is empty; write a folder, like \"data/files\"")),
        folder => Ok(PathBuf::from(folder)),
    }
}

fn most<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match u64::deserialize(from)? {
        size @ 1..=MOST => Ok(size * MEGABYTE),
        other => Err(D::Error::custom(format!("{other} is not a size; write 1 to {MOST}"))),
    }
}

fn floor<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(u64::deserialize(from)?.saturating_mul(MEGABYTE))
}

fn check<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let check = Vec::<String>::deserialize(from)?;
    let program = check.first().map(Path::new);
    if program.is_some_and(|program| !program.is_absolute() || !program.is_file()) {
        let problem = "names no program; its first entry is a program's whole path, like \"/usr/bin/clamdscan\"";
        return Err(D::Error::custom(problem));
    }
    Ok(check)
}

fn own_types<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    types(from).map(Some)
}

fn types<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let types: Vec<String> = Vec::<MediaType>::deserialize(from)?.into_iter().map(|MediaType(rule)| rule).collect();
    if types.is_empty() {
        return Err(D::Error::custom("takes nothing; write \"*/*\" in it for files of any type"));
    }
    Ok(types)
}

/// `family/kind` or `family/*`, in lower case, as types are compared.
struct MediaType(String);

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let rule = String::deserialize(from)?;
        if is_rule(&rule) {
            return Ok(Self(rule));
        }
        let like = "write one like \"application/pdf\", or \"image/*\" for all pictures";
        Err(D::Error::custom(format!("{rule:?} is not a media type; {like}")))
    }
}

fn is_rule(rule: &str) -> bool {
    let word = |word: &str| {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b'_');
        !word.is_empty() && word.bytes().all(ok)
    };
    rule == "*/*" || rule.split_once('/').is_some_and(|(family, kind)| word(family) && (kind == "*" || word(kind)))
}

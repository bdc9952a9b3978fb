//! `[files]`: where visitors' files are kept, and which are taken.

use super::raw::{RawChannelFiles, RawFiles};
use openline_core::files::{FileRules, USUAL};
use openline_core::{ChannelId, ConfigError};
use openline_store::StoreUrl;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most that may be configured, in megabytes.
const MOST: u64 = 1000;

/// What is done with visitors' files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// Where they are kept.
    pub folder: PathBuf,
    /// Which are taken.
    pub rules: FileRules,
    /// The program that looks at each, with its first arguments; empty for none.
    pub check: Vec<String>,
    /// How long that may take.
    pub check_patience: Duration,
    /// Bytes of room below which no files are taken.
    pub floor: u64,
}

impl FilesSettings {
    /// Checks the table; `store` is not there when it is none.
    pub(super) fn read(raw: RawFiles, store: Option<&StoreUrl>) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if !(1..=MOST).contains(&raw.max_megabytes) {
            let problem = format!("{} is not a size; write 1 to {MOST}", raw.max_megabytes);
            errors.push(ConfigError::at("files.max_megabytes", problem));
        }
        errors.extend(wrong_types("files.types", &raw.types));
        if !(1..=300).contains(&raw.check_seconds) {
            let problem = format!("{} is not taken; write 1 to 300", raw.check_seconds);
            errors.push(ConfigError::at("files.check_seconds", problem));
        }
        let program = raw.check.first().map(Path::new);
        if program.is_some_and(|program| !program.is_absolute() || !program.is_file()) {
            let problem = "names no program; its first entry is a program's whole path, like \"/usr/bin/clamdscan\"";
            errors.push(ConfigError::at("files.check", problem));
        }
        let (check, check_patience) = (raw.check, Duration::from_secs(raw.check_seconds));
        let folder = match raw.folder {
            Some(folder) if folder.trim().is_empty() => {
                Err(ConfigError::at("files.folder", "is empty; write a folder, like \"data/files\""))
            }
            Some(folder) => Ok(PathBuf::from(folder)),
            None => beside(store),
        };
        match folder {
            Ok(folder) if errors.is_empty() => {
                let rules = FileRules { most: raw.max_megabytes * 1_000_000, types: raw.types };
                let floor = raw.min_free_megabytes.saturating_mul(1_000_000);
                Ok(Self { folder, rules, check, check_patience, floor })
            }
            folder => {
                errors.extend(folder.err());
                Err(errors)
            }
        }
    }

    /// As `openline check` says it.
    pub fn shown(&self) -> String {
        let types = &self.rules.types;
        let types = match types.as_slice() {
            _ if self.rules.takes_all() => "of any type".to_owned(),
            usual if usual == USUAL => "of the usual types".to_owned(),
            some => some.join(", "),
        };
        format!("{}, up to {} MB each, {types}", self.folder.display(), self.rules.most / 1_000_000)
    }
}

/// The types that a channel takes instead of those that the others take.
pub(super) fn of_channel(id: &ChannelId, raw: RawChannelFiles) -> Result<Option<Vec<String>>, Vec<ConfigError>> {
    let wrong = raw.types.as_deref().map(|types| wrong_types(&format!("channels.{id}.files.types"), types));
    let wrong = wrong.unwrap_or_default();
    if wrong.is_empty() { Ok(raw.types) } else { Err(wrong) }
}

/// The folder beside a database in a file. Without a store, what is wrong with that is said elsewhere.
fn beside(store: Option<&StoreUrl>) -> Result<PathBuf, ConfigError> {
    let problem = "is missing; with a database server it has to be configured: a folder that all replicas share, like \
                   \"/srv/openline/files\"";
    let missing = || ConfigError::at("files.folder", problem);
    let path = store.map_or(Some(Path::new("openline.db")), StoreUrl::file).ok_or_else(missing)?;
    Ok(path.with_file_name("files"))
}

fn wrong_types(key: &str, types: &[String]) -> Vec<ConfigError> {
    if types.is_empty() {
        return vec![ConfigError::at(key, "takes nothing; write \"*/*\" in it for files of any type")];
    }
    let wrong = types.iter().filter(|rule| !is_rule(rule));
    let said = |wrong: &String| {
        let problem = format!(
            "{wrong:?} is not a media type; write one like \"application/pdf\", or \"image/*\" for all pictures"
        );
        ConfigError::at(key, problem)
    };
    wrong.map(said).collect()
}

/// `family/kind` or `family/*`, in lower case, as types are compared.
fn is_rule(rule: &str) -> bool {
    let word = |word: &str| {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b'_');
        !word.is_empty() && word.bytes().all(ok)
    };
    rule == "*/*" || rule.split_once('/').is_some_and(|(family, kind)| word(family) && (kind == "*" || word(kind)))
}

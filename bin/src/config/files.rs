//! `[files]`: where visitors' files are kept, and which are taken.

use super::raw::RawFiles;
use openline_core::ConfigError;
use openline_core::files::FileRules;
use openline_store::StoreUrl;
use std::path::{Path, PathBuf};

/// Most that may be configured, in megabytes.
const MOST: u64 = 1000;

/// What is done with visitors' files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// Where they are kept.
    pub folder: PathBuf,
    /// Which are taken.
    pub rules: FileRules,
}

impl FilesSettings {
    /// Checks the table; `store` is not there when it is none.
    pub(super) fn read(raw: RawFiles, store: Option<&StoreUrl>) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if !(1..=MOST).contains(&raw.max_megabytes) {
            let problem = format!("{} is not a size; write 1 to {MOST}", raw.max_megabytes);
            errors.push(ConfigError::at("files.max_megabytes", problem));
        }
        for wrong in raw.types.iter().filter(|rule| !is_rule(rule)) {
            let problem = format!(
                "{wrong:?} is not a media type; write one like \"application/pdf\", or \"image/*\" for all pictures"
            );
            errors.push(ConfigError::at("files.types", problem));
        }
        let folder = match raw.folder {
            Some(folder) if folder.trim().is_empty() => {
                Err(ConfigError::at("files.folder", "is empty; write a folder, like \"data/files\""))
            }
            Some(folder) => Ok(PathBuf::from(folder)),
            None => beside(store),
        };
        match folder {
            Ok(folder) if errors.is_empty() => {
                Ok(Self { folder, rules: FileRules { most: raw.max_megabytes * 1_000_000, types: raw.types } })
            }
            folder => {
                errors.extend(folder.err());
                Err(errors)
            }
        }
    }

    /// As `openline check` says it.
    pub fn shown(&self) -> String {
        let types = if self.rules.types.is_empty() { "of any type".to_owned() } else { self.rules.types.join(", ") };
        format!("{}, up to {} MB each, {types}", self.folder.display(), self.rules.most / 1_000_000)
    }
}

/// The folder beside a database in a file. Without a store, what is wrong with that is said elsewhere.
fn beside(store: Option<&StoreUrl>) -> Result<PathBuf, ConfigError> {
    let problem = "is missing; with a database server it has to be configured: a folder that all replicas share, like \
                   \"/srv/openline/files\"";
    let missing = || ConfigError::at("files.folder", problem);
    let path = store.map_or(Some(Path::new("openline.db")), StoreUrl::file).ok_or_else(missing)?;
    Ok(path.with_file_name("files"))
}

/// `family/kind` or `family/*`, in lower case, as types are compared.
fn is_rule(rule: &str) -> bool {
    let word = |word: &str| {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b'_');
        !word.is_empty() && word.bytes().all(ok)
    };
    rule.split_once('/').is_some_and(|(family, kind)| word(family) && (kind == "*" || word(kind)))
}

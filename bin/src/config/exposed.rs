//! What of a configuration others on this machine can read, and as whom openline runs.

use super::layers::SECRETS;
use openline_store::StoreUrl;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Something that is open to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// The file that everybody can read, when it is one.
    pub file: Option<PathBuf>,
}

impl Exposed {
    /// Takes the right to read the file from everybody who is neither its owner nor of its group.
    ///
    /// # Errors
    /// What the system says.
    pub fn close(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut rights = std::fs::metadata(file)?.permissions();
        rights.set_mode(rights.mode() & !0o007);
        std::fs::set_permissions(file, rights)
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.problem, if self.file.is_some() { ":" } else { ";" }, self.remedy)
    }
}

/// The part of a mode that says what everybody may read. A group may be the service's own.
const EVERYBODY: u32 = 0o004;

/// What is open to others; `text` is the configuration's, `more` the paths of secrets that not every configuration has, `own` the
/// database beside which this installation's secret is kept, if it is.
pub(super) fn look(file: &Path, text: &str, folder: &Path, more: &[String], own: Option<&StoreUrl>) -> Vec<Exposed> {
    let mut told = Vec::new();
    let written: toml::Table = text.parse().unwrap_or_default();
    let mut inline = Vec::new();
    for key in SECRETS.iter().copied().chain(more.iter().map(String::as_str)) {
        let Some(value) = at(&written, key) else { continue };
        let named = value.get("file").and_then(toml::Value::as_str).map(|name| folder.join(name));
        match named {
            Some(secret) if is_open(&secret) => told.push(open(&secret, &format!("{key} stands in it"))),
            None if is_inline(value) => inline.push(key),
            Some(_) | None => {}
        }
    }
    if !inline.is_empty() && is_open(file) {
        told.insert(0, open(file, &format!("it has secrets ({})", inline.join(", "))));
    }
    if let Some(own) = own.and_then(StoreUrl::file).map(crate::secret::file_of).filter(|own| is_open(own)) {
        told.push(open(&own, "it is this installation's secret"));
    }
    if rustix::process::geteuid().is_root() {
        let (problem, remedy) =
            ("openline runs as root", "give it a user of its own, as the units in deploy/systemd do");
        told.push(Exposed { problem: problem.to_owned(), remedy: remedy.to_owned(), file: None });
    }
    told
}

/// The value at a dotted path.
pub(super) fn at<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = table.get(first)?;
    rest.map_or(Some(value), |rest| at(value.as_table()?, rest))
}

/// Whether the text of a secret stands there, alone or in a list.
fn is_inline(value: &toml::Value) -> bool {
    match value {
        toml::Value::String(text) => !text.is_empty(),
        toml::Value::Array(all) => all.iter().any(is_inline),
        _ => false,
    }
}

fn is_open(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & EVERYBODY != 0)
}

fn open(file: &Path, why: &str) -> Exposed {
    let shown = file.display();
    let problem = format!("{shown}: everybody on this machine can read it, and {why}");
    Exposed { problem, remedy: format!("chmod o-rwx {shown}"), file: Some(file.to_owned()) }
}

//! What a messenger remembers.

use super::call::Call;
use super::terms::{Mishap, Upload};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// One of our messages as its person sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its id there.
    pub id: String,
    /// The readable text.
    pub text: String,
    /// Name and bytes of its file.
    pub file: Option<(String, Vec<u8>)>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) hook: String,
    people: HashSet<String>,
    pub(super) shown: BTreeMap<String, Vec<Shown>>,
    /// Bytes by number.
    pub(super) files: HashMap<u64, (Upload, Vec<u8>)>,
    /// Ids of messages by the key under which they were sent.
    pub(super) keys: HashMap<String, String>,
    /// What the messenger still has to tell the webhook.
    pub(super) events: VecDeque<Value>,
    pub(super) mishaps: Vec<Mishap>,
    pub(super) calls: Vec<Call>,
    /// Things that are asked for twice.
    pub(super) asked: HashSet<String>,
    /// What the page's person wrote, each behind so many of our messages.
    pub(super) written: Vec<(usize, String)>,
    last: u64,
}

impl World {
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The person has written to us, so we may write to them.
    pub(super) fn meet(&mut self, person: &str) {
        self.people.insert(person.to_owned());
    }

    pub(super) fn knows(&self, person: &str) -> bool {
        self.people.contains(person)
    }

    pub(super) fn store(&mut self, name: &str, mime: &str, bytes: &[u8]) -> Upload {
        let upload = Upload { id: self.next(), name: name.to_owned(), mime: mime.to_owned(), size: bytes.len() };
        self.files.insert(upload.id, (upload.clone(), bytes.to_vec()));
        upload
    }

    /// Name and bytes of a file.
    pub(super) fn file(&self, id: &str) -> Option<(String, Vec<u8>)> {
        let (upload, bytes) = self.files.get(&id.parse().ok()?)?;
        Some((upload.name.clone(), bytes.clone()))
    }

    /// Shows a message to a person.
    pub(super) fn show(&mut self, person: &str, shown: Shown) {
        self.shown.entry(person.to_owned()).or_default().push(shown);
    }

    /// One of our messages.
    pub(super) fn message(&mut self, id: &str) -> Option<&mut Shown> {
        self.shown.values_mut().flatten().find(|shown| shown.id == id)
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.shown.values().map(Vec::len).sum::<usize>();
        self.shown.values_mut().for_each(|all| all.retain(|shown| shown.id != id));
        before != self.shown.values().map(Vec::len).sum::<usize>()
    }

    /// Takes away the first mishap of one sort.
    pub(super) fn strikes(&mut self, mishap: Mishap) -> bool {
        let found = self.mishaps.iter().position(|waiting| *waiting == mishap);
        found.map(|at| self.mishaps.remove(at)).is_some()
    }
}

//! The kinds of channel that there are: those in Rust, the descriptions in the program, and those of an administrator.

use super::Kind;
use openline_core::ChannelKind;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

/// Each description in the program, with its fixtures.
const SHIPPED: &[(&str, &str, &str)] = &[
    ("line", include_str!("../../messengers/line.toml"), include_str!("../../messengers/line.tests.toml")),
    ("max", include_str!("../../messengers/max.toml"), include_str!("../../messengers/max.tests.toml")),
    (
        "messenger",
        include_str!("../../messengers/messenger.toml"),
        include_str!("../../messengers/messenger.tests.toml"),
    ),
    ("viber", include_str!("../../messengers/viber.toml"), include_str!("../../messengers/viber.tests.toml")),
    ("vk", include_str!("../../messengers/vk.toml"), include_str!("../../messengers/vk.tests.toml")),
    ("whatsapp", include_str!("../../messengers/whatsapp.toml"), include_str!("../../messengers/whatsapp.tests.toml")),
];

/// What a new description begins with.
const NEW: &str = include_str!("../../messengers/new.toml");
const NEW_TESTS: &str = include_str!("../../messengers/new.tests.toml");

/// Where a kind comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It is a part of the program, in Rust.
    Rust,
    /// It is a description in the program.
    Shipped,
    /// It is a description in this file.
    File(PathBuf),
}

enum Held {
    Rust(&'static dyn ChannelKind),
    /// Compiled when it is asked for: a compiled description takes more than a megabyte, and few of them are used.
    Described(OnceLock<Option<Box<Kind>>>),
}

struct Entry {
    name: String,
    kind: Held,
    source: Source,
    /// It stands before one of the program's own.
    overrides: bool,
    /// The description and its fixtures; empty in Rust.
    texts: (String, String),
}

impl Entry {
    fn described(name: &str, source: Source, texts: (String, String)) -> Self {
        Self { name: name.to_owned(), kind: Held::Described(OnceLock::new()), source, overrides: false, texts }
    }

    /// A description was tried when it was added, or by a test, so there is always one.
    fn kind(&self) -> Option<&dyn ChannelKind> {
        match &self.kind {
            Held::Rust(kind) => Some(*kind),
            Held::Described(kind) => {
                let read = || Kind::read(&self.name, &self.texts.0).ok().map(Box::new);
                kind.get_or_init(read).as_deref().map(|kind| kind as &dyn ChannelKind)
            }
        }
    }
}

/// The kinds of channel that there are.
pub struct Kinds(Vec<Entry>);

/// A file of an administrator's that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the folder.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl Kinds {
    /// Those in the program.
    pub fn shipped() -> &'static Self {
        static SHIPPED_KINDS: LazyLock<Kinds> = LazyLock::new(Kinds::in_program);
        &SHIPPED_KINDS
    }

    /// Those in the program, read anew.
    pub fn in_program() -> Self {
        let rust = crate::KINDS.iter().map(|kind| Entry {
            name: kind.name().to_owned(),
            kind: Held::Rust(*kind),
            source: Source::Rust,
            overrides: false,
            texts: (String::new(), String::new()),
        });
        let described = SHIPPED.iter().map(|(name, text, tests)| {
            Entry::described(name, Source::Shipped, ((*text).to_owned(), (*tests).to_owned()))
        });
        Self(rust.chain(described).collect())
    }

    /// Those in the program and the descriptions in a folder; one of the same name as a description in the program stands
    /// before it.
    ///
    /// # Errors
    /// The files that can't be used.
    pub fn with_folder(folder: &Path) -> Result<Self, Vec<Problem>> {
        let wrong = |file: &Path, problem: String| Problem { file: file.to_owned(), problem };
        let read = std::fs::read_dir(folder).map_err(|error| vec![wrong(folder, format!("can't be read: {error}"))])?;
        let mut files: Vec<_> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        let (mut kinds, mut problems) = (Self::in_program(), Vec::new());
        for file in files {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let Some(name) = name.strip_suffix(".toml").filter(|name| !name.contains('.')) else { continue };
            if let Err(problem) = kinds.add(name, &file) {
                problems.push(wrong(&file, problem));
            }
        }
        if problems.is_empty() { Ok(kinds) } else { Err(problems) }
    }

    fn add(&mut self, name: &str, file: &Path) -> Result<(), String> {
        let good = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if !good || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("name the file by a word of a-z, 0-9, - and _".to_owned());
        }
        let text = std::fs::read_to_string(file).map_err(|error| format!("can't be read: {error}"))?;
        Kind::read(name, &text).map_err(|wrong| wrong.to_string())?;
        let there = self.0.iter().position(|entry| entry.name == name);
        if there.is_some_and(|at| self.0[at].source == Source::Rust) {
            return Err(format!("{name} is a kind of the program that is no description; take another name"));
        }
        let tests = std::fs::read_to_string(file.with_extension("tests.toml")).unwrap_or_default();
        let mut entry = Entry::described(name, Source::File(file.to_owned()), (text, tests));
        entry.overrides = there.is_some();
        match there {
            Some(at) => self.0[at] = entry,
            None => self.0.push(entry),
        }
        Ok(())
    }

    /// The kind of that name.
    pub fn get(&self, name: &str) -> Option<&dyn ChannelKind> {
        self.entry(name).and_then(Entry::kind)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.name.as_str())
    }

    /// All of them; each description is compiled.
    pub fn iter(&self) -> impl Iterator<Item = &dyn ChannelKind> {
        self.0.iter().filter_map(Entry::kind)
    }

    /// Where a kind comes from, and whether it stands before one of the program's own.
    pub fn source(&self, name: &str) -> Option<(&Source, bool)> {
        self.entry(name).map(|entry| (&entry.source, entry.overrides))
    }

    /// A description and its fixtures; `None` when that kind is no description.
    pub fn texts(&self, name: &str) -> Option<(&str, &str)> {
        let entry = self.entry(name).filter(|entry| entry.source != Source::Rust)?;
        Some((&entry.texts.0, &entry.texts.1))
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }
}

/// A description to begin with, and its fixtures.
pub fn new(name: &str) -> (String, String) {
    (NEW.replace("NAME", name), NEW_TESTS.replace("NAME", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_in_the_program_can_be_used() {
        for (name, text, _) in SHIPPED {
            if let Err(wrong) = Kind::read(name, text) {
                panic!("{name}.toml: {wrong}");
            }
            assert!(text.lines().count() <= 100, "{name}.toml has {} lines", text.lines().count());
        }
        assert!(Kind::read("new", &new("new").0).is_ok());
    }

    /// `docs/messengers.md` says in a table what each file carries.
    #[test]
    fn the_table_of_the_guide_is_true() {
        use super::super::file::{Action, By};
        let guide =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messengers.md")).unwrap();
        for (name, text, _) in SHIPPED {
            let is = super::super::load::load(text).unwrap_or_else(|wrong| panic!("{wrong}"));
            let line = guide.lines().find(|line| line.starts_with(&format!("| [`{name}`]")));
            let line = line.unwrap_or_else(|| panic!("{name} has no row"));
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, _, _, lines, _, files, edits, deletes, told, window, lost, _] = cells[..] else { panic!("{line}") };
            let said = |cell: &str, n: usize| cell.split(" / ").nth(n).is_some_and(|said| said != "no");
            let does = |action| is.events.iter().any(|group| group.does(action));
            let found = [
                ("files in", said(files, 0), is.events.iter().any(super::super::events::Group::takes_files)),
                ("files out", said(files, 1), is.ways.len() > 1),
                ("edits in", said(edits, 0), does(Action::Edit)),
                ("edits out", said(edits, 1), is.edit.is_some()),
                ("deletes in", said(deletes, 0), does(Action::Delete)),
                ("deletes out", said(deletes, 1), is.delete.is_some()),
                ("told afterwards", told != "–", does(Action::Receipt)),
                ("window", window != "–", is.window.is_some()),
                ("once by a key", lost.contains("key"), is.once.by == By::Key),
                ("once by a look", lost.contains("history"), is.once.by == By::Lookup),
                ("once by events", lost.contains("waits"), is.once.by == By::Events),
            ];
            assert_eq!(lines, text.lines().count().to_string(), "{name}: lines");
            for (what, said, so) in found {
                assert_eq!(said, so, "{name}: {what}");
            }
            if let Some(window) = &is.window {
                assert!(line.contains(&format!("{} h", window.hours)), "{name}: window");
            }
        }
    }

    #[tokio::test]
    async fn every_fixture_passes() {
        let new = new("new");
        let all = SHIPPED.iter().map(|(name, text, tests)| (*name, *text, *tests));
        for (name, text, tests) in all.chain([("new", new.0.as_str(), new.1.as_str())]) {
            let outcomes = super::super::outcomes(text, tests).await.unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            assert!(!outcomes.is_empty(), "{name} has fixtures");
            for outcome in outcomes {
                let super::super::Outcome { name: fixture, line, problems } = outcome;
                assert!(problems.is_empty(), "{name}.tests.toml:{line}: {fixture}: {}", problems.join("\n"));
            }
        }
    }
}

//! What cargo can't see of the house rules.

use openline_tests::structure::{self, House};
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Core knows channels by their port only.
#[test]
fn core_names_no_kind_of_channel() {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    for file in sources(&core) {
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        // Prose may give an example; code may not depend on one.
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for kind in openline_channels::KINDS {
            assert!(!code.contains(&format!("\"{}\"", kind.name())), "{} names {}", file.display(), kind.name());
        }
    }
}

/// A channel has whatever it needs from the moment it is built. What is made late on purpose is the kinds' own list: a
/// description is compiled when it is asked for.
#[test]
fn nothing_in_a_channel_is_filled_in_later() {
    let files = sources(&workspace().join("channels/src"));
    for file in files.iter().filter(|file| !file.ends_with("described/registry.rs")) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert!(!text.contains("OnceLock") && !text.contains("OnceCell"), "{}", file.display());
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All documents but those of other people's code.
fn documents() -> Vec<PathBuf> {
    let rooms = ["docs", "bin", "bitrix", "channels", "config", "core", "sandbox", "store"];
    let top = std::fs::read_dir(workspace()).unwrap().flatten().map(|entry| entry.path());
    let all = rooms.iter().flat_map(|room| sources(&workspace().join(room))).chain(top);
    all.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

/// Where a document's links lead: `](here)`, without a part of the page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(link, _)| link.split('#').next().unwrap_or_default()).filter(|link| !link.is_empty())
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text).filter(|link| !link.contains("://") && !link.contains(['…', ' '])) {
            assert!(document.with_file_name(link).exists(), "{} links to {link}", document.display());
            followed += 1;
        }
    }
    assert!(followed > 40, "{followed}");
}

/// What a stranger reads first is read in one go.
#[test]
fn the_readme_is_short() {
    assert!(std::fs::read_to_string(workspace().join("README.md")).unwrap().lines().count() <= 150);
}

/// The words between backticks that look like the name of a test.
fn tests_named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.matches('_').count() >= 2 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

/// The code of all rooms, and of the tests.
pub fn code() -> String {
    let rooms = ["bin", "bitrix", "channels", "core", "sandbox", "store", "tests/tests"];
    let files = rooms.iter().flat_map(|room| sources(&workspace().join(room)));
    let code = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    code.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What a page on security says is shown by a test is shown by one.
#[test]
fn the_tests_that_security_names_exist() {
    let code = code();
    let page = std::fs::read_to_string(workspace().join("docs/security.md")).unwrap();
    let named: Vec<_> = tests_named(&page).collect();
    assert!(named.len() > 40, "{}", named.len());
    for name in named {
        assert!(code.contains(&format!("fn {name}(")) || code.contains(&format!("fn {name}<")), "there is no {name}");
    }
}

/// Imports that still run back up.
const UPWARD: &[&str] = &[];

/// By the table of rooms in ARCHITECTURE.md.
#[test]
fn imports_run_downwards_and_in_no_circles() {
    let mut upward = Vec::new();
    for name in structure::crates() {
        let house = House::read(name);
        let circles = house.circles();
        println!("{name}: {} circles of files", circles.len());
        assert_eq!(circles.len(), 0, "{name}: {circles:#?}");
        upward.extend(house.upward());
    }
    println!("{} imports run back up", upward.len());
    assert_eq!(upward, UPWARD);
}

/// Files of more than 400 lines, and functions of more than 60, that are still to be divided.
const LONG: &[&str] = &[];

/// What is longer is hard to read in one go.
#[test]
fn files_and_functions_are_short() {
    let folders = ["bin", "bitrix", "channels", "core", "sandbox", "store", "tests"];
    let (files, functions) = (structure::long_files(&folders, 400), structure::long_functions(&folders, 60));
    println!("{} files of more than 400 lines, {} functions of more than 60", files.len(), functions.len());
    let mut long: Vec<_> = files.iter().chain(&functions).map(|(what, _)| what.as_str()).collect();
    long.sort_unstable();
    assert_eq!(long, LONG, "{files:#?} {functions:#?}");
}

/// The files that a chapter of ARCHITECTURE.md names.
fn opened(from: &str, to: &str) -> usize {
    let text = std::fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    let chapter = text.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap();
    let files = chapter
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| Path::new(word).extension().is_some_and(|ending| ending == "rs"));
    files.collect::<std::collections::BTreeSet<_>>().len()
}

/// What somebody opens who follows a message, and what has to be changed for a new key or a new method of the store.
#[test]
fn walks_and_changes_take_few_files() {
    let walks = (opened("## Walk 1", "## Walk 2"), opened("## Walk 2", "## Invariants"));
    println!("a walk names {} files on the way to the operator, {} back", walks.0, walks.1);
    assert!(walks.0 <= 20 && walks.1 <= 18, "{walks:?}");
    for (what, word, most) in [("the key", "unregister_removed", 3), ("the store's method", "unnamed_files", 5)] {
        let mut files = structure::files_that_name(word);
        // Who calls a method is no cost of its being there.
        files.retain(|file| !file.contains("core/src/engine/"));
        println!("{what} {word} is known to {} files: {}", files.len(), files.join(", "));
        assert!((1..=most).contains(&files.len()), "{files:#?}");
    }
}

//! What `deny.toml` asks of the libraries, for machines without `cargo deny`: licences, banned crates, registries.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All packages that are built here.
fn packages() -> Vec<Value> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &host]);
    let output = cargo.current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["packages"].as_array().unwrap().clone()
}

fn rules() -> toml::Table {
    toml::from_str(&std::fs::read_to_string(workspace().join("deny.toml")).unwrap()).unwrap()
}

fn texts(list: &toml::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Whether an expression of licences can be kept with those allowed: one of each `OR`, all of each `AND`.
fn may(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ").any(|licence| allowed.contains(&licence.trim()))
    })
}

#[test]
fn alternatives_and_conjunctions_of_licences_are_read() {
    assert!(may("MIT/Apache-2.0", &["MIT"]) && may("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT", "Unicode-3.0"]));
    assert!(!may("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT"]) && !may("GPL-3.0", &["MIT"]));
}

#[test]
fn the_libraries_are_under_licences_and_from_where_we_take_them() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    let exceptions = rules["licenses"]["exceptions"].as_array().unwrap();
    let banned: Vec<_> = rules["bans"]["deny"].as_array().unwrap().iter().map(|one| one["crate"].as_str()).collect();
    let mut looked_at = 0;
    for package in packages().iter().filter(|package| !package["source"].is_null()) {
        let name = package["name"].as_str().unwrap();
        let own = exceptions.iter().filter(|one| one["crate"].as_str() == Some(name));
        let allowed: Vec<_> = own.flat_map(|one| texts(&one["allow"])).chain(allowed.iter().copied()).collect();
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(may(licence, &allowed), "{name} is under {licence}, which deny.toml does not allow");
        assert_eq!(package["source"], CRATES_IO, "{name} is from elsewhere");
        assert!(!banned.contains(&Some(name)), "{name} is banned by deny.toml");
        looked_at += 1;
    }
    assert!(looked_at > 100, "{looked_at}");
}

/// What a release is given along: every library of the program with its licence, and nothing of the tests.
#[test]
fn a_releases_lists_are_whole() {
    let libraries = openline_tests::lists::libraries(&workspace());
    assert!(libraries.len() > 100, "{}", libraries.len());
    let names: Vec<_> = libraries.iter().map(|library| library.name.as_str()).collect();
    assert!(names.contains(&"axum") && names.contains(&"rusqlite") && !names.contains(&"proptest"), "{names:?}");
    for library in &libraries {
        assert!(!library.licence.is_empty() && library.checksum.is_some(), "{library:?}");
    }
    let without: Vec<_> = libraries.iter().filter(|library| library.texts.is_empty()).collect();
    assert!(without.len() * 10 < libraries.len(), "these bring no text of their licence: {without:?}");
    let notices = openline_tests::lists::notices(&libraries);
    let parts = openline_tests::lists::parts(&libraries, "1.0.0");
    for library in &libraries {
        assert!(notices.contains(&format!("{} {}", library.name, library.version)));
    }
    assert_eq!(parts["components"].as_array().unwrap().len(), libraries.len());
    assert_eq!(parts["bomFormat"], "CycloneDX");
}

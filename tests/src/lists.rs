//! What stands in a release besides the program: the notices of the libraries in it, and their list as CycloneDX wants
//! it (ECMA-424, version 1.6). Both are made of what `cargo metadata` says and of the libraries' own files.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A library in the program.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its name on crates.io.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licences, as an SPDX expression.
    pub licence: String,
    /// Whose it is, as far as it says.
    pub authors: Vec<String>,
    /// Where it is developed.
    pub repository: Option<String>,
    /// What its own files say of licences.
    pub texts: Vec<String>,
    /// The SHA-256 of what was fetched, by `Cargo.lock`.
    pub checksum: Option<String>,
}

/// All libraries of others that the program of this workspace is made of.
///
/// # Panics
/// When cargo can't tell.
pub fn libraries(workspace: &Path) -> Vec<Library> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &host]);
    let output = cargo.current_dir(workspace).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checksums = checksums(workspace);
    let inside = reached(&told);
    let packages = told["packages"].as_array().expect("packages");
    let others = packages.iter().filter(|package| !package["source"].is_null());
    let inside = others.filter(|package| inside.contains(package["id"].as_str().unwrap_or_default()));
    let mut all: Vec<_> = inside.map(|package| library(package, &checksums)).collect();
    all.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    all
}

/// What the program is made of: by the dependencies that are neither for building nor for tests.
fn reached(told: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes: BTreeMap<String, &Value> =
        told["resolve"]["nodes"].as_array().expect("nodes").iter().map(|node| (text(&node["id"]), node)).collect();
    let packages = told["packages"].as_array().expect("packages");
    let program = packages.iter().find(|package| package["name"] == "openline").expect("the program");
    let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from([text(&program["id"])]));
    while let Some(id) = open.pop_front() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in nodes.get(&id).and_then(|node| node["deps"].as_array()).into_iter().flatten() {
            let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            if kinds.into_iter().any(|kind| kind["kind"].is_null()) {
                open.push_back(text(&dependency["pkg"]));
            }
        }
    }
    seen
}

fn checksums(workspace: &Path) -> BTreeMap<(String, String), String> {
    let lock = std::fs::read_to_string(workspace.join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages").iter();
    let word = |package: &toml::Value, name: &str| package.get(name).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .filter_map(|package| {
            let name = (word(package, "name")?, word(package, "version")?);
            Some((name, word(package, "checksum")?))
        })
        .collect()
}

fn library(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Library {
    let text = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let (name, version) = (text("name"), text("version"));
    let authors = package["authors"].as_array().into_iter().flatten();
    let folder = Path::new(package["manifest_path"].as_str().unwrap_or_default()).parent().map(Path::to_owned);
    Library {
        checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
        name,
        version,
        licence: text("license").replace('/', " OR "),
        authors: authors.filter_map(Value::as_str).map(str::to_owned).collect(),
        repository: package["repository"].as_str().map(str::to_owned),
        texts: folder.map(|folder| texts(&folder)).unwrap_or_default(),
    }
}

/// The files that say under which terms a library may be used, and the notices that have to go along.
fn texts(folder: &Path) -> Vec<String> {
    let is_one = |name: &str| {
        let name = name.to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"].iter().any(|word| name.starts_with(word))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.filter(|entry| is_one(&entry.file_name().to_string_lossy())).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    files.iter().filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
}

/// The notices, each text once, below the names of those that it belongs to.
pub fn notices(libraries: &[Library]) -> String {
    let mut out = String::from("openline is made with these libraries. Each stands under its own licence.\n\n");
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for library in libraries {
        let (name, authors) = (format!("{} {}", library.name, library.version), library.authors.join(", "));
        let by = if authors.is_empty() { String::new() } else { format!(", by {authors}") };
        let _ = writeln!(out, "{name} ({}){by}", library.licence);
        for text in &library.texts {
            owners.entry(text.trim()).or_default().push(name.clone());
        }
    }
    for (text, names) in owners {
        let _ = write!(out, "\n{}\n{}\n\n{text}\n", "-".repeat(72), names.join(", "));
    }
    out
}

/// The list of parts, for whoever looks whether one of them is known to be at fault.
pub fn parts(libraries: &[Library], version: &str) -> Value {
    let part = |library: &Library| {
        let Library { name, version, licence, repository, checksum, .. } = library;
        let mut part = json!({
            "type": "library", "bom-ref": format!("pkg:cargo/{name}@{version}"), "name": name, "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"), "licenses": [{ "expression": licence }],
        });
        if let Some(checksum) = checksum {
            part["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        if let Some(repository) = repository {
            part["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        part
    };
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": format!("pkg:cargo/openline@{version}"), "name": "openline",
            "version": version,
        } },
        "components": libraries.iter().map(part).collect::<Vec<_>>(),
    })
}

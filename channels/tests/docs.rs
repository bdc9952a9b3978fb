//! `docs/new-channel.md` quotes the channel `echo`: its blocks, one after the other, are the files.

#![allow(clippy::unwrap_used)] // failing is what a test is for

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines of all fenced blocks of a language, without blank ones.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in document.lines() {
        match inside {
            false => inside = line == fence,
            true if line == "```" => inside = false,
            true => lines.push(line.to_owned()),
        }
    }
    without_blanks(lines.into_iter())
}

fn without_blanks(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn the_blocks_of_the_walk_are_the_files_of_echo() {
    let document = read("../docs/new-channel.md");
    for (language, file) in [("rust", "src/echo/mod.rs"), ("toml", "src/echo/example.toml")] {
        let quoted = blocks(&document, language);
        let written = without_blanks(read(file).lines().map(str::to_owned));
        for (n, (quoted, written)) in quoted.iter().zip(&written).enumerate() {
            assert_eq!(quoted, written, "line {n} (blank ones not counted) of docs/new-channel.md and {file}");
        }
        assert_eq!(quoted.len(), written.len(), "docs/new-channel.md must quote the whole of {file}");
    }
}

#[test]
fn the_line_outside_the_folder_is_the_one_there_is() {
    let list = "&echo::Kind";
    assert!(read("../docs/new-channel.md").contains(list) && read("src/lib.rs").contains(list));
}

//! `docs/new-channel.md` quotes the channels `echo` and `pager`: its blocks, one after the other, are the files.

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
fn the_blocks_of_the_walks_are_the_files() {
    let document = read("../docs/new-channel.md");
    let files = [("rust", "src/echo/mod.rs"), ("toml", "src/echo/example.toml"), ("rust pager", "src/pager.rs")];
    for (language, file) in files {
        let quoted = blocks(&document, language);
        let code = read(file).split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        let written = without_blanks(code.lines().map(str::to_owned));
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

/// `docs/messengers.md` walks through a description and its fixtures: they are good.
#[tokio::test]
async fn the_walk_through_a_messenger_works() {
    let document = read("../docs/messengers.md");
    let (description, fixtures) = (blocks(&document, "toml slack"), blocks(&document, "toml slack-tests"));
    assert!(description.len() <= 100, "{} lines", description.len());
    let outcomes = openline_channels::described::outcomes(&description.join("\n"), &fixtures.join("\n")).await;
    let outcomes = outcomes.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(outcomes.len() >= 7);
    for outcome in outcomes {
        assert!(outcome.problems.is_empty(), "{}: {}", outcome.name, outcome.problems.join("\n"));
    }
}

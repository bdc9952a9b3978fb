//! `openline messengers`: messengers that are described by a file, see `docs/messengers.md`.

use clap::Subcommand;
use openline_channels::Kinds;
use openline_channels::described::{self, Outcome, Source};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What to do with messengers.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the messengers there are
    List {
        /// A folder with own ones, as the configuration's key messengers names it
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print the description of a messenger in the program
    Show {
        /// Its name
        name: String,
        /// Print its fixtures instead
        #[arg(long)]
        tests: bool,
    },
    /// Begin a new one: NAME.toml and NAME.tests.toml
    New {
        /// Its name: a word of a-z, 0-9, - and _
        name: String,
        /// Where
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
    },
    /// Check a description and run the fixtures beside it
    Test {
        /// The description, NAME.toml; its fixtures are in NAME.tests.toml
        file: PathBuf,
    },
}

/// Carries it out.
///
/// # Errors
/// What is wrong.
pub async fn run(action: Action) -> Result<String, String> {
    match action {
        Action::List { folder } => list(folder.as_deref()),
        Action::Show { name, tests } => show(&name, tests),
        Action::New { name, folder } => begin(&name, &folder),
        Action::Test { file } => test(&file).await,
    }
}

fn list(folder: Option<&Path>) -> Result<String, String> {
    let kinds = match folder {
        None => Kinds::in_program(),
        Some(folder) => Kinds::with_folder(folder).map_err(|problems| {
            let line = |problem: &described::Problem| format!("{}: {}", problem.file.display(), problem.problem);
            problems.iter().map(line).collect::<Vec<_>>().join("\n")
        })?,
    };
    let mut out = String::new();
    for kind in kinds.iter() {
        let whence = match kinds.source(kind.name()) {
            Some((Source::Shipped, _)) => String::new(),
            Some((Source::File(file), true)) => format!(" ({}, instead of the one in the program)", file.display()),
            Some((Source::File(file), false)) => format!(" ({})", file.display()),
            Some((Source::Rust, _)) | None => continue,
        };
        let _ = writeln!(out, "{:<10} {}{whence}", kind.name(), kind.summary());
    }
    Ok(out.trim_end().to_owned())
}

fn show(name: &str, tests: bool) -> Result<String, String> {
    let (text, fixtures) = Kinds::shipped().texts(name).ok_or_else(|| {
        format!("{name:?} is no messenger that is described in the program; openline messengers list names them")
    })?;
    Ok(if tests { fixtures } else { text }.trim_end().to_owned())
}

fn begin(name: &str, folder: &Path) -> Result<String, String> {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(word) {
        return Err(format!("{name:?} is no name; write a word of a-z, 0-9, - and _"));
    }
    let (text, fixtures) = described::new(name);
    let mut out = String::new();
    for (file, text) in [(format!("{name}.toml"), text), (format!("{name}.tests.toml"), fixtures)] {
        let path = folder.join(file);
        if path.exists() {
            return Err(format!("{} is there already", path.display()));
        }
        std::fs::write(&path, text).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        let _ = writeln!(out, "{}", path.display());
    }
    let _ = write!(out, "Now: openline messengers test {}", folder.join(format!("{name}.toml")).display());
    Ok(out)
}

async fn test(file: &Path) -> Result<String, String> {
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|error| format!("{} can't be read: {error}", file.display()))
    };
    let description = read(file)?;
    described::Kind::read("test", &description).map_err(|wrong| format!("{}: {wrong}", file.display()))?;
    let beside = file.with_extension("tests.toml");
    let outcomes = described::outcomes(&description, &read(&beside)?).await;
    let outcomes = outcomes.map_err(|wrong| format!("{}: {wrong}", beside.display()))?;
    let mut failed = String::new();
    for Outcome { name, line, problems } in &outcomes {
        for problem in problems {
            let _ = writeln!(failed, "{}:{line}: {name}: {problem}", beside.display());
        }
    }
    let bad = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
    if bad == 0 {
        return Ok(format!("{}: ok, {} fixtures", file.display(), outcomes.len()));
    }
    let _ = write!(failed, "{bad} of {} fixtures failed", outcomes.len());
    Err(failed)
}

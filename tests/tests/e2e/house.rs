//! What cargo can't see of the house rules.

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

//! Kept files, as contents name them.

use openline_core::FileId;

/// The kept files that a stored content names. (Quotes in what somebody wrote have a backslash before them.)
pub(crate) fn names(content: &str) -> impl Iterator<Item = FileId> {
    let behind = content.match_indices("\"stored\":\"").map(|(at, before)| &content[at + before.len()..]);
    behind.filter_map(|rest| FileId::parse(rest.split('"').next()?).ok())
}

#[cfg(test)]
mod tests {
    use super::names;
    use openline_core::FileId;
    use openline_core::message::{Content, File, FileSource};

    /// They are read from the text, which must go on looking like that.
    #[test]
    fn kept_files_are_found_in_contents() {
        let ids = ["a", "7"].map(|digit| FileId::parse(&digit.repeat(64)).unwrap());
        let file = |id: &FileId| File {
            name: format!("\"stored\":\"{}\"", "b".repeat(64)),
            mime: "stored".to_owned(),
            size: None,
            pixels: None,
            source: FileSource::Stored(id.clone()),
        };
        let text = format!("{{\"stored\":\"{}\"}}", "c".repeat(64));
        let content = Content { files: ids.iter().map(file).collect(), ..Content::plain(text) };
        assert_eq!(names(&serde_json::to_string(&content).unwrap()).collect::<Vec<_>>(), ids);
    }
}

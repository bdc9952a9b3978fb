//! What a visitor changes of an own message.

use crate::domain::id::FileId;
use crate::domain::message::{Content, FileSource, Item};
use crate::ports::store::Amend;
use crate::ports::work::Act;

/// What is to be done at the operators' side; `None` when it changes nothing.
pub fn amend(item: &Item, amend: &Amend) -> Option<Act> {
    match amend {
        _ if item.deleted => None,
        Amend::Edit(content) => (*content != item.content).then_some(Act::Edit),
        Amend::Delete => Some(Act::Delete),
    }
}

/// The kept files that a message named before, and does not name in its new content (none when it was deleted).
pub fn let_go(before: &Content, amend: &Amend) -> Vec<FileId> {
    let after = match amend {
        Amend::Edit(content) => kept(content),
        Amend::Delete => Vec::new(),
    };
    kept(before).into_iter().filter(|id| !after.contains(id)).collect()
}

/// The kept files that a content names.
pub fn kept(content: &Content) -> Vec<FileId> {
    let ids = content.files.iter().filter_map(|file| match &file.source {
        FileSource::Stored(id) => Some(id.clone()),
        FileSource::Backend(_) => None,
    });
    ids.collect()
}

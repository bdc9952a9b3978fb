//! Rating: when two buttons are shown, and how a vote looks.
//!
//! The portal takes a text of `1` or `0` as a vote while it waits for one (`bitrix24.md` §4.7). It does not tell that it
//! does, and its question is in any language, so it is the order of things that decides: a dialog was finished, and at
//! its end the line said something. The script's twin is `rating.js`.

use openline_core::line::LineInfo;
use openline_core::message::{Item, ItemKind, Side};
use serde::Deserialize;

/// What keys of votes begin with, so that nothing that was only typed is taken for one.
const MARK: &str = "rate-";

/// `[settings.rating]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawRating {
    pub(in crate::website) ask: Ask,
}

/// When visitors are offered to rate.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::website) enum Ask {
    /// When the line asks for it.
    #[default]
    Auto,
    Always,
    Never,
}

impl Ask {
    /// Whether dialogs of that line are rated.
    pub(in crate::website) fn wants(self, line: &LineInfo) -> bool {
        match self {
            Self::Auto => line.rating,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether the end of the conversation asks for a vote.
pub(in crate::website) fn asked(items: &[Item]) -> bool {
    let (mut finished, mut said) = (false, false);
    for item in items.iter().rev() {
        match (item.kind, item.side) {
            (ItemKind::DialogFinished, _) => finished = true,
            (ItemKind::Message, Side::System) => said = true,
            _ => break,
        }
    }
    finished && said
}

/// A key for a vote.
pub(in crate::website) fn key(fresh: &str) -> String {
    format!("{MARK}{fresh}")
}

/// How a vote is shown; `None` for what is none.
pub(in crate::website) fn shown(item: &Item) -> Option<&'static str> {
    let vote = item.side == Side::Visitor && item.key.starts_with(MARK);
    match item.content.text.to_plain().as_str() {
        "1" if vote => Some("👍"),
        "0" if vote => Some("👎"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::memory;
    use openline_core::message::Content;

    fn item(kind: ItemKind, side: Side, key: &str, text: &str) -> Item {
        Item { kind, ..memory::item(1, key, side, Content::plain(text)) }
    }

    fn asks(order: &str) -> bool {
        let one = |c: char| match c {
            'v' => item(ItemKind::Message, Side::Visitor, "k", "hi"),
            'o' => item(ItemKind::Message, Side::Operator, "k", "hi"),
            's' => item(ItemKind::Message, Side::System, "k", "rate us"),
            'b' => item(ItemKind::DialogStarted, Side::System, "k", ""),
            _ => item(ItemKind::DialogFinished, Side::System, "k", ""),
        };
        asked(&order.chars().map(one).collect::<Vec<_>>())
    }

    #[test]
    fn a_vote_is_asked_for_when_the_line_speaks_at_the_end() {
        for yes in ["bvosf", "bvofs", "bvofss", "bvossf"] {
            assert!(asks(yes), "{yes}");
        }
        for no in ["", "bvs", "bvof", "bvosfv", "bvosfb", "bvsof", "bvosfo"] {
            assert!(!asks(no), "{no}");
        }
    }

    #[test]
    fn only_what_was_voted_is_a_vote() {
        let visitor = |key: &str, text: &str| shown(&item(ItemKind::Message, Side::Visitor, key, text));
        assert_eq!((visitor(&key("x"), "1"), visitor(&key("x"), "0")), (Some("👍"), Some("👎")));
        assert_eq!((visitor("x", "1"), visitor(&key("x"), "1 apple")), (None, None));
        assert_eq!(shown(&item(ItemKind::Message, Side::Operator, &key("x"), "1")), None);
    }
}

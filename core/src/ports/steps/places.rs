//! Where an item stands among the others of its conversation.

use crate::domain::id::{Pos, Rev};

/// Space between two items' positions, for late ones.
pub const POS_STEP: i64 = 1 << 16;

/// What a new item of a conversation gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The conversation's next revision.
    pub rev: Rev,
    /// Where it stands.
    pub pos: Pos,
}

/// Where what came from the operators' side belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// At the end: nothing that was written later came earlier.
    AtTheEnd,
    /// Before what the visitor wrote last.
    BeforeLastWords,
    /// Before the first one with a greater `remote`.
    BeforeLater,
}

impl Stands {
    /// `newest`: no other of the conversation has as great a `remote`; `greets`: it is the line's greeting.
    pub fn of(newest: bool, greets: bool) -> Self {
        match (newest, greets) {
            (true, false) => Self::AtTheEnd,
            (true, true) => Self::BeforeLastWords,
            (false, _) => Self::BeforeLater,
        }
    }
}

/// The middle between the item at `next` and the one before it (what is below 0 is a note, and none of them), and whether
/// there is no room: then the one at `next` and all behind it move on by [`POS_STEP`] first.
pub fn between(before: Option<i64>, next: i64) -> (Pos, bool) {
    let before = before.unwrap_or(0).max(0);
    let crowded = next - before < 2;
    let next = if crowded { next + POS_STEP } else { next };
    (Pos(before + (next - before) / 2), crowded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_item_stands_in_the_middle_and_makes_room_where_there_is_none() {
        assert_eq!(between(Some(POS_STEP), 2 * POS_STEP), (Pos(POS_STEP + POS_STEP / 2), false));
        assert_eq!(between(Some(7), 9), (Pos(8), false));
        assert_eq!(between(Some(7), 8), (Pos(8 + POS_STEP / 2 - 1), true));
        assert_eq!(between(Some(-3), POS_STEP), between(None, POS_STEP), "a note is no item before it");
    }

    #[test]
    fn a_greeting_that_is_late_is_like_any_other() {
        assert_eq!(Stands::of(true, true), Stands::BeforeLastWords);
        assert_eq!(Stands::of(true, false), Stands::AtTheEnd);
        assert_eq!(Stands::of(false, true), Stands::BeforeLater);
    }
}

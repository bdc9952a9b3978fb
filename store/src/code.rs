//! Enumerations as both kinds of databases store them.

use openline_core::StoreError;
use openline_core::message::{Dialog, ItemKind, Side, State};
use openline_core::store::{Act, Work};

/// An enumeration that is stored as its place in a list. Lists only grow at their end.
pub(crate) trait Stored: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn code(self) -> i16 {
        Self::ALL.iter().position(|v| *v == self).and_then(|p| i16::try_from(p).ok()).unwrap_or(-1)
    }

    fn of(code: i16) -> Result<Self, StoreError> {
        let found = usize::try_from(code).ok().and_then(|index| Self::ALL.get(index));
        found.copied().ok_or_else(|| StoreError::Corrupt(format!("{code} is no code of an enumeration")))
    }
}

impl Stored for Side {
    const ALL: &'static [Self] = &[Self::Visitor, Self::Operator, Self::System];
}
impl Stored for ItemKind {
    const ALL: &'static [Self] = &[Self::Message, Self::DialogStarted, Self::DialogFinished, Self::Note];
}
impl Stored for State {
    const ALL: &'static [Self] = &[Self::Sent, Self::Delivered, Self::Failed];
}
impl Stored for Dialog {
    const ALL: &'static [Self] = &[Self::None, Self::Open, Self::Closed];
}
impl Stored for Work {
    const ALL: &'static [Self] = &[
        Self::ToOperators(Act::Send),
        Self::ToOperators(Act::Edit),
        Self::ToOperators(Act::Delete),
        Self::Confirm,
        Self::Note,
        Self::ToVisitor(Act::Send),
        Self::ToVisitor(Act::Edit),
        Self::ToVisitor(Act::Delete),
    ];
}

/// The codes of the jobs that bring a message: of each message there is one of these, by whose it is.
pub(crate) fn sends() -> [i16; 2] {
    [Work::ToOperators(Act::Send).code(), Work::ToVisitor(Act::Send).code()]
}

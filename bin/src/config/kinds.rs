//! What people read of the kinds of channel that there are.

use openline_channels::Kinds;

/// What to say of a kind that doesn't exist.
pub fn unknown_kind(name: &str, kinds: &Kinds) -> String {
    format!("{name:?} is not a kind of channel; there is: {}", known_kinds(kinds))
}

/// The kinds there are, for people.
pub fn known_kinds(kinds: &Kinds) -> String {
    kinds.names().collect::<Vec<_>>().join(", ")
}

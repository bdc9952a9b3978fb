//! Identifiers. Each says who makes it and where it is unique.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a {what}: {rule}")]
pub struct InvalidId {
    what: &'static str,
    rule: &'static str,
    value: String,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`InvalidId`] when the text breaks the rule named there.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(value) {
                    Ok(Self(value.into()))
                } else {
                    let value = value.chars().take(80).collect();
                    Err(InvalidId { what: $what, rule: $rule, value })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::parse(&value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

text_id!(
    /// A configured channel instance: the key of its `[channels.ID]` table, chosen by the admin, unique in one
    /// configuration and never changed afterwards.
    ChannelId,
    "channel id",
    "use 1 to 32 of a-z, 0-9, _ and -, beginning with a letter",
    |v| (1..=32).contains(&v.len())
        && v.starts_with(|c: char| c.is_ascii_lowercase())
        && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
);

text_id!(
    /// One chat of a channel: made by the channel, unique in its instance, stable for the chat's life. The backend uses
    /// it as the external chat id, so it has no `|` and at most 100 characters (`bitrix24.md` §4.7, §10.2 no. 13).
    ChatId,
    "chat id",
    "use 1 to 100 visible ASCII characters without |",
    |v| (1..=100).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic() && b != b'|')
);

text_id!(
    /// Kept bytes: the SHA-256 of their content in lower-case hexadecimal; the same bytes always have the same id.
    FileId,
    "file id",
    "it is 64 lower-case hexadecimal digits",
    |v| v.len() == 64 && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A conversation's row: made by the store, unique in it.
    ConversationId
);
number_id!(
    /// A message's row: made by the store, unique in it, growing.
    MessageId
);
number_id!(
    /// A job's row: made by the store, unique in it; grows in the order in which a lane must be worked off.
    JobId
);
number_id!(
    /// A conversation's revision: made by the store, one higher with each change that a visitor can see. It is the
    /// cursor of everyone who follows the conversation.
    Rev
);
number_id!(
    /// Where an item stands in its conversation: made by the store, spaced so that a late item fits between two. It
    /// changes when there is no room; the item has a new revision then.
    Pos
);

/// Whose run stored an item: a random word that a store draws each time it is opened. A backup that was restored gives out
/// numbers that were given out before; together with the run's word none is ever given out twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A chat's full address: which instance, which chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatAddress {
    /// The channel instance.
    pub channel: ChannelId,
    /// The chat there.
    pub chat: ChatId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_ids_are_short_lower_case_words() {
        assert!(ChannelId::parse("site-2").is_ok());
        for bad in ["", "Site", "2site", "a.b", "a|b", "x".repeat(33).as_str()] {
            assert!(ChannelId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn chat_ids_fit_the_portals_user_code() {
        assert!(ChatId::parse("c-1").is_ok());
        for bad in ["", "a|b", "a b", "ä", "x".repeat(101).as_str()] {
            assert!(ChatId::parse(bad).is_err(), "{bad}");
        }
    }
}

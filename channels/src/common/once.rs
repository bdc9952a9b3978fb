//! Keys under which a message is sent: the same at each repetition of the same part, and never that of another one.

use openline_core::channel::Outgoing;
use sha2::{Digest, Sha256};

/// The key of a part of an operator's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Once([u8; 16]);

impl Once {
    /// The key of the part at `index`. Rows of a new database begin anew, so the time belongs to it.
    pub(crate) fn of(message: Outgoing<'_>, index: usize) -> Self {
        let Outgoing { conversation, item, .. } = message;
        let whole = format!("{}/{}/{}/{}/{index}", conversation.channel, conversation.chat, item.id, item.at.0);
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(whole)[..16]);
        Self(key)
    }

    /// 32 hexadecimal digits.
    pub(crate) fn text(self) -> String {
        hex::encode(self.0)
    }

    /// A UUID (version 8) in its usual form.
    pub(crate) fn uuid(self) -> String {
        let mut bytes = self.0;
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = hex::encode(bytes);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// A number from 1 to 2³¹ − 1.
    pub(crate) fn number(self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        (u32::from_be_bytes([a, b, c, d]) >> 1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_forms_that_messengers_take() {
        let key = Once([0xff; 16]);
        assert_eq!(key.uuid(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!((key.text().len(), key.number()), (32, i32::MAX.unsigned_abs()));
        assert_eq!(Once([0; 16]).number(), 1);
    }
}

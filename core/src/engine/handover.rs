//! Going on elsewhere: a visitor takes a conversation from one channel to another by a short-lived signed word, and the
//! operators there learn what was said before.

use crate::domain::id::ConversationId;
use crate::domain::message::{Item, ItemKind, Side, Visitor};
use crate::domain::secret::{Keys, MasterSecret, same, sign};
use crate::domain::words::Catalogue;
use crate::ports::clock::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::time::Duration;

/// How long such a word is good.
pub const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a word is good for a channel that has taken it over and tells the operators later.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Items of the earlier conversation that are told.
pub(crate) const TOLD: usize = 30;
const PROOF: usize = 12;

/// Where a conversation can be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// What the place is called: "Telegram".
    pub name: String,
    /// Which one of that name it is, for when there are several: "@shop_bot".
    pub which: String,
    /// The address that leads there.
    pub url: String,
}

/// Sorts places by name, and tells those of the same name apart.
pub(crate) fn told_apart(mut places: Vec<Continuation>) -> Vec<Continuation> {
    let all: Vec<_> = places.iter().map(|place| place.name.clone()).collect();
    for place in &mut places {
        if all.iter().filter(|name| **name == place.name).count() > 1 {
            place.name = format!("{} {}", place.name, place.which);
        }
    }
    places.sort_by(|a, b| (&a.name, &a.url).cmp(&(&b.name, &b.url)));
    places
}

/// What a handed-over conversation brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The earlier conversation.
    pub from: ConversationId,
    /// Who it was with.
    pub visitor: Visitor,
    /// What was said there last, for the operators' eyes.
    pub transcript: String,
    /// The same once more within a week, for whoever has to tell it later: unlike the transcript it may be kept, because
    /// nothing stands in it that somebody may want to have forgotten.
    pub word: String,
}

/// Makes and checks the words.
#[derive(Clone)]
pub(crate) struct Words {
    keys: Keys,
}

impl Words {
    pub(crate) fn new(secret: &MasterSecret) -> Self {
        Self { keys: secret.keys("core/handover") }
    }

    /// 32 characters of `A-Za-z0-9_-`: Telegram takes 64 of these.
    pub(crate) fn make(&self, id: ConversationId, until: Timestamp) -> String {
        let until = u32::try_from(until.seconds()).unwrap_or(u32::MAX);
        let mut bytes = [id.0.to_be_bytes().as_slice(), &until.to_be_bytes()].concat();
        let proof = sign(self.keys.present(), &bytes);
        bytes.extend(&proof[..PROOF]);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn read(&self, word: &str, now: Timestamp) -> Option<ConversationId> {
        self.signed(word).filter(|(_, until)| now.seconds() <= *until).map(|(id, _)| id)
    }

    /// Whose word it is, and until when it is good, in seconds.
    pub(crate) fn signed(&self, word: &str) -> Option<(ConversationId, i64)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(word).ok().filter(|bytes| bytes.len() == 12 + PROOF)?;
        let is_its = self.keys.any(|key| same(&bytes[12..], &sign(key, &bytes[..12])[..PROOF]));
        let until = i64::from(u32::from_be_bytes(bytes[8..12].try_into().ok()?));
        let id = i64::from_be_bytes(bytes[..8].try_into().ok()?);
        is_its.then_some((ConversationId(id), until))
    }
}

/// The last of what was said, one line an item.
pub(crate) fn transcript(words: &Catalogue, channel: &str, items: &[Item]) -> String {
    let lines = items.iter().filter(|item| item.kind == ItemKind::Message && !item.deleted).map(|item| {
        let who = match item.side {
            Side::Visitor => words.get("said_visitor"),
            Side::Operator => item.author.as_deref().unwrap_or_else(|| words.get("said_operator")),
            Side::System => words.get("said_automatic"),
        };
        let text: String = item.content.text.to_plain().replace('\n', " ").chars().take(300).collect();
        let files = item.content.files.iter().map(|file| format!(" [{}]", file.name)).collect::<String>();
        format!("{who}: {text}{files}")
    });
    let lines: Vec<_> = lines.collect();
    format!("{}\n{}", words.fill("wrote_before", &[("channel", channel)]), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_name_are_told_apart() {
        let place =
            |name: &str, which: &str| Continuation { name: name.into(), which: which.into(), url: which.into() };
        let places = told_apart(vec![place("Pigeon", "@b"), place("Smoke", "@c"), place("Pigeon", "@a")]);
        let names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(names, ["Pigeon @a", "Pigeon @b", "Smoke"]);
    }

    #[test]
    fn a_word_is_short_signed_and_passing() {
        let words = Words::new(&MasterSecret::new([1; 32]));
        let word = words.make(ConversationId(77), Timestamp(1_790_000_000_000).plus(LIFETIME));
        assert_eq!(word.len(), 32);
        assert_eq!(words.read(&word, Timestamp(1_790_000_000_000)), Some(ConversationId(77)));
        assert_eq!(words.read(&word, Timestamp(1_790_000_000_000).plus(LIFETIME * 2)), None);
        assert_eq!(words.signed(&word).map(|(id, _)| id), Some(ConversationId(77)));
        assert_eq!(words.signed("campaign42"), None);
        let other = Words::new(&MasterSecret::new([2; 32]));
        assert_eq!(other.read(&word, Timestamp(1_790_000_000_000)), None);
        for bad in ["", "x", &word[1..], &format!("{word}AAAA")] {
            assert_eq!(words.read(bad, Timestamp(0)), None, "{bad}");
        }
    }
}

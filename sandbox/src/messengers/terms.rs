//! What all the stand-ins speak of: which messenger, what a person does, what goes wrong, what is signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Which messenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A VK community.
    Vk,
    /// A MAX bot.
    Max,
    /// A `WhatsApp` business number.
    WhatsApp,
    /// A Facebook page.
    Messenger,
    /// A Viber bot.
    Viber,
    /// A LINE official account.
    Line,
}

impl Which {
    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vk => "VK",
            Self::Max => "MAX",
            Self::WhatsApp => "WhatsApp",
            Self::Messenger => "Messenger",
            Self::Viber => "Viber",
            Self::Line => "LINE",
        }
    }
}

/// A file in the messenger's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its number there.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its type.
    pub mime: String,
    /// Bytes.
    pub size: usize,
}

/// What a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Writes; the number names the message.
    Writes(u64, String),
    /// Sends a file that was put into the stand-in's store under this name.
    Sends(u64, Upload),
    /// Changes what they wrote.
    Edits(u64, String),
    /// Takes back what they wrote.
    Deletes(u64),
}

/// What goes wrong at the messenger, once or for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The next message is refused for good.
    Refuses,
    /// The next message is taken, and its answer lost.
    LosesAnswer,
    /// Calls are not let in until [`Server::relents`].
    LocksOut,
    /// The next message is asked to come later.
    SlowsDown,
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "vk" => Self::Vk,
            "max" => Self::Max,
            "whatsapp" => Self::WhatsApp,
            "messenger" => Self::Messenger,
            "viber" => Self::Viber,
            "line" => Self::Line,
            _ => return Err(format!("{name:?} is none; there is: vk, max, whatsapp, messenger, viber, line")),
        })
    }
}

/// What every call of openline has to bring.
pub(super) const TOKEN: &str = "t0ken-of-the-stand-in";
/// What the messenger signs with.
pub(super) const SECRET: &str = "s3cret-of-the-stand-in";

/// A number from 1 to a million that belongs to a word.
fn number(word: &str) -> u64 {
    word.bytes().fold(7_u64, |sum, byte| (sum * 131 + u64::from(byte)) % 999_983) + 1
}

/// What a messenger calls a person.
pub(super) fn id(which: Which, person: &str) -> String {
    let n = number(person);
    match which {
        Which::Vk => n.to_string(),
        Which::Max => format!("9{n:06}"),
        Which::WhatsApp => format!("4917{n:07}"),
        Which::Messenger => format!("5{n:014}"),
        Which::Viber => format!("{n:012x}abcd+/=="),
        Which::Line => format!("U{n:032x}"),
    }
}

fn mac(key: &str, body: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
    mac.map(|mut mac| {
        mac.update(body.as_bytes());
        mac.finalize().into_bytes().to_vec()
    })
    .unwrap_or_default()
}

pub(super) fn signature(which: Which, body: &str) -> Option<(&'static str, String)> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    match which {
        Which::Vk => None,
        Which::Max => Some(("x-max-bot-api-secret", SECRET.to_owned())),
        Which::WhatsApp | Which::Messenger => {
            Some(("x-hub-signature-256", format!("sha256={}", hex::encode(mac(SECRET, body)))))
        }
        Which::Viber => Some(("x-viber-content-signature", hex::encode(mac(TOKEN, body)))),
        Which::Line => Some(("x-line-signature", BASE64_STANDARD.encode(mac(SECRET, body)))),
    }
}

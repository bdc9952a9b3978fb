//! Who a visitor is: a token made here, signed here, kept by their browser. Nothing is stored for it.
//!
//! A token is `v1.` + 32 random bytes + `.` + the first 16 bytes of their HMAC, both in base64url. The chat id is
//! another HMAC of the random bytes, so that whoever sees it (operators, the portal) can't get at the session.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openline_core::secret::{MasterSecret, sign};
use openline_core::{ChannelId, ChatId};
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// A browser keeps the session for a year after it was made.
const MAX_AGE: u32 = 365 * 24 * 3600;
const TAG: usize = 16;

/// Makes and reads sessions of one channel instance.
pub(super) struct Sessions {
    proof_key: [u8; 32],
    chat_key: [u8; 32],
    cookie: String,
    path: String,
    secure: bool,
}

/// A visitor's session.
pub(super) struct Session {
    /// What the browser keeps. Whoever has it is this visitor.
    pub(super) token: String,
    /// Their chat.
    pub(super) chat: ChatId,
}

impl Sessions {
    /// For a channel whose pages are below `path` (`/c/site/`).
    pub(super) fn new(secret: &MasterSecret, channel: &ChannelId, path: &str, secure: bool) -> Self {
        Self {
            proof_key: secret.derive(&format!("website/session/{channel}")),
            chat_key: secret.derive(&format!("website/chat/{channel}")),
            cookie: format!("ol_{channel}"),
            path: path.to_owned(),
            secure,
        }
    }

    /// A new session; `None` when the system has no randomness.
    pub(super) fn make(&self) -> Option<Session> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        let tag = sign(&self.proof_key, &random);
        let (random64, tag64) = (BASE64_URL_SAFE_NO_PAD.encode(random), BASE64_URL_SAFE_NO_PAD.encode(&tag[..TAG]));
        Some(Session { token: format!("v1.{random64}.{tag64}"), chat: self.chat(&random)? })
    }

    /// The session of a token; `None` when it was not made here.
    pub(super) fn read(&self, token: &str) -> Option<Session> {
        let (random, tag) = token.strip_prefix("v1.")?.split_once('.')?;
        let random: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(random).ok()?.try_into().ok()?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        let expected = sign(&self.proof_key, &random);
        if !bool::from(expected[..TAG].ct_eq(&tag)) {
            return None;
        }
        Some(Session { token: token.to_owned(), chat: self.chat(&random)? })
    }

    fn chat(&self, random: &[u8; 32]) -> Option<ChatId> {
        let id = sign(&self.chat_key, random)[..16].iter().fold(String::from("w"), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        ChatId::parse(&id).ok()
    }

    /// The `Set-Cookie` value that keeps a session.
    pub(super) fn set_cookie(&self, session: &Session) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { cookie, path, .. } = self;
        format!("{cookie}={}; Path={path}; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}", session.token)
    }

    /// The `Set-Cookie` value that forgets it.
    pub(super) fn drop_cookie(&self) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { cookie, path, .. } = self;
        format!("{cookie}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
    }

    /// The session in a `Cookie` header.
    pub(super) fn in_cookies(&self, header: &str) -> Option<Session> {
        let values = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        values.filter(|(name, _)| *name == self.cookie).find_map(|(_, value)| self.read(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(secret: u8, channel: &str) -> Sessions {
        let secret = MasterSecret::new([secret; 32]);
        Sessions::new(&secret, &ChannelId::parse(channel).unwrap(), "/c/site/", true)
    }

    #[test]
    fn a_session_is_known_again_and_only_here() {
        let here = sessions(1, "site");
        let session = here.make().unwrap();
        assert_eq!(here.read(&session.token).unwrap().chat, session.chat);
        assert!(sessions(2, "site").read(&session.token).is_none());
        assert!(sessions(1, "other").read(&session.token).is_none());
    }

    #[test]
    fn forgeries_are_refused() {
        let here = sessions(1, "site");
        let token = here.make().unwrap().token;
        let mut other = token.clone().into_bytes();
        other[5] = if other[5] == b'A' { b'B' } else { b'A' };
        for bad in [
            "",
            "v1.",
            "v1..",
            "x",
            &token[..token.len() - 1],
            std::str::from_utf8(&other).unwrap(),
            &format!("{token}A"),
        ] {
            assert!(here.read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_chat_id_reveals_nothing_of_the_token() {
        let session = sessions(1, "site").make().unwrap();
        assert_eq!(session.chat.as_str().len(), 33);
        assert!(!session.token.contains(&session.chat.as_str()[1..9]));
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_other_sites() {
        let here = sessions(1, "site");
        let session = here.make().unwrap();
        let cookie = here.set_cookie(&session);
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/c/site/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let header = format!("a=b; ol_site=bad; ol_site={}; c=d", session.token);
        assert_eq!(here.in_cookies(&header).unwrap().chat, session.chat);
    }
}

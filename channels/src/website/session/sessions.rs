//! Who a visitor is: a token made here, signed here, kept by their browser. Nothing is stored for it.
//!
//! A token is `v1.` + 32 random bytes + `.` + the first 16 bytes of their HMAC, both in base64url. The chat id is
//! another HMAC of the random bytes, so that whoever sees it (operators, the portal) can't get at the session.
//!
//! A customer who was identified ([`crate::website::session::identity`]) has a token `v2.` instead: 32 bytes that stand for the customer,
//! 16 random ones, and the same kind of proof. Its chat id comes from the customer's bytes alone: all their devices are
//! in one conversation.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openline_core::secret::{MasterSecret, sign};
use openline_core::{ChannelId, ChatId};
use subtle::ConstantTimeEq;

/// A browser keeps the session for a year after it was made.
const MAX_AGE: u32 = 365 * 24 * 3600;
const TAG: usize = 16;
/// Random bytes of a customer's token: no two are the same.
const SALT: usize = 16;

/// Makes and reads sessions of one channel instance.
pub(in crate::website) struct Sessions {
    proof_key: [u8; 32],
    chat_key: [u8; 32],
    customer: CustomerKeys,
    cookie: String,
    path: String,
    secure: bool,
}

/// What customers' sessions are made with.
struct CustomerKeys {
    name: [u8; 32],
    proof: [u8; 32],
    chat: [u8; 32],
}

/// A visitor's session.
pub(in crate::website) struct Session {
    /// What the browser keeps. Whoever has it is this visitor.
    pub(in crate::website) token: String,
    /// Their chat.
    pub(in crate::website) chat: ChatId,
    /// Whether it belongs to a customer whom the embedding site has identified.
    pub(in crate::website) identified: bool,
}

impl Sessions {
    /// For a channel whose pages are below `path` (`/c/site/`).
    pub(in crate::website) fn new(secret: &MasterSecret, channel: &ChannelId, path: &str, secure: bool) -> Self {
        Self {
            proof_key: secret.derive(&format!("website/session/{channel}")),
            chat_key: secret.derive(&format!("website/chat/{channel}")),
            customer: CustomerKeys {
                name: secret.derive(&format!("website/customer/{channel}")),
                proof: secret.derive(&format!("website/customer-session/{channel}")),
                chat: secret.derive(&format!("website/customer-chat/{channel}")),
            },
            cookie: format!("ol_{channel}"),
            path: path.to_owned(),
            secure,
        }
    }

    /// A new session; `None` when the system has no randomness.
    pub(in crate::website) fn make(&self) -> Option<Session> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        Some(Session {
            token: token("v1", &random, &self.proof_key),
            chat: chat("w", &self.chat_key, &random)?,
            identified: false,
        })
    }

    /// A new session of the customer with this id in the embedding site; whether it is them was checked before.
    pub(in crate::website) fn make_for(&self, id: &str) -> Option<Session> {
        let mut payload = [0; 32 + SALT];
        let name = sign(&self.customer.name, id.as_bytes());
        payload[..32].copy_from_slice(&name);
        getrandom::fill(&mut payload[32..]).ok()?;
        Some(Session {
            token: token("v2", &payload, &self.customer.proof),
            chat: chat("u", &self.customer.chat, &name)?,
            identified: true,
        })
    }

    /// The session of a token; `None` when it was not made here.
    pub(in crate::website) fn read(&self, token: &str) -> Option<Session> {
        let (version, rest) = token.split_once('.')?;
        let (chat, identified) = match version {
            "v1" => (chat("w", &self.chat_key, &proven::<32>(rest, &self.proof_key)?)?, false),
            "v2" => {
                let payload = proven::<{ 32 + SALT }>(rest, &self.customer.proof)?;
                (chat("u", &self.customer.chat, &payload[..32])?, true)
            }
            _ => return None,
        };
        Some(Session { token: token.to_owned(), chat, identified })
    }

    /// The `Set-Cookie` value that keeps a session.
    pub(in crate::website) fn set_cookie(&self, session: &Session) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { cookie, path, .. } = self;
        format!("{cookie}={}; Path={path}; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}", session.token)
    }

    /// The `Set-Cookie` value that forgets it.
    pub(in crate::website) fn drop_cookie(&self) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { cookie, path, .. } = self;
        format!("{cookie}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Lax{secure}")
    }

    /// The session in a `Cookie` header.
    pub(in crate::website) fn in_cookies(&self, header: &str) -> Option<Session> {
        let values = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        values.filter(|(name, _)| *name == self.cookie).find_map(|(_, value)| self.read(value))
    }
}

fn token(version: &str, payload: &[u8], key: &[u8; 32]) -> String {
    let tag = sign(key, payload);
    let (payload, tag) = (BASE64_URL_SAFE_NO_PAD.encode(payload), BASE64_URL_SAFE_NO_PAD.encode(&tag[..TAG]));
    format!("{version}.{payload}.{tag}")
}

/// What stands before the proof, when the proof is good.
fn proven<const LENGTH: usize>(token: &str, key: &[u8; 32]) -> Option<[u8; LENGTH]> {
    let (payload, tag) = token.split_once('.')?;
    let payload: [u8; LENGTH] = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?.try_into().ok()?;
    let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
    bool::from(sign(key, &payload)[..TAG].ct_eq(&tag)).then_some(payload)
}

fn chat(letter: &str, key: &[u8; 32], of: &[u8]) -> Option<ChatId> {
    ChatId::parse(&format!("{letter}{}", hex::encode(&sign(key, of)[..16]))).ok()
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
    fn a_customers_sessions_share_one_chat() {
        let here = sessions(1, "site");
        let (phone, laptop) = (here.make_for("42").unwrap(), here.make_for("42").unwrap());
        assert_ne!(phone.token, laptop.token);
        assert_eq!(phone.chat, laptop.chat);
        let read = here.read(&phone.token).unwrap();
        assert!(read.identified && read.chat == phone.chat);
        assert!(here.make_for("43").unwrap().chat != phone.chat);
        assert!(sessions(1, "other").read(&phone.token).is_none());
        // A token of the one kind is none of the other.
        assert!(here.read(&phone.token.replacen("v2", "v1", 1)).is_none());
        assert!(here.read(&here.make().unwrap().token.replacen("v1", "v2", 1)).is_none());
    }

    #[test]
    fn tokens_of_the_first_form_stay_good() {
        // Made by version 0.1.0 with this secret.
        let here = sessions(1, "site");
        let random = [7; 32];
        let tag = sign(&MasterSecret::new([1; 32]).derive("website/session/site"), &random);
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let session = here.read(&format!("v1.{}.{}", encode(&random), encode(&tag[..16]))).unwrap();
        assert!(!session.identified && session.chat.as_str().starts_with('w'));
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

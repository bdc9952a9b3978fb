//! Who a visitor is: a token made here, signed here, kept by their browser. Nothing is stored for it.
//!
//! A token is `s1.` + a few words in JSON + `.` + the first 16 bytes of their HMAC, both in base64url. The words say when
//! it was made, the channel's epoch, and what the chat id is a keyed hash of: random bytes, so that whoever sees the chat
//! id (operators, the portal) can't get at the session; or, for a customer who was identified
//! ([`crate::website::session::identity`]), bytes that stand for the customer, so that all their devices are in one
//! conversation. What the embedding site has signed of a customer goes along.

use crate::website::session::identity::{Customer, Signed};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openline_core::secret::{Keys, MasterSecret, same, sign};
use openline_core::{ChannelId, ChatId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const VERSION: &str = "s1";
const TAG: usize = 16;
/// Longest token that is looked at, in bytes.
const LONGEST: usize = 2_000;
/// A visitor's session ends so long after it was made …
const LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);
/// … and that of a customer, whose page signs them in again.
const CUSTOMER_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// A clock may be so far ahead that made a token.
const SKEW: Duration = Duration::from_secs(300);

/// Makes and reads sessions of one channel instance.
pub(in crate::website) struct Sessions {
    keys: SessionKeys,
    cookie: String,
    path: String,
    secure: bool,
    epoch: u32,
    /// Of the secrets by which customers may have been identified.
    identified_by: Vec<String>,
}

struct SessionKeys {
    proof: Keys,
    visitor: [u8; 32],
    customer: [u8; 32],
    name: [u8; 32],
    id: [u8; 32],
}

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Words {
    /// Random, so that no two are the same.
    r: String,
    /// When it was made, in Unix milliseconds.
    i: i64,
    /// The channel's epoch.
    e: u32,
    /// The customer, as a keyed hash of their id in the embedding site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<CustomerWords>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct CustomerWords {
    n: String,
    /// By which secret they were identified.
    k: String,
    #[serde(default)]
    s: Signed,
}

/// A visitor's session.
#[derive(Clone)]
pub(in crate::website) struct Session {
    /// What the browser keeps. Whoever has it is this visitor.
    pub(in crate::website) token: String,
    /// Their chat.
    pub(in crate::website) chat: ChatId,
    /// What the embedding site has signed, of a customer whom it has identified.
    pub(in crate::website) customer: Option<Signed>,
    /// When it was made, in Unix milliseconds.
    pub(in crate::website) made: i64,
    /// What it is called where it was ended: a keyed hash, from which it can't be made.
    pub(in crate::website) id: String,
    /// Whether it is the only one that the browser shows.
    pub(in crate::website) alone: bool,
    /// Whether an earlier secret signed it: it ends with that one.
    is_old: bool,
}

impl Sessions {
    /// For a channel whose pages are below `path` (`/c/site/`); tokens of another `epoch` are over.
    pub(in crate::website) fn new(
        secret: &MasterSecret,
        channel: &ChannelId,
        path: &str,
        secure: bool,
        epoch: u32,
    ) -> Self {
        // Who somebody is stays, whatever the secret is.
        let derive = |what: &str| secret.derive_lasting(&format!("website/{what}/{channel}"));
        // Behind https no other host can set it, and where the path begins at the root no other path.
        let root = path == format!("/c/{channel}/");
        let (prefix, path) = match (secure, root) {
            (true, true) => ("__Host-", "/"),
            (true, false) => ("__Secure-", path),
            (false, _) => ("", path),
        };
        Self {
            keys: SessionKeys {
                proof: secret.keys(&format!("website/session/{channel}")),
                visitor: derive("chat"),
                customer: derive("customer-chat"),
                name: derive("customer"),
                id: derive("session-id"),
            },
            cookie: format!("{prefix}ol_{channel}"),
            path: path.to_owned(),
            secure,
            epoch,
            identified_by: Vec::new(),
        }
    }

    /// The same with the secrets by which customers may have been identified: sessions that were made by others are over.
    pub(in crate::website) fn identified_by<'s>(self, secrets: impl Iterator<Item = &'s [u8]>) -> Self {
        let identified_by = secrets.map(|secret| self.fingerprint(secret)).collect();
        Self { identified_by, ..self }
    }

    fn fingerprint(&self, secret: &[u8]) -> String {
        hex::encode(&sign(&self.keys.name, secret)[..8])
    }

    /// A new session; `None` when the system has no randomness.
    pub(in crate::website) fn make(&self, now: Timestamp) -> Option<Session> {
        self.token(now, None)
    }

    /// A new session of a customer; whether it is them was checked before.
    pub(in crate::website) fn make_for(&self, customer: &Customer<'_>, now: Timestamp) -> Option<Session> {
        let name = BASE64_URL_SAFE_NO_PAD.encode(sign(&self.keys.name, customer.id.as_bytes()));
        let words = CustomerWords { n: name, k: self.fingerprint(customer.secret), s: customer.signed.clone() };
        self.token(now, Some(words))
    }

    fn token(&self, now: Timestamp, customer: Option<CustomerWords>) -> Option<Session> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        let r = BASE64_URL_SAFE_NO_PAD.encode(random);
        let words = Words { r, i: now.0, e: self.epoch, c: customer };
        let body = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&words).ok()?);
        self.session(self.signed(&body), words, false)
    }

    fn signed(&self, body: &str) -> String {
        format!("{VERSION}.{body}.{}", tag(self.keys.proof.present(), body))
    }

    /// The same session under the present secret, when its token was signed with an earlier one.
    pub(in crate::website) fn renewed(&self, session: &Session) -> Option<Session> {
        let body = session.token.split('.').nth(1).filter(|_| session.is_old)?;
        Some(Session { token: self.signed(body), is_old: false, ..session.clone() })
    }

    /// The session of a token; `None` when it was not made here, or is over.
    pub(in crate::website) fn read(&self, token: &str, now: Timestamp) -> Option<Session> {
        let rest = token.strip_prefix(VERSION)?.strip_prefix('.').filter(|_| token.len() <= LONGEST)?;
        let (body, given) = rest.split_once('.')?;
        let signed_by = self.keys.proof.iter().position(|key| same(&tag(key, body), given))?;
        let words: Words = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let made = Timestamp(words.i);
        let lifetime = if words.c.is_some() { CUSTOMER_LIFETIME } else { LIFETIME };
        let known = words.c.as_ref().is_none_or(|customer| self.identified_by.contains(&customer.k));
        let good = known && words.e == self.epoch && made <= now.plus(SKEW) && made.until(now) < lifetime;
        if good { self.session(token.to_owned(), words, signed_by > 0) } else { None }
    }

    fn session(&self, token: String, words: Words, is_old: bool) -> Option<Session> {
        let of = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let chat = match &words.c {
            Some(customer) => chat("u", &self.keys.customer, &of(&customer.n)?)?,
            None => chat("w", &self.keys.visitor, &of(&words.r)?)?,
        };
        let id = self.id_of(&words.r);
        let customer = words.c.map(|customer| customer.s);
        Some(Session { token, chat, customer, made: words.i, id, alone: true, is_old })
    }

    /// What a token's random word, or a chat, is called where it was ended.
    pub(in crate::website) fn id_of(&self, what: &str) -> String {
        hex::encode(&sign(&self.keys.id, what.as_bytes())[..16])
    }

    /// The `Set-Cookie` value that keeps a session.
    pub(in crate::website) fn set_cookie(&self, session: &Session) -> String {
        let lifetime = if session.customer.is_some() { CUSTOMER_LIFETIME } else { LIFETIME };
        self.cookie_line(&session.token, lifetime.as_secs())
    }

    /// The `Set-Cookie` value that forgets it.
    pub(in crate::website) fn drop_cookie(&self) -> String {
        self.cookie_line("", 0)
    }

    fn cookie_line(&self, value: &str, seconds: u64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let Self { cookie, path, .. } = self;
        format!("{cookie}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The session in a `Cookie` header. Two different good ones: somebody else may have set one of them.
    pub(in crate::website) fn in_cookies(&self, header: &str, now: Timestamp) -> Option<Session> {
        let values = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut good = values.filter(|(name, _)| *name == self.cookie).filter_map(|(_, value)| self.read(value, now));
        let first = good.next()?;
        let alone = good.all(|other| other.token == first.token);
        Some(Session { alone, ..first })
    }
}

fn tag(key: &[u8; 32], body: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&sign(key, body.as_bytes())[..TAG])
}

fn chat(letter: &str, key: &[u8; 32], of: &[u8]) -> Option<ChatId> {
    ChatId::parse(&format!("{letter}{}", hex::encode(&sign(key, of)[..16]))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn sessions(secret: u8, channel: &str, epoch: u32) -> Sessions {
        let secret = MasterSecret::new([secret; 32]);
        let sessions = Sessions::new(&secret, &ChannelId::parse(channel).unwrap(), "/c/site/", true, epoch);
        sessions.identified_by([b"one".as_slice(), b"two"].into_iter())
    }

    fn customer(id: &str) -> Customer<'_> {
        Customer { id: id.to_owned(), secret: b"one", signed: Signed::default() }
    }

    #[test]
    fn a_session_is_known_again_and_only_here() {
        let here = sessions(1, "site", 0);
        let session = here.make(NOW).unwrap();
        assert_eq!(here.read(&session.token, NOW).unwrap().chat, session.chat);
        assert!(sessions(2, "site", 0).read(&session.token, NOW).is_none());
        assert!(sessions(1, "other", 0).read(&session.token, NOW).is_none());
    }

    #[test]
    fn a_session_ends_with_its_time_its_epoch_and_its_secret() {
        let here = sessions(1, "site", 0);
        let (visitor, signed_in) = (here.make(NOW).unwrap(), here.make_for(&customer("42"), NOW).unwrap());
        assert!(here.read(&visitor.token, NOW.plus(179 * DAY)).is_some());
        assert!(here.read(&visitor.token, NOW.plus(180 * DAY)).is_none());
        assert!(here.read(&signed_in.token, NOW.plus(6 * DAY)).is_some());
        assert!(here.read(&signed_in.token, NOW.plus(7 * DAY)).is_none());
        assert!(here.read(&visitor.token, NOW.minus(DAY)).is_none(), "made in the future");
        assert!(sessions(1, "site", 1).read(&visitor.token, NOW).is_none());
        let changed = sessions(1, "site", 0).identified_by([b"two".as_slice()].into_iter());
        assert!(changed.read(&signed_in.token, NOW).is_none() && changed.read(&visitor.token, NOW).is_some());
    }

    #[test]
    fn a_changed_secret_keeps_sessions_while_the_earlier_one_is_told() {
        let (old, path) = (MasterSecret::new([1; 32]), "/c/site/");
        let new = || MasterSecret::new([2; 32]).rooted([1; 32]);
        let site = ChannelId::parse("site").unwrap();
        let of = |secret: &MasterSecret| {
            Sessions::new(secret, &site, path, true, 0).identified_by([b"one".as_slice()].into_iter())
        };
        let (before, both, after) = (of(&old), of(&new().with_earlier(vec![[1; 32]])), of(&new()));
        for made in [before.make(NOW).unwrap(), before.make_for(&customer("42"), NOW).unwrap()] {
            let read = both.read(&made.token, NOW).unwrap();
            assert!(read.chat == made.chat && read.id == made.id);
            let renewed = both.renewed(&read).unwrap();
            assert!(after.read(&made.token, NOW).is_none());
            let read = after.read(&renewed.token, NOW).unwrap();
            assert!(read.chat == made.chat && read.id == made.id && after.renewed(&read).is_none());
        }
        let (first, again) = (before.make_for(&customer("42"), NOW), after.make_for(&customer("42"), NOW));
        assert!(first.unwrap().chat == again.unwrap().chat, "a customer is who they were");
    }

    #[test]
    fn forgeries_are_refused() {
        let here = sessions(1, "site", 0);
        let token = here.make(NOW).unwrap().token;
        let mut other = token.clone().into_bytes();
        other[5] = if other[5] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        let cut = &token[..token.len() - 1];
        for bad in ["", "s1.", "s1..", "x", "v1.a.b", cut, &other, &format!("{token}A"), &"s1.".repeat(900)] {
            assert!(here.read(bad, NOW).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_customers_sessions_share_one_chat() {
        let here = sessions(1, "site", 0);
        let of = |id: &str| here.make_for(&customer(id), NOW).unwrap();
        let (phone, laptop) = (of("42"), of("42"));
        assert_ne!(phone.token, laptop.token);
        assert_ne!(phone.id, laptop.id);
        assert_eq!(phone.chat, laptop.chat);
        let read = here.read(&phone.token, NOW).unwrap();
        assert!(read.customer.is_some() && read.chat == phone.chat);
        assert!(of("43").chat != phone.chat);
        assert!(sessions(1, "other", 0).read(&phone.token, NOW).is_none());
    }

    #[test]
    fn the_chat_id_reveals_nothing_of_the_token() {
        let session = sessions(1, "site", 0).make(NOW).unwrap();
        assert_eq!(session.chat.as_str().len(), 33);
        assert!(!session.token.contains(&session.chat.as_str()[1..9]));
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_other_sites() {
        let here = sessions(1, "site", 0);
        let session = here.make(NOW).unwrap();
        let cookie = here.set_cookie(&session);
        for part in ["__Host-ol_site=", "HttpOnly", "SameSite=Lax", "; Secure", "; Path=/;"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        let header = format!("a=b; __Host-ol_site=bad; ol_site=x; __Host-ol_site={}; c=d", session.token);
        let found = here.in_cookies(&header, NOW).unwrap();
        assert!(found.chat == session.chat && found.alone);
        let other = here.make(NOW).unwrap().token;
        assert!(!here.in_cookies(&format!("{header}; __Host-ol_site={other}"), NOW).unwrap().alone);
        let secret = MasterSecret::new([1; 32]);
        let below = Sessions::new(&secret, &ChannelId::parse("site").unwrap(), "/chat/c/site/", true, 0);
        assert!(below.set_cookie(&session).starts_with("__Secure-ol_site="));
    }

    proptest::proptest! {
        #[test]
        fn any_token_is_read_without_a_fault(token in "(s1\\.)?[A-Za-z0-9_.-]{0,200}") {
            proptest::prop_assert!(sessions(1, "site", 0).read(&token, NOW).is_none());
        }
    }
}

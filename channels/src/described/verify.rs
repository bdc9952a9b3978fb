//! Whether a call from outside is the messenger's, told before anything else is read from it.

use super::calls::Step;
use super::compile::{At, expr, template};
use super::expr::{Expr, Scope, Template};
use super::file;
use super::lint::Known;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use openline_core::secret::same;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512};

/// One thing that must hold.
#[derive(Debug)]
pub(crate) struct Check {
    given: Template,
    prefix: String,
    how: How,
    /// Whether it can be told only when the body was read.
    pub(super) reads_body: bool,
}

#[derive(Debug)]
enum How {
    /// The text is this one.
    Equals(Template),
    /// The text is a keyed hash of what came.
    Hmac { hash: Hash, base64: bool, key: Template, over: Template },
    /// The text is a hash of parts of which one is secret.
    Digest { hash: Hash, base64: bool, over: Template },
    /// The text is a time, in seconds, that lies at most so far back or ahead.
    Time(i64),
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn of(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        macro_rules! mac {
            ($hash:ty) => {
                Hmac::<$hash>::new_from_slice(key).map(|mut mac| {
                    mac.update(data);
                    mac.finalize().into_bytes().to_vec()
                })
            };
        }
        let mac = match self {
            Self::Sha1 => mac!(Sha1),
            Self::Sha256 => mac!(Sha256),
            Self::Sha512 => mac!(Sha512),
        };
        // HMAC takes keys of every length.
        mac.unwrap_or_default()
    }
}

impl Check {
    pub(super) fn compile(n: usize, given: file::Check, known: &Known) -> Result<Self, At> {
        let key = format!("webhook.verify[{n}]");
        let part = |name: &str, source: &str| template(&format!("{key}.{name}"), source, known);
        let over = given.over.clone().unwrap_or_else(|| "{{ raw }}".to_owned());
        let hash = |name: &str| Hash::of(name).ok_or_else(|| At::key(&key, "the hash must be sha1, sha256 or sha512"));
        let base64 = match given.encoding.as_deref() {
            None | Some("hex") => false,
            Some("base64") => true,
            Some(_) => return Err(At::key(&key, "encoding must be hex or base64")),
        };
        let how = match (&given.equals, &given.hmac, &given.digest, given.not_older_than) {
            (Some(wanted), None, None, None) => How::Equals(part("equals", wanted)?),
            (None, Some(name), None, None) => {
                let secret = given.key.as_ref().ok_or_else(|| At::key(&key, "an hmac has a key"))?;
                How::Hmac { hash: hash(name)?, base64, key: part("key", secret)?, over: part("over", &over)? }
            }
            (None, None, Some(name), None) => How::Digest { hash: hash(name)?, base64, over: part("over", &over)? },
            (None, None, None, Some(seconds)) => How::Time(seconds),
            _ => return Err(At::key(&key, "must have one of: equals, hmac, digest, not_older_than")),
        };
        let sources = [Some(&given.given), given.equals.as_ref(), given.key.as_ref(), given.over.as_ref()];
        let reads_body = sources.into_iter().flatten().any(|source| source.contains("body"));
        Ok(Self { given: part("given", &given.given)?, prefix: given.prefix, how, reads_body })
    }

    /// Whether it holds for a call; `scope` has what came. What can't be computed does not hold.
    pub(super) fn holds(&self, scope: &Scope, now: i64) -> bool {
        self.try_holds(scope, now).unwrap_or(false)
    }

    fn try_holds(&self, scope: &Scope, now: i64) -> Result<bool, String> {
        let given = self.given.text(scope)?;
        let Some(given) = given.trim().strip_prefix(self.prefix.as_str()) else { return Ok(false) };
        Ok(match &self.how {
            How::Equals(wanted) => any_of(&wanted.text(scope)?, |wanted| same(given, wanted)),
            How::Time(tolerance) => given.parse::<i64>().is_ok_and(|at| (now - at).abs() <= *tolerance),
            How::Hmac { hash, base64, key, over } => {
                let (key, over) = (key.text(scope)?, over.bytes(scope)?);
                any_of(&key, |key| is(&hash.hmac(key.as_bytes(), &over), given, *base64))
            }
            How::Digest { hash, base64, over } => {
                let over = over.bytes(scope)?;
                is(&hash.digest(&over), given, *base64)
            }
        })
    }
}

/// Several secrets, separated by blanks, hold while they are changed; an empty one never does.
fn any_of(secrets: &str, holds: impl Fn(&str) -> bool) -> bool {
    secrets.split_whitespace().fold(false, |found, secret| holds(secret) | found)
}

/// Whether a hash is what was given, in either case of hexadecimal digits.
fn is(hash: &[u8], given: &str, base64: bool) -> bool {
    if base64 { same(&BASE64_STANDARD.encode(hash), given) } else { same(&hex::encode(hash), &given.to_lowercase()) }
}

/// A call by which the messenger makes sure that the address is ours.
#[derive(Debug)]
pub(crate) struct Handshake {
    method: String,
    when: Expr,
    secret: Option<(Template, Template)>,
    pub(super) steps: Vec<Step>,
    pub(super) answer: Template,
}

/// What a call is to a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shakes {
    No,
    Yes,
    /// It is one, with a wrong word.
    Wrong,
}

impl Handshake {
    pub(super) fn compile(n: usize, given: file::Handshake, known: &Known) -> Result<Self, At> {
        let key = format!("webhook.handshake[{n}]");
        let secret = match (&given.given, &given.equals) {
            (Some(said), Some(wanted)) => Some((template(&key, said, known)?, template(&key, wanted, known)?)),
            (None, None) => None,
            _ => return Err(At::key(key, "given and equals go together")),
        };
        let method = given.method.unwrap_or_else(|| "POST".to_owned());
        if method == "GET" && secret.is_none() {
            return Err(At::key(key, "a GET has no signature: write given and equals"));
        }
        let (steps, taken) = Step::compile_all(&format!("{key}.steps"), &given.steps, known)?;
        Ok(Self {
            when: expr(&format!("{key}.when"), &given.when, known)?,
            answer: template(&format!("{key}.answer"), &given.answer, &taken)?,
            method,
            secret,
            steps,
        })
    }

    /// Whether a call is this handshake.
    pub(super) fn fits(&self, method: &str, scope: &Scope) -> Shakes {
        if self.method != method || !self.when.holds(scope).unwrap_or(false) {
            return Shakes::No;
        }
        let right = self.secret.as_ref().is_none_or(|(given, wanted)| {
            let (given, wanted) = (given.text(scope).unwrap_or_default(), wanted.text(scope).unwrap_or_default());
            same(&given, &wanted)
        });
        if right { Shakes::Yes } else { Shakes::Wrong }
    }
}

//! `[portal]` of the configuration: which portal, the application in it, and how it is treated. A key of it stands here, where it
//! is read, checked and handed on, and is explained in `config/openline.toml`.

use openline_core::ConfigError;
use openline_core::settings::{seconds, told};
use openline_core::weak::{Maker, strong};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use url::Url;

/// The portal and the application in it. The first of its keys have no default: what reads the file asks for them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// The portal's base address, without a path: `https://company.bitrix24.com`.
    #[serde(deserialize_with = "portal")]
    pub url: Url,
    /// The authorization server's base address: `https://oauth.bitrix.info` (`bitrix24.md` §2.5).
    #[serde(deserialize_with = "origin")]
    pub auth_server: Url,
    /// The application's code, `local.…` or `app.…`.
    #[serde(deserialize_with = "client_id")]
    pub client_id: String,
    /// The application's key. Goes to the authorization server only.
    #[serde(deserialize_with = "client_secret")]
    pub client_secret: SecretString,
    /// Request limit.
    pub limit: RequestLimit,
    /// When nobody can tell whether a message arrived (its outcome is unknown and the dialog can't be read): send it
    /// again (the operator may see it twice), or else give it up (the visitor sees "not sent" and decides).
    pub resend_unknown: bool,
    /// Whether connectors that are not configured any more are taken out of the portal.
    pub unregister_removed: bool,
    /// How often open dialogs are searched for replies whose event never came.
    #[serde(rename = "reconcile_seconds", deserialize_with = "seconds::<_, 1, DAY>")]
    pub reconcile_every: Duration,
    /// How often it is looked whether the installation stands as it should.
    #[serde(rename = "check_seconds", deserialize_with = "seconds::<_, 1, DAY>")]
    pub check_every: Duration,
    /// How long an answer is waited for. The portal cuts a request after 60 s (`bitrix24.md` §3.1): a little longer.
    #[serde(rename = "timeout_seconds", deserialize_with = "seconds::<_, 1, 100>")]
    pub timeout: Duration,
    /// Hosts, beside the portal's own and the vendor's, from which operators' files may be fetched.
    pub file_hosts: Vec<String>,
}

impl Default for PortalSettings {
    fn default() -> Self {
        #[allow(clippy::expect_used)] // constants
        let url = |text: &str| Url::parse(text).expect("an address");
        Self {
            url: url("https://portal.invalid"),
            auth_server: url("https://oauth.bitrix.info"),
            client_id: String::new(),
            client_secret: SecretString::default(),
            limit: RequestLimit::Auto,
            resend_unknown: true,
            unregister_removed: false,
            reconcile_every: Duration::from_secs(25),
            check_every: Duration::from_secs(600),
            timeout: Duration::from_secs(68),
            file_hosts: Vec::new(),
        }
    }
}

impl PortalSettings {
    /// The keys that have another value in `other`.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let secret = |settings: &Self| settings.client_secret.expose_secret().to_owned();
        let all = [
            ("url", self.url != other.url),
            ("auth_server", self.auth_server != other.auth_server),
            ("client_id", self.client_id != other.client_id),
            ("client_secret", secret(self) != secret(other)),
            ("limit", self.limit != other.limit),
            ("resend_unknown", self.resend_unknown != other.resend_unknown),
            ("unregister_removed", self.unregister_removed != other.unregister_removed),
            ("timeout_seconds", self.timeout != other.timeout),
            (RECONCILE, self.reconcile_every != other.reconcile_every),
            ("check_seconds", self.check_every != other.check_every),
            ("file_hosts", self.file_hosts != other.file_hosts),
        ];
        all.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

/// The key that counts from the next start on.
pub const RECONCILE: &str = "reconcile_seconds";

/// In seconds.
const DAY: u64 = 24 * 3600;

fn missing<E: Error>(what: &str) -> E {
    E::custom(format!("is missing; write {what}"))
}

fn portal<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    match Option::<String>::deserialize(from)?.unwrap_or_default().as_str() {
        "" => Err(missing("your portal's address, like \"https://company.bitrix24.com\"")),
        text => without_path(text).map_err(told),
    }
}

fn origin<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    without_path(&String::deserialize(from)?).map_err(told)
}

fn without_path(text: &str) -> Result<Url, ConfigError> {
    let url = address("", text)?;
    if url.path() == "/" {
        return Ok(url);
    }
    // It may be the address of an incoming webhook, in which a secret stands.
    let origin = url.origin().ascii_serialization();
    Err(ConfigError::at("", format!("must not have a path: write {origin:?}")))
}

fn client_id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Option::<String>::deserialize(from)?.unwrap_or_default().trim() {
        "" => Err(missing("the code that Bitrix24 shows for the local application (local.…)")),
        id => Ok(id.to_owned()),
    }
}

fn client_secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    let given = Option::<String>::deserialize(from)?;
    let what = "the key that Bitrix24 shows for the local application, or { file = \"…\" }";
    let text = given.ok_or_else(|| missing(what))?;
    strong("", &text, Maker::Other).map_err(told)?;
    Ok(text.into())
}

impl<'de> Deserialize<'de> for RequestLimit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "auto" => Ok(Self::Auto),
            "standard" => Ok(Self::Bucket { burst: 50, per_second: 2 }),
            "enterprise" => Ok(Self::Bucket { burst: 250, per_second: 5 }),
            "none" => Ok(Self::None),
            other => {
                let problem = format!("{other:?} is not a limit; there is: auto, standard, enterprise, none");
                Err(D::Error::custom(problem))
            }
        }
    }
}

/// An http(s) address; plain http only on this machine.
///
/// # Errors
/// What is wrong with it; the address is told as far as it has no secrets.
pub fn address(key: &str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |what: &str| ConfigError::at(key, format!("{:?} {what}", without_secrets(text)));
    let url = Url::parse(text).map_err(|_| wrong("is not a URL; write one like \"https://chat.example.com\""))?;
    match url.scheme() {
        _ if url.host().is_none() => Err(wrong("has no host")),
        _ if url.query().is_some() || url.fragment().is_some() => Err(wrong("must not have a query or a fragment")),
        _ if !url.username().is_empty() || url.password().is_some() => Err(wrong("must not have a user or password")),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong("must begin with https:// (plain http is for 127.0.0.1 only)")),
        _ => Err(wrong("must begin with https://")),
    }
}

/// An address as far as it may be repeated: somebody may have written one with a password, or that of an incoming webhook,
/// whose path is a secret.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let (place, more) = rest.find(['/', '?', '#']).map_or((rest, ""), |end| rest.split_at(end));
    let host = place.rsplit('@').next().unwrap_or_default();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{host}{}", if more.len() > 1 { "/…" } else { more })
}

/// How many requests the portal takes (`bitrix24.md` §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestLimit {
    /// By the portal's address and plan; where nothing is known, learned from its first refusal.
    #[default]
    Auto,
    /// A leaky bucket: so many at once, so many a second.
    Bucket {
        /// The level above which requests are refused.
        burst: u32,
        /// Requests a second that leak out.
        per_second: u32,
    },
    /// No limit: an own server.
    None,
}

/// Whether an address stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(openline_core::host::is_this_machine)
}

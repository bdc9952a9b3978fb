//! `[portal]` of the configuration: which portal, the application in it, and how it is treated. A key of it stands here, where it
//! is read, checked and handed on, and is explained in `config/openline.toml`.

use openline_core::ConfigError;
use openline_core::error::Errors;
use openline_core::weak::{Maker, strong};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Url;

/// `[portal]` as it is written; `S` is how a secret is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, bound = "S: Deserialize<'de>")]
pub struct PortalKeys<S> {
    url: String,
    auth_server: String,
    client_id: String,
    client_secret: Option<S>,
    limit: String,
    resend_unknown: bool,
    unregister_removed: bool,
    reconcile_seconds: u64,
    check_seconds: u64,
    timeout_seconds: u64,
    file_hosts: Vec<String>,
}

impl<S> Default for PortalKeys<S> {
    fn default() -> Self {
        Self {
            url: String::new(),
            auth_server: "https://oauth.bitrix.info".to_owned(),
            client_id: String::new(),
            client_secret: None,
            limit: "auto".to_owned(),
            resend_unknown: true,
            unregister_removed: false,
            reconcile_seconds: 25,
            check_seconds: 600,
            timeout_seconds: 68,
            file_hosts: Vec::new(),
        }
    }
}

/// The portal and the application in it.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// The portal's base address, without a path: `https://company.bitrix24.com`.
    pub url: Url,
    /// The authorization server's base address: `https://oauth.bitrix.info` (`bitrix24.md` §2.5).
    pub auth_server: Url,
    /// The application's code, `local.…` or `app.…`.
    pub client_id: String,
    /// The application's key. Goes to the authorization server only.
    pub client_secret: SecretString,
    /// Request limit.
    pub limit: RequestLimit,
    /// When nobody can tell whether a message arrived (its outcome is unknown and the dialog can't be read): send it
    /// again (the operator may see it twice), or else give it up (the visitor sees "not sent" and decides).
    pub resend_unknown: bool,
    /// Whether connectors that are not configured any more are taken out of the portal.
    pub unregister_removed: bool,
    /// How long an answer is waited for. The portal cuts a request after 60 s (`bitrix24.md` §3.1): a little longer.
    pub timeout: Duration,
    /// How often open dialogs are searched for replies whose event never came.
    pub reconcile_every: Duration,
    /// How often it is looked whether the installation stands as it should.
    pub check_every: Duration,
    /// Hosts, beside the portal's own and the vendor's, from which operators' files may be fetched.
    pub file_hosts: Vec<String>,
}

impl PortalSettings {
    /// Checks the table; everything that is wrong with it is told at once. `secret` finds a secret, by its key.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn read<S>(
        raw: PortalKeys<S>,
        secret: impl FnOnce(S, &str) -> Result<SecretString, ConfigError>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Errors::default();
        let missing = |key: &str, what: &str| ConfigError::at(key, format!("is missing; write {what}"));
        let url = match raw.url.as_str() {
            "" => Err(missing("portal.url", "your portal's address, like \"https://company.bitrix24.com\"")),
            url => origin("portal.url", url),
        };
        let url = errors.keep(url);
        let auth_server = errors.keep(origin("portal.auth_server", &raw.auth_server));
        let client_id = match raw.client_id.trim() {
            "" => Err(missing("portal.client_id", "the code that Bitrix24 shows for the local application (local.…)")),
            id => Ok(id.to_owned()),
        };
        let client_id = errors.keep(client_id);
        let key = raw.client_secret.ok_or_else(|| {
            let what = "the key that Bitrix24 shows for the local application, or { file = \"…\" }";
            missing("portal.client_secret", what)
        });
        let client_secret = errors.keep(key.and_then(|key| {
            let text = secret(key, "portal.client_secret")?;
            strong("portal.client_secret", text.expose_secret(), Maker::Other)?;
            Ok(text)
        }));
        let limit = errors.keep(limit(&raw.limit));
        let timeout = errors.keep(seconds("portal.timeout_seconds", raw.timeout_seconds, 1..=100));
        let reconcile_every = errors.keep(seconds("portal.reconcile_seconds", raw.reconcile_seconds, 1..=DAY));
        let check_every = errors.keep(seconds("portal.check_seconds", raw.check_seconds, 1..=DAY));
        let all = (url, auth_server, client_id, client_secret, limit, timeout, reconcile_every, check_every);
        let (
            Some(url),
            Some(auth_server),
            Some(client_id),
            Some(client_secret),
            Some(limit),
            Some(timeout),
            Some(reconcile_every),
            Some(check_every),
        ) = all
        else {
            return Err(errors.0);
        };
        Ok(Self {
            url,
            auth_server,
            client_id,
            client_secret,
            limit,
            resend_unknown: raw.resend_unknown,
            unregister_removed: raw.unregister_removed,
            timeout,
            reconcile_every,
            check_every,
            file_hosts: raw.file_hosts,
        })
    }
}

/// In seconds.
const DAY: u64 = 24 * 3600;

fn seconds(key: &str, given: u64, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
    if range.contains(&given) {
        return Ok(Duration::from_secs(given));
    }
    Err(ConfigError::at(key, format!("{given} is not taken; write {} to {}", range.start(), range.end())))
}

fn origin(key: &str, text: &str) -> Result<Url, ConfigError> {
    let url = address(key, text)?;
    if url.path() == "/" {
        return Ok(url);
    }
    // It may be the address of an incoming webhook, in which a secret stands.
    let origin = url.origin().ascii_serialization();
    Err(ConfigError::at(key, format!("must not have a path: write {origin:?}")))
}

fn limit(text: &str) -> Result<RequestLimit, ConfigError> {
    match text {
        "auto" => Ok(RequestLimit::Auto),
        "standard" => Ok(RequestLimit::Bucket { burst: 50, per_second: 2 }),
        "enterprise" => Ok(RequestLimit::Bucket { burst: 250, per_second: 5 }),
        "none" => Ok(RequestLimit::None),
        other => {
            let problem = format!("{other:?} is not a limit; there is: auto, standard, enterprise, none");
            Err(ConfigError::at("portal.limit", problem))
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
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

//! `[portal]`: which portal, the application in it, and how it is treated.

use super::around::Around;
use super::raw::RawPortal;
use super::{Errors, address};
use openline_bitrix::RequestLimit;
use openline_core::ConfigError;
use openline_core::weak::{Maker, strong};
use secrecy::{ExposeSecret, SecretString};
use std::ops::RangeInclusive;
use std::time::Duration;
use url::Url;

/// The portal and the application in it.
#[derive(Debug, Clone)]
pub struct Portal {
    /// Base address.
    pub url: Url,
    /// Base address of the authorization server.
    pub auth_server: Url,
    /// The application's code.
    pub client_id: String,
    /// The application's key.
    pub client_secret: SecretString,
    /// Request limit.
    pub limit: RequestLimit,
    /// Whether a message of unknown outcome is sent again when the portal can't be asked about it.
    pub resend_unknown: bool,
    /// Whether connectors that are not configured any more are taken out of the portal.
    pub unregister_removed: bool,
    /// How long an answer of the portal is waited for.
    pub timeout: Duration,
    /// How often open dialogs are searched for replies whose event never came.
    pub reconcile_every: Duration,
    /// How often it is looked whether the installation stands as it should.
    pub check_every: Duration,
    /// Further hosts of operators' files.
    pub file_hosts: Vec<String>,
}

impl Portal {
    /// Checks the table; everything that is wrong with it is told at once.
    pub(super) fn read(raw: RawPortal, around: &Around<'_>) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Errors(Vec::new());
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
        let secret = raw.client_secret.ok_or_else(|| {
            let what = "the key that Bitrix24 shows for the local application, or { file = \"…\" }";
            missing("portal.client_secret", what)
        });
        let client_secret = errors.keep(secret.and_then(|secret| {
            let text = secret.resolve("portal.client_secret", around)?;
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

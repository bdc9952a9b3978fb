//! The checks of single keys, and the words of their errors: what is wrong, and what would be right.

use super::around::Around;
use super::proxies::Proxies;
use super::raw::{self, RawLog};
use openline_bitrix::address;
use openline_core::ConfigError;
use openline_core::limits::LimitSettings;
use openline_core::secret::MasterSecret;
use openline_core::weak::{Maker, strong};
use openline_store::StoreUrl;
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(Debug, Clone)]
pub struct Log {
    /// A filter as `tracing` takes it: `info`, `warn,openline_bitrix=debug`.
    pub level: String,
    /// JSON lines instead of text.
    pub json: bool,
}

pub(super) fn proxies(texts: &[String]) -> Result<Proxies, ConfigError> {
    Proxies::parse(texts).map_err(|wrong| {
        let problem =
            format!("{wrong:?} is not an address; write one like \"127.0.0.1\", or a network like \"10.0.0.0/8\"");
        ConfigError::at("trusted_proxies", problem)
    })
}

/// A limit of nothing would let nobody in.
pub(super) fn limits(limits: LimitSettings) -> Result<LimitSettings, ConfigError> {
    match limits.first_zero() {
        Some(key) => Err(ConfigError::at(format!("limits.{key}"), "0 would let nobody in; write a number above it")),
        None => Ok(limits),
    }
}

/// How long conversations are kept; 0 days: for ever.
pub(super) fn keep(days: u32) -> Option<Duration> {
    let days = u64::from(days);
    (days > 0).then(|| Duration::from_secs(days * 24 * 3600))
}

/// An address to listen at; `like` is a good one.
pub(super) fn listen(key: &str, given: &str, like: &str) -> Result<SocketAddr, ConfigError> {
    given.parse().map_err(|_| {
        let problem = format!("{given:?} is not an address to listen at; write one like {like:?}");
        ConfigError::at(key, problem)
    })
}

pub(super) fn public_url(text: &str) -> Result<String, ConfigError> {
    if text.is_empty() {
        let problem = "is missing; write the address under which visitors and the portal reach this service, like \
                       \"https://chat.example.com\"";
        return Err(ConfigError::at("public_url", problem));
    }
    address("public_url", text).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// A secret's text as a whole and, while it is changed, each of several with blanks between them.
pub(super) fn each(key: &str, text: &str, maker: Maker) -> Result<(), ConfigError> {
    strong(key, text, maker)?;
    let several = text.split_whitespace().filter(|one| one.len() >= LONG && text.trim() != *one);
    several.into_iter().try_for_each(|one| strong(key, one, maker))
}

/// A text so long between blanks is a secret of its own, not a word of a phrase.
const LONG: usize = 16;

/// Whether a store is named at all; the address is not repeated, because it may have a password.
pub(super) fn store(url: &str) -> Result<StoreUrl, ConfigError> {
    url.parse().map_err(|_| {
        let problem = "is not a store; write sqlite:FILE, for example \"sqlite:data/openline.db\", or \
                       postgres://USER:PASSWORD@HOST/DATABASE";
        ConfigError::at("store", problem)
    })
}

/// Whether everything may be entrusted to it.
pub(crate) fn trusted(store: StoreUrl, unverified: bool) -> Result<StoreUrl, ConfigError> {
    if store.is_unverified() && !unverified {
        let problem = "is a server on another machine that does not have to prove itself; add ?sslmode=verify-full (and \
                       &sslrootcert=FILE for a certificate of your own) or, in a network that is yours alone, write \
                       allow_unverified_store = true";
        return Err(ConfigError::at("store", problem));
    }
    if let Some(password) = store.password() {
        strong("store", password, Maker::Other).map_err(|error| {
            let problem = format!("the password in the address {}", error.problem);
            ConfigError::at("store", problem)
        })?;
    }
    Ok(store)
}

pub(super) fn log(raw: RawLog) -> Result<Log, ConfigError> {
    // A word alone would be taken for the name of a module.
    let is_rule = |rule: &str| rule.contains(['=', '[']) || rule.trim().parse::<LevelFilter>().is_ok();
    if !raw.level.split(',').all(is_rule) || EnvFilter::try_new(&raw.level).is_err() {
        let problem = format!(
            "{:?} is not a level; there is: error, warn, info, debug, trace, off; also by module, like \
             \"info,openline_bitrix=debug\"",
            raw.level
        );
        return Err(ConfigError::at("log.level", problem));
    }
    match raw.format.as_str() {
        "text" => Ok(Log { level: raw.level, json: false }),
        "json" => Ok(Log { level: raw.level, json: true }),
        other => Err(ConfigError::at("log.format", format!("{other:?} is not a format; there is: text, json"))),
    }
}

pub(super) fn secret(
    raw: Option<raw::Secret>,
    on_server: bool,
    around: &Around<'_>,
) -> Result<Option<MasterSecret>, ConfigError> {
    let Some(raw) = raw else {
        let problem = "is missing; with a database server it has to be configured: 32 or more random characters, the same \
                       for every replica";
        return if on_server { Err(ConfigError::at("secret", problem)) } else { Ok(None) };
    };
    let text = raw.resolve("secret", around)?;
    let short = |line: &str| line.chars().count() < crate::secret::MIN_LENGTH;
    let secret = crate::secret::from_text(text.expose_secret());
    let Some(secret) = secret.filter(|_| !crate::secret::lines(text.expose_secret()).any(short)) else {
        let problem = format!("is too short; write at least {} random characters", crate::secret::MIN_LENGTH);
        return Err(ConfigError::at("secret", problem));
    };
    // Whatever an earlier one signed is believed, so it has to be as good.
    crate::secret::lines(text.expose_secret()).try_for_each(|line| strong("secret", line, Maker::Own))?;
    Ok(Some(secret))
}

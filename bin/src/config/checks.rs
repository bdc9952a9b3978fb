//! The checks of single keys, and the words of their errors: what is wrong, and what would be right.

use openline_bitrix::address;
use openline_core::ConfigError;
use openline_core::secret::MasterSecret;
use openline_core::settings::told;
use openline_core::weak::{Maker, strong};
use openline_store::StoreUrl;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;

pub(super) fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    super::listener::address(&String::deserialize(from)?, "127.0.0.1:8080")
}

pub(super) fn public_url<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    if text.is_empty() {
        let problem = "is missing; write the address under which visitors and the portal reach this service, like \
                       \"https://chat.example.com\"";
        return Err(D::Error::custom(problem));
    }
    address("", &text).map(|url| url.as_str().trim_end_matches('/').to_owned()).map_err(told)
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
pub(super) fn store<'de, D: Deserializer<'de>>(from: D) -> Result<StoreUrl, D::Error> {
    String::deserialize(from)?.parse().map_err(|_| {
        let problem = "is not a store; write sqlite:FILE, for example \"sqlite:data/openline.db\", or \
                       postgres://USER:PASSWORD@HOST/DATABASE";
        D::Error::custom(problem)
    })
}

/// Whether everything may be entrusted to it.
pub(crate) fn trusted(store: &StoreUrl, unverified: bool) -> Result<(), ConfigError> {
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
    Ok(())
}

/// Of a secret for all replicas, with a database server.
pub(super) fn shared(store: &StoreUrl, secret: Option<&MasterSecret>) -> Result<(), ConfigError> {
    if store.file().is_some() || secret.is_some() {
        return Ok(());
    }
    let problem = "is missing; with a database server it has to be configured: 32 or more random characters, the same \
                   for every replica";
    Err(ConfigError::at("secret", problem))
}

pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MasterSecret>, D::Error> {
    let text = String::deserialize(from)?;
    let short = |line: &str| line.chars().count() < crate::secret::MIN_LENGTH;
    let secret = crate::secret::from_text(&text);
    let Some(secret) = secret.filter(|_| !crate::secret::lines(&text).any(short)) else {
        let problem = format!("is too short; write at least {} random characters", crate::secret::MIN_LENGTH);
        return Err(D::Error::custom(problem));
    };
    // Whatever an earlier one signed is believed, so it has to be as good.
    crate::secret::lines(&text).try_for_each(|line| strong("", line, Maker::Own)).map_err(told)?;
    Ok(Some(secret))
}

//! `[alerts]`: who is told what has to be mended.

use lettre::message::Mailbox;
use openline_channels::signed::Target;
use openline_core::ConfigError;
use openline_core::host::is_this_machine;
use openline_core::settings::{seconds, told};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use url::Url;

/// Who is told, and when.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Where alerts are posted; empty for nowhere. See [`AlertSettings::target`].
    webhook: String,
    webhook_secret: Option<SecretString>,
    /// The mail server as lettre takes it: `smtps://HOST`, `smtp://HOST?tls=required`, and without TLS for this machine.
    #[serde(deserialize_with = "mail_server")]
    pub mail_server: Option<String>,
    /// As whom it is asked; empty where it asks for nobody.
    pub mail_user: String,
    /// With which password.
    pub mail_password: Option<SecretString>,
    /// Who writes; there is one where there is a server.
    #[serde(deserialize_with = "mail_from")]
    pub mail_from: Option<Mailbox>,
    /// Who is written to.
    #[serde(deserialize_with = "mail_to")]
    pub mail_to: Vec<Mailbox>,
    /// The numbers of the users who are told in the portal.
    #[serde(rename = "portal_users")]
    pub users: Vec<u32>,
    /// The language in which they are told, as its code; empty: the portal's.
    #[serde(deserialize_with = "language")]
    pub language: String,
    /// After how long what waits is told.
    #[serde(rename = "queue_seconds", deserialize_with = "seconds::<_, 1, 600_000>")]
    pub queue: Duration,
    /// How often it is looked.
    #[serde(rename = "look_seconds", deserialize_with = "seconds::<_, 1, 3600>")]
    pub every: Duration,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            webhook: String::new(),
            webhook_secret: None,
            mail_server: None,
            mail_user: String::new(),
            mail_password: None,
            mail_from: None,
            mail_to: Vec::new(),
            users: Vec::new(),
            language: String::new(),
            queue: Duration::from_secs(600),
            every: Duration::from_secs(15),
        }
    }
}

impl AlertSettings {
    /// Where alerts are posted, and how they are signed.
    ///
    /// # Errors
    /// What is wrong with the address or the secret.
    pub fn target(&self) -> Result<Option<Target>, ConfigError> {
        if self.webhook.is_empty() {
            return Ok(None);
        }
        let secret = self.webhook_secret.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let target = Target::read("webhook", &self.webhook, secret, false);
        target.map(Some).map_err(|error| ConfigError::at(format!("alerts.{}", error.key), error.problem))
    }

    /// What is wrong between its keys.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.target()?;
        match self.mail_server {
            Some(_) if self.mail_from.is_none() => Err(ConfigError::at("alerts.mail_from", no_address(""))),
            Some(_) if self.mail_to.is_empty() => {
                Err(ConfigError::at("alerts.mail_to", "is empty; write who is told, like [\"admin@example.com\"]"))
            }
            _ => Ok(()),
        }
    }
}

fn language<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let given = String::deserialize(from)?;
    if given.is_empty() || openline_bitrix::languages().any(|known| known == given) {
        return Ok(given);
    }
    let known = openline_bitrix::languages().collect::<Vec<_>>().join(", ");
    Err(D::Error::custom(format!("{given:?} is not there; write one of {known}")))
}

fn no_address(given: &str) -> String {
    format!("{given:?} is no address; write one like \"admin@example.com\"")
}

/// An address as people write it: `admin@example.com`, `Ann <ann@example.com>`.
struct Written(Mailbox);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = String::deserialize(from)?;
        given.parse().map(Self).map_err(|_| D::Error::custom(no_address(&given)))
    }
}

fn mail_from<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Mailbox>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" => Ok(None),
        given => given.parse().map(Some).map_err(|_| D::Error::custom(no_address(given))),
    }
}

fn mail_to<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Mailbox>, D::Error> {
    Ok(Vec::<Written>::deserialize(from)?.into_iter().map(|Written(to)| to).collect())
}

fn mail_server<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" => Ok(None),
        given => server(given).map(Some).map_err(told),
    }
}

/// A server's address as it is handed on. It is not repeated in errors: somebody may have written a password into it.
fn server(given: &str) -> Result<String, ConfigError> {
    let wrong = |problem: &str| ConfigError::at("alerts.mail_server", problem);
    let url = Url::parse(given).map_err(|_| wrong("is no address; write one like \"smtps://mail.example.com\""))?;
    let is_here = url.host_str().is_some_and(is_this_machine);
    match url.scheme() {
        _ if url.host_str().unwrap_or_default().is_empty() => Err(wrong("has no host")),
        _ if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
            Err(wrong("must be host and port only; mail_user and mail_password have the rest"))
        }
        "smtps" => Ok(given.to_owned()),
        "smtp" if is_here => Ok(given.to_owned()),
        "smtp" => Ok(format!("{}?tls=required", given.trim_end_matches('/'))),
        _ => Err(wrong("must begin with smtps:// (or smtp://, which begins TLS by STARTTLS)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_asked_for_tls_unless_it_is_here() {
        let read = |given| server(given).map_err(|error| error.problem);
        assert_eq!(read("smtps://mail.example.com").unwrap(), "smtps://mail.example.com");
        assert_eq!(read("smtp://mail.example.com:587/").unwrap(), "smtp://mail.example.com:587?tls=required");
        for here in ["smtp://127.0.0.1:25", "smtp://127.0.0.2", "smtp://[::1]:25", "smtp://LOCALHOST"] {
            assert_eq!(read(here).unwrap(), here, "nothing leaves this machine");
        }
        assert_eq!(read("smtp://localhost.example").unwrap(), "smtp://localhost.example?tls=required");
        for wrong in
            ["mail.example.com", "https://mail.example.com", "smtps://u:p@mail.example.com", "smtp://a?tls=none"]
        {
            assert!(!read(wrong).unwrap_err().contains("u:p"), "{wrong}");
        }
    }
}

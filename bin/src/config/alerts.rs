//! `[alerts]`: who is told what has to be mended.

use super::around::Around;
use super::raw::RawAlerts;
use openline_channels::signed::Target;
use openline_core::ConfigError;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use url::Url;

/// Who is told, and when.
#[derive(Clone)]
pub struct AlertSettings {
    /// Where alerts are posted.
    pub webhook: Option<Target>,
    /// Where they are mailed.
    pub mail: Option<Mail>,
    /// The numbers of the users who are told in the portal.
    pub users: Vec<u32>,
    /// After how long what waits is told.
    pub queue: Duration,
    /// How often it is looked.
    pub every: Duration,
}

/// A mail server, and who writes to whom.
#[derive(Clone)]
pub struct Mail {
    /// As lettre takes it: `smtps://HOST`, `smtp://HOST?tls=required`, and without TLS for this machine.
    pub server: String,
    /// Name and password, where the server asks for them.
    pub user: Option<(String, SecretString)>,
    /// Who writes.
    pub from: String,
    /// Who is written to.
    pub to: Vec<String>,
}

impl AlertSettings {
    /// Checks the table.
    pub(super) fn read(raw: RawAlerts, around: &Around<'_>) -> Result<Self, ConfigError> {
        let secret = raw.webhook_secret.map(|secret| secret.resolve("alerts.webhook_secret", around)).transpose()?;
        let secret = secret.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        let webhook = match raw.webhook.as_str() {
            "" => None,
            url => Some(Target::read("webhook", url, secret, false).map_err(|error| below(&error))?),
        };
        let password = raw.mail_password.map(|secret| secret.resolve("alerts.mail_password", around)).transpose()?;
        let mail = match raw.mail_server.as_str() {
            "" => None,
            server => {
                let user = (!raw.mail_user.is_empty()).then(|| (raw.mail_user.clone(), password.unwrap_or_default()));
                let (from, to) = (written("alerts.mail_from", &raw.mail_from)?, raw.mail_to);
                if to.is_empty() {
                    return Err(ConfigError::at(
                        "alerts.mail_to",
                        "is empty; write who is told, like [\"admin@example.com\"]",
                    ));
                }
                let to = to.iter().map(|to| written("alerts.mail_to", to)).collect::<Result<_, _>>()?;
                Some(Mail { server: mail_server(server)?, user, from, to })
            }
        };
        let range = |key: &str, given: u64, most: u64| match given {
            given if (1..=most).contains(&given) => Ok(given),
            given => Err(ConfigError::at(format!("alerts.{key}"), format!("{given} is not taken; write 1 to {most}"))),
        };
        let queue = Duration::from_secs(range("queue_seconds", raw.queue_seconds, 600_000)?);
        let every = Duration::from_secs(range("look_seconds", raw.look_seconds, 3600)?);
        Ok(Self { webhook, mail, users: raw.portal_users, queue, every })
    }
}

fn below(error: &ConfigError) -> ConfigError {
    ConfigError::at(format!("alerts.{}", error.key), error.problem.clone())
}

fn written(key: &str, address: &str) -> Result<String, ConfigError> {
    match address.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(address.to_owned()),
        Err(_) => Err(ConfigError::at(key, format!("{address:?} is no address; write one like \"admin@example.com\""))),
    }
}

/// A server's address as it is handed on. It is not repeated in errors: somebody may have written a password into it.
fn mail_server(given: &str) -> Result<String, ConfigError> {
    let wrong = |problem: &str| ConfigError::at("alerts.mail_server", problem);
    let url = Url::parse(given).map_err(|_| wrong("is no address; write one like \"smtps://mail.example.com\""))?;
    let is_here = url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
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
        let read = |given| mail_server(given).map_err(|error| error.problem);
        assert_eq!(read("smtps://mail.example.com").unwrap(), "smtps://mail.example.com");
        assert_eq!(read("smtp://mail.example.com:587/").unwrap(), "smtp://mail.example.com:587?tls=required");
        assert_eq!(read("smtp://127.0.0.1:25").unwrap(), "smtp://127.0.0.1:25");
        for wrong in
            ["mail.example.com", "https://mail.example.com", "smtps://u:p@mail.example.com", "smtp://a?tls=none"]
        {
            assert!(!read(wrong).unwrap_err().contains("u:p"), "{wrong}");
        }
    }
}

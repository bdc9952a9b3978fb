//! Posts that prove who made them, signed as the Standard Webhooks specification wants it (<https://www.standardwebhooks.com>):
//! events of the HTTP channel, and alerts.

use crate::common::http::{self, How};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use openline_core::host::is_this_machine;
use openline_core::{ConfigError, Timestamp};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use sha2::Sha256;
use std::time::Duration;
use url::Url;

/// A key of at most 64 bytes, filled up with zeros as HMAC does.
type SigningKey = [u8; 64];

/// Where is posted, and how it is signed. Has no `Debug`: the address's query may have a secret, too.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    keys: Vec<SigningKey>,
}

impl Target {
    /// Checks an address, which stands under `name`, and the secret, which stands under `name` and `_secret`. The address is
    /// not repeated in errors: its query may have a secret.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn read(name: &str, url: &str, secret: &str, allow_http: bool) -> Result<Self, ConfigError> {
        let url = address(url, allow_http).map_err(|problem| ConfigError::at(name, problem))?;
        let keys: Vec<_> = secret.split_whitespace().map(key).collect::<Option<_>>().unwrap_or_default();
        if keys.is_empty() {
            let problem = "must be whsec_ and 24 to 64 random bytes in base64; several are separated by blanks";
            return Err(ConfigError::at(format!("{name}_secret"), problem));
        }
        Ok(Self { url, keys })
    }

    /// Posts JSON once; `id` is the same at each repetition of the same thing.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, client: &Client, id: &str, body: String, now: Timestamp) -> reqwest::Result<Response> {
        let signatures: Vec<_> = self.keys.iter().map(|key| signature(key, id, now.seconds(), &body)).collect();
        let request = client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").header("webhook-id", id);
        let request = request.header("webhook-timestamp", now.seconds());
        request.header("webhook-signature", signatures.join(" ")).body(body).send().await
    }
}

/// The client for it: a redirect would take what is told to an address that nobody configured.
///
/// # Errors
/// When the system's certificates can't be loaded.
pub fn client(timeout: Duration) -> Result<Client, ConfigError> {
    http::client(How { timeout, ..How::default() })
}

fn address(given: &str, allow_http: bool) -> Result<Url, &'static str> {
    let url = Url::parse(given).map_err(|_| "is not a URL; write one like \"https://app.example.com/openline\"")?;
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err("must not have a user or password; events are signed")
        }
        "https" => Ok(url),
        "http" if allow_http || url.host_str().is_some_and(is_this_machine) => Ok(url),
        "http" => Err("must begin with https:// (plain http is for this machine, or with allow_http = true)"),
        _ => Err("must begin with https://"),
    }
}

fn key(given: &str) -> Option<SigningKey> {
    let bytes = BASE64_STANDARD.decode(given.strip_prefix("whsec_")?).ok()?;
    let mut key = [0; 64];
    key.get_mut(..bytes.len()).filter(|_| bytes.len() >= 24)?.copy_from_slice(&bytes);
    Some(key)
}

/// `v1,` and the HMAC-SHA-256 of id, time and body.
fn signature(key: &SigningKey, id: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new(&(*key).into());
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}

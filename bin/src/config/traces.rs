//! `[traces]`: the collector that is told which way messages took.

use openline_core::settings::told;
use openline_core::weak::{Maker, strong};
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

/// Whether this program can tell a collector anything: the feature `otlp`.
const IS_BUILT_IN: bool = cfg!(feature = "otlp");

/// Who is told of messages' ways.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TraceSettings {
    /// Where traces are posted, by OTLP over http.
    #[serde(deserialize_with = "collector")]
    pub endpoint: Option<Url>,
    /// What is sent along as `Authorization: Bearer`.
    #[serde(deserialize_with = "token")]
    pub token: Option<SecretString>,
}

fn collector<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "" => Ok(None),
        _ if !IS_BUILT_IN => Err(D::Error::custom(
            "this program was built without traces; build it with `cargo build --release -p openline --features otlp`, or \
             leave this out",
        )),
        given => endpoint(given).map(Some).map_err(D::Error::custom),
    }
}

fn token<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let Some(token) = Option::<String>::deserialize(from)? else { return Ok(None) };
    strong("", &token, Maker::Other).map_err(told)?;
    Ok(Some(token.into()))
}

/// It is not repeated in errors: somebody may have written a password into it.
fn endpoint(given: &str) -> Result<Url, &'static str> {
    let url = Url::parse(given).map_err(|_| "is no address; write one like \"http://127.0.0.1:4318/v1/traces\"")?;
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err("must not have a user or password; traces.token is sent as Authorization: Bearer")
        }
        "https" => Ok(url),
        "http" if url.host_str().is_some() => Ok(url),
        _ => Err("must begin with http:// or https://; traces are sent by OTLP over http"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_address_without_a_password() {
        assert!(endpoint("http://127.0.0.1:4318/v1/traces").is_ok());
        for wrong in ["127.0.0.1:4318", "grpc://collector:4317", "https://me:secretword@collector/v1/traces"] {
            assert!(!endpoint(wrong).unwrap_err().contains("secretword"), "{wrong}");
        }
    }
}

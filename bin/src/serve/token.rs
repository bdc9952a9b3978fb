//! The token of an own listener, as it comes with a request.

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openline_core::client::credentials;
use openline_core::secret::same;
use secrecy::{ExposeSecret, SecretString};

/// Whether it came as `Authorization: Bearer …`.
pub(crate) fn is_bearer(headers: &HeaderMap, token: &SecretString) -> bool {
    credentials(headers, "Bearer").is_some_and(|given| same(given, token.expose_secret()))
}

/// Whether it came as the password that a browser asks for; the name may be any.
pub(crate) fn is_password(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = credentials(headers, "Basic").and_then(|given| BASE64_STANDARD.decode(given).ok());
    let password = given.as_deref().and_then(|given| given.splitn(2, |byte| *byte == b':').nth(1));
    password.is_some_and(|password| same(password, token.expose_secret().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    #[test]
    fn a_token_comes_as_a_bearers_or_as_a_password() {
        let token = SecretString::from("s:cret");
        let sent = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(is_bearer(&sent("Bearer s:cret"), &token) && is_bearer(&sent("bearer  s:cret"), &token));
        assert!(!is_bearer(&sent("Bearer s:cre"), &token));
        let basic = |text: &str| sent(&format!("Basic {}", BASE64_STANDARD.encode(text)));
        assert!(is_password(&basic("anybody:s:cret"), &token) && is_password(&basic(":s:cret"), &token));
        for wrong in [basic("s:cret"), basic("a:secret"), sent("Basic ?"), sent("Bearer s:cret"), HeaderMap::new()] {
            assert!(!is_password(&wrong, &token), "{wrong:?}");
        }
    }
}

//! `Authorization: Bearer …`, for kinds whose callers are programs.

use axum::http::HeaderMap;
use openline_core::ConfigError;
use openline_core::client::credentials;
use openline_core::secret::same;
use sha2::{Digest, Sha256};

/// Shortest token taken, in characters.
const MIN_LENGTH: usize = 16;

/// The tokens that let a caller in, as hashes. Several, so that they can be changed one after the other.
pub(crate) struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Tokens separated by blanks, as the key `key` of the settings has them.
    pub(crate) fn read(key: &str, given: &str) -> Result<Self, ConfigError> {
        let tokens: Vec<&str> = given.split_whitespace().collect();
        if tokens.is_empty() {
            let problem = "is missing; write a long random text that callers will send as Authorization: Bearer …";
            return Err(ConfigError::at(key, problem));
        }
        if tokens.iter().any(|token| token.chars().count() < MIN_LENGTH) {
            let problem = format!("is too short; write at least {MIN_LENGTH} random characters without blanks");
            return Err(ConfigError::at(key, problem));
        }
        Ok(Self(tokens.into_iter().map(hash).collect()))
    }

    /// Whether the request has one of them. Takes as long for a wrong one as for a right one.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let token = hash(credentials(headers, "Bearer").unwrap_or_default());
        self.0.iter().fold(false, |found, ours| same(ours, &token) | found)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    #[test]
    fn one_of_the_tokens_lets_in_and_nothing_else() {
        let tokens = Tokens::read("token", "0123456789abcdef fedcba9876543210").unwrap();
        let admits = |value: &str| {
            let headers = [(header::AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
            tokens.admit(&headers)
        };
        assert!(admits("Bearer 0123456789abcdef") && admits("bearer  fedcba9876543210"));
        for bad in ["", "Bearer ", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", "0123456789abcdef"] {
            assert!(!admits(bad), "{bad}");
        }
        assert!(!tokens.admit(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_long() {
        assert!(Tokens::read("token", " ").err().unwrap().to_string().starts_with("token: is missing"));
        assert!(Tokens::read("token", "short").err().unwrap().to_string().starts_with("token: is too short"));
    }
}

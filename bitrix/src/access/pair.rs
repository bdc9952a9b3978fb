//! Whether the application's code and key are right, and at which authorization server.
//!
//! A wrong key, or another server, would show only when the tokens are renewed for the first time: an hour after an
//! installation that looked fine (`bitrix24.md` §11). So both are proved at once, by a renewal with an invented token,
//! which spends nothing.

use crate::access::oauth;
use crate::config::PortalConfig;
use crate::wire::rest::CallError;
use reqwest::Client;
use url::Url;

/// A refresh token that nobody has given.
const INVENTED: &str = "invented-to-ask-whether-code-and-key-are-right";

/// Code and key, as an authorization server judges them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// They belong together and are known there.
    Right,
    /// They are not, with the server's code.
    Wrong(String),
    /// It could not be asked, or answered something else.
    Unknown(String),
}

/// What an authorization server says of code and key.
pub(crate) async fn judge(client: &Client, config: &PortalConfig, server: &Url) -> Pair {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", INVENTED)];
    match oauth::token(client, config, server, &grant).await {
        // It can't be: but then nothing is wrong with the key.
        Ok(_) => Pair::Right,
        Err(error) => verdict(&error),
    }
}

fn verdict(error: &CallError) -> Pair {
    let CallError::Oauth { code, .. } = error.plain() else { return Pair::Unknown(error.to_string()) };
    match code.to_ascii_lowercase().as_str() {
        // Whether a bill is paid, or what the token is, is asked after who asks.
        "invalid_grant" | "bad_verification_code" | "expired_token" | "payment_required" => Pair::Right,
        "invalid_client" | "wrong_client" | "error_oauth" => Pair::Wrong(code.clone()),
        _ => Pair::Unknown(error.to_string()),
    }
}

/// The first of the servers at which code and key are right; else what the first one said.
pub(crate) async fn search(client: &Client, config: &PortalConfig, servers: &[Url]) -> (Url, Pair) {
    let mut first = None;
    for server in servers {
        match judge(client, config, server).await {
            Pair::Right => return (server.clone(), Pair::Right),
            // A wrong pair is sure; that a server can't be reached says nothing.
            other if first.as_ref().is_none_or(|(_, known)| matches!(known, Pair::Unknown(_))) => {
                first = Some((server.clone(), other));
            }
            _ => {}
        }
    }
    first.unwrap_or_else(|| (config.auth_server.clone(), Pair::Unknown("no server was asked".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str) -> Pair {
        verdict(&CallError::Oauth { status: 400, code: code.to_owned(), description: String::new() })
    }

    #[test]
    fn an_invented_token_tells_a_wrong_key_from_a_right_one() {
        assert_eq!(said("invalid_grant"), Pair::Right);
        for wrong in ["invalid_client", "wrong_client", "ERROR_OAUTH"] {
            assert_eq!(said(wrong), Pair::Wrong(wrong.to_owned()));
        }
        assert!(matches!(said(""), Pair::Unknown(_)));
        let down = CallError::Connect { host: "x".into(), problem: "refused".into() };
        assert!(matches!(verdict(&down), Pair::Unknown(_)));
    }
}

//! Issuing and ending tokens, and the two endpoints they belong to (bitrix24.md §2.5, §2.7).

use serde_json::{Value, json};

use crate::model::{App, AuthCode, RefreshToken, State, Token};

/// Life of a refresh token: 180 days.
const REFRESH_LIFE_MS: i64 = 180 * 24 * 3600 * 1000;
/// Life of an authorization code: 30 seconds.
const CODE_LIFE_MS: i64 = 30 * 1000;
/// Digits of a token today.
const TOKEN_LENGTH: usize = 70;

impl State {
    /// `client_endpoint`: prefix of all method calls.
    pub(crate) fn client_endpoint(&self) -> String {
        format!("{}/rest/", self.portal_url())
    }

    /// `server_endpoint`: the authorization server's own REST prefix.
    pub(crate) fn server_endpoint(&self) -> String {
        format!("{}/rest/", self.auth_url())
    }

    /// A new access token.
    pub(crate) fn issue_token(&mut self, app: i64, user: i64, hops: u8) -> String {
        let name = self.rng.hex(TOKEN_LENGTH);
        let token = Token { app, user, expires_ms: self.now + self.token_life_ms, revoked: false, hops };
        self.tokens.insert(name.clone(), token);
        name
    }

    /// A new refresh token.
    pub(crate) fn issue_refresh_token(&mut self, app: i64, user: i64) -> String {
        let name = self.rng.hex(TOKEN_LENGTH);
        let token = RefreshToken { app, user, expires_ms: self.now + REFRESH_LIFE_MS, used: false, revoked: false };
        self.refresh_tokens.insert(name.clone(), token);
        name
    }

    /// A new code of the authorization-code grant.
    pub(crate) fn issue_code(&mut self, app: i64, user: i64) -> String {
        let name = self.rng.hex(32);
        self.codes.insert(name.clone(), AuthCode { app, user, expires_ms: self.now + CODE_LIFE_MS, used: false });
        name
    }

    /// A fresh pair in the shape of the token endpoint's answer (bitrix24.md §2.7).
    pub(crate) fn token_answer(&mut self, app: &App, user: i64) -> Value {
        let access = self.issue_token(app.id, user, crate::model::HOPS);
        let refresh = self.issue_refresh_token(app.id, user);
        json!({
            "access_token": access,
            "client_endpoint": self.client_endpoint(),
            "domain": self.auth_host,
            "expires": (self.now + self.token_life_ms) / 1000,
            "expires_in": self.token_life_ms / 1000,
            "member_id": self.member_id,
            "refresh_token": refresh,
            "scope": app.scope.join(","),
            "server_endpoint": self.server_endpoint(),
            "status": "L",
            "user_id": user,
        })
    }

    /// Makes every access token expire now.
    pub(crate) fn expire_tokens(&mut self) {
        let now = self.now;
        for token in self.tokens.values_mut() {
            token.expires_ms = token.expires_ms.min(now);
        }
    }

    /// Kills every token of an application, refresh tokens included.
    pub(crate) fn revoke_tokens(&mut self, app: i64) {
        self.tokens.values_mut().filter(|token| token.app == app).for_each(|token| token.revoked = true);
        self.refresh_tokens.values_mut().filter(|token| token.app == app).for_each(|token| token.revoked = true);
    }
}

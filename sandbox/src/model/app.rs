//! Applications and the tokens the authorization server issued for them.

/// One application as the portal knows it.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: i64,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) scope: Vec<String>,
    /// Proof of origin in every event; may change on update and reinstall (bitrix24.md §2.10).
    pub(crate) application_token: String,
    /// The "Initial installation path" of the form.
    pub(crate) install_url: String,
    /// The "Your handler path" of the form, also the OAuth redirect URI.
    pub(crate) handler_url: String,
    /// The row exists in the portal. False before the first install and after an uninstall.
    pub(crate) present: bool,
    /// Installation was completed; only then events flow (bitrix24.md §2.4).
    pub(crate) installed: bool,
    pub(crate) version: i64,
    /// The paid or trial period is over (bitrix24.md A6).
    pub(crate) unpaid: bool,
}

/// An access token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) app: i64,
    pub(crate) user: i64,
    pub(crate) expires_ms: i64,
    pub(crate) revoked: bool,
    /// How many more times calls made with it may cause events (bitrix24.md §6.1).
    pub(crate) hops: u8,
}

/// A refresh token; lives 180 days.
#[derive(Debug, Clone)]
pub(crate) struct RefreshToken {
    pub(crate) app: i64,
    pub(crate) user: i64,
    pub(crate) expires_ms: i64,
    pub(crate) used: bool,
    pub(crate) revoked: bool,
}

/// A code of the authorization-code grant; lives 30 seconds and works once.
#[derive(Debug, Clone)]
pub(crate) struct AuthCode {
    pub(crate) app: i64,
    pub(crate) user: i64,
    pub(crate) expires_ms: i64,
    pub(crate) used: bool,
}

//! What a sandbox is started with, and the switches that may be flipped while it runs.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::rng::Rng;

/// Settings of one stand-in portal and its authorization server.
///
/// Two sandboxes with the same `seed` have the same `member_id` and the same tokens: give each tenant its own seed.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where the portal listens; port 0 takes any free port.
    pub portal_listen: SocketAddr,
    /// Where the authorization server listens; port 0 takes any free port.
    pub auth_listen: SocketAddr,
    /// The address under which a proxy shows the portal: `https://portal.example`. Everything the portal says of itself
    /// names it. `None`: the address where it listens.
    pub public_url: Option<Url>,
    /// The same for the authorization server.
    pub auth_public_url: Option<Url>,
    /// `client_id` of the local application, `local.<hex>.<digits>` (bitrix24.md §2.2).
    pub client_id: String,
    /// `client_secret` of the local application; valid at the authorization server only.
    pub client_secret: String,
    /// Scopes on the application card (bitrix24.md §2.1).
    pub scope: Vec<String>,
    /// Everything random (ids, tokens, fault probabilities) follows from this.
    pub seed: u64,
    /// Portal language, a two-letter code.
    pub language: String,
    /// How long the portal works on each element of `imconnector.send.messages`, in milliseconds.
    pub processing_ms: u64,
    /// Leaky bucket per portal and source address (bitrix24.md §3.4); `None` switches it off.
    pub request_limit: Option<RequestLimit>,
    /// Operating limit per application and method: seconds of work within ten minutes; `None` switches it off.
    pub operating_limit_s: Option<f64>,
    /// Life of an access token in seconds (3600 in reality).
    pub access_token_lifetime_s: u64,
    /// How long the event queue waits for a handler's answer, in milliseconds.
    pub handler_timeout_ms: u64,
    /// How long the portal waits for a file it downloads, in milliseconds (60 s in reality).
    pub download_timeout_ms: u64,
    /// Whether a refresh token dies when it is used (bitrix24.md A2).
    pub strict_rotation: bool,
    /// Whether plain http is refused (bitrix24.md R8). `X-Forwarded-Proto: https` counts as https.
    pub require_https: bool,
    /// The automatic greeting of every open line; `None` for silent lines (bitrix24.md E9).
    pub greeting: Option<String>,
}

/// The leaky bucket of bitrix24.md §3.4: blocked while the counter would exceed `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RequestLimit {
    /// X: how high the counter may stand.
    pub burst: f64,
    /// Y: how much leaks away each second.
    pub per_second: f64,
}

/// Behaviours the documentation and the portal's source disagree on, or that only some portals show.
/// Change them with `Sandbox::switch` or `POST /sandbox/switches`.
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named after what it does")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// A used refresh token is dead (bitrix24.md A2).
    pub strict_rotation: bool,
    /// Plain http is refused (bitrix24.md R8).
    pub require_https: bool,
    /// Soft errors of `register` stay inside `result` instead of at the top level (bitrix24.md §3.2).
    pub nested_soft_errors: bool,
    /// Authorization errors carry the HTTP statuses of the source, not of the documentation (bitrix24.md §2.8).
    pub source_statuses: bool,
    /// Names longer than 25 characters or with digits fail their element (bitrix24.md C20).
    pub strict_names: bool,
    /// Phone numbers that are not international fail their element, unless `skip_phone_validate` says `Y`.
    pub strict_phones: bool,
    /// Events carry no user token, as when a background job causes them (bitrix24.md E17).
    pub events_without_tokens: bool,
    /// Handler hosts without a dot are accepted by `event.bind` (bitrix24.md E1).
    pub allow_dotless_handlers: bool,
    /// Links of files answer with the page where people log in, and status 200.
    pub file_links_need_login: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            strict_rotation: true,
            require_https: false,
            nested_soft_errors: false,
            source_statuses: false,
            strict_names: false,
            strict_phones: false,
            events_without_tokens: false,
            allow_dotless_handlers: false,
            file_links_need_login: false,
        }
    }
}

impl SandboxConfig {
    /// The default portal, with identity derived from `seed`.
    pub fn seeded(seed: u64) -> Self {
        let mut rng = Rng::new(seed.wrapping_add(7));
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            portal_listen: any_port,
            auth_listen: any_port,
            public_url: None,
            auth_public_url: None,
            client_id: format!("local.{}.{}", rng.hex(14), rng.digits(8)),
            client_secret: rng.word(50),
            scope: ["imopenlines", "imconnector", "im"].map(String::from).to_vec(),
            seed,
            language: "en".to_owned(),
            processing_ms: 0,
            request_limit: Some(RequestLimit { burst: 50.0, per_second: 2.0 }),
            operating_limit_s: Some(480.0),
            access_token_lifetime_s: 3600,
            handler_timeout_ms: 10_000,
            download_timeout_ms: 60_000,
            strict_rotation: true,
            require_https: false,
            greeting: Some("Hello! An operator will answer you shortly.".to_owned()),
        }
    }

    /// The same portal without request and operating limits, for tests that are not about limits.
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.request_limit = None;
        self.operating_limit_s = None;
        self
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self::seeded(1)
    }
}

//! What every handler of one website chat needs.

use super::error::{Problem, Refusal};
use super::session::{Session, Sessions};
use super::settings::Settings;
use axum::http::{HeaderMap, header};
use openline_core::VisitorInbox;
use openline_core::channel::Host;
use std::sync::Arc;
use url::Url;

/// Longest text a visitor may send, in characters.
pub(super) const MAX_TEXT: usize = 10_000;
/// Longest name, in characters.
pub(super) const MAX_NAME: usize = 100;

/// Most files in one message.
pub(super) const MAX_FILES: usize = 10;

/// One website chat at work.
pub(super) struct Site {
    pub(super) settings: Arc<Settings>,
    pub(super) sessions: Sessions,
    pub(super) inbox: VisitorInbox,
    /// The path of the page, with slashes at both ends: `/c/site/`.
    pub(super) base: String,
    /// Scheme and host of the public address.
    origin: String,
}

impl Site {
    pub(super) fn new(settings: Arc<Settings>, host: &Host, inbox: VisitorInbox) -> Self {
        let public = Url::parse(&host.public_url).ok();
        let prefix = public.as_ref().map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let base = format!("{prefix}/c/{}/", inbox.channel());
        let secure = public.as_ref().is_some_and(|url| url.scheme() == "https");
        let sessions = Sessions::new(&host.secret, inbox.channel(), &base, secure);
        let origin = public.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Self { settings, sessions, inbox, base, origin }
    }

    /// The visitor's session: from the cookie, or from `Authorization: Bearer`.
    pub(super) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(token) => self.sessions.read(token.trim()),
            None => text(header::COOKIE).and_then(|cookies| self.sessions.in_cookies(cookies)),
        }
    }

    /// The session, or a refusal that says to make one.
    pub(super) fn known_session(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        let message = "no session, or not one made by this server: POST to …/api/session for a new one";
        self.session(headers).ok_or_else(|| Problem::of(Refusal::UnknownSession, message))
    }

    /// Refuses a change that another site's page makes with the visitor's cookie. (`SameSite=Lax` keeps the cookie out
    /// of those already; this is for browsers without it and for sibling domains.)
    pub(super) fn same_site(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if text("authorization").is_some() {
            return Ok(());
        }
        let ours = match text("origin") {
            Some(origin) => self.is_own_origin(origin, text("host")),
            None => matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")),
        };
        if ours { Ok(()) } else { Err(Problem::of(Refusal::WrongOrigin, "this call comes from another site")) }
    }

    fn is_own_origin(&self, origin: &str, host: Option<&str>) -> bool {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        origin == self.origin || authority.is_some() && authority == host
    }
}

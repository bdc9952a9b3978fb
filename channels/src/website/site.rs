//! What every handler of one website chat needs.

use super::error::{Problem, Refusal};
use super::settings::Settings;
use crate::website::item::FileAddress;
use crate::website::made::MadeFiles;
use crate::website::session::ended::{Ended, Mark};
use crate::website::session::sessions::{Session, Sessions};
use crate::website::welcome::texts::{self, Catalogue};
use axum::http::{HeaderMap, header};
use openline_core::channel::Host;
use openline_core::client::credentials;
use openline_core::files::Holder;
use openline_core::limits::{Limits, Waiting};
use openline_core::message::Item;
use openline_core::{ChatId, ClientAddress, ConversationId, Rev, StoreError, VisitorInbox, sampled};
use std::sync::Arc;
use url::Url;

/// One website chat at work.
pub(super) struct Site {
    pub(super) settings: Settings,
    pub(super) sessions: Sessions,
    pub(super) ended: Ended,
    pub(super) inbox: VisitorInbox,
    pub(super) limits: Arc<Limits>,
    /// The path of the page, with slashes at both ends: `/c/site/`.
    pub(super) base: String,
    /// The public address.
    pub(super) public_url: String,
    /// Scheme and host of the public address.
    pub(super) origin: String,
    pub(super) made: MadeFiles,
}

/// What a visitor's page is like.
pub(super) struct View {
    /// Its language.
    pub(super) language: &'static Catalogue,
    /// Whether the address names the language, so that it must go on being named.
    asked: bool,
    base: String,
}

impl View {
    /// The page's own path.
    pub(super) fn here(&self) -> String {
        self.link("", &[])
    }

    /// The path of a place below the page.
    pub(super) fn link(&self, place: &str, numbers: &[(&str, i64)]) -> String {
        let numbers = numbers.iter().map(|(name, number)| format!("{name}={number}"));
        let language = self.asked.then(|| format!("lang={}", self.language.code));
        let query: Vec<_> = numbers.chain(language).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{place}{mark}{}", self.base, query.join("&"))
    }
}

impl Site {
    pub(super) fn new(settings: Settings, host: &Host, inbox: VisitorInbox) -> Self {
        let public = Url::parse(&host.public_url).ok();
        let prefix = public.as_ref().map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let base = format!("{prefix}/c/{}/", inbox.channel());
        let secure = public.as_ref().is_some_and(|url| url.scheme() == "https");
        let sessions = Sessions::new(&host.secret, inbox.channel(), &base, secure, settings.session_epoch);
        let sessions = sessions.identified_by(settings.identity.secrets());
        let origin = public.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let made = MadeFiles::new(&settings, inbox.channel().as_str(), &origin, &base);
        Self {
            settings,
            sessions,
            ended: Ended::default(),
            inbox,
            limits: Arc::clone(&host.limits),
            base,
            public_url: host.public_url.clone(),
            origin,
            made,
        }
    }

    /// The page in the visitor's language; `asked` is the address's `lang`.
    pub(super) fn view(&self, headers: &HeaderMap, asked: Option<&str>) -> View {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = self.settings.language.choose(asked, accepted);
        let asked = asked.and_then(texts::find).is_some_and(|asked| asked == language);
        View { language, asked, base: self.base.clone() }
    }

    /// The visitor's session: from the cookie, or from `Authorization: Bearer`.
    pub(super) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let found = match credentials(headers, "Bearer") {
            Some(token) => self.sessions.read(token, self.inbox.now()),
            None => self.in_cookies(headers),
        };
        found.filter(|session| session.customer.is_some() || !self.settings.identity.required)
    }

    fn in_cookies(&self, headers: &HeaderMap) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        self.sessions.in_cookies(&cookies.collect::<Vec<_>>().join("; "), self.inbox.now())
    }

    /// The newest revision of a conversation, for somebody who knows `since`. A cursor can be ahead of what is known in
    /// memory for a moment (the commit comes first): such a one is looked up before it is called wrong.
    pub(super) async fn newest(&self, id: ConversationId, since: i64) -> Result<Rev, StoreError> {
        let newest = self.inbox.newest(id).await?;
        if since <= newest.0 { Ok(newest) } else { Ok(self.inbox.items_since(id, Rev(i64::MAX), 0).await?.rev) }
    }

    /// What it takes to ask later whether a session was ended.
    pub(super) fn mark(&self, session: &Session) -> Mark {
        Mark::of(session, &self.sessions)
    }

    /// Whether a session was ended: by signing out, or by asking to be forgotten.
    pub(super) async fn is_over(&self, mark: &Mark) -> Result<bool, StoreError> {
        self.ended.is_over(mark, &self.inbox).await
    }

    /// The session, or a refusal that says to make one.
    pub(super) fn known_session(&self, headers: &HeaderMap) -> Result<Session, Problem> {
        self.session(headers).ok_or_else(|| self.no_session())
    }

    /// Says what a visitor without a session has to do.
    pub(super) fn no_session(&self) -> Problem {
        if self.settings.identity.required {
            let message = "only identified customers can write here: POST {\"identity\": …} to …/api/session";
            return Problem::of(Refusal::IdentityRequired, message);
        }
        let message = "no session, or not one made by this server: POST to …/api/session for a new one";
        Problem::of(Refusal::UnknownSession, message)
    }

    /// Refuses a message too many of a visitor or of an address.
    pub(super) async fn may_write(&self, session: &Session, from: ClientAddress) -> Result<(), Problem> {
        let new = self.inbox.find(&session.chat).await?.is_none();
        Ok(self.limits.message(self.inbox.channel(), &session.chat, from, new)?)
    }

    /// Refuses an upload too many: as large as its head says, else as one file may be. The bytes that were counted.
    pub(super) fn may_upload(
        &self,
        session: &Session,
        from: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<u64, Problem> {
        let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = told.unwrap_or_else(|| self.inbox.file_rules().most);
        self.limits.upload(self.inbox.channel(), &session.chat, from, bytes)?;
        Ok(bytes)
    }

    /// A place to wait for news.
    pub(super) fn may_wait(&self, chat: &ChatId, from: ClientAddress) -> Result<Box<Waiting>, Problem> {
        Ok(Box::new(self.limits.stream(self.inbox.channel(), chat, from)?))
    }

    /// A new session, unless the address has had too many.
    pub(super) fn new_session(&self, from: ClientAddress) -> Result<Option<Session>, Problem> {
        self.limits.session(from)?;
        Ok(self.sessions.make(self.inbox.now()))
    }

    /// Refuses what sets a cookie or writes by one when another site's page does it (`SameSite=Lax` keeps the cookie out of
    /// those already; this is for browsers without it and for sibling domains), or when somebody else may have set one of
    /// two cookies. Only a bearer token that is good needs none of this.
    pub(super) fn same_site(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if headers.contains_key(header::AUTHORIZATION) && self.session(headers).is_some() {
            return Ok(());
        }
        let ours = match (text("origin"), text("sec-fetch-site")) {
            (Some(origin), _) => origin == self.origin,
            (None, Some(site)) => matches!(site, "same-origin" | "none"),
            // No browser of these years; an old one tells by the address that it comes from.
            (None, None) => text("referer").is_none_or(|from| {
                Url::parse(from).is_ok_and(|from| from.origin().ascii_serialization() == self.origin)
            }),
        };
        if !ours {
            sampled!(info, target: "security", channel = %self.inbox.channel(), result = "refused", "a call of another site");
            return Err(Problem::of(Refusal::WrongOrigin, "this call comes from another site"));
        }
        if self.in_cookies(headers).is_some_and(|session| !session.alone) {
            let message = "there are two sessions in the cookies, one of which somebody else may have set: delete them";
            return Err(Problem::of(Refusal::WrongOrigin, message));
        }
        Ok(())
    }

    /// Where the visitor finds the files of a conversation. Pictures and downloads carry no bearer token, so for such a
    /// session the addresses are signed.
    pub(super) fn links(&self, reader: Reader, conversation: ConversationId) -> Links<'_> {
        Links { site: self, signed: (reader == Reader::Bearer).then_some(conversation) }
    }
}

/// How a visitor shows their session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// By a cookie, which goes along with pictures and downloads, too.
    Cookie,
    /// By a token in a header, which does not.
    Bearer,
}

impl Reader {
    /// Of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(header::AUTHORIZATION) { Self::Bearer } else { Self::Cookie }
    }
}

/// See [`Site::links`].
pub(super) struct Links<'s> {
    site: &'s Site,
    /// The conversation, when the addresses are to be signed.
    signed: Option<ConversationId>,
}

impl FileAddress for Links<'_> {
    fn address(&self, item: &Item, index: usize) -> String {
        let signed = self.signed.and_then(|id| self.site.inbox.file_url(item, id, index, Holder::Reader));
        signed.unwrap_or_else(|| self.site.base.address(item, index))
    }
}

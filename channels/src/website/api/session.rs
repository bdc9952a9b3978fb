//! Sessions: made, shown and ended.

use super::forget::without_session;
use super::shared::{Shared, from_json};
use crate::common::answer::answer;
use crate::common::schema::WireDialog;
use crate::website::error::{AnyCall, Problem, Refusal, Refused, Writes};
use crate::website::sent::query::{Given, whole};
use crate::website::session::identity::Audience;
use crate::website::session::sessions::Session;
use crate::website::site::{Reader, Site};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use openline_core::message::Dialog;
use openline_core::{ClientAddress, sampled};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Deserialize, Default, ToSchema)]
pub(in crate::website) struct OpenSession {
    /// The answer has the token, and no cookie is set.
    #[serde(default)]
    bearer: bool,
    /// The token by which the embedding site says whom it has signed in. Of another shape than a text it is a wrong one.
    #[schema(value_type = Option<String>)]
    identity: Option<Value>,
    /// The visitor agreed to what `…/api/info` asks.
    #[serde(default)]
    consent: bool,
}

/// A session as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(in crate::website) struct WireSession<'s> {
    /// What the visitor was called last.
    name: String,
    /// The newest one.
    cursor: i64,
    #[schema(value_type = WireDialog)]
    dialog: Dialog,
    /// The token, where it was asked for or is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session: Option<&'s str>,
}

/// That a session is over.
#[derive(Serialize, ToSchema)]
pub(in crate::website) struct Ended {
    ended: bool,
}

#[utoipa::path(
    post, path = "/session", operation_id = "open_session", summary = "Begins a session, or finds the one there is",
    security(()),
    request_body(content = Option<OpenSession>),
    responses(
        Writes,
        (status = 201, body = WireSession<'static>, description = "A new one; a cookie is set unless a bearer was asked for."),
        (status = 200, body = WireSession<'static>, description = "The one of the token or cookie is good."),
        (status = 422, body = Refused, description = "consent_needed.")
    )
)]
pub(in crate::website) async fn open_session(
    State(site): Shared,
    from: ClientAddress,
    headers: HeaderMap,
    body: Given,
) -> Result<Response, Problem> {
    let body = whole(body)?;
    let asked: OpenSession = if body.is_empty() { OpenSession::default() } else { from_json(&headers, &body)? };
    if asked.identity.is_none()
        && let Some(session) = site.session(&headers)
    {
        return known(&site, &session, Reader::of(&headers)).await;
    }
    if !asked.bearer {
        site.same_site(&headers)?;
    }
    if site.settings.consent.first && !asked.bearer && !asked.consent {
        let message = "agree first: see consent of …/api/info, and send {\"consent\": true}";
        return Err(Problem::of(Refusal::ConsentNeeded, message));
    }
    let session = match asked.identity {
        Some(token) => identified(&site, token.as_str().unwrap_or_default(), from)?,
        None if site.settings.identity.required => return Err(site.no_session()),
        None => site.new_session(from)?,
    };
    let session = session.ok_or_else(|| Problem::of(Refusal::StorageUnavailable, "no randomness, try again"))?;
    if asked.bearer {
        return describe(&site, &session, StatusCode::CREATED, Some(&session.token)).await;
    }
    Ok(keeping(&site, &session, describe(&site, &session, StatusCode::CREATED, None).await?))
}

/// Lets the browser keep a session.
fn keeping(site: &Site, session: &Session, mut response: Response) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(&site.sessions.set_cookie(session)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A session that is good. When an earlier secret signed it, the same one signed anew goes along.
async fn known(site: &Site, session: &Session, reader: Reader) -> Result<Response, Problem> {
    match (site.sessions.renewed(session), reader) {
        (None, _) => describe(site, session, StatusCode::OK, None).await,
        (Some(renewed), Reader::Bearer) => describe(site, &renewed, StatusCode::OK, Some(&renewed.token)).await,
        (Some(renewed), Reader::Cookie) => {
            Ok(keeping(site, &renewed, describe(site, &renewed, StatusCode::OK, None).await?))
        }
    }
}

/// A session of the customer whom the token names; never another one instead.
fn identified(site: &Site, token: &str, from: ClientAddress) -> Result<Option<Session>, Problem> {
    site.limits.session(from)?;
    let (audience, now) =
        (Audience { origin: &site.public_url, channel: site.inbox.channel().as_str() }, site.inbox.now());
    match site.settings.identity.customer(token, &audience, now) {
        Ok(customer) => Ok(site.sessions.make_for(&customer, now)),
        Err(refused) => {
            sampled!(warn, target: "security", client = %from, %refused, result = "refused", "a token of identity");
            let message = format!("identity is refused: {refused}, see docs/widget.md");
            Err(Problem::of(Refusal::IdentityRefused, message))
        }
    }
}

#[utoipa::path(
    delete, path = "/session", operation_id = "end_session",
    summary = "Signing out: this session is over, wherever its token is",
    responses(AnyCall, Writes, (status = 200, body = Ended, description = "It is over."))
)]
pub(in crate::website) async fn end_session(
    State(site): Shared,
    from: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    site.same_site(&headers)?;
    let session = site.known_session(&headers)?;
    site.ended.end(&session, &site.inbox).await?;
    let (channel, chat) = (site.inbox.channel(), &session.chat);
    sampled!(info, target: "security", client = %from, %channel, %chat, result = "accepted", "a session was ended");
    let response = answer(StatusCode::OK, Ended { ended: true });
    Ok(if Reader::of(&headers) == Reader::Cookie { without_session(&site, response) } else { response })
}

#[utoipa::path(
    get, path = "/session", operation_id = "show_session", summary = "The session",
    responses(AnyCall, (status = 200, body = WireSession<'static>, description = "As it is now."))
)]
pub(in crate::website) async fn show_session(State(site): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    describe(&site, &session, StatusCode::OK, None).await
}

async fn describe(
    site: &Site,
    session: &Session,
    status: StatusCode,
    token: Option<&str>,
) -> Result<Response, Problem> {
    let conversation = site.inbox.conversation(&session.chat).await?;
    let (name, cursor, dialog) =
        conversation.map_or((String::new(), 0, Dialog::None), |c| (c.visitor.name, c.rev.0, c.dialog));
    Ok(answer(status, WireSession { name, cursor, dialog, session: token }))
}

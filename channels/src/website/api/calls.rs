//! The JSON API of `docs/website-api.md`.

use crate::common::json;
use crate::common::multipart::is_multipart;
use crate::website::api::forget::without_session;
use crate::website::api::stream;
use crate::website::error::{Problem, Refusal};
use crate::website::item::{WireItem, WireSlice};
use crate::website::sent::form::Typed;
use crate::website::sent::kind::{by_script, is_json, not_json};
use crate::website::sent::query::{Given, MAX_BODY, NEWS, number, query, whole};
use crate::website::sent::upload::{Sender, Upload};
use crate::website::session::ended::Mark;
use crate::website::session::identity::Audience;
use crate::website::session::sessions::Session;
use crate::website::site::{Reader, Site};
use crate::website::welcome::before::Profile;
use crate::website::welcome::info::Info;
use crate::website::welcome::introduce::{Brought, introduce};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, RequestExt, Router};
use openline_core::limits::Waiting;
use openline_core::message::{Dialog, Item};
use openline_core::{ChatId, ClientAddress, ConversationId, MessageId, Pos, Rev, sampled};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Longest that an answer is held, in seconds.
const MAX_WAIT: u64 = 25;

/// What every answer with news says of itself.
const JSON: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];

type Shared = State<Arc<Site>>;

pub(in crate::website) fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    Router::new()
        .route("/session", post(open_session).get(show_session).delete(end_session))
        .route("/messages", post(send).get(history))
        .route("/messages/{id}", get(one))
        .route("/messages/{id}/retry", post(retry))
        .route("/updates", get(updates))
        .route("/stream", get(stream::open))
        .merge(crate::website::api::forget::api())
        .route("/info", get(info))
        .route_layer(from_fn_with_state(Arc::clone(site), by_script))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(site), guess_no_tokens))
        .layer(from_fn_with_state(Arc::clone(site), cross_origin))
}

async fn method_not_allowed() -> Problem {
    Problem::of(Refusal::MethodNotAllowed, "this address does not take that method, see the Allow header")
}

async fn not_found() -> Problem {
    Problem::of(Refusal::NotFound, "there is nothing at this address")
}

/// Nothing is done for an address that has shown too many tokens that are none of ours.
pub(in crate::website) async fn guess_no_tokens(
    State(site): Shared,
    from: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION)
        && site.session(headers).is_none()
        && let Err(limited) = site.limits.wrong_token(from)
    {
        return Problem::from(limited).into_response();
    }
    next.run(request).await
}

/// Lets the configured front ends on other sites call (with bearer tokens; cookies stay with this site).
async fn cross_origin(State(site): Shared, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed =
        origin.filter(|origin| site.settings.allowed_origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    let preflight = request.method() == Method::OPTIONS;
    let Some(origin) = allowed else { return next.run(request).await };
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, last-event-id"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

fn answer(status: StatusCode, body: impl serde::Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn from_json<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(not_json());
    }
    json::read(body).map_err(|error| Problem::of(Refusal::BadJson, error.to_string()))
}

#[derive(Deserialize, Default)]
struct OpenSession {
    #[serde(default)]
    bearer: bool,
    /// The token by which the embedding site says whom it has signed in. Of another shape than a text it is a wrong one.
    identity: Option<Value>,
    /// The visitor agreed to what `…/api/info` asks.
    #[serde(default)]
    consent: bool,
}

async fn open_session(
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

/// Signing out: this session is over, wherever its token is.
async fn end_session(State(site): Shared, from: ClientAddress, headers: HeaderMap) -> Result<Response, Problem> {
    site.same_site(&headers)?;
    let session = site.known_session(&headers)?;
    site.ended.end(&session, &site.inbox).await?;
    let (channel, chat) = (site.inbox.channel(), &session.chat);
    sampled!(info, target: "security", client = %from, %channel, %chat, result = "accepted", "a session was ended");
    let response = answer(StatusCode::OK, json!({ "ended": true }));
    Ok(if Reader::of(&headers) == Reader::Cookie { without_session(&site, response) } else { response })
}

async fn show_session(State(site): Shared, headers: HeaderMap) -> Result<Response, Problem> {
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
    let mut body = json!({ "name": name, "cursor": cursor, "dialog": dialog });
    if let Some(token) = token {
        body["session"] = json!(token);
    }
    Ok(answer(status, body))
}

#[derive(Deserialize)]
struct SendMessage {
    key: String,
    text: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    profile: Option<Profile>,
    #[serde(default)]
    about: Option<Value>,
}

/// A field of a form that is JSON.
fn part<T: for<'de> Deserialize<'de>>(fields: &HashMap<String, String>, name: &str) -> Result<Option<T>, Problem> {
    let field = fields.get(name).map(|field| json::read(field.as_bytes()));
    field.transpose().map_err(|error| Problem::of(Refusal::BadJson, format!("{name}: {error}")))
}

/// What stands before and around the conversation; see [`Info`].
async fn info(State(site): Shared, headers: HeaderMap, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let query = query(raw)?;
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    let chat = site.session(&headers).map(|session| session.chat);
    let known = match &chat {
        Some(chat) => site.inbox.conversation(chat).await?,
        None => None,
    };
    let info = Info::of(&site, view.language, chat.as_ref(), known.as_ref()).await?;
    Ok(answer(StatusCode::OK, info.json()))
}

async fn send(State(site): Shared, from: ClientAddress, request: Request) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    site.same_site(&headers)?;
    let session = site.known_session(&headers)?;
    site.may_write(&session, from).await?;
    let language = site.view(&headers, None).language;
    let (typed, profile, about) = if is_multipart(&headers) {
        let counted = site.may_upload(&session, from, &headers)?;
        let profile = |fields: &HashMap<String, String>, _: &_| part(fields, "profile");
        let sender = Sender { session: &session, from, counted, language, profile };
        let mut upload = Upload::read(&site, request, Some(sender)).await;
        upload.problem.take().map_or(Ok(()), Err)?;
        let (profile, about) = (part(&upload.fields, "profile")?, part(&upload.fields, "about")?);
        (upload.typed(), profile, about)
    } else {
        let sent = from_json(&headers, &whole(request.extract().await)?)?;
        let SendMessage { key, text, name, profile, about } = sent;
        (Typed { key, text, name, files: Vec::new() }, profile, about)
    };
    let typed = typed.check()?;
    let signed = session.customer.as_ref();
    let brought = Brought { key: &typed.key, name: typed.name.clone(), profile, about: about.as_ref(), signed };
    let with = introduce(&site, language, &session.chat, brought).await?;
    let recorded = typed.store(&site.inbox, &session.chat, with).await?;
    let status = if recorded.fresh { StatusCode::CREATED } else { StatusCode::OK };
    let links = site.links(Reader::of(&headers), recorded.change.conversation);
    let item = WireItem::new(&recorded.item, &links);
    Ok(answer(status, json!({ "item": item, "cursor": recorded.change.rev })))
}

/// A message by itself, with fresh addresses of its files.
async fn one(State(site): Shared, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, Problem> {
    let (conversation, item) = find(&site, &headers, &id).await?;
    Ok(alone(&site, &headers, conversation, &item))
}

async fn retry(State(site): Shared, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, Problem> {
    site.same_site(&headers)?;
    let (conversation, Item { id: message, .. }) = find(&site, &headers, &id).await?;
    if !site.inbox.retry(conversation, message).await? {
        return Err(Problem::of(Refusal::NotFailed, "this message has not failed"));
    }
    let (conversation, item) = find(&site, &headers, &id).await?;
    Ok(alone(&site, &headers, conversation, &item))
}

/// An item of the session's own conversation.
async fn find(site: &Site, headers: &HeaderMap, id: &str) -> Result<(ConversationId, Item), Problem> {
    let session = site.known_session(headers)?;
    let missing = || Problem::of(Refusal::NotFound, "there is no such message in this conversation");
    let message = MessageId(id.parse().map_err(|_| missing())?);
    let conversation = site.inbox.find(&session.chat).await?.ok_or_else(missing)?;
    let item = site.inbox.item(conversation, message).await?.ok_or_else(missing)?;
    Ok((conversation, item))
}

fn alone(site: &Site, headers: &HeaderMap, conversation: ConversationId, item: &Item) -> Response {
    let links = site.links(Reader::of(headers), conversation);
    answer(StatusCode::OK, json!({ "item": WireItem::new(item, &links), "cursor": item.rev }))
}

async fn history(State(site): Shared, headers: HeaderMap, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    let query = query(raw)?;
    let limit = number(&query, "limit")?.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Problem::of(Refusal::BadQuery, "limit must be from 1 to 100"));
    }
    let before = number(&query, "before")?.map(Pos);
    let Some(id) = site.inbox.find(&session.chat).await? else {
        return Ok(answer(StatusCode::OK, WireSlice::nothing(0, false)));
    };
    let slice = site.inbox.items_before(id, before, usize::try_from(limit).unwrap_or(1)).await?;
    Ok(answer(StatusCode::OK, WireSlice::history(&slice, &site.links(Reader::of(&headers), id))))
}

async fn updates(
    State(site): Shared,
    from: ClientAddress,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    let query = query(raw)?;
    let since = number(&query, "since")?.ok_or_else(|| Problem::of(Refusal::BadQuery, "since is missing"))?;
    let wait = number(&query, "wait")?.unwrap_or(0);
    let wait = u64::try_from(wait).ok().filter(|wait| *wait <= MAX_WAIT);
    let wait = wait.ok_or_else(|| Problem::of(Refusal::BadQuery, format!("wait must be from 0 to {MAX_WAIT}")))?;
    let wait = Duration::from_secs(wait);
    let id = site.inbox.find(&session.chat).await?;
    let newest = match id {
        Some(id) => site.newest(id, since).await?,
        None => Rev(0),
    };
    if since != newest.0 || wait.is_zero() {
        return Ok((JSON, news(&site, Reader::of(&headers), id, since).await?).into_response());
    }
    let place = site.may_wait(&session.chat, from)?;
    let mark = site.mark(&session);
    Ok(held(site, Reader::of(&headers), (session.chat, mark), (id, newest, wait), place))
}

/// What is new after a revision, at once.
async fn news(site: &Site, reader: Reader, id: Option<ConversationId>, since: i64) -> Result<Bytes, Problem> {
    let Some(id) = id else { return Ok(WireSlice::nothing(0, since != 0).json()) };
    let newest = site.newest(id, since).await?;
    if since == newest.0 {
        return Ok(WireSlice::nothing(since, false).json());
    }
    let reset = since < 0 || since > newest.0;
    let slice = site.inbox.items_since(id, if reset { Rev(0) } else { Rev(since) }, NEWS).await?;
    Ok(WireSlice::news(&slice, &site.links(reader, id), reset).json())
}

/// An answer whose head goes out now and whose body comes with the news. While a visitor waits, only the body's little
/// state is kept: not the request, its headers, the buffer they are in, and every layer around the handler, which are
/// three times as much. What comes after the waiting is made then (boxed).
fn held(
    site: Arc<Site>,
    reader: Reader,
    (chat, mark): (ChatId, Mark),
    (id, newest, wait): (Option<ConversationId>, Rev, Duration),
    place: Box<Waiting>,
) -> Response {
    let body = async move {
        let _place = place;
        let id = match id {
            Some(id) => {
                site.inbox.wait_above(id, newest, wait).await;
                Some(id)
            }
            None => Box::pin(site.inbox.wait_for_first(&chat, wait)).await.map_err(std::io::Error::other)?,
        };
        // Somebody may have signed out meanwhile.
        if Box::pin(site.is_over(&mark)).await.map_err(std::io::Error::other)? {
            return Err(std::io::Error::other("the session is over"));
        }
        // The status is sent: a failure can only break the answer off, and the page asks again.
        Box::pin(news(&site, reader, id, newest.0)).await.map_err(|problem| std::io::Error::other(problem.message))
    };
    (JSON, Body::from_stream(futures_util::stream::once(body))).into_response()
}

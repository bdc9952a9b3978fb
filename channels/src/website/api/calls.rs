//! The JSON API of `docs/website-api.md`.

use super::shared::{MAX_PAGE, MAX_WAIT, OfInfo, OfItem, OfNews, OfPage, Shared, USUAL_PAGE, from_json};
use crate::common::answer::answer;
use crate::common::json;
use crate::common::multipart::is_multipart;
use crate::website::bounds::{Key, Name, Text};
use crate::website::error::{AnyCall, Problem, Refusal, Refused, Writes};
use crate::website::item::{WireItem, WireSlice};
use crate::website::sent::form::{NewMessageForm, Typed};
use crate::website::sent::query::{NEWS, number, query, whole};
use crate::website::sent::upload::{Sender, Upload};
use crate::website::session::ended::Mark;
use crate::website::site::{Reader, Site};
use crate::website::welcome::before::Profile;
use crate::website::welcome::info::{Info, WireInfo};
use crate::website::welcome::introduce::{Brought, introduce};
use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openline_core::limits::Waiting;
use openline_core::message::Item;
use openline_core::{ChatId, ClientAddress, ConversationId, MessageId, Pos, Rev};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// What every answer with news says of itself.
const JSON: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];

#[derive(Deserialize, ToSchema)]
#[schema(as = NewMessage)]
pub(in crate::website) struct SendMessage {
    /// New for each message; the same one again stores nothing.
    #[schema(value_type = Key)]
    key: String,
    /// Taken literally.
    #[schema(value_type = Text)]
    text: String,
    /// How the visitor wants to be called.
    #[serde(default)]
    #[schema(value_type = Name)]
    name: Option<String>,
    #[serde(default)]
    profile: Option<Profile>,
    /// Where the visitor is: visit, url, referrer, title, utm, data. What is wrong in it is left out.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    about: Option<Value>,
}

/// A message by itself.
#[derive(Serialize, ToSchema)]
pub(in crate::website) struct One<'i> {
    item: WireItem<'i>,
    cursor: i64,
}

/// A field of a form that is JSON.
fn part<T: for<'de> Deserialize<'de>>(fields: &HashMap<String, String>, name: &str) -> Result<Option<T>, Problem> {
    let field = fields.get(name).map(|field| json::read(field.as_bytes()));
    field.transpose().map_err(|error| Problem::of(Refusal::BadJson, format!("{name}: {error}")))
}

#[utoipa::path(
    get, path = "/info", operation_id = "info", summary = "What stands before and around the conversation", security(()),
    params(OfInfo),
    responses(
        (status = 200, body = WireInfo<'static>, description = "For the visitor of the session; without one, for anybody new."),
        (status = 400, body = Refused, description = "bad_query."),
        (status = 429, body = Refused, description = "too_many."),
        (status = 503, body = Refused, description = "storage_unavailable.")
    )
)]
pub(in crate::website) async fn info(
    State(site): Shared,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = query(raw)?;
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    let chat = site.session(&headers).map(|session| session.chat);
    let known = match &chat {
        Some(chat) => site.inbox.conversation(chat).await?,
        None => None,
    };
    let info = Info::of(&site, view.language, chat.as_ref(), known.as_ref()).await?;
    Ok(answer(StatusCode::OK, info.wire()))
}

#[utoipa::path(
    post, path = "/messages", operation_id = "send", summary = "Says something",
    request_body(content(
        (SendMessage = "application/json", example = json!({ "key": "0f8b7c52-1", "text": "it's <b>", "name": "Ann" })),
        (NewMessageForm = "multipart/form-data")
    )),
    responses(
        AnyCall,
        Writes,
        (status = 201, body = One<'static>, description = "It is on disk, and never lost afterwards."),
        (status = 200, body = One<'static>, description = "The key is known: the first message."),
        (status = 409, body = Refused, description = "key_conflict: the key was used for another message."),
        (status = 413, body = Refused, description = "body_too_large, file_too_large."),
        (status = 422, body = Refused, description = "text_empty, text_too_long, name_too_long, bad_key, file_type_refused, \
            file_empty, too_many_files, profile_invalid, consent_needed."),
        (status = 507, body = Refused, description = "storage_full: there is no room for files.")
    )
)]
pub(in crate::website) async fn send(
    State(site): Shared,
    from: ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
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
    Ok(answer(status, One { item, cursor: recorded.change.rev.0 }))
}

#[utoipa::path(
    get, path = "/messages/{id}", operation_id = "one", summary = "A message, with fresh addresses of its files",
    params(OfItem),
    responses(
        AnyCall,
        (status = 200, body = One<'static>, description = "As it is now."),
        (status = 404, body = Refused, description = "not_found.")
    )
)]
pub(in crate::website) async fn one(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (conversation, item) = find(&site, &headers, &id).await?;
    Ok(alone(&site, &headers, conversation, &item))
}

#[utoipa::path(
    post, path = "/messages/{id}/retry", operation_id = "retry", summary = "Sends a message again that has failed",
    params(OfItem),
    responses(
        AnyCall,
        Writes,
        (status = 200, body = One<'static>, description = "On its way again."),
        (status = 404, body = Refused, description = "not_found."),
        (status = 409, body = Refused, description = "not_failed.")
    )
)]
pub(in crate::website) async fn retry(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
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
    answer(StatusCode::OK, One { item: WireItem::new(item, &links), cursor: item.rev.0 })
}

#[utoipa::path(
    get, path = "/messages", operation_id = "history", summary = "The history",
    params(OfPage),
    responses(AnyCall, (status = 200, body = WireSlice<'static>, description = "By pos; the newest when before is left out."))
)]
pub(in crate::website) async fn history(
    State(site): Shared,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    let query = query(raw)?;
    let limit = number(&query, "limit")?.unwrap_or(USUAL_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::of(Refusal::BadQuery, format!("limit must be from 1 to {MAX_PAGE}")));
    }
    let before = number(&query, "before")?.map(Pos);
    let Some(id) = site.inbox.find(&session.chat).await? else {
        return Ok(answer(StatusCode::OK, WireSlice::nothing(0, false)));
    };
    let slice = site.inbox.items_before(id, before, usize::try_from(limit).unwrap_or(1)).await?;
    Ok(answer(StatusCode::OK, WireSlice::history(&slice, &site.links(Reader::of(&headers), id))))
}

#[utoipa::path(
    get, path = "/updates", operation_id = "updates", summary = "What is new",
    params(OfNews),
    responses(AnyCall, (status = 200, body = WireSlice<'static>, description = "Each item that is new or changed, by rev."))
)]
pub(in crate::website) async fn updates(
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

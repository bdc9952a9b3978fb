//! The routes.

use super::error::Problem;
use super::input::{self, GivenEdit};
use super::instance::Api;
use super::upload;
use super::wire::{WireExport, WireMessage, WireSlice};
use super::{chats, receipts};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use axum::{Json, Router};
use openline_core::client::Patience;
use openline_core::message::{Content, Incoming, Item, Side};
use openline_core::store::Amend;
use openline_core::text::RichText;
use openline_core::{ChatId, ClientAddress, ConversationId, Pos, Rev, StoreError, VisitorInbox, sampled};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Messages in one answer.
const PAGE: usize = 100;
/// Longest that an answer is held, in seconds.
const MAX_WAIT: u64 = 25;

type Shared = Arc<Api>;
type Answer = Result<Response, Problem>;
type InPath<T> = Result<Path<T>, PathRejection>;
type InQuery = Query<HashMap<String, String>>;

/// Every route: method, path, handler. `openapi.json` describes the same ones, a test compares.
pub(super) fn table() -> [(&'static str, &'static str, MethodRouter<Shared>); 10] {
    [
        ("post", "/messages", post(send)),
        ("get", "/messages/{chat}", get(history)),
        ("patch", "/messages/{chat}/{id}", patch(edit)),
        ("delete", "/messages/{chat}/{id}", delete(remove)),
        ("post", "/messages/{chat}/{id}/retry", post(retry)),
        ("get", "/updates/{chat}", get(updates)),
        ("get", "/chats/{chat}", get(export)),
        ("delete", "/chats/{chat}", delete(forget)),
        ("post", "/receipts", post(receipt)),
        ("get", "/openapi.json", get(openapi)),
    ]
}

pub(super) fn router(api: Arc<Api>) -> Router {
    let router = table().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(async || Problem::not_found("there is nothing at this address; see openapi.json"))
        .layer(from_fn_with_state(Arc::clone(&api), admit))
        .with_state(api)
}

async fn method_not_allowed() -> Problem {
    let message = "this address does not take that method, see the Allow header";
    Problem::of(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// Nothing is read of a request without the token.
async fn admit(State(api): State<Shared>, from: ClientAddress, request: Request, next: Next) -> Response {
    if request.uri().path() == "/openapi.json" || api.tokens.admit(request.headers()) {
        // Whoever has the token may bring much.
        Patience::of(request.extensions()).lengthen();
        return next.run(request).await;
    }
    if let Err(limited) = api.limits.wrong_token(from) {
        return Problem::too_many(limited.seconds()).into_response();
    }
    sampled!(warn, target: "security", client = %from, result = "refused", "a wrong token for a channel");
    let message = "send the channel's token as Authorization: Bearer …";
    Problem::of(StatusCode::UNAUTHORIZED, "unauthorized", message).into_response()
}

fn answer(status: StatusCode, body: impl serde::Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn one(status: StatusCode, item: &Item, conversation: ConversationId, inbox: &VisitorInbox) -> Response {
    let message = WireMessage::new(item, conversation, inbox);
    answer(status, json!({ "message": message, "cursor": item.rev }))
}

async fn send(State(api): State<Shared>, request: Request) -> Answer {
    let inbox = &api.inbox;
    let (message, visitor, files) = upload::read(request, inbox).await?;
    let content = Content { text: RichText::plain(message.text), files };
    if content.is_empty() {
        return Err(input::text_empty());
    }
    let chat = chats::admit(inbox, &message.chat).await?;
    let incoming = Incoming { chat, key: message.id, visitor, content: content.clone(), note: None };
    let recorded = inbox.accept(incoming).await?;
    let item = &recorded.item;
    // What was changed since can't be compared any more.
    if !recorded.fresh && !item.edited && !item.deleted && item.content != content {
        let message = "this id was used for another message of this chat; PATCH changes a message";
        return Err(Problem::of(StatusCode::CONFLICT, "key_conflict", message));
    }
    let status = if recorded.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(one(status, item, recorded.change.conversation, inbox))
}

async fn edit(State(api): State<Shared>, path: InPath<(String, String)>, request: Request) -> Answer {
    let inbox = &api.inbox;
    let (chat, conversation, item) = own_message(inbox, path).await?;
    let GivenEdit { text } = upload::json(request).await?;
    let content = Content { text: RichText::plain(input::text(&text)?), files: item.content.files.clone() };
    if content.is_empty() {
        return Err(input::text_empty());
    }
    if item.deleted {
        return Err(Problem::not_found("this message was deleted"));
    }
    amend(inbox, &chat, conversation, &item, Amend::Edit(content)).await
}

async fn remove(State(api): State<Shared>, path: InPath<(String, String)>) -> Answer {
    let inbox = &api.inbox;
    let (chat, conversation, item) = own_message(inbox, path).await?;
    amend(inbox, &chat, conversation, &item, Amend::Delete).await
}

/// A message that was given up goes on its way again.
async fn retry(State(api): State<Shared>, path: InPath<(String, String)>) -> Answer {
    let inbox = &api.inbox;
    let (_, conversation, item) = own_message(inbox, path).await?;
    if !inbox.retry(conversation, item.id).await? {
        let message = "this message was not given up; only one with the state failed can be sent again";
        return Err(Problem::of(StatusCode::CONFLICT, "not_failed", message));
    }
    let now = inbox.item(conversation, item.id).await?.ok_or_else(no_such_message)?;
    Ok(one(StatusCode::OK, &now, conversation, inbox))
}

async fn amend(inbox: &VisitorInbox, chat: &ChatId, conversation: ConversationId, item: &Item, amend: Amend) -> Answer {
    inbox.amend(chat, &item.key, amend).await?;
    let now = inbox.item(conversation, item.id).await?.ok_or_else(no_such_message)?;
    Ok(one(StatusCode::OK, &now, conversation, inbox))
}

fn no_such_message() -> Problem {
    Problem::not_found("there is no message with that id in this chat")
}

fn decoded<T>(path: InPath<T>) -> Result<T, Problem> {
    path.map(|Path(parts)| parts).map_err(|_| Problem::bad("bad_path", "the address is not percent-encoded UTF-8"))
}

/// A message that the caller posted, by the caller's own id.
async fn own_message(
    inbox: &VisitorInbox,
    path: InPath<(String, String)>,
) -> Result<(ChatId, ConversationId, Item), Problem> {
    let (chat, id) = decoded(path)?;
    let chat = chats::core_id(&chat)?;
    let conversation = inbox.find(&chat).await?.ok_or_else(no_such_message)?;
    let item = by_key(inbox, conversation, &id).await?.ok_or_else(no_such_message)?;
    Ok((chat, conversation, item))
}

/// Looks from the end, where messages are that somebody changes.
async fn by_key(inbox: &VisitorInbox, id: ConversationId, key: &str) -> Result<Option<Item>, StoreError> {
    let mut before = None;
    loop {
        let slice = inbox.items_before(id, before, PAGE).await?;
        before = slice.items.first().map(|item| item.pos);
        let found = slice.items.into_iter().find(|item| item.side == Side::Visitor && item.key == key);
        if found.is_some() || !slice.more {
            return Ok(found);
        }
    }
}

/// Everything that is kept of a chat's visitor.
async fn export(State(api): State<Shared>, from: ClientAddress, path: InPath<String>) -> Answer {
    let inbox = &api.inbox;
    let given = decoded(path)?;
    let chat = chats::core_id(&given)?;
    let exported = inbox.export(&chat).await?;
    let (channel, found) = (inbox.channel(), exported.is_some());
    tracing::info!(target: "security", client = %from, %channel, %chat, found, result = "accepted", "all of a visitor was asked for");
    let exported = exported.ok_or_else(|| Problem::not_found("there is no conversation in this chat"))?;
    Ok(answer(StatusCode::OK, WireExport::new(&given, &exported, inbox)))
}

/// Accepted: it is carried out in the background, as fast as the portal takes the deletions.
async fn forget(State(api): State<Shared>, from: ClientAddress, path: InPath<String>) -> Answer {
    let inbox = &api.inbox;
    let chat = chats::core_id(&decoded(path)?)?;
    let forgotten = inbox.forget_visitor(&chat).await?;
    let channel = inbox.channel();
    tracing::info!(target: "security", client = %from, %channel, %chat, forgotten, result = "accepted", "asked to forget a visitor");
    Ok(answer(StatusCode::ACCEPTED, json!({ "forgotten": forgotten })))
}

async fn receipt(State(api): State<Shared>, request: Request) -> Answer {
    let inbox = &api.inbox;
    let effect = receipts::take(inbox, upload::json(request).await?).await?;
    Ok(answer(StatusCode::OK, effect))
}

async fn openapi(State(api): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.openapi.clone()).into_response()
}

/// A number of the query string; `None` when it isn't there.
fn number(query: &HashMap<String, String>, name: &str) -> Result<Option<i64>, Problem> {
    let wrong = |text| Problem::bad("bad_query", format!("{name} must be a whole number, not {text:?}"));
    query.get(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

async fn history(State(api): State<Shared>, path: InPath<String>, Query(query): InQuery) -> Answer {
    let inbox = &api.inbox;
    let chat = chats::core_id(&decoded(path)?)?;
    let limit = number(&query, "limit")?.unwrap_or(50);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=PAGE).contains(limit));
    let limit = limit.ok_or_else(|| Problem::bad("bad_query", format!("limit must be from 1 to {PAGE}")))?;
    let before = number(&query, "before")?.map(Pos);
    let Some(id) = inbox.find(&chat).await? else {
        return Ok(answer(StatusCode::OK, WireSlice::nothing(0, false)));
    };
    let slice = inbox.items_before(id, before, limit).await?;
    Ok(answer(StatusCode::OK, WireSlice::history(&slice, id, inbox)))
}

async fn updates(State(api): State<Shared>, path: InPath<String>, Query(query): InQuery) -> Answer {
    let inbox = &api.inbox;
    let chat = chats::core_id(&decoded(path)?)?;
    let since = number(&query, "since")?.unwrap_or(0);
    let wait = u64::try_from(number(&query, "wait")?.unwrap_or(0)).ok().filter(|wait| *wait <= MAX_WAIT);
    let wait = wait.ok_or_else(|| Problem::bad("bad_query", format!("wait must be from 0 to {MAX_WAIT}")))?;
    let wait = Duration::from_secs(wait);
    let mut id = inbox.find(&chat).await?;
    if id.is_none() && since == 0 && !wait.is_zero() {
        id = inbox.wait_for_first(&chat, wait).await?;
    }
    match id {
        Some(id) => news(inbox, id, since, wait).await,
        None => Ok(answer(StatusCode::OK, WireSlice::nothing(0, since != 0))),
    }
}

async fn news(inbox: &VisitorInbox, id: ConversationId, since: i64, wait: Duration) -> Answer {
    let newest = inbox.newest(id).await?;
    let reset = since < 0 || since > newest.0;
    if since == newest.0 && (wait.is_zero() || !inbox.wait_above(id, newest, wait).await) {
        return Ok(answer(StatusCode::OK, WireSlice::nothing(since, false)));
    }
    let slice = inbox.items_since(id, if reset { Rev(0) } else { Rev(since) }, PAGE).await?;
    Ok(answer(StatusCode::OK, WireSlice::news(&slice, id, inbox, reset)))
}

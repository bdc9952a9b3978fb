//! Messages: posted, changed, and read again.

use super::answer::{Answer, InPath, InQuery, Shared, decoded};
use super::chats::{self, OfChat, OfMessage};
use super::error::{AnyCall, Problem, Refused, WithBody};
use super::input::{self, GivenEdit, GivenMessage, NewMessageForm};
use super::upload;
use super::wire::{One, WireMessage, WireSlice};
use crate::common::answer::answer;
use crate::common::schema::{in_query, whole};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use openline_core::message::{Content, Incoming, Item, Side};
use openline_core::store::Amend;
use openline_core::text::RichText;
use openline_core::{ChatId, ConversationId, Pos, Rev, StoreError, VisitorInbox};
use std::collections::HashMap;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// Messages in one answer.
const PAGE: usize = 100;
/// So many when nothing is said.
const USUAL: i64 = 50;
/// Longest that an answer is held, in seconds.
const MAX_WAIT: u64 = 25;

/// What may be asked of the history.
pub(super) enum OfPage {}

impl IntoParams for OfPage {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = whole().minimum(Some(1)).maximum(Some(PAGE as u64)).default(Some(USUAL.into()));
        vec![
            in_query("limit", "Messages in the answer.", limit),
            in_query("before", "What stands before this pos.", whole()),
        ]
    }
}

/// What may be asked of news.
pub(super) enum OfNews {}

impl IntoParams for OfNews {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let since = "The cursor of the answer before; 0 for the beginning.";
        let wait = whole().minimum(Some(0)).maximum(Some(MAX_WAIT)).default(Some(0.into()));
        vec![
            in_query("since", since, whole().default(Some(0.into()))),
            in_query("wait", "Seconds to wait for something new.", wait),
        ]
    }
}

fn one(status: StatusCode, item: &Item, conversation: ConversationId, inbox: &VisitorInbox) -> Response {
    let message = WireMessage::new(item, conversation, inbox);
    answer(status, One { message, cursor: item.rev.0 })
}

#[utoipa::path(
    post, path = "/messages", operation_id = "send", summary = "A visitor wrote",
    request_body(content(
        (GivenMessage = "application/json", examples(
            ("text" = (value = json!({ "chat": "order 4711 / Zoë", "id": "m-1", "text": "Is it still there?" }))),
            ("profile" = (value = json!({
                "chat": "order 4711 / Zoë", "id": "m-2", "text": "I would take two.",
                "visitor": {
                    "name": "Zoë", "last_name": "Lee", "email": "zoe@example.com", "phone": "+49 30 1234567",
                    "url": "https://app.example.com/users/17", "picture": "https://app.example.com/users/17.png"
                }
            }))),
            ("file" = (value = json!({
                "chat": "order 4711 / Zoë", "id": "m-3", "text": "",
                "files": [{ "name": "note.txt", "mime": "text/plain", "data": "aGVsbG8=" }]
            })))
        )),
        (NewMessageForm = "multipart/form-data")
    )),
    responses(
        AnyCall,
        WithBody,
        (status = 201, body = One<'static>, description = "Stored; it will reach the operators."),
        (status = 200, body = One<'static>, description = "Known already, nothing was stored."),
        (status = 409, body = Refused, description = "key_conflict: the id was used for another message."),
        (status = 413, body = Refused, description = "body_too_large, file_too_large."),
        (status = 422, body = Refused, description = "text_empty, text_too_long, bad_chat, bad_id, bad_visitor, bad_file, \
            too_many_files, file_empty, file_type_refused, file_refused."),
        (status = 507, body = Refused, description = "storage_full: there is no room for files.")
    )
)]
pub(super) async fn send(State(api): State<Shared>, request: Request) -> Answer {
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

#[utoipa::path(
    patch, path = "/messages/{chat}/{id}", operation_id = "edit", summary = "A visitor changed a message",
    params(OfMessage),
    request_body(content = GivenEdit, examples(("text" = (value = json!({ "text": "Is it still there, in blue?" }))))),
    responses(
        AnyCall,
        WithBody,
        (status = 200, body = One<'static>, description = "As it is now."),
        (status = 404, body = Refused, description = "not_found."),
        (status = 422, body = Refused, description = "text_empty, text_too_long, bad_chat.")
    )
)]
pub(super) async fn edit(State(api): State<Shared>, path: InPath<(String, String)>, request: Request) -> Answer {
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

#[utoipa::path(
    delete, path = "/messages/{chat}/{id}", operation_id = "remove", summary = "A visitor took a message back",
    params(OfMessage),
    responses(
        AnyCall,
        (status = 200, body = One<'static>, description = "As it is now: without a text."),
        (status = 404, body = Refused, description = "not_found."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn remove(State(api): State<Shared>, path: InPath<(String, String)>) -> Answer {
    let inbox = &api.inbox;
    let (chat, conversation, item) = own_message(inbox, path).await?;
    amend(inbox, &chat, conversation, &item, Amend::Delete).await
}

#[utoipa::path(
    post, path = "/messages/{chat}/{id}/retry", operation_id = "retry",
    summary = "Send a message again that was given up",
    params(OfMessage),
    responses(
        AnyCall,
        (status = 200, body = One<'static>, description = "On its way again."),
        (status = 404, body = Refused, description = "not_found."),
        (status = 409, body = Refused, description = "not_failed: only a message with the state failed can be sent again."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn retry(State(api): State<Shared>, path: InPath<(String, String)>) -> Answer {
    let inbox = &api.inbox;
    let (_, conversation, item) = own_message(inbox, path).await?;
    if !inbox.retry(conversation, item.id).await? {
        let message = "this message was not given up; only one with the state failed can be sent again";
        return Err(Problem::of(StatusCode::CONFLICT, "not_failed", message));
    }
    now(inbox, conversation, &item).await
}

async fn amend(inbox: &VisitorInbox, chat: &ChatId, conversation: ConversationId, item: &Item, amend: Amend) -> Answer {
    inbox.amend(chat, &item.key, amend).await?;
    now(inbox, conversation, item).await
}

/// A message as it is now.
async fn now(inbox: &VisitorInbox, conversation: ConversationId, item: &Item) -> Answer {
    let now = inbox.item(conversation, item.id).await?.ok_or_else(no_such_message)?;
    Ok(one(StatusCode::OK, &now, conversation, inbox))
}

fn no_such_message() -> Problem {
    Problem::not_found("there is no message with that id in this chat")
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

/// A number of the query string; `None` when it isn't there.
fn number(query: &HashMap<String, String>, name: &str) -> Result<Option<i64>, Problem> {
    let wrong = |text| Problem::bad("bad_query", format!("{name} must be a whole number, not {text:?}"));
    query.get(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
}

#[utoipa::path(
    get, path = "/messages/{chat}", operation_id = "history", summary = "The history",
    params(OfChat, OfPage),
    responses(
        AnyCall,
        (status = 200, body = WireSlice<'static>, description = "By pos; the newest when before is left out."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn history(State(api): State<Shared>, path: InPath<String>, Query(query): InQuery) -> Answer {
    let inbox = &api.inbox;
    let chat = chats::core_id(&decoded(path)?)?;
    let limit = number(&query, "limit")?.unwrap_or(USUAL);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=PAGE).contains(limit));
    let limit = limit.ok_or_else(|| Problem::bad("bad_query", format!("limit must be from 1 to {PAGE}")))?;
    let before = number(&query, "before")?.map(Pos);
    let Some(id) = inbox.find(&chat).await? else {
        return Ok(answer(StatusCode::OK, WireSlice::nothing(0, false)));
    };
    let slice = inbox.items_before(id, before, limit).await?;
    Ok(answer(StatusCode::OK, WireSlice::history(&slice, id, inbox)))
}

#[utoipa::path(
    get, path = "/updates/{chat}", operation_id = "updates", summary = "What is new",
    params(OfChat, OfNews),
    responses(
        AnyCall,
        (status = 200, body = WireSlice<'static>, description = "Each message that is new or changed, by rev."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn updates(State(api): State<Shared>, path: InPath<String>, Query(query): InQuery) -> Answer {
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

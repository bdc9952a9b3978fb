//! The routes.

use super::answer::{Answer, InPath, Shared, decoded};
use super::chats::{self, OfChat};
use super::error::{AnyCall, Problem, Refused, WithBody};
use super::instance::Api;
use super::receipts::{self, Effect, Receipt};
use super::wire::{Forgotten, WireExport};
use super::{messages, upload};
use crate::common::answer::{answer, description};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use openline_core::client::Patience;
use openline_core::{ClientAddress, sampled};
use std::sync::Arc;

/// Every route: method, path, handler. `openapi.rs` describes the same ones, a test compares.
pub(super) fn table() -> [(&'static str, &'static str, MethodRouter<Shared>); 10] {
    [
        ("post", "/messages", post(messages::send)),
        ("get", "/messages/{chat}", get(messages::history)),
        ("patch", "/messages/{chat}/{id}", patch(messages::edit)),
        ("delete", "/messages/{chat}/{id}", delete(messages::remove)),
        ("post", "/messages/{chat}/{id}/retry", post(messages::retry)),
        ("get", "/updates/{chat}", get(messages::updates)),
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

#[utoipa::path(
    get, path = "/chats/{chat}", operation_id = "export", summary = "Everything that is kept of a visitor",
    params(OfChat),
    responses(
        AnyCall,
        (status = 200, body = WireExport<'static>, description = "All of it."),
        (status = 404, body = Refused, description = "not_found: nobody wrote in this chat."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn export(State(api): State<Shared>, from: ClientAddress, path: InPath<String>) -> Answer {
    let inbox = &api.inbox;
    let given = decoded(path)?;
    let chat = chats::core_id(&given)?;
    let exported = inbox.export(&chat).await?;
    let (channel, found) = (inbox.channel(), exported.is_some());
    tracing::info!(target: "security", client = %from, %channel, %chat, found, result = "accepted", "all of a visitor was asked for");
    let exported = exported.ok_or_else(|| Problem::not_found("there is no conversation in this chat"))?;
    Ok(answer(StatusCode::OK, WireExport::new(&given, &exported, inbox)))
}

#[utoipa::path(
    delete, path = "/chats/{chat}", operation_id = "forget", summary = "Forget a visitor, here and in the portal",
    params(OfChat),
    responses(
        AnyCall,
        (status = 202, body = inline(Forgotten), description = "It is carried out as fast as the portal takes the deletions. \
            forgotten: false when there was nothing to forget."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn forget(State(api): State<Shared>, from: ClientAddress, path: InPath<String>) -> Answer {
    let inbox = &api.inbox;
    let chat = chats::core_id(&decoded(path)?)?;
    let forgotten = inbox.forget_visitor(&chat).await?;
    let channel = inbox.channel();
    tracing::info!(target: "security", client = %from, %channel, %chat, forgotten, result = "accepted", "asked to forget a visitor");
    Ok(answer(StatusCode::ACCEPTED, Forgotten { forgotten }))
}

#[utoipa::path(
    post, path = "/receipts", operation_id = "receipt", summary = "What became of an operator's message",
    request_body(content = Receipt, examples(
        ("read" = (value = json!({ "chat": "order 4711 / Zoë", "message": "42", "status": "read" }))),
        ("failed" = (value = json!({
            "chat": "order 4711 / Zoë", "message": "42", "status": "failed", "reason": "the visitor blocked us"
        })))
    )),
    responses(
        AnyCall,
        WithBody,
        (status = 200, body = Effect, description = "Taken, and what it changed."),
        (status = 404, body = Refused, description = "not_found."),
        (status = 422, body = Refused, description = "bad_chat.")
    )
)]
pub(super) async fn receipt(State(api): State<Shared>, request: Request) -> Answer {
    let inbox = &api.inbox;
    let effect = receipts::take(inbox, upload::json(request).await?).await?;
    Ok(answer(StatusCode::OK, effect))
}

#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", summary = "This document", security(()),
    responses((status = 200, body = Object, content_type = "application/json", description = "OpenAPI 3.1."))
)]
pub(super) async fn openapi(State(api): State<Shared>) -> Response {
    description(api.openapi.clone())
}

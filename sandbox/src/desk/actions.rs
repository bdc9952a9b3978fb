//! Acting at the desk. A refusal is 409 with `{"error"}`, as the user interface would show it.

use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Path, Request, State as Shared};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{Actor, State};
use crate::portal::Portal;

/// Largest upload of an operator.
const MAX_UPLOAD: usize = 100 * 1024 * 1024;

type Answer = (StatusCode, Json<Value>);

/// A body of `{"text"}`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Text {
    #[serde(default)]
    text: String,
}

/// A body of `{"id"}`, a number or a numeric string.
#[derive(Debug, Deserialize)]
pub(super) struct Id {
    id: Value,
}

/// What an operator sends: text and attached files as name, MIME type and content.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    files: Vec<(String, String, Bytes)>,
}

fn done(body: Value) -> Answer {
    (StatusCode::OK, Json(body))
}

fn refused(status: StatusCode, error: &str) -> Answer {
    (status, Json(json!({ "error": error })))
}

fn answer(result: Result<Value, String>) -> Answer {
    result.map_or_else(|error| refused(StatusCode::CONFLICT, &error), done)
}

pub(super) async fn write(Shared(portal): Shared<Arc<Portal>>, Path(chat_id): Path<i64>, request: Request) -> Answer {
    let Some(draft) = read_draft(request).await else { return refused(StatusCode::BAD_REQUEST, "Unreadable body.") };
    answer(portal.hit(|state| send(state, chat_id, draft)))
}

fn send(state: &mut State, chat_id: i64, draft: Draft) -> Result<Value, String> {
    state.check_can_write(chat_id)?;
    let files = draft.files.into_iter().map(|(name, mime, bytes)| state.store_file(&name, &mime, bytes)).collect();
    let id = state.operator_writes(state.operator, chat_id, &draft.text, files)?;
    Ok(json!({ "id": id.to_string() }))
}

async fn read_draft(request: Request) -> Option<Draft> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        return read_multipart(request).await;
    }
    let bytes = to_bytes(request.into_body(), MAX_UPLOAD).await.ok()?;
    let Text { text } = serde_json::from_slice(&bytes).ok()?;
    Some(Draft { text, files: Vec::new() })
}

async fn read_multipart(request: Request) -> Option<Draft> {
    let mut draft = Draft::default();
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    while let Some(part) = parts.next_field().await.ok()? {
        match part.file_name().map(str::to_owned) {
            Some(name) => {
                let mime = part.content_type().unwrap_or("application/octet-stream").to_owned();
                draft.files.push((name, mime, part.bytes().await.ok()?));
            }
            None if part.name() == Some("text") => draft.text = part.text().await.ok()?,
            None => {}
        }
    }
    Some(draft)
}

pub(super) async fn edit(Shared(portal): Shared<Arc<Portal>>, Path(id): Path<i64>, Json(body): Json<Text>) -> Answer {
    answer(portal.hit(|state| state.operator_edits(state.operator, id, &body.text)).map(|()| json!({})))
}

pub(super) async fn delete(Shared(portal): Shared<Arc<Portal>>, Path(id): Path<i64>) -> Answer {
    answer(portal.hit(|state| state.operator_deletes(state.operator, id)).map(|()| json!({})))
}

pub(super) async fn finish(Shared(portal): Shared<Arc<Portal>>, Path(chat_id): Path<i64>) -> Answer {
    let closed = portal.hit(|state| state.finish_session(chat_id, Actor::person(state.operator)));
    if closed { done(json!({})) } else { refused(StatusCode::CONFLICT, "The dialog is not open.") }
}

pub(super) async fn read(Shared(portal): Shared<Arc<Portal>>, Path(chat_id): Path<i64>) -> Answer {
    portal.edit(|state| state.mark_read(chat_id));
    done(json!({}))
}

pub(super) async fn operator(Shared(portal): Shared<Arc<Portal>>, Json(body): Json<Id>) -> Answer {
    let id = crate::php::value::int(&body.id);
    let known = portal.edit(|state| state.set_operator(id));
    if known { done(json!({})) } else { refused(StatusCode::NOT_FOUND, "There is no such employee.") }
}

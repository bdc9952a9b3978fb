//! A posted message: JSON, or a form of parts with files.

use super::error::Problem;
use super::input::{GivenMessage, MAX_FILES, too_many_files};
use crate::common::json;
use crate::common::multipart::{Part, Parts, content, is_multipart};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use openline_core::VisitorInbox;
use openline_core::files::ByteStream;
use openline_core::message::{File, Visitor};
use serde::de::DeserializeOwned;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Files inside JSON, in bytes all together; larger ones come as parts.
const MAX_FILES_IN_JSON: usize = 8 * 1024 * 1024;
/// Longest JSON, in bytes: those files in base64, and what stands beside them.
const MAX_JSON: usize = MAX_FILES_IN_JSON / 3 * 4 + 1024 * 1024;
/// Longest part `message`, in bytes: without files in it.
const MAX_MESSAGE: usize = 256 * 1024;
/// Room for what a form has beside its files, in bytes.
const MAX_PARTS: u64 = 1024 * 1024;

/// A message, its writer, and its files, which are kept already.
pub(super) type Posted = (GivenMessage, Option<Visitor>, Vec<File>);

/// Reads either form.
pub(super) async fn read(request: Request, inbox: &VisitorInbox) -> Result<Posted, Problem> {
    uncompressed(request.headers())?;
    if is_multipart(request.headers()) {
        return parts(request, inbox).await;
    }
    let (mut message, visitor) = json::<GivenMessage>(request).await?.checked()?;
    let mut files = Vec::new();
    let mut room = MAX_FILES_IN_JSON;
    for file in std::mem::take(&mut message.files) {
        let wrong = |_| Problem::invalid("bad_file", format!("the data of {:?} is not base64", file.name));
        let bytes = Bytes::from(BASE64_STANDARD.decode(&file.data).map_err(wrong)?);
        room = room.checked_sub(bytes.len()).ok_or_else(|| {
            let message = "files inside JSON have at most 8 MB in all; send larger ones as multipart/form-data";
            Problem::of(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message)
        })?;
        let stream: ByteStream = stream::once(async move { Ok(bytes) }).boxed();
        files.push(inbox.keep_file(&file.name, &file.mime, stream).await?);
    }
    Ok((message, visitor, files))
}

/// A JSON body.
pub(super) async fn json<T: DeserializeOwned>(mut request: Request) -> Result<T, Problem> {
    uncompressed(request.headers())?;
    if !is(request.headers(), "application/json") {
        let message = "send JSON with Content-Type: application/json; a message with files may be multipart/form-data";
        return Err(Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", message));
    }
    DefaultBodyLimit::max(MAX_JSON).apply(&mut request);
    let body = Bytes::from_request(request, &()).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(format!("the body has more than {MAX_JSON} bytes")),
        _ => Problem::bad("bad_json", "the body broke off"),
    })?;
    json::read(&body).map_err(|error| Problem::bad("bad_json", error.to_string()))
}

/// A compressed body would be taken for broken JSON.
fn uncompressed(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    let message = "compressed bodies are not taken; send it without Content-Encoding";
    Err(Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_encoding", message))
}

fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

#[allow(clippy::needless_pass_by_value)] // what map_err gives
fn bad_form(error: Error) -> Problem {
    match error.kind() {
        ErrorKind::FileTooLarge => Problem::too_large("the form is larger than the files it may have"),
        ErrorKind::InvalidData => Problem::bad("bad_form", error.to_string()),
        _ => Problem::bad("bad_form", "the form did not come whole"),
    }
}

/// The part `message` comes first, so that no file is kept for a message that can't be taken.
async fn parts(request: Request, inbox: &VisitorInbox) -> Result<Posted, Problem> {
    let (head, body) = request.into_parts();
    let most = inbox.file_rules().most.saturating_mul(MAX_FILES as u64).saturating_add(MAX_PARTS);
    let parts = Arc::new(Mutex::new(Parts::new(&head.headers, body, most).map_err(bad_form)?));
    let next = async || parts.lock().await.next().await.map_err(bad_form);
    let first = next().await?.filter(|part| part.name == "message");
    first.ok_or_else(|| Problem::bad("bad_form", "the first part must be message, the others files"))?;
    let given = json::read::<GivenMessage>(&field(&mut *parts.lock().await).await?);
    let (message, visitor) = given.map_err(|error| Problem::bad("bad_json", error.to_string()))?.checked()?;
    if !message.files.is_empty() {
        return Err(Problem::bad("bad_form", "in a form files are parts, not in message"));
    }
    let mut files = Vec::new();
    while let Some(part) = next().await? {
        if part.name != "files" {
            return Err(Problem::bad("bad_form", "the parts after message must be called files"));
        }
        if files.len() == MAX_FILES {
            return Err(too_many_files());
        }
        files.push(keep(&part, &parts, inbox).await?);
    }
    Ok((message, visitor, files))
}

/// The content of a part that is no file.
async fn field(parts: &mut Parts) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = parts.piece().await.map_err(bad_form)? {
        if bytes.len() + piece.len() > MAX_MESSAGE {
            return Err(Problem::too_large(format!("the part message has more than {MAX_MESSAGE} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Keeps a file while it comes: it is never whole in memory.
async fn keep(part: &Part, parts: &Arc<Mutex<Parts>>, inbox: &VisitorInbox) -> Result<File, Problem> {
    let name = part.file_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("file");
    match inbox.keep_file(name, &part.mime, content(None, Arc::clone(parts))).await {
        Ok(file) => Ok(file),
        // A form that is too large or broken is the reason when the file is not whole, and stays so.
        Err(error) => Err(parts.lock().await.failure().map_or_else(|| error.into(), |kind| bad_form(kind.into()))),
    }
}

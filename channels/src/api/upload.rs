//! A posted message: JSON, or a form of parts with files.

use super::error::Problem;
use super::input::{GivenMessage, MAX_FILES, too_many_files};
use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use openline_core::VisitorInbox;
use openline_core::files::ByteStream;
use openline_core::message::{File, Visitor};
use serde::de::DeserializeOwned;
use std::io;
use tokio::sync::mpsc;

/// Longest JSON with files in it, in bytes; longer ones come as parts.
const MAX_JSON: usize = 8 * 1024 * 1024;
/// Room for what a form has beside its files, in bytes.
const MAX_PARTS: usize = 1024 * 1024;

/// A message, its writer, and its files, which are kept already.
pub(super) type Posted = (GivenMessage, Option<Visitor>, Vec<File>);

/// Reads either form.
pub(super) async fn read(mut request: Request, inbox: &VisitorInbox) -> Result<Posted, Problem> {
    if is(request.headers(), "multipart/form-data") {
        let files = usize::try_from(inbox.file_rules().most).unwrap_or(usize::MAX);
        let most = files.saturating_mul(MAX_FILES).saturating_add(MAX_PARTS);
        DefaultBodyLimit::max(most).apply(&mut request);
        return parts(request, inbox).await;
    }
    let (mut message, visitor) = json::<GivenMessage>(request).await?.checked()?;
    let mut files = Vec::new();
    for file in std::mem::take(&mut message.files) {
        let wrong = |_| Problem::invalid("bad_file", format!("the data of {:?} is not base64", file.name));
        let bytes = Bytes::from(BASE64_STANDARD.decode(&file.data).map_err(wrong)?);
        let stream: ByteStream = stream::once(async move { Ok(bytes) }).boxed();
        files.push(inbox.keep_file(&file.name, &file.mime, stream).await?);
    }
    Ok((message, visitor, files))
}

/// A JSON body.
pub(super) async fn json<T: DeserializeOwned>(mut request: Request) -> Result<T, Problem> {
    if !is(request.headers(), "application/json") {
        let message = "send JSON with Content-Type: application/json; a message with files may be multipart/form-data";
        return Err(Problem::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type", message));
    }
    DefaultBodyLimit::max(MAX_JSON).apply(&mut request);
    let body = Bytes::from_request(request, &()).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(format!("the body has more than {MAX_JSON} bytes")),
        _ => Problem::bad("bad_json", "the body broke off"),
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem::bad("bad_json", error.to_string()))
}

fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

#[allow(clippy::needless_pass_by_value)] // what map_err gives
fn bad_form(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("the form is larger than the files it may have"),
        _ => Problem::bad("bad_form", error.body_text()),
    }
}

/// The part `message` comes first, so that no file is kept for a message that can't be taken.
async fn parts(request: Request, inbox: &VisitorInbox) -> Result<Posted, Problem> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| Problem::bad("bad_form", error.body_text()))?;
    let first = form.next_field().await.map_err(bad_form)?.filter(|part| part.name() == Some("message"));
    let first = first.ok_or_else(|| Problem::bad("bad_form", "the first part must be message, the others files"))?;
    let given = first.bytes().await.map_err(bad_form)?;
    let given = serde_json::from_slice::<GivenMessage>(&given);
    let (message, visitor) = given.map_err(|error| Problem::bad("bad_json", error.to_string()))?.checked()?;
    if !message.files.is_empty() {
        return Err(Problem::bad("bad_form", "in a form files are parts, not in message"));
    }
    let mut files = Vec::new();
    while let Some(part) = form.next_field().await.map_err(bad_form)? {
        if part.name() != Some("files") {
            return Err(Problem::bad("bad_form", "the parts after message must be called files"));
        }
        if files.len() == MAX_FILES {
            return Err(too_many_files());
        }
        files.push(keep(part, inbox).await?);
    }
    Ok((message, visitor, files))
}

/// Keeps a file while it comes: it is never whole in memory.
async fn keep(mut part: Field<'_>, inbox: &VisitorInbox) -> Result<File, Problem> {
    let (name, mime) = (part.file_name().unwrap_or("file").to_owned(), part.content_type().unwrap_or("").to_owned());
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    let bytes: ByteStream = stream::poll_fn(move |context| receiver.poll_recv(context)).boxed();
    let (kept, passed) = tokio::join!(inbox.keep_file(&name, &mime, bytes), pass(&mut part, sender));
    // A form that is too large or broken is the reason when the file is not whole.
    passed?;
    Ok(kept?)
}

/// Hands over what comes until nobody wants it any more.
async fn pass(part: &mut Field<'_>, to: mpsc::Sender<io::Result<Bytes>>) -> Result<(), Problem> {
    loop {
        let chunk = match part.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(()),
            Err(error) => {
                let _ = to.send(Err(io::Error::other("the form broke off"))).await;
                return Err(bad_form(error));
            }
        };
        if to.send(Ok(chunk)).await.is_err() {
            return Ok(());
        }
    }
}

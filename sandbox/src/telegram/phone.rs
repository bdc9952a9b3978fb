//! `/phone/`: a page on which somebody plays the person who writes to a bot.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Multipart, Path, Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::{self, pair, refuse};
use super::error::ApiError;
use super::hub::Hub;
use crate::assets;
use crate::files::sniff;

/// How long the page waits for news.
const PATIENCE: Duration = Duration::from_secs(20);

/// `/phone/…`. Writing, editing and the rest go through the control interface.
pub(crate) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/phone", get(|| async { Redirect::permanent("/phone/") }))
        .route("/phone/", get(|| async { assets::serve("phone/index.html") }))
        .route("/phone/{*file}", get(page))
        .route("/phone/api/state", get(control::info))
        .route("/phone/api/chat", get(chat))
        .route("/phone/api/file/{id}", get(file))
        .route("/phone/api/files", post(upload))
}

async fn page(Path(file): Path<String>) -> Response {
    assets::serve(&format!("phone/{file}"))
}

/// Whose chat, and what the page has seen of it.
#[derive(Debug, Deserialize)]
struct Asked {
    person: i64,
    bot: i64,
    /// Fingerprint of the last answer.
    #[serde(default)]
    seen: String,
}

/// The chat; waits a while when nothing has changed since `seen`.
async fn chat(Shared(hub): Shared<Arc<Hub>>, Query(asked): Query<Asked>) -> Response {
    let (person, bot) = match pair(&hub, asked.person, asked.bot) {
        Ok(pair) => pair,
        Err(error) => return refuse(&error),
    };
    let mut changes = hub.changes();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let chat = control::chat(&hub, &person, &bot);
        let print = fingerprint(&chat);
        let late = tokio::time::Instant::now() >= deadline;
        if print != asked.seen || late {
            return Json(json!({ "seen": print, "chat": chat })).into_response();
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            _ = changes.changed() => {}
        }
    }
}

fn fingerprint(chat: &Value) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    chat.to_string().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// A file for the page; only pictures are shown, the rest is saved.
async fn file(Shared(hub): Shared<Arc<Hub>>, Path(id): Path<String>) -> Response {
    let found = hub.view(|world| world.files.get(&id).cloned());
    let Some(file) = found else {
        return (axum::http::StatusCode::NOT_FOUND, Json(ApiError::not_found().body())).into_response();
    };
    let mime = sniff::image_mime(&file.bytes).unwrap_or("application/octet-stream");
    let headers = [(header::CONTENT_TYPE, mime), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, file.bytes).into_response()
}

/// A multipart body with `person`, `bot`, `caption` and `file`.
async fn upload(Shared(hub): Shared<Arc<Hub>>, mut parts: Multipart) -> Response {
    let (mut person, mut bot, mut caption, mut file) = (0, 0, String::new(), None);
    while let Ok(Some(part)) = parts.next_field().await {
        let field = part.name().unwrap_or_default().to_owned();
        if field == "file" {
            let name = part.file_name().unwrap_or("file").to_owned();
            let mime = part.content_type().unwrap_or("application/octet-stream").to_owned();
            file = part.bytes().await.ok().map(|bytes| (name, mime, bytes));
            continue;
        }
        let text = part.text().await.unwrap_or_default();
        match field.as_str() {
            "person" => person = text.parse().unwrap_or(0),
            "bot" => bot = text.parse().unwrap_or(0),
            "caption" => caption = text,
            _ => {}
        }
    }
    let Some((name, mime, bytes)) = file else { return refuse("a file is needed") };
    match pair(&hub, person, bot) {
        Ok((person, bot)) => Json(json!(person.sends_file(&bot, &name, &mime, bytes, &caption))).into_response(),
        Err(error) => refuse(&error),
    }
}

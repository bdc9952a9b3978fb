//! Files on the portal: storing them, and the two public links of each (bitrix24.md §8.4).

pub(crate) mod sniff;

use std::sync::Arc;

use axum::extract::{Query, State as Shared};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use crate::model::{FileClass, State, StoredFile};
use crate::portal::Portal;

impl State {
    /// Keeps a file and gives its id.
    pub(crate) fn store_file(&mut self, name: &str, mime: &str, bytes: Bytes) -> i64 {
        let id = self.next_file_id();
        let dimensions = sniff::dimensions(&bytes).filter(|_| FileClass::of(mime) == FileClass::Image);
        let file = StoredFile {
            id,
            name: name.to_owned(),
            mime: mime.to_owned(),
            bytes,
            short: self.rng.word(5),
            sign: self.rng.hex(40),
            dimensions,
        };
        self.files.insert(id, file);
        id
    }
}

/// `/~xxxx`: sends on to the signed address. Everything else unknown is 404.
pub(crate) async fn short_link(Shared(portal): Shared<Arc<Portal>>, uri: Uri) -> Response {
    let short = uri.path().strip_prefix("/~").unwrap_or_default();
    let target = portal.view(|state| {
        let file = state.files.values().find(|file| file.short == short)?;
        Some(format!("{}{}", state.portal_url(), file.signed_path()))
    });
    match target {
        Some(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Query of `/pub/im.file.php`.
#[derive(Debug, Deserialize)]
pub(crate) struct FileQuery {
    #[serde(rename = "FILE_ID")]
    id: i64,
    #[serde(rename = "SIGN")]
    sign: String,
}

/// Query of the address that a history names (bitrix24.md §11).
#[derive(Debug, Deserialize)]
pub(crate) struct DiskQuery {
    action: String,
    #[serde(rename = "fileId")]
    id: i64,
    #[serde(rename = "_esd")]
    sign: String,
}

/// `/pub/im.file.php?FILE_ID=…&SIGN=…`: the file itself, without login.
pub(crate) async fn signed_file(Shared(portal): Shared<Arc<Portal>>, Query(query): Query<FileQuery>) -> Response {
    serve(&portal, query.id, &query.sign)
}

/// `/bitrix/services/main/ajax.php?action=disk.api.file.download&fileId=…`: what a history calls `urldownload`.
pub(crate) async fn disk_file(Shared(portal): Shared<Arc<Portal>>, Query(query): Query<DiskQuery>) -> Response {
    match query.action.as_str() {
        "disk.api.file.download" | "disk.api.file.showImage" => serve(&portal, query.id, &query.sign),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

const LOGIN: &str = "<!doctype html><title>Log in</title><form><input name=\"USER_LOGIN\"></form>";

fn serve(portal: &Portal, id: i64, sign: &str) -> Response {
    if portal.view(|state| state.switches.file_links_need_login) {
        return axum::response::Html(LOGIN).into_response();
    }
    let file = portal.view(|state| state.files.get(&id).filter(|file| file.sign == sign).cloned());
    let Some(file) = file else { return StatusCode::NOT_FOUND.into_response() };
    // Only pictures are shown in place: a stored page must not run on the portal's address.
    let place = if file.class() == FileClass::Image { "inline" } else { "attachment" };
    let name = percent_encoding::utf8_percent_encode(&file.name, percent_encoding::NON_ALPHANUMERIC);
    let headers = [
        (header::CONTENT_TYPE, file.mime.clone()),
        (header::CONTENT_DISPOSITION, format!("{place}; filename*=utf-8''{name}")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, file.bytes).into_response()
}

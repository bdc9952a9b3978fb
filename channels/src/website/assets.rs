//! The page's own files, compiled into the program.

use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "src/website/assets"]
struct Assets;

/// A word that changes whenever any file does.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let hashes = names.iter().filter_map(|name| Assets::get(name)).map(|file| file.metadata.sha256_hash());
    let sum = hashes.fold([0u8; 32], |mut sum, hash| {
        for (byte, other) in sum.iter_mut().zip(hash) {
            *byte = byte.rotate_left(1) ^ other;
        }
        sum
    });
    hex(&sum[..6])
});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// See [`VERSION`].
pub(super) fn version() -> &'static str {
    &VERSION
}

/// All files' names.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = String> {
    Assets::iter().map(std::borrow::Cow::into_owned)
}

/// A template's source.
pub(super) fn text(name: &str) -> String {
    Assets::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// Serves a file: for ever when its version is in the address, else checked by the browser each time.
pub(super) async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let is_template = std::path::Path::new(&name).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("html"));
    let Some(file) = Assets::get(&name).filter(|_| !is_template) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..8]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let named = query.is_some_and(|query| query.strip_prefix("v=") == Some(version()));
    let cache = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { body(&file) };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn body(file: &EmbeddedFile) -> Response {
    ([(header::CONTENT_TYPE, file.metadata.mimetype().to_owned())], file.data.clone().into_owned()).into_response()
}

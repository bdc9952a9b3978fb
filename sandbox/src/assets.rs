//! Static files, built into the program.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

/// Scripts and styles come from this portal only; pictures and frames from anywhere, as messages and applications
/// bring them.
pub(crate) const CONTENT_POLICY: &str = "default-src 'self'; img-src * data: blob:; media-src *; frame-src *; \
    form-action *; base-uri 'none'; object-src 'none'; frame-ancestors 'self'";

#[derive(Embed)]
#[folder = "assets"]
struct Assets;

/// One file by its path below `assets`.
pub(crate) fn serve(path: &str) -> Response {
    let Some(file) = Assets::get(path) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = file.metadata.mimetype().to_owned();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY.to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, file.data).into_response()
}

/// `/desk/{file}`.
pub(crate) async fn desk(Path(file): Path<String>) -> Response {
    serve(&format!("desk/{file}"))
}

/// `/assets/{file}`.
pub(crate) async fn other(Path(file): Path<String>) -> Response {
    serve(&file)
}

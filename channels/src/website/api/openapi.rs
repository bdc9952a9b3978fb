//! The description of the API for machines, made of the types and calls that it describes.
#![allow(clippy::needless_for_each)] // in what the derive makes

use super::{calls, forget, session, stream};
use crate::common::answer::description;
use crate::common::schema::Bearer;
use crate::website::error::Refused;
use axum::body::Bytes;
use axum::response::Response;
use utoipa::OpenApi;
use utoipa::openapi::Server;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "openline: website chat",
        version = "1",
        description = "The hosted chat page and any front end of your own speak this. A session comes as a bearer token, or by the \
            cookie that POST /session sets. docs/website-api.md explains it."
    ),
    paths(
        session::open_session, session::show_session, session::end_session, calls::send, calls::history, calls::one, calls::retry,
        calls::updates, stream::open, forget::by_script, calls::info, show
    ),
    components(schemas(Refused)),
    security(("token" = []), ()),
    modifiers(&Bearer)
)]
struct Document;

/// The document of an instance whose API is at `base`.
pub(in crate::website) fn document(base: &str) -> String {
    let mut document = Document::openapi();
    document.servers = Some(vec![Server::new(base)]);
    document.to_json().unwrap_or_default()
}

#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", summary = "This document", security(()),
    responses((status = 200, body = Object, content_type = "application/json", description = "OpenAPI 3.1."))
)]
pub(in crate::website) fn show(document: Bytes) -> Response {
    description(document)
}

//! A call of the messenger's API, read; and what it is answered with.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::BTreeMap;

/// A call.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// GET, POST …
    pub method: String,
    /// The path, with a slash in front.
    pub path: String,
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// Headers by lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body when it is JSON.
    pub json: Value,
    /// The fields when it is a form of either sort.
    pub form: BTreeMap<String, String>,
    /// The file in it: its field, its name, its type and its bytes.
    pub file: Option<(String, String, String, Vec<u8>)>,
}

impl Call {
    /// A header, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A parameter of a form or of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.form.get(name).or_else(|| self.query.get(name)).map(String::as_str)
    }

    pub(super) async fn read(request: Request) -> Result<Self, StatusCode> {
        let (method, uri) = (request.method().to_string(), request.uri().clone());
        let pairs = |text: &str| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect::<BTreeMap<_, _>>();
        let headers = told(request.headers());
        let kind = headers.get("content-type").cloned().unwrap_or_default();
        let mut call = Self {
            method,
            path: uri.path().to_owned(),
            query: uri.query().map(pairs).unwrap_or_default(),
            headers,
            ..Self::default()
        };
        if kind.starts_with("multipart/form-data") {
            let mut parts = Multipart::from_request(request, &()).await.map_err(|_| StatusCode::BAD_REQUEST)?;
            while let Some(part) = parts.next_field().await.map_err(|_| StatusCode::BAD_REQUEST)? {
                let name = part.name().unwrap_or_default().to_owned();
                let file = part.file_name().map(str::to_owned);
                let mime = part.content_type().unwrap_or_default().to_owned();
                let bytes = part.bytes().await.map_err(|_| StatusCode::BAD_REQUEST)?;
                match file {
                    Some(file) => call.file = Some((name, file, mime, bytes.to_vec())),
                    None => {
                        call.form.insert(name, String::from_utf8_lossy(&bytes).into_owned());
                    }
                }
            }
            return Ok(call);
        }
        let body = Bytes::from_request(request, &()).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        if kind.starts_with("application/x-www-form-urlencoded") {
            call.form = pairs(&String::from_utf8_lossy(&body));
        } else if kind.is_empty() || kind.starts_with("application/json") {
            // Viber's own library names no type.
            call.json = serde_json::from_slice(&body).unwrap_or_default();
        }
        Ok(call)
    }
}

fn told(headers: &HeaderMap) -> BTreeMap<String, String> {
    let headers = headers.iter();
    headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
    /// Whether a message was taken: what can be refused, slowed down or lost.
    pub(super) took: bool,
    /// An address that the messenger fetches before it answers, and the message that the file belongs to.
    pub(super) fetches: Option<(String, String)>,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { status, kind: "application/json", body, took: false, fetches: None }
    }

    pub(super) fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub(super) fn took(self) -> Self {
        Self { took: true, ..self }
    }

    pub(super) fn text(text: &str) -> Self {
        Self { status: 200, kind: "text/html", body: text.as_bytes().to_vec(), took: false, fetches: None }
    }

    pub(super) fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, self.kind)], self.body).into_response()
    }
}

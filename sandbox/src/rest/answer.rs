//! What goes back over the wire, including nothing at all.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::error::RestError;
use crate::php::{json, xml};
use crate::server::Cut;

/// An answer of the REST front or the authorization server.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A body in the portal's JSON, or XML when asked for.
    Body { status: u16, body: Value, client_id: Option<String> },
    /// Something that is not JSON.
    Html { status: u16 },
    /// Somewhere else.
    Redirect { location: String },
    /// The connection closes without an answer.
    Cut,
    /// Nothing for ten minutes, then the connection closes.
    Hang,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::Body { status: 200, body, client_id: None }
    }

    pub(crate) fn error(error: &RestError) -> Self {
        Self::Body { status: error.status, body: error.body(), client_id: None }
    }

    pub(crate) fn html(status: u16) -> Self {
        Self::Html { status }
    }

    /// HTTP status; 0 when there is none.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Body { status, .. } | Self::Html { status } => *status,
            Self::Redirect { .. } => 302,
            Self::Cut | Self::Hang => 0,
        }
    }

    /// `ok`, the error code, or what happened instead of an answer.
    pub(crate) fn verdict(&self) -> String {
        match self {
            Self::Body { body, .. } => body.get("error").and_then(Value::as_str).unwrap_or("ok").to_owned(),
            Self::Html { .. } => "html".to_owned(),
            Self::Redirect { .. } => "redirect".to_owned(),
            Self::Cut => "cut".to_owned(),
            Self::Hang => "hang".to_owned(),
        }
    }

    /// The HTTP response; [`Answer::Hang`] must have been waited out before.
    pub(crate) fn into_response(self, as_xml: bool) -> Response {
        match self {
            Self::Body { status, body, client_id } => body_response(status, &body, client_id, as_xml),
            Self::Html { status } => html_response(status),
            Self::Redirect { location } => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
            Self::Cut | Self::Hang => Cut::response(),
        }
    }
}

fn body_response(status: u16, body: &Value, client_id: Option<String>, as_xml: bool) -> Response {
    let (kind, text) = if as_xml {
        ("text/xml; charset=utf-8", xml::encode(body))
    } else {
        ("application/json; charset=utf-8", json::encode(body))
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    let mut response = (status_code(status), headers, text).into_response();
    if let Some(id) = client_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert("x-bitrix-rest-application", id);
    }
    response
}

fn html_response(status: u16) -> Response {
    let page =
        format!("<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>");
    (status_code(status), [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

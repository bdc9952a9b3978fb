//! Refusals of the API: a status, a code that never changes, a sentence that helps.

use crate::common::answer::answer;
use crate::common::schema::refused_by;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openline_core::StoreError;
use openline_core::files::FileError;
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal; the codes are those of `docs/api-channel.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// In how many seconds the same may be tried again, when that is known.
    pub(super) after: Option<u64>,
}

refused_by!(
    /// What every call may be refused by.
    AnyCall = "400": "Not what the call takes: bad_json, bad_form, bad_query, bad_path.",
        "401": "unauthorized: no token of this channel.",
        "429": "too_many: wrong tokens; try again after Retry-After seconds.",
        "503": "storage_unavailable: nothing was stored; repeat with the same id after Retry-After seconds."
);
refused_by!(
    /// What calls with a body may be refused by besides.
    WithBody = "413": "body_too_large.", "415": "wrong_content_type, wrong_content_encoding."
);

/// What a refusal says.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct Refused {
    #[schema(inline)]
    error: Why,
}

#[derive(Serialize, ToSchema)]
struct Why {
    code: &'static str,
    message: String,
}

impl Problem {
    pub(super) fn of(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), after: None }
    }

    /// 400: not what the call takes.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, code, message)
    }

    /// 422: understood, but a value can't be taken.
    pub(super) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::of(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 429: too many wrong tokens.
    pub(super) fn too_many(after: u64) -> Self {
        let message = format!("too many wrong tokens: try again in {after} s");
        Self { after: Some(after), ..Self::of(StatusCode::TOO_MANY_REQUESTS, "too_many", message) }
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::of(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Erasing) {
            let message = format!("{error}: nothing was stored; try again in a moment");
            return Self::of(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", message);
        }
        tracing::error!(%error, "a call could not be stored or read");
        let message = "nothing was stored; try again in a moment with the same id";
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", message)
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::TooLarge { .. } => Self::of(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message),
            FileError::Empty => Self::invalid("file_empty", message),
            FileError::TypeRefused(_) => Self::invalid("file_type_refused", message),
            FileError::NotLetThrough(_) => Self::invalid("file_refused", message),
            FileError::Broken(_) => Self::bad("bad_form", message),
            FileError::Full => Self::of(StatusCode::INSUFFICIENT_STORAGE, "storage_full", message),
            FileError::Unavailable(_) | FileError::Gone => {
                tracing::error!(reason = message, "a file could not be kept");
                let message = "nothing was stored: there is no place for files now; try again with the same id";
                Self::of(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable", message)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = answer(self.status, Refused { error: Why { code: self.code, message: self.message } });
        let headers = response.headers_mut();
        let moment = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(after) = self.after.or(moment) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

//! Refusals of the JSON API: a status, a code that never changes, a sentence that helps.

use crate::common::answer::answer;
use crate::common::schema::refused_by;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use openline_core::StoreError;
use openline_core::limits::Limited;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The codes of `docs/website-api.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    BadJson,
    BadForm,
    BadQuery,
    UnknownSession,
    WrongOrigin,
    IdentityRefused,
    IdentityRequired,
    NotFound,
    MethodNotAllowed,
    KeyConflict,
    NotFailed,
    BodyTooLarge,
    WrongContentType,
    TextEmpty,
    TextTooLong,
    NameTooLong,
    BadKey,
    FileTooLarge,
    FileTypeRefused,
    FileEmpty,
    TooManyFiles,
    ProfileInvalid,
    ConsentNeeded,
    TooMany,
    StorageUnavailable,
    StorageFull,
}

impl Refusal {
    /// The code of `docs/website-api.md`.
    pub(super) fn code(self) -> &'static str {
        self.answer().1
    }

    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadJson => (StatusCode::BAD_REQUEST, "bad_json"),
            Self::BadForm => (StatusCode::BAD_REQUEST, "bad_form"),
            Self::BadQuery => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::UnknownSession => (StatusCode::UNAUTHORIZED, "unknown_session"),
            Self::WrongOrigin => (StatusCode::FORBIDDEN, "wrong_origin"),
            Self::IdentityRefused => (StatusCode::FORBIDDEN, "identity_refused"),
            Self::IdentityRequired => (StatusCode::FORBIDDEN, "identity_required"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::KeyConflict => (StatusCode::CONFLICT, "key_conflict"),
            Self::NotFailed => (StatusCode::CONFLICT, "not_failed"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::WrongContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_content_type"),
            Self::TextEmpty => (StatusCode::UNPROCESSABLE_ENTITY, "text_empty"),
            Self::TextTooLong => (StatusCode::UNPROCESSABLE_ENTITY, "text_too_long"),
            Self::NameTooLong => (StatusCode::UNPROCESSABLE_ENTITY, "name_too_long"),
            Self::BadKey => (StatusCode::UNPROCESSABLE_ENTITY, "bad_key"),
            Self::FileTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"),
            Self::FileTypeRefused => (StatusCode::UNPROCESSABLE_ENTITY, "file_type_refused"),
            Self::FileEmpty => (StatusCode::UNPROCESSABLE_ENTITY, "file_empty"),
            Self::TooManyFiles => (StatusCode::UNPROCESSABLE_ENTITY, "too_many_files"),
            Self::ProfileInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "profile_invalid"),
            Self::ConsentNeeded => (StatusCode::UNPROCESSABLE_ENTITY, "consent_needed"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::StorageUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable"),
            Self::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
        }
    }
}

/// What is wrong, by the fields' keys: a code of the texts.
pub(super) type Faults = BTreeMap<String, &'static str>;

refused_by!(
    /// What calls of a session may be refused by.
    AnyCall = "400": "bad_query: not what the call takes; the message names the field.",
        "401": "unknown_session.",
        "403": "identity_required.",
        "429": "too_many: try again after Retry-After seconds.",
        "503": "storage_unavailable: nothing was stored; repeat with the same key after Retry-After seconds."
);
refused_by!(
    /// What calls that write may be refused by besides.
    Writes = "400": "bad_json, bad_form: not what the call takes; the message names the field.",
        "403": "wrong_origin: a call with a cookie from another site; identity_refused, identity_required.",
        "413": "body_too_large.",
        "415": "wrong_content_type: JSON is sent as application/json, also without a body.",
        "429": "too_many: try again after Retry-After seconds.",
        "503": "storage_unavailable: nothing was stored; repeat with the same key after Retry-After seconds."
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
    /// One of those of docs/website-api.md.
    code: &'static str,
    message: String,
    /// What is wrong with which field of the profile.
    #[serde(skip_serializing_if = "Faults::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    fields: Faults,
}

/// A refusal with its sentence.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) refusal: Refusal,
    pub(super) message: String,
    /// What is wrong with which field of the profile.
    pub(super) fields: Faults,
    /// What the page's own sentence names: the file, its type.
    pub(super) named: Vec<(&'static str, String)>,
    /// In how many seconds the same may be tried again, when that is known.
    pub(super) after: Option<u64>,
}

impl Problem {
    pub(super) fn of(refusal: Refusal, message: impl Into<String>) -> Self {
        Self { refusal, message: message.into(), fields: Faults::new(), named: Vec::new(), after: None }
    }

    /// The same with what replaces `{key}` in the page's own sentence.
    pub(super) fn naming(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.named.push((key, value.into()));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.refusal.answer().0
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let after = limited.seconds();
        let message = format!("too many at once: try again in {after} s, as Retry-After says");
        Self { after: Some(after), ..Self::of(Refusal::TooMany, message) }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Erasing) {
            let message = format!("{error}: nothing was stored; try again in a moment");
            return Self::of(Refusal::StorageUnavailable, message);
        }
        tracing::error!(%error, "a visitor's request could not be stored or read");
        Self::of(Refusal::StorageUnavailable, "nothing was stored; try again in a moment")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = self.refusal.answer();
        let body = Refused { error: Why { code, message: self.message, fields: self.fields } };
        let mut response = answer(status, body);
        let moment = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(after) = self.after.or(moment) {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(after));
        }
        response
    }
}

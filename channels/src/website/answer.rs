//! Answers in plain words, for whoever has no script to show them.

use super::error::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A sentence.
pub(super) fn plain(status: StatusCode, text: impl IntoResponse) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What a form is told that is refused.
pub(super) fn refuse(problem: &Problem) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (problem.status(), headers, problem.message.clone()).into_response();
    if let Some(after) = problem.after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    response
}

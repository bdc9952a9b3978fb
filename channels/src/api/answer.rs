//! How calls are asked and answered.

use super::error::Problem;
use super::instance::Api;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query};
use axum::response::Response;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) type Shared = Arc<Api>;
pub(super) type Answer = Result<Response, Problem>;
pub(super) type InPath<T> = Result<Path<T>, PathRejection>;
pub(super) type InQuery = Query<HashMap<String, String>>;

pub(super) fn decoded<T>(path: InPath<T>) -> Result<T, Problem> {
    path.map(|Path(parts)| parts).map_err(|_| Problem::bad("bad_path", "the address is not percent-encoded UTF-8"))
}

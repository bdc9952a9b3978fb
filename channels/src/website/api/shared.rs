//! What the calls share: how they are asked and how they answer.

use crate::common::json;
use crate::common::schema::{in_path, in_query, text, whole};
use crate::website::error::{Problem, Refusal};
use crate::website::sent::kind::{is_json, not_json};
use crate::website::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

/// Messages of a page, at most, and when nothing is said.
pub(in crate::website) const MAX_PAGE: i64 = 100;
pub(in crate::website) const USUAL_PAGE: i64 = 50;
/// Longest that an answer is held, in seconds.
pub(in crate::website) const MAX_WAIT: u64 = 25;

pub(in crate::website) type Shared = State<Arc<Site>>;

pub(in crate::website) fn from_json<T: for<'de> Deserialize<'de>>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(not_json());
    }
    json::read(body).map_err(|error| Problem::of(Refusal::BadJson, error.to_string()))
}

/// An item in an address.
pub(in crate::website) enum OfItem {}

impl IntoParams for OfItem {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]+$"));
        vec![in_path("id", "The item's id.", id, "42")]
    }
}

/// What may be asked of the history.
pub(in crate::website) enum OfPage {}

impl IntoParams for OfPage {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = whole().minimum(Some(1)).maximum(Some(MAX_PAGE)).default(Some(USUAL_PAGE.into()));
        vec![
            in_query("limit", "Items in the answer.", limit),
            in_query("before", "What stands before this pos.", whole()),
        ]
    }
}

/// After which revision news is.
fn since() -> Parameter {
    in_query("since", "The cursor of the answer before; 0 for the beginning.", whole())
}

/// What is asked of news.
pub(in crate::website) enum OfNews {}

impl IntoParams for OfNews {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let wait = whole().minimum(Some(0)).maximum(Some(MAX_WAIT)).default(Some(0.into()));
        let mut since = since();
        since.required = Required::True;
        vec![since, in_query("wait", "Seconds to wait for something new.", wait)]
    }
}

/// What is asked of a stream.
pub(in crate::website) enum OfStream {}

impl IntoParams for OfStream {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut last =
            in_query("Last-Event-ID", "The id of the last event; it wins over since. One of both is there.", whole());
        last.parameter_in = ParameterIn::Header;
        vec![since(), last]
    }
}

/// In which language it is wanted.
pub(in crate::website) enum OfInfo {}

impl IntoParams for OfInfo {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![in_query("lang", "The visitor's language; else Accept-Language says it.", text(0..=35))]
    }
}

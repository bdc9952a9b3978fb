//! `/sandbox/…`: the domain verbs, the faults and the record for other programs; described in the README.

mod verbs;

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::config::Switches;
use crate::faults::Fault;
use crate::portal::Portal;
use crate::sandbox::Sandbox;

/// `/sandbox/…`.
pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/sandbox", get(info))
        .route("/sandbox/record", get(record).delete(clear_record))
        .route("/sandbox/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/switches", get(switches).post(set_switches))
        .route("/sandbox/{verb}", post(verb))
}

async fn info(Shared(portal): Shared<Arc<Portal>>) -> Json<Value> {
    let sandbox = Sandbox::remote(portal);
    Json(json!({
        "portal_url": sandbox.portal_url(), "auth_url": sandbox.auth_url(), "desk_url": sandbox.desk_url(),
        "webhook_url": sandbox.webhook_url(), "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(), "member_id": sandbox.member_id(),
        "application_token": sandbox.application_token(),
    }))
}

async fn record(Shared(portal): Shared<Arc<Portal>>) -> Json<Value> {
    Json(portal.view(|state| json!(state.record)))
}

async fn clear_record(Shared(portal): Shared<Arc<Portal>>) -> StatusCode {
    portal.edit(|state| state.record.clear());
    StatusCode::NO_CONTENT
}

async fn list_faults(Shared(portal): Shared<Arc<Portal>>) -> Json<Vec<Fault>> {
    Json(portal.faults.list())
}

/// One fault or a list of them.
async fn add_faults(Shared(portal): Shared<Arc<Portal>>, Json(body): Json<Value>) -> Response {
    let list = if body.is_array() { body } else { json!([body]) };
    match serde_json::from_value::<Vec<Fault>>(list) {
        Ok(faults) => {
            for fault in faults {
                portal.faults.add(fault);
            }
            Json(portal.faults.list()).into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn clear_faults(Shared(portal): Shared<Arc<Portal>>) -> StatusCode {
    portal.faults.clear();
    StatusCode::NO_CONTENT
}

async fn switches(Shared(portal): Shared<Arc<Portal>>) -> Json<Switches> {
    Json(portal.view(|state| state.switches.clone()))
}

/// Lays the given switches over the present ones.
async fn set_switches(Shared(portal): Shared<Arc<Portal>>, Json(body): Json<Value>) -> Response {
    let mut merged = portal.view(|state| json!(state.switches));
    if let (Some(merged), Some(given)) = (merged.as_object_mut(), body.as_object()) {
        merged.extend(given.clone());
    }
    match serde_json::from_value::<Switches>(merged) {
        Ok(switches) => {
            portal.edit(|state| state.switches = switches.clone());
            Json(switches).into_response()
        }
        Err(error) => refuse(&error.to_string()),
    }
}

async fn verb(Shared(portal): Shared<Arc<Portal>>, Path(verb): Path<String>, body: bytes::Bytes) -> Response {
    let body = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(&body) };
    let Ok(body) = body else { return refuse("the body must be JSON") };
    match verbs::run(&Sandbox::remote(portal), &verb, &body).await {
        Ok(result) => Json(result).into_response(),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

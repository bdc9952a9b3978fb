//! The address space: `/bot<token>/<method>` and `/file/bot<token>/<path>`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::error::{ApiError, Failure};
use super::faults::TelegramFaultKind;
use super::hub::Hub;
use super::methods::{self, Reply};
use super::params::Params;
use super::record::ApiCall;
use crate::server::Cut;

/// How long a hanging call hangs.
const HANG: Duration = Duration::from_secs(600);

/// Name of downloads among faults and calls.
const DOWNLOAD: &str = "download";

/// Everything that is not the control interface.
pub(crate) async fn handle(Shared(hub): Shared<Arc<Hub>>, request: Request) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return file(&hub, rest).await;
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return refuse(&ApiError::not_found());
    };
    if !well_formed(token) {
        return refuse(&ApiError::not_found());
    }
    let (token, mut method) = (token.to_owned(), method.trim_end_matches('/').to_owned());
    let params = match Params::read(request).await {
        Ok(params) => params,
        Err(error) => return refuse(&error),
    };
    if method.is_empty() {
        params.text("method").clone_into(&mut method);
    }
    let Some(bot) = hub.view(|world| world.bot_by_token(&token)) else {
        return refuse(&ApiError::new(401, "Unauthorized"));
    };
    answer(&hub, bot, &method, &params).await
}

/// A number, a colon and a key.
fn well_formed(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, key)| {
        let letters = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
        id.parse::<i64>().is_ok_and(|id| id > 0) && key.len() >= 3 && key.chars().all(letters) && !id.starts_with('0')
    })
}

/// Runs one call between the faults before and after it.
async fn answer(hub: &Arc<Hub>, bot: i64, method: &str, params: &Params) -> Response {
    let plan = hub.faults.call(method);
    tokio::time::sleep(plan.latency).await;
    let (verdict, response) = if let Some(fault) = plan.before {
        misfortune(&fault).await
    } else {
        let outcome = methods::call(hub, bot, method, params).await;
        match plan.after {
            Some(fault) => misfortune(&fault).await,
            None => shape(outcome),
        }
    };
    note(hub, bot, method, params, &response, verdict);
    response
}

fn shape(outcome: Result<Reply, Failure>) -> (String, Response) {
    match outcome {
        Ok(Reply { result, description }) => {
            let mut body = json!({ "ok": true, "result": result });
            if let (Some(object), Some(description)) = (body.as_object_mut(), description) {
                object.insert("description".to_owned(), json!(description));
            }
            ("ok".to_owned(), send(200, &body))
        }
        Err(Failure::Refused(error)) => (error.description.clone(), refuse(&error)),
        Err(Failure::Cut) => ("cut".to_owned(), Cut::response()),
    }
}

async fn misfortune(fault: &TelegramFaultKind) -> (String, Response) {
    match fault {
        TelegramFaultKind::TooManyRequests { retry_after } => {
            let error = ApiError::retry_after(*retry_after);
            (format!("fault: {}", error.description), refuse(&error))
        }
        TelegramFaultKind::Error { code, description } => {
            (format!("fault: {description}"), refuse(&ApiError::new(*code, description.as_str())))
        }
        TelegramFaultKind::Html { status } => ("fault: html".to_owned(), html(*status)),
        TelegramFaultKind::Hang => {
            tokio::time::sleep(HANG).await;
            ("fault: hang".to_owned(), Cut::response())
        }
        _ => ("fault: cut".to_owned(), Cut::response()),
    }
}

fn note(hub: &Hub, bot: i64, method: &str, params: &Params, response: &Response, verdict: String) {
    let cut = response.extensions().get::<Cut>().is_some();
    let status = if cut { 0 } else { response.status().as_u16() };
    let mut values = params.values.clone();
    values.extend(params.files.iter().map(|(name, file)| (name.clone(), format!("file {}", file.name))));
    if values.contains_key("secret_token") {
        values.insert("secret_token".to_owned(), "…".to_owned());
    }
    let method = methods::proper_name(method).to_owned();
    tracing::debug!(bot, method, status, verdict, "telegram call");
    hub.edit(|world| {
        let at_ms = world.now;
        world.record.call(ApiCall { at_ms, bot, method, params: values, status, verdict });
    });
}

/// A download, under the name [`DOWNLOAD`] among faults and calls.
async fn file(hub: &Hub, rest: &str) -> Response {
    let Some((token, path)) = rest.split_once('/') else { return refuse(&ApiError::not_found()) };
    let Some(bot) = hub.view(|world| world.bot_by_token(token)) else { return refuse(&ApiError::not_found()) };
    let plan = hub.faults.call(DOWNLOAD);
    tokio::time::sleep(plan.latency).await;
    let found = hub.view(|world| world.download(bot, path));
    let (verdict, response) = match (plan.before.or(plan.after), found) {
        (Some(fault), _) => misfortune(&fault).await,
        (None, Some(bytes)) => {
            ("ok".to_owned(), ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
        }
        (None, None) => ("Not Found".to_owned(), refuse(&ApiError::not_found())),
    };
    let values = [("path".to_owned(), path.to_owned())].into();
    note(hub, bot, DOWNLOAD, &Params { values, ..Params::default() }, &response, verdict);
    response
}

fn refuse(error: &ApiError) -> Response {
    let mut response = send(error.code, &error.body());
    if let Some(seconds) = error.parameters.get("retry_after").and_then(Value::as_u64) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn send(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn html(status: u16) -> Response {
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

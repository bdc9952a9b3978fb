//! The address that the messenger calls.

use super::caller::Call;
use super::description::Webhook;
use super::expr::{Scope, value};
use super::instance::Instance;
use super::intake::Intake;
use super::verify::{Check, Handshake, Shakes};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use minijinja::Value;
use openline_core::{ClientAddress, sampled};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest body, in bytes; Meta's may have 3 MB.
const BODY: usize = 4 * 1024 * 1024;

pub(super) fn routes(intake: Arc<Intake>) -> Router {
    Router::new().route("/hook", any(called)).layer(DefaultBodyLimit::max(BODY)).with_state(intake)
}

/// A call from outside, as expressions see it.
pub(super) struct Called<'c> {
    pub(super) method: &'c str,
    pub(super) query: &'c str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: &'c [u8],
}

impl Called<'_> {
    /// All but the body.
    pub(super) fn scope(&self, base: &Scope, hook: &str) -> Scope {
        let mut scope = base.clone();
        let mark = if self.query.is_empty() { "" } else { "?" };
        scope.set("method", self.method);
        scope.set("url", format!("{hook}{mark}{}", self.query));
        scope.set("query", form(self.query.as_bytes()));
        scope.set(
            "headers",
            Value::from_pairs(self.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()))),
        );
        scope.set("raw", Value::from_bytes(self.body.to_vec()));
        scope
    }

    /// The body: JSON, or the fields of a form. `None` when it is neither.
    pub(super) fn read(&self) -> Option<Value> {
        let kind = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if kind.is_some_and(|(_, kind)| kind.starts_with("application/x-www-form-urlencoded")) {
            return Some(form(self.body));
        }
        crate::common::json::read::<serde_json::Value>(self.body).ok().map(|json| value(&json))
    }
}

fn form(bytes: &[u8]) -> Value {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let one = |(name, mut values): (String, Vec<String>)| {
        let value = if values.len() == 1 { Value::from(values.remove(0)) } else { Value::from(values) };
        (name, value)
    };
    Value::from_pairs(fields.into_iter().map(one))
}

/// What is to be done with a call.
pub(super) enum Turn<'d> {
    /// It is not the messenger's.
    Stranger,
    /// It can't be understood.
    Broken,
    Handshake(&'d Handshake, Scope),
    Events(Scope),
}

/// Judges a call: first whose it is, then what it is.
pub(super) fn judge<'d>(
    webhook: &'d Webhook,
    verify: &[Check],
    called: &Called<'_>,
    base: &Scope,
    hook: &str,
    now: i64,
) -> Turn<'d> {
    let bare = called.scope(base, hook);
    let unsigned = called.method == "GET";
    if unsigned {
        for shake in &webhook.handshakes {
            match shake.fits("GET", &bare) {
                Shakes::Yes => return Turn::Handshake(shake, bare),
                Shakes::Wrong => return Turn::Stranger,
                Shakes::No => {}
            }
        }
        return Turn::Stranger;
    }
    let (early, late): (Vec<_>, Vec<_>) = verify.iter().partition(|check| !check.reads_body);
    if !early.iter().all(|check| check.holds(&bare, now)) {
        return Turn::Stranger;
    }
    let Some(body) = called.read() else { return if late.is_empty() { Turn::Broken } else { Turn::Stranger } };
    let scope = bare.with("body", body);
    if !late.iter().all(|check| check.holds(&scope, now)) {
        return Turn::Stranger;
    }
    for shake in &webhook.handshakes {
        match shake.fits(called.method, &scope) {
            Shakes::Yes => return Turn::Handshake(shake, scope),
            Shakes::Wrong => return Turn::Stranger,
            Shakes::No => {}
        }
    }
    Turn::Events(scope)
}

async fn called(
    State(intake): State<Arc<Intake>>,
    from: ClientAddress,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let instance = Arc::clone(&intake.instance);
    let Some(webhook) = &instance.description.webhook else { return StatusCode::NOT_FOUND.into_response() };
    let told = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let query = query.unwrap_or_default();
    let called = Called { method: method.as_str(), query: &query, headers: told.collect(), body: &body };
    let base = instance.scope();
    let hook = super::filters::text(&base.get("hook"));
    match judge(webhook, &webhook.verify, &called, &base, &hook, instance.clock.now().seconds()) {
        Turn::Stranger => {
            let channel = intake.instance.inbox.channel();
            sampled!(warn, target: "security", client = %from, %channel, result = "refused", "a webhook that is not signed");
            (StatusCode::FORBIDDEN, "this is not signed as the messenger signs").into_response()
        }
        Turn::Broken => (StatusCode::BAD_REQUEST, "the body is neither JSON nor a form").into_response(),
        Turn::Handshake(shake, scope) => shaken(&instance, shake, scope).await,
        Turn::Events(scope) => {
            let answer = webhook.answer.text(&scope).unwrap_or_default();
            // Goes on when the messenger hangs up meanwhile: it will come again and find it done.
            let taken = tokio::spawn(async move {
                let taken = intake.take(intake.read(&scope)).await;
                if let Err(held) = &taken {
                    tracing::error!(channel = %intake.instance.inbox.channel(), %held, "an event must come again");
                }
                taken.is_ok()
            });
            match taken.await {
                Ok(true) => said(&webhook.answer_type, answer),
                _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }
}

async fn shaken(instance: &Instance, shake: &Handshake, mut scope: Scope) -> Response {
    if let Err(failed) = instance.run(&Call::of(&shake.steps), &mut scope).await {
        tracing::error!(problem = %failed.error, "the messenger's question about the address could not be answered");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    said("text/plain", shake.answer.text(&scope).unwrap_or_default())
}

fn said(kind: &str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CACHE_CONTROL, "no-store".to_owned())], text).into_response()
}

//! The authorization server: `/oauth/token/` and the trusted `app.info` (bitrix24.md §2.7, §9.1).

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use serde_json::{Value, json};

use crate::clock::iso;
use crate::faults::TOKEN_ENDPOINT;
use crate::flags::Flag;
use crate::model::{App, State, Token};
use crate::php::value;
use crate::portal::Portal;
use crate::rest::answer::Answer;
use crate::rest::envelope::Timing;
use crate::rest::front::wait_if_hanging;
use crate::rest::params::Params;
use crate::rest::request::RestRequest;
use crate::server::Peer;

/// Routes of the authorization server.
pub(crate) fn router(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/oauth/token/", any(token))
        .route("/oauth/token", any(token))
        .route("/rest/{method}", any(rest))
        .route("/rest/{method}/", any(rest))
        .with_state(portal)
}

/// GET and form POST give the same answers.
async fn token(Shared(portal): Shared<Arc<Portal>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let call = RestRequest::read(request, peer).await;
    serve(&portal, TOKEN_ENDPOINT, &call, grant).await
}

async fn rest(Shared(portal): Shared<Arc<Portal>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let call = RestRequest::read(request, peer).await;
    let name = format!("auth:{}", call.method);
    serve(&portal, &name, &call, app_info).await
}

async fn serve(
    portal: &Arc<Portal>,
    name: &str,
    call: &RestRequest,
    run: fn(&mut State, &RestRequest) -> Answer,
) -> Response {
    let id = portal.edit(|state| {
        let shown = without_secrets(&Params::new(call.params.clone()));
        state.record.begin(state.now, "auth", name.trim_start_matches("auth:"), shown)
    });
    let plan = portal.faults.call(name);
    tokio::time::sleep(plan.latency).await;
    let answer = plan.before.unwrap_or_else(|| {
        let done = portal.edit(|state| run(state, call));
        plan.after.unwrap_or(done)
    });
    portal.edit(|state| state.record.end(id, answer.status(), &answer.verdict()));
    wait_if_hanging(portal, &answer).await;
    answer.into_response(false)
}

fn without_secrets(params: &Params) -> Value {
    let secret = |name: &str| matches!(name, "CLIENT_SECRET" | "REFRESH_TOKEN" | "CODE");
    let shown = value::entries(params.all()).into_iter().filter(|(name, _)| !secret(name));
    Value::Object(shown.map(|(name, item)| (name, item.clone())).collect())
}

/// The token endpoint: the kind of grant, the client, the payment, the grant itself.
fn grant(state: &mut State, call: &RestRequest) -> Answer {
    let param = |name: &str| call.params.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = param("grant_type");
    if !matches!(kind, "refresh_token" | "authorization_code") {
        return refuse(400, "invalid_request", "An incorrectly formatted authorization request was provided");
    }
    let (id, secret) = (param("client_id"), param("client_secret"));
    let app = state.apps.iter().find(|app| app.client_id == id && app.client_secret == secret && app.present);
    let Some(app) = app.cloned() else {
        return refuse(
            401,
            "invalid_client",
            "Invalid client data was provided; possibly, the application is not installed",
        );
    };
    if app.unpaid || state.flags.contains(&Flag::PaymentRequired) {
        return refuse(402, "PAYMENT_REQUIRED", "Payment required");
    }
    let user = if kind == "refresh_token" {
        state.use_refresh_token(param("refresh_token"), &app)
    } else {
        state.use_code(param("code"), &app)
    };
    match user {
        Some(user) => Answer::ok(state.token_answer(&app, user)),
        None => {
            refuse(400, "invalid_grant", "Invalid authorization tokens were provided when obtaining an access token")
        }
    }
}

fn refuse(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({ "error": error, "error_description": description });
    Answer::Body { status, body, client_id: None }
}

impl State {
    /// The user of a living refresh token, which is dead afterwards unless rotation is lenient (bitrix24.md A2).
    fn use_refresh_token(&mut self, name: &str, app: &App) -> Option<i64> {
        let (now, strict) = (self.now, self.switches.strict_rotation);
        let token = self.refresh_tokens.get_mut(name)?;
        let dead = token.revoked || (token.used && strict) || token.expires_ms <= now || token.app != app.id;
        if dead {
            return None;
        }
        token.used = true;
        let user = token.user;
        self.users.get(&user).filter(|user| user.active).map(|user| user.id)
    }

    /// The user of a code that is fresh and unused.
    fn use_code(&mut self, name: &str, app: &App) -> Option<i64> {
        let now = self.now;
        let code = self.codes.get_mut(name)?;
        if code.used || code.expires_ms <= now || code.app != app.id {
            return None;
        }
        code.used = true;
        Some(code.user)
    }
}

/// `app.info` as the authorization server answers it, a trusted check of a token: of another shape than the portal's
/// (bitrix24.md §11).
fn app_info(state: &mut State, call: &RestRequest) -> Answer {
    if call.method != "app.info" {
        return refuse(404, "ERROR_METHOD_NOT_FOUND", "Method not found!");
    }
    let token = call.token().and_then(|name| state.tokens.get(&name)).filter(|token| !token.revoked);
    let Some(token) = token.cloned() else {
        return refuse(401, "invalid_token", "Unable to get application by token");
    };
    if token.expires_ms <= state.now {
        return refuse(401, "expired_token", "The access token provided has expired");
    }
    match state.app(token.app).filter(|app| app.present) {
        Some(app) => Answer::ok(json!({ "result": trusted_card(state, app, &token), "time": moment(state.now) })),
        None => refuse(401, "invalid_client", "Application not installed"),
    }
}

fn trusted_card(state: &State, app: &App, token: &Token) -> Value {
    let scope = app.scope.join(",");
    json!({
        "client_id": app.client_id, "scope": scope, "expires": iso(token.expires_ms), "user_id": token.user,
        "install": {
            "installed": app.installed, "version": app.version.to_string(), "status": "L", "scope": scope,
            "domain": state.domain.rsplit_once(':').map_or(state.domain.as_str(), |(host, _)| host),
            "uri": app.handler_url, "client_endpoint": state.client_endpoint(),
            "member_id": state.member_id, "member_type": "bitrix24",
        },
    })
}

/// The `time` block of an answer that took no time.
fn moment(now_ms: i64) -> Value {
    Timing { start_ms: now_ms, finish_ms: now_ms, operating: None }.block()
}

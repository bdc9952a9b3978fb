//! The path of one REST call: record, faults, admission, method, envelope.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::Answer;
use super::batch;
use super::caller::Caller;
use super::envelope::{Reply, wrap};
use super::error::Failure;
use super::metered::{run_metered, timing};
use super::params::Params;
use super::request::RestRequest;
use crate::methods::table;
use crate::model::State;
use crate::portal::Portal;
use crate::server::Peer;

/// How long a hanging call keeps its connection open.
const HANG: Duration = Duration::from_mins(10);

/// `ANY /rest/…` of the portal. The call goes on when the client goes away, as PHP does.
pub(crate) async fn handle(
    Shared(portal): Shared<Arc<Portal>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let call = RestRequest::read(request, peer).await;
    let as_xml = call.as_xml;
    let answer = tokio::spawn(process(Arc::clone(&portal), call)).await.unwrap_or(Answer::Cut);
    wait_if_hanging(&portal, &answer).await;
    answer.into_response(as_xml)
}

/// The portal lets pages of any origin call it.
fn preflight() -> Response {
    let allowed = "origin, content-type, accept, authorization";
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
    ];
    headers.into_response()
}

/// Waits out a hanging answer, or the end of the sandbox.
pub(crate) async fn wait_if_hanging(portal: &Portal, answer: &Answer) {
    if matches!(answer, Answer::Hang) {
        tokio::select! {
            () = portal.stop.cancelled() => {}
            () = tokio::time::sleep(HANG) => {}
        }
    }
}

async fn process(portal: Arc<Portal>, call: RestRequest) -> Answer {
    let id = portal.edit(|state| begin(state, &call));
    let plan = portal.faults.call(&call.method);
    tokio::time::sleep(plan.latency).await;
    let answer = if let Some(fault) = plan.before {
        fault
    } else {
        let done = execute(&portal, call, id).await;
        plan.after.unwrap_or(done)
    };
    portal.hit(|state| state.record.end(id, answer.status(), &answer.verdict()));
    answer
}

fn begin(state: &mut State, call: &RestRequest) -> u64 {
    let params = Params::new(call.params.clone());
    if call.params.keys().any(|key| key.eq_ignore_ascii_case("client_secret")) {
        state.record.violation(state.now, "client_secret was sent to the portal");
    }
    if call.user_agent.is_empty() {
        state.record.violation(state.now, "a REST call had no User-Agent");
    }
    state.record.begin(state.now, "portal", &call.method, params.all().clone())
}

async fn execute(portal: &Arc<Portal>, call: RestRequest, id: u64) -> Answer {
    let start_ms = portal.clock.now_ms();
    let scope = table::find(&call.method).map(|method| method.scope);
    let caller = match portal.edit(|state| state.admit(&call, portal.config.request_limit, scope)) {
        Ok(caller) => caller,
        Err(error) => return Answer::error(&error),
    };
    portal.edit(|state| {
        if let Some(entry) = state.record.call(id) {
            entry.client_id = Some(caller.client.clone());
        }
    });
    let params = Params::new(call.params);
    let outcome = if call.method == "batch" {
        batch::run(portal, &caller, &params, id).await
    } else {
        run_metered(portal, &caller, &call.method, &params).await
    };
    match outcome {
        Ok(_) if call.broken_text => {
            Answer::ok(json!({ "error": "WRONG_ENCODING", "error_description": "Wrong request encoding" }))
        }
        Ok(reply) => answer(portal, &caller, &call.method, reply, start_ms),
        Err(Failure::Rest(error)) => Answer::error(&error),
        Err(Failure::Cut) => Answer::Cut,
    }
}

fn answer(portal: &Portal, caller: &Caller, method: &str, reply: Reply, start_ms: i64) -> Answer {
    let timing = timing(portal, caller, method, start_ms);
    let nested = portal.view(|state| state.switches.nested_soft_errors);
    Answer::Body {
        status: 200,
        body: wrap(reply, &timing, nested),
        client_id: caller.app.map(|_| caller.client.clone()),
    }
}

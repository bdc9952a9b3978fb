//! `/oauth/authorize/` of the portal: the administrator is logged in and agrees at once (bitrix24.md §2.6).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::model::{ADMIN, State};
use crate::portal::Portal;

/// Redirects to the application's own address with a code; an application that is not installed gets an error page.
pub(crate) async fn authorize(
    Shared(portal): Shared<Arc<Portal>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let param = |name: &str| query.get(name).cloned().unwrap_or_default();
    match portal.edit(|state| redirect(state, &param("client_id"), &param("state"))) {
        Some(url) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        None => (StatusCode::FORBIDDEN, "The application is not installed in this portal.").into_response(),
    }
}

fn redirect(state: &mut State, client_id: &str, client_state: &str) -> Option<String> {
    let app = state.apps.iter().find(|app| app.client_id == client_id && app.present)?.clone();
    let target = if app.handler_url.is_empty() { &app.install_url } else { &app.handler_url };
    let mut url = Url::parse(target).ok()?;
    let code = state.issue_code(app.id, ADMIN);
    url.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", client_state)
        .append_pair("domain", &state.domain)
        .append_pair("member_id", &state.member_id)
        .append_pair("scope", &app.scope.join(","))
        .append_pair("server_domain", &state.auth_host);
    Some(url.into())
}

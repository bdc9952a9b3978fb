//! `/bitrix/app`: the application's main page, for those who open it from the portal's menu; and what comes to an address
//! where nothing is meant to come.

use super::called::{Given, Shared, asked_language, is_install_event, language, no_form, page_fields, plain, whole};
use super::install;
use crate::access::claims::Disbelief;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::board::{self, Who};
use crate::web::heal::{self, Visit};
use crate::web::page::Page;
use crate::wire::form;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use openline_core::{ClientAddress, sampled};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The page as the portal opens it.
pub(super) async fn app(
    State(board): State<board::Shared>,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    let bitrix = Arc::clone(&board.bitrix);
    whole(&bitrix, handle(board, from, query, body)).await
}

async fn handle(board: board::Shared, from: ClientAddress, query: Option<String>, body: Bytes) -> Response {
    let bitrix = Arc::clone(&board.bitrix);
    let (query, form) = match page_fields(query.as_deref(), &body) {
        Ok(fields) => fields,
        Err(error) => return no_form(error),
    };
    if is_install_event(&form) {
        wrong_path(&bitrix, "/bitrix/app");
        return match form::told(&body) {
            Ok(told) => install::by_event(bitrix, &told.auth, from).await,
            Err(error) => no_form(error),
        };
    }
    let language = language(&bitrix, &query);
    match heal::visit(&bitrix, &query, &form, from).await {
        Ok(Visit { gave: true, .. }) if !bitrix.finished.load(Ordering::Relaxed) => {
            install::installed_page(&bitrix, language).respond(&bitrix)
        }
        Ok(Visit { gave, user }) => {
            let first = gave.then(|| Page::success(language, "healed", "healed_text"));
            board::page(&board, &Who::Portal(user), language, first, None).await
        }
        Err(error) => refused(&bitrix, &error, language, from).respond(&bitrix),
    }
}

/// Employees learn nothing but that this is not for them.
fn refused(bitrix: &Inner, error: &Disbelief, language: &'static Catalogue, from: ClientAddress) -> Page {
    sampled!(warn, target: "security", client = %from, %error, result = "refused", "the application's page");
    match error {
        Disbelief::NotAdmin if heal::works(bitrix) => Page::note(language, "install_title", "pages_for_admins"),
        _ if heal::works(bitrix) => Page::refused(language, "not_shown", error, &bitrix.portal.config()),
        _ => Page::refused(language, "not_installed", error, &bitrix.portal.config()),
    }
}

/// An installation that comes to the root because of a mistake in the application's form.
pub(super) async fn stray(
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    let form = form::pick(&body, &["event", "AUTH_ID"]).map(Value::Object).unwrap_or_default();
    if !is_install_event(&form) && form.get("AUTH_ID").is_none() {
        return nothing().await;
    }
    wrong_path(&bitrix, "/");
    install::install(State(bitrix), from, RawQuery(query), Given(body)).await
}

/// For who asks for the root otherwise.
pub(super) async fn nothing() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

/// An installation is taken wherever it comes, and the form should be corrected all the same.
fn wrong_path(bitrix: &Inner, came_to: &str) {
    let right = format!("{}/bitrix/install", bitrix.portal.config().public_url);
    sampled!(
        warn,
        came_to,
        right,
        "an installation came to another address: correct the \"Initial installation path\""
    );
}

/// The page without a form, in a browser.
pub(super) fn opened(bitrix: &Inner, query: Option<String>) -> Response {
    let bad = !bitrix.findings.all().is_empty();
    Page::status(asked_language(bitrix, query), bitrix.portal.gate.reason(), bad).respond(bitrix)
}

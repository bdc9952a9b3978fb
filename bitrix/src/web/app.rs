//! `/bitrix/app`: the application's main page, for those who open it from the portal's menu; and what comes to an address
//! where nothing is meant to come.

use super::called::{
    Given, Shared, asked_language, is_install_event, language, no_form, page_fields, plain, whole, whole_body,
};
use super::install;
use crate::access::claims::Disbelief;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::heal::{self, Visit};
use crate::web::page::Page;
use crate::web::view;
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
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    body: Given,
) -> Response {
    match whole_body(body, from) {
        Ok(body) => whole(&Arc::clone(&bitrix), handle(bitrix, from, query, body)).await,
        Err(refused) => *refused,
    }
}

async fn handle(bitrix: Arc<Inner>, from: ClientAddress, query: Option<String>, body: Bytes) -> Response {
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
    let visit = heal::visit(&bitrix, &query, &form, from).await;
    visited(&bitrix, visit, language, from).respond(&bitrix)
}

fn visited(bitrix: &Inner, visit: Result<Visit, Disbelief>, language: &'static Catalogue, from: ClientAddress) -> Page {
    let all = |page: Page| page.mending(bitrix.findings.told(language)).with_channels(view::channels(bitrix));
    match visit {
        Ok(Visit::Gave) if !bitrix.finished.load(Ordering::Relaxed) => install::installed_page(bitrix, language),
        Ok(Visit::Gave) => all(Page::success(language, "healed", "healed_text")),
        Ok(Visit::Came) => all(status_page(bitrix, language)),
        Err(_) if heal::works(bitrix) => {
            status_page(bitrix, language).saying(language.get("pages_for_admins").to_owned())
        }
        Err(error) => {
            sampled!(warn, target: "security", client = %from, %error, result = "refused", "the application's page");
            Page::refused(language, "not_installed", &error, &bitrix.portal.config)
        }
    }
}

/// How it stands, for everybody.
pub(super) fn status_page(bitrix: &Inner, language: &'static Catalogue) -> Page {
    match bitrix.portal.gate.reason() {
        Some(reason) => Page::failure(language, "mend").saying(reason),
        None if !bitrix.findings.all().is_empty() => Page::failure(language, "mend"),
        None => Page::success(language, "works", ""),
    }
}

/// An installation that comes to the root because of a mistake in the application's form.
pub(super) async fn stray(
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    body: Given,
) -> Response {
    let body = match whole_body(body, from) {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let form = form::pick(&body, &["event", "AUTH_ID"]).map(Value::Object).unwrap_or_default();
    if !is_install_event(&form) && form.get("AUTH_ID").is_none() {
        return nothing().await;
    }
    wrong_path(&bitrix, "/");
    install::install(State(bitrix), from, RawQuery(query), Ok(body)).await
}

/// For who asks for the root otherwise.
pub(super) async fn nothing() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

/// An installation is taken wherever it comes, and the form should be corrected all the same.
fn wrong_path(bitrix: &Inner, came_to: &str) {
    let right = format!("{}/bitrix/install", bitrix.portal.config.public_url);
    sampled!(
        warn,
        came_to,
        right,
        "an installation came to another address: correct the \"Initial installation path\""
    );
}

/// The page without a form, in a browser.
pub(super) fn opened(bitrix: &Inner, query: Option<String>) -> Response {
    status_page(bitrix, asked_language(bitrix, query)).respond(bitrix)
}

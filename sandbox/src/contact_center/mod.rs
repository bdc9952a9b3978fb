//! The Contact Center: tiles of connectors, their settings pages in a frame, and installing the application.

mod pages;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::assets;
use crate::portal::Portal;
use crate::sandbox::Sandbox;
use crate::verbs::PageOptions;

const HOME: &str = "/contact_center/";

/// `/contact_center/…`.
pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/", get(|| async { Redirect::to(HOME) }))
        .route("/contact_center", get(|| async { Redirect::permanent(HOME) }))
        .route(HOME, get(home))
        .route("/contact_center/connector/", get(connector))
        .route("/contact_center/application/", get(application))
        .route("/contact_center/disconnect", post(disconnect))
        .route("/contact_center/install", post(install))
        .route("/contact_center/finish", post(finish))
        .route("/contact_center/uninstall", post(uninstall))
        .route("/assets/{file}", get(assets::other))
}

/// A connector on a line.
#[derive(Debug, Deserialize)]
struct Pair {
    connector: String,
    line: i64,
}

/// The form "Install application".
#[derive(Debug, Deserialize)]
struct Install {
    url: String,
    flow: String,
}

fn page(html: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, assets::CONTENT_POLICY)], Html(html)).into_response()
}

async fn home(Shared(portal): Shared<Arc<Portal>>) -> Response {
    page(portal.view(pages::home))
}

/// `?ID=<connector>&LINE=<line>`: the settings page of a connector in a frame.
async fn connector(Shared(portal): Shared<Arc<Portal>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let id = query.get("ID").cloned().unwrap_or_default();
    let line = query.get("LINE").and_then(|line| line.parse().ok()).unwrap_or(0);
    let form = portal.edit(|state| state.settings_form(&id, line, &PageOptions::default()));
    match form {
        Some(form) => page(pages::frame("Connector settings", &form, false)),
        None => (StatusCode::NOT_FOUND, "There is no such connector.").into_response(),
    }
}

/// `?URL=<handler path>`: the application's main page in a frame, as its menu item opens it.
async fn application(Shared(portal): Shared<Arc<Portal>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let url = query.get("URL").cloned().unwrap_or_default();
    let app = Sandbox::remote(Arc::clone(&portal)).app;
    let form = portal.edit(|state| state.page_form(app, &url, "DEFAULT", None, &PageOptions::default()));
    page(pages::frame("Application", &form, false))
}

async fn disconnect(Shared(portal): Shared<Arc<Portal>>, Form(pair): Form<Pair>) -> Redirect {
    Sandbox::remote(portal).disconnect(&pair.connector, pair.line);
    Redirect::to(HOME)
}

/// "Script only" is done at once; with a user interface the install page opens in a frame.
async fn install(Shared(portal): Shared<Arc<Portal>>, Form(install): Form<Install>) -> Response {
    let sandbox = Sandbox::remote(Arc::clone(&portal));
    if install.flow == "script" {
        sandbox.install_script_only(&install.url);
        return Redirect::to(HOME).into_response();
    }
    let form = portal.hit(|state| {
        state.begin_install(sandbox.app, &install.url);
        state.page_form(sandbox.app, &install.url, "DEFAULT", None, &PageOptions::default())
    });
    page(pages::frame("Application installation", &form, true))
}

async fn finish(Shared(portal): Shared<Arc<Portal>>) -> Redirect {
    Sandbox::remote(portal).finish_install();
    Redirect::to(HOME)
}

async fn uninstall(Shared(portal): Shared<Arc<Portal>>) -> Redirect {
    Sandbox::remote(portal).uninstall(false);
    Redirect::to(HOME)
}

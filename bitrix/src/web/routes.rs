//! The addresses that the portal (or an admin's browser in it) calls: events, installation, settings.
//! More than 400 lines: who may call what is decided here, and is easier to check side by side.

use crate::access::budget::Urgency;
use crate::access::claims::{self, Disbelief};
use crate::access::credentials::Credentials;
use crate::access::oauth;
use crate::config::Connector;
use crate::lines::registration;
use crate::shared::Inner;
use crate::web::operator_events::{self, Event};
use crate::web::page::{self, Page};
use crate::wire::form;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::values::text;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use openline_core::StoreError;
use openline_core::secret::same;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Largest form taken: texts are at most 20,000 characters, percent-encoded; many files' descriptions beside them.
const MAX_BODY: usize = 2 * 1024 * 1024;

type Shared = State<Arc<Inner>>;

/// The routes, to be mounted at `/bitrix`.
pub(crate) fn routes(bitrix: Arc<Inner>) -> Router {
    Router::new()
        .route("/events", post(event))
        .route("/install", post(install).get(install_help))
        .route("/app", post(app_page).get(app_page_get))
        .route("/authorize", get(authorize))
        .route("/settings", post(settings).get(settings_help))
        .route("/assets/{file}", get(page::asset))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(bitrix)
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Does it in a task of its own: a caller who does not wait must not stop it half-way, because nothing is told twice.
async fn whole(bitrix: &Inner, work: impl Future<Output = Response> + Send + 'static) -> Response {
    let done = bitrix.portal.tasks.spawn(work).await;
    done.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"))
}

/// The event handler: verify, parse, hand over, answer. The portal never repeats an event, so it is answered only when
/// everything is durable.
async fn event(State(bitrix): Shared, body: Bytes) -> Response {
    whole(&Arc::clone(&bitrix), handle_event(bitrix, body)).await
}

async fn handle_event(bitrix: Arc<Inner>, body: Bytes) -> Response {
    let Ok(form) = form::parse(&body) else { return plain(StatusCode::BAD_REQUEST, "not a form in UTF-8") };
    let auth = form.get("auth").cloned().unwrap_or_default();
    let event = operator_events::read(&bitrix.portal.config, &form);
    if matches!(event, Event::Install) {
        return installed_by_event(bitrix, &auth).await;
    }
    if !is_genuine(&bitrix, &auth, &event).await {
        tracing::warn!("an event without the portal's token was refused");
        return plain(StatusCode::FORBIDDEN, "not from the portal");
    }
    let taken = take(&bitrix, event, &auth).await;
    hear_of_move(&bitrix, &auth);
    match taken {
        Ok(()) => plain(StatusCode::OK, "ok"),
        Err(error) => {
            tracing::error!(%error, "an event could not be stored");
            plain(StatusCode::SERVICE_UNAVAILABLE, "not stored")
        }
    }
}

/// A genuine event names where the portal is. It is only a reason to ask: employees know what proves an event.
fn hear_of_move(bitrix: &Inner, auth: &Value) {
    if let (Some(member), Some(endpoint)) = (text(auth.get("member_id")), text(auth.get("client_endpoint"))) {
        bitrix.portal.hear_of_endpoint(&member, &endpoint);
    }
}

/// Whether `auth[application_token]` is our portal's. Where it is not known yet (an older portal's install page does
/// not tell it), or may have changed with an update, it is pinned from an event whose access token proves to be an
/// administrator's: every employee has a token of some kind.
async fn is_genuine(bitrix: &Inner, auth: &Value, event: &Event) -> bool {
    if !bitrix.portal.credentials().is_some_and(|known| known.is_proven_by(auth)) {
        // Another process may have been told of an installation.
        bitrix.portal.look_again().await;
    }
    let Some(known) = bitrix.portal.credentials() else { return false };
    let field = |name: &str| text(auth.get(name)).unwrap_or_default();
    if field("member_id") != known.member_id {
        return false;
    }
    let token = field("application_token");
    match &known.application_token {
        Some(expected) if same(expected, &token) => return true,
        Some(_) if !matches!(event, Event::Update) => return false,
        _ => {}
    }
    if token.is_empty() || field("access_token").is_empty() {
        return false;
    }
    let claimed = Credentials { access_token: field("access_token"), refresh_token: String::new(), ..(*known).clone() };
    claims::prove_installation(bitrix, claimed).await.is_ok() && bitrix.portal.pin(token).await.is_ok()
}

async fn take(bitrix: &Arc<Inner>, event: Event, auth: &Value) -> Result<(), StoreError> {
    let now = bitrix.portal.clock().now();
    match event {
        Event::Conversation(events) => bitrix.portal.inbox.accept(events).await,
        Event::StatusDelete { connector, line } => {
            bitrix.lines.set(&connector, &line, false, now).await?;
            // It may have been switched on again meanwhile, and events come in any order: the portal knows.
            let bitrix = Arc::clone(bitrix);
            tokio::spawn(async move { registration::check_line(&bitrix, &connector, &line).await });
            Ok(())
        }
        Event::LineDelete { line } => {
            for connector in bitrix.lines.connectors_on(&line) {
                bitrix.lines.set(&connector, &line, false, now).await?;
            }
            Ok(())
        }
        Event::Uninstall { clean } => {
            tracing::warn!(clean, "openline was removed from the portal; conversations stay here");
            bitrix.lines.clear().await?;
            crate::lines::info::clear(bitrix.portal.inbox.store()).await?;
            crate::lines::roster::clear(bitrix.portal.inbox.store()).await?;
            bitrix.portal.uninstalled().await
        }
        Event::Update => updated(bitrix, auth).await,
        Event::Install | Event::Other => Ok(()),
    }
}

async fn updated(bitrix: &Arc<Inner>, auth: &Value) -> Result<(), StoreError> {
    let Ok(claimed) = claims::from_event(auth, bitrix.portal.clock().now()) else { return Ok(()) };
    match claims::prove_installation(bitrix, claimed).await {
        Ok(credentials) => {
            bitrix.portal.installed(credentials).await?;
            reconcile_later(bitrix);
        }
        Err(error) => tracing::error!(%error, "the tokens of an update were not taken"),
    }
    Ok(())
}

/// Flow A (`bitrix24.md` §2.3), and the end of flow B: believed only after the portal confirmed the token. It is not
/// told twice: when the portal can't confirm it now, that is tried again in the background.
async fn installed_by_event(bitrix: Arc<Inner>, auth: &Value) -> Response {
    let claimed = match claims::from_event(auth, bitrix.portal.clock().now()) {
        Ok(claimed) => claimed,
        Err(error) => return refused(&error),
    };
    match take_installation(&bitrix, claimed.clone()).await {
        Ok(()) => plain(StatusCode::OK, "ok"),
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "an installation could not be confirmed yet, trying again");
            confirm_later(&bitrix, claimed);
            plain(StatusCode::ACCEPTED, "to be confirmed")
        }
        Err(error) => refused(&error),
    }
}

async fn take_installation(bitrix: &Arc<Inner>, claimed: Credentials) -> Result<(), Disbelief> {
    let credentials = claims::prove_installation(bitrix, claimed).await?;
    let stored = bitrix.portal.installed(credentials).await;
    stored.map_err(|error| CallError::Storage(error.to_string()))?;
    tracing::info!("openline was installed in the portal");
    reconcile_later(bitrix);
    Ok(())
}

/// Tries an installation again for some minutes. Only few at the same time: strangers can send such events too.
fn confirm_later(bitrix: &Arc<Inner>, claimed: Credentials) {
    let Ok(slot) = Arc::clone(&bitrix.confirming).try_acquire_owned() else { return };
    let bitrix = Arc::clone(bitrix);
    tokio::spawn(async move {
        let _slot = slot;
        for pause in [2, 5, 10, 20, 30, 60, 120, 300] {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            match take_installation(&bitrix, claimed.clone()).await {
                Err(error) if error.is_transient() => {}
                Err(error) => return drop(refused(&error)),
                Ok(()) => return,
            }
        }
        tracing::error!("an installation could not be confirmed: install openline in the portal again");
    });
}

fn refused(error: &Disbelief) -> Response {
    tracing::warn!(%error, "an installation was refused");
    plain(StatusCode::FORBIDDEN, "the portal did not confirm this installation")
}

/// Registers and binds in the background, again and again until it is done.
pub(crate) fn reconcile_later(bitrix: &Arc<Inner>) {
    let bitrix = Arc::clone(bitrix);
    tokio::spawn(async move {
        let mut pause = Duration::from_secs(5);
        loop {
            bitrix.portal.gate.pass().await;
            if bitrix.portal.credentials().is_none() {
                return;
            }
            match registration::reconcile(&bitrix).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(%error, retry_s = pause.as_secs(), "registration in the portal is not complete");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(600));
        }
    });
}

/// Query and body of a page that the portal opens.
fn page_fields(query: Option<&str>, body: &[u8]) -> Option<(Value, Value)> {
    Some((form::parse(query.unwrap_or_default().as_bytes()).ok()?, form::parse(body).ok()?))
}

/// The initial installation path: an event in flow A, a page in flow B (`bitrix24.md` §2.4).
async fn install(State(bitrix): Shared, RawQuery(query): RawQuery, body: Bytes) -> Response {
    whole(&Arc::clone(&bitrix), handle_install(bitrix, query, body)).await
}

async fn handle_install(bitrix: Arc<Inner>, query: Option<String>, body: Bytes) -> Response {
    let Some((query, form)) = page_fields(query.as_deref(), &body) else {
        return plain(StatusCode::BAD_REQUEST, "not a form in UTF-8");
    };
    if text(form.get("event")).is_some_and(|event| event.eq_ignore_ascii_case("ONAPPINSTALL")) {
        return installed_by_event(bitrix, &form.get("auth").cloned().unwrap_or_default()).await;
    }
    let page = match install_with_page(&bitrix, &query, &form).await {
        Ok(page) => page,
        Err(error) => {
            tracing::warn!(%error, "an installation page was refused");
            Page::failure("openline could not be installed", &error.to_string())
        }
    };
    respond(&bitrix, &page)
}

/// The page, framable by the portal where it is now.
fn respond(bitrix: &Inner, page: &Page) -> Response {
    let endpoint = bitrix.portal.credentials().map(|credentials| credentials.client_endpoint.clone());
    page.respond(&bitrix.portal.config, endpoint.as_deref())
}

async fn install_with_page(bitrix: &Arc<Inner>, query: &Value, form: &Value) -> Result<Page, Disbelief> {
    let claimed = claims::from_page(query, form, bitrix.portal.clock().now())?;
    if claimed.refresh_token.is_empty() {
        return Err(Disbelief::Missing("REFRESH_ID"));
    }
    let credentials = claims::prove_installation(bitrix, claimed).await?;
    let stored = |error: StoreError| CallError::Storage(error.to_string());
    bitrix.portal.installed(credentials).await.map_err(stored)?;
    if let Err(error) = registration::reconcile(bitrix).await {
        reconcile_later(bitrix);
        return Err(error.into());
    }
    Ok(Page::installed())
}

async fn install_help(State(bitrix): Shared) -> Response {
    let text = "This is openline's installation address. Put it into the field \"Initial installation path\" of a \
                local application in Bitrix24; the portal opens it from there.";
    respond(&bitrix, &Page::note("openline", text))
}

/// The application's main page, for those who open it from the portal's menu.
async fn app_page(State(bitrix): Shared) -> Response {
    respond(&bitrix, &status_page(&bitrix))
}

/// The same address is the OAuth redirect URI (`bitrix24.md` §2.6).
async fn app_page_get(State(bitrix): Shared, RawQuery(query): RawQuery) -> Response {
    let query = form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let Some(code) = text(query.get("code")) else { return app_page(State(bitrix)).await };
    let state = text(query.get("state")).unwrap_or_default();
    let page = match authorized(&bitrix, &code, &state).await {
        Ok(()) => Page::note("openline is authorised", "You can close this page."),
        Err(error) => Page::failure("openline could not be authorised", &error.to_string()),
    };
    respond(&bitrix, &page)
}

async fn authorized(bitrix: &Arc<Inner>, code: &str, state: &str) -> Result<(), Disbelief> {
    if !bitrix.states.is_ours(state, bitrix.portal.clock().now()) {
        return Err(Disbelief::Missing("a state made by this server in the last minutes: begin at /bitrix/authorize"));
    }
    let portal = &bitrix.portal;
    let first = oauth::exchange(&portal.client, &portal.config, code, portal.clock().now()).await?;
    let credentials = claims::prove_installation(bitrix, first).await?;
    portal.installed(credentials).await.map_err(|error| CallError::Storage(error.to_string()))?;
    reconcile_later(bitrix);
    Ok(())
}

/// Sends an admin to the portal to authorise the application again.
async fn authorize(State(bitrix): Shared) -> Response {
    let state = bitrix.states.make(bitrix.portal.clock().now());
    let config = &bitrix.portal.config;
    let Ok(mut url) = config.url.join("/oauth/authorize/") else { return plain(StatusCode::NOT_FOUND, "no portal") };
    url.query_pairs_mut().append_pair("client_id", &config.client_id).append_pair("state", &state);
    Redirect::to(url.as_str()).into_response()
}

fn status_page(bitrix: &Inner) -> Page {
    match bitrix.portal.gate.reason() {
        Some(reason) => Page::failure("openline", &reason),
        None => Page::note("openline", "openline works with this portal. Connect its channels in the Contact Center."),
    }
}

async fn settings_help(State(bitrix): Shared) -> Response {
    let text = "This is the settings page of openline's connectors. Open it from the Contact Center of your Bitrix24: \
                choose the connector, then an open line, then Connect.";
    respond(&bitrix, &Page::note("openline", text))
}

/// `SETTING_CONNECTOR` (`bitrix24.md` §7): an admin pressed "Connect" for one line.
async fn settings(State(bitrix): Shared, RawQuery(query): RawQuery, body: Bytes) -> Response {
    whole(&Arc::clone(&bitrix), handle_settings(bitrix, query, body)).await
}

async fn handle_settings(bitrix: Arc<Inner>, query: Option<String>, body: Bytes) -> Response {
    let Some((query, form)) = page_fields(query.as_deref(), &body) else {
        return plain(StatusCode::BAD_REQUEST, "not a form in UTF-8");
    };
    let page = match connect(&bitrix, &query, &form).await {
        Ok(page) => page,
        Err(error) => {
            tracing::warn!(%error, "a settings page was refused");
            Page::failure("The channel could not be connected", &error.to_string())
        }
    };
    respond(&bitrix, &page)
}

async fn connect(bitrix: &Arc<Inner>, query: &Value, form: &Value) -> Result<Page, Disbelief> {
    let claimed = claims::from_page(query, form, bitrix.portal.clock().now())?;
    let known = bitrix.portal.credentials().ok_or(CallError::NotInstalled)?;
    if claimed.member_id != known.member_id {
        return Err(Disbelief::OtherPortal(bitrix.portal.config.url.to_string()));
    }
    let told = claimed.application_token.as_deref().zip(known.application_token.as_deref());
    if told.is_some_and(|(told, expected)| !same(expected, told)) {
        return Err(Disbelief::OtherPortal(bitrix.portal.config.url.to_string()));
    }
    let proven = claims::prove(bitrix, claimed).await?;
    claims::prove_rights(bitrix, &proven).await?;
    let (connector, line) = placement(bitrix, form)?;
    switch_on(bitrix, connector, &line).await?;
    Ok(Page::connected(connector, &line))
}

/// Which connector and line the page was opened for.
fn placement<'b>(bitrix: &'b Inner, form: &Value) -> Result<(&'b Connector, String), Disbelief> {
    let options = text(form.get("PLACEMENT_OPTIONS")).ok_or(Disbelief::Missing("PLACEMENT_OPTIONS"))?;
    let options: Value =
        serde_json::from_str(&options).map_err(|_| Disbelief::Missing("readable PLACEMENT_OPTIONS"))?;
    let id = text(options.get("CONNECTOR")).ok_or(Disbelief::Missing("PLACEMENT_OPTIONS.CONNECTOR"))?;
    let connector = bitrix.portal.config.connector(&id);
    let connector = connector.ok_or(Disbelief::Missing("a connector of this configuration in PLACEMENT_OPTIONS"))?;
    let line = text(options.get("LINE")).filter(|line| line.parse::<i64>().is_ok_and(|line| line > 0));
    Ok((connector, line.ok_or(Disbelief::Missing("a line number in PLACEMENT_OPTIONS"))?))
}

/// Switches a connector on for a line and tells the portal where the channel is. The row is written at the end of the
/// portal's request, so the status is not asked right after (`bitrix24.md` §4.3).
async fn switch_on(bitrix: &Arc<Inner>, connector: &Connector, line: &str) -> Result<(), CallError> {
    let number = line_number(line);
    let activate = json!({ "CONNECTOR": connector.id, "LINE": number, "ACTIVE": 1 });
    bitrix.portal.call("imconnector.activate", &activate, Urgency::Now).await?;
    let mut data = json!({ "ID": format!("{}_{line}", connector.id), "NAME": connector.name });
    if let Some(address) = connector.address.known() {
        data["URL"] = json!(address);
        data["URL_IM"] = json!(address);
    }
    let set = json!({ "CONNECTOR": connector.id, "LINE": number, "DATA": data });
    bitrix.portal.call("imconnector.connector.data.set", &set, Urgency::Now).await?;
    registration::remember_line(bitrix, &connector.id, line, true).await;
    Ok(())
}

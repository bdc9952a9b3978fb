//! `/bitrix/events`: verify, parse, hand over, answer.

use super::called::{Given, Shared, no_form, plain, whole};
use super::{afterwards, called, install};
use crate::access::claims;
use crate::access::credentials::Credentials;
use crate::deliver::genuine;
use crate::lines::{heard, registration};
use crate::shared::Inner;
use crate::web::operator_events::{self, Event};
use crate::web::removal;
use crate::wire::form::{self, Told};
use crate::wire::values::text;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use openline_core::quiet::Short;
use openline_core::secret::same;
use openline_core::{ClientAddress, StoreError, sampled};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The event handler. The portal never repeats an event, so it is answered only when everything is durable.
pub(super) async fn event(State(bitrix): Shared, from: ClientAddress, Given(body): Given) -> Response {
    whole(&Arc::clone(&bitrix), handle(bitrix, from, body)).await
}

async fn handle(bitrix: Arc<Inner>, from: ClientAddress, body: Bytes) -> Response {
    let told = match form::told(&body) {
        Ok(told) => told,
        Err(error) => return no_form(error),
    };
    if told.event == called::INSTALLED {
        return install::by_event(bitrix, &told.auth, from).await;
    }
    if !is_genuine(&bitrix, &told, from).await {
        let event = Short(&told.event);
        sampled!(warn, target: "security", client = %from, %event, result = "refused", "an event without the portal's token");
        return plain(StatusCode::FORBIDDEN, "not from the portal");
    }
    bitrix.last_event.store(bitrix.portal.clock().now().0, Ordering::Relaxed);
    let event = match form::parse(&body) {
        Ok(form) => operator_events::read(&bitrix.portal.config(), &told.event, &form),
        Err(error) => return no_form(error),
    };
    let taken = take(&bitrix, event, &told.auth, from).await;
    hear_of_move(&bitrix, &told.auth);
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
async fn is_genuine(bitrix: &Inner, told: &Told, from: ClientAddress) -> bool {
    let auth = &told.auth;
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
        Some(_) if told.event != "ONAPPUPDATE" => return false,
        _ => {}
    }
    if token.is_empty() || field("access_token").is_empty() {
        return false;
    }
    let claimed = Credentials { access_token: field("access_token"), refresh_token: String::new(), ..(*known).clone() };
    claims::prove_installation(bitrix, claimed, from).await.is_ok() && bitrix.portal.pin(token).await.is_ok()
}

async fn take(bitrix: &Arc<Inner>, event: Event, auth: &Value, from: ClientAddress) -> Result<(), StoreError> {
    let now = bitrix.portal.clock().now();
    match event {
        Event::Conversation(events) => bitrix.portal.inbox.accept(events).await,
        Event::Replies(replies) => {
            let mut genuine = genuine::among(bitrix, replies, from).await;
            for event in &mut genuine {
                operator_events::tell_greeting(event, &bitrix.line_infos);
            }
            bitrix.portal.inbox.accept(genuine).await
        }
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
        Event::Uninstall { clean } => removal::hear(bitrix, clean, from).await,
        Event::Update => updated(bitrix, auth, from).await,
        Event::Test { word } => heard::keep(bitrix, &word).await,
        Event::Other => Ok(()),
    }
}

async fn updated(bitrix: &Arc<Inner>, auth: &Value, from: ClientAddress) -> Result<(), StoreError> {
    let Ok(claimed) = claims::from_event(&bitrix.portal.config(), auth, bitrix.portal.clock().now()) else {
        return Ok(());
    };
    match claims::prove_installation(bitrix, claimed, from).await {
        Ok(credentials) => {
            bitrix.portal.installed(credentials).await?;
            afterwards::reconcile_later(bitrix);
        }
        Err(error) => {
            sampled!(error, target: "security", client = %from, %error, "the tokens of an update were not taken");
        }
    }
    Ok(())
}

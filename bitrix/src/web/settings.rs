//! `/bitrix/settings`: an administrator connects a channel to a line (`bitrix24.md` §7).

use super::called::{Given, Shared, asked_language, language, no_form, page_fields, plain, whole};
use crate::access::claims::{self, Disbelief};
use crate::config::Connector;
use crate::lines::{ask, connect, examine};
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::page::Page;
use crate::web::{choose, heal, view};
use crate::wire::form;
use crate::wire::rest::CallError;
use crate::wire::values::text;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use openline_core::secret::same;
use openline_core::{ClientAddress, sampled};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn help(State(bitrix): Shared, RawQuery(query): RawQuery) -> Response {
    Page::note(asked_language(&bitrix, query), "settings_title", "settings_help").respond(&bitrix)
}

/// `SETTING_CONNECTOR` (`bitrix24.md` §7): an admin pressed "Connect" for one line.
pub(super) async fn settings(
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    whole(&Arc::clone(&bitrix), handle(bitrix, from, query, body)).await
}

async fn handle(bitrix: Arc<Inner>, from: ClientAddress, query: Option<String>, body: Bytes) -> Response {
    let (query, form) = match page_fields(query.as_deref(), &body) {
        Ok(fields) => fields,
        Err(error) => return no_form(error),
    };
    let language = language(&bitrix, &query);
    let page = match connect(&bitrix, &query, &form, language, from).await {
        Ok(page) => page,
        Err(error) => {
            sampled!(warn, target: "security", client = %from, %error, result = "refused", "a settings page");
            Page::refused(language, "not_connected", &error, &bitrix.portal.config())
        }
    };
    page.respond(&bitrix)
}

async fn connect(
    bitrix: &Arc<Inner>,
    query: &Value,
    form: &Value,
    language: &'static Catalogue,
    from: ClientAddress,
) -> Result<Page, Disbelief> {
    let claimed = claims::from_page(&bitrix.portal.config(), query, form, bitrix.portal.clock().now())?;
    heal::heal(bitrix, &claimed, from).await?;
    let known = bitrix.portal.credentials().ok_or(Disbelief::Ours(CallError::NotInstalled))?;
    if claimed.member_id != known.member_id {
        return Err(Disbelief::OtherPortal(bitrix.portal.config().url.to_string()));
    }
    let told = claimed.application_token.as_deref().zip(known.application_token.as_deref());
    if told.is_some_and(|(told, expected)| !same(expected, told)) {
        return Err(Disbelief::ChangedToken);
    }
    let proven = claims::prove(bitrix, claimed.clone(), from).await?;
    claims::prove_rights(bitrix, &proven).await?;
    let (connector, line) = placement(bitrix, form)?;
    if let Err(error) = connect::switch_on(bitrix, &connector, &line).await {
        // That our tokens have died may show only now.
        if heal::works(bitrix) {
            return Err(Disbelief::Ours(error));
        }
        heal::heal(bitrix, &claimed, from).await?;
        connect::switch_on(bitrix, &connector, &line).await.map_err(Disbelief::Ours)?;
    }
    tracing::info!(target: "security", client = %from, connector = connector.id, line, result = "accepted", "a channel was connected");
    ask::fetch(bitrix);
    examine::lines(bitrix).await;
    let name = view::line_name(bitrix, &line);
    let text = language.fill("connected_text", &[("name", &connector.name), ("line", &name)]);
    Ok(connected(bitrix, &connector, &line, language, text).await)
}

/// What is to be known of a channel that is connected.
async fn connected(
    bitrix: &Arc<Inner>,
    connector: &Connector,
    line: &str,
    language: &'static Catalogue,
    text: String,
) -> Page {
    let settings = view::settings(bitrix, connector, line, language).await;
    let page = Page::success(language, "connected", "").saying(text).mending(bitrix.findings.told(language));
    page.with_settings(settings)
}

/// An administrator lets new conversations go to the line whose page they see.
pub(super) async fn choose(
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    let language = asked_language(&bitrix, query);
    let word = text(form::pick(&body, &["word"]).unwrap_or_default().get("word")).unwrap_or_default();
    let chosen = choose::read(&bitrix, &word);
    let chosen = chosen.and_then(|(id, line)| Some((bitrix.portal.config().connector(id)?.clone(), line)));
    let Some((connector, line)) = chosen else {
        let stale = Disbelief::Missing("a button that is less than an hour old");
        return Page::refused(language, "not_connected", &stale, &bitrix.portal.config()).respond(&bitrix);
    };
    if let Err(error) = bitrix.lines.choose_for_new(&connector.id, line).await {
        tracing::error!(%error, "can't keep which line new conversations go to");
        return plain(StatusCode::SERVICE_UNAVAILABLE, "not stored");
    }
    let connector_id = &connector.id;
    tracing::info!(target: "security", client = %from, connector = connector_id, line, result = "accepted", "new conversations go to another line");
    let text = language.fill("chosen", &[("line", &view::line_name(&bitrix, line))]);
    connected(&bitrix, &connector, line, language, text).await.respond(&bitrix)
}

/// Which connector and line the page was opened for.
fn placement(bitrix: &Inner, form: &Value) -> Result<(Connector, String), Disbelief> {
    let options = text(form.get("PLACEMENT_OPTIONS")).ok_or(Disbelief::Missing("PLACEMENT_OPTIONS"))?;
    let options: Value =
        serde_json::from_str(&options).map_err(|_| Disbelief::Missing("readable PLACEMENT_OPTIONS"))?;
    let id = text(options.get("CONNECTOR")).ok_or(Disbelief::Missing("PLACEMENT_OPTIONS.CONNECTOR"))?;
    let connector = bitrix.portal.config().connector(&id).cloned();
    let connector = connector.ok_or(Disbelief::Missing("a connector of this configuration in PLACEMENT_OPTIONS"))?;
    let line = text(options.get("LINE")).filter(|line| line.parse::<i64>().is_ok_and(|line| line > 0));
    Ok((connector, line.ok_or(Disbelief::Missing("a line number in PLACEMENT_OPTIONS"))?))
}

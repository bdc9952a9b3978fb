//! `/bitrix/settings`: an administrator connects a channel to a line (`bitrix24.md` §7).

use super::{Given, Shared, no_form, page_fields, respond, whole, whole_body};
use crate::access::budget::Class;
use crate::access::claims::{self, Disbelief};
use crate::config::Connector;
use crate::lines::{ask, registration};
use crate::shared::Inner;
use crate::web::page::Page;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::values::text;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use openline_core::secret::same;
use openline_core::{ClientAddress, sampled};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn help(State(bitrix): Shared) -> Response {
    let text = "This is the settings page of openline's connectors. Open it from the Contact Center of your Bitrix24: \
                choose the connector, then an open line, then Connect.";
    respond(&bitrix, &Page::note("openline", text))
}

/// `SETTING_CONNECTOR` (`bitrix24.md` §7): an admin pressed "Connect" for one line.
pub(super) async fn settings(
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
    let page = match connect(&bitrix, &query, &form, from).await {
        Ok(page) => page,
        Err(error) => {
            sampled!(warn, target: "security", client = %from, %error, result = "refused", "a settings page");
            Page::failure("The channel could not be connected", &error.to_string())
        }
    };
    respond(&bitrix, &page)
}

async fn connect(bitrix: &Arc<Inner>, query: &Value, form: &Value, from: ClientAddress) -> Result<Page, Disbelief> {
    let claimed = claims::from_page(&bitrix.portal.config, query, form, bitrix.portal.clock().now())?;
    let known = bitrix.portal.credentials().ok_or(CallError::NotInstalled)?;
    if claimed.member_id != known.member_id {
        return Err(Disbelief::OtherPortal(bitrix.portal.config.url.to_string()));
    }
    let told = claimed.application_token.as_deref().zip(known.application_token.as_deref());
    if told.is_some_and(|(told, expected)| !same(expected, told)) {
        return Err(Disbelief::OtherPortal(bitrix.portal.config.url.to_string()));
    }
    let proven = claims::prove(bitrix, claimed, from).await?;
    claims::prove_rights(bitrix, &proven).await?;
    let (connector, line) = placement(bitrix, form)?;
    connect::switch_on(bitrix, connector, &line).await?;
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

//! `/bitrix/install`: an event in flow A, a page in flow B (`bitrix24.md` §2.3, §2.4).

use super::called::is_install_event;
use super::called::{Given, Shared, asked_language, language, no_form, page_fields, plain, whole};
use crate::access::claims::{self, Disbelief};
use crate::lines::registration;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::page::Page;
use crate::web::waiting;
use crate::wire::form;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use openline_core::{ClientAddress, sampled};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long an administrator's browser waits for a claim that had to wait its turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// Flow A, and the end of flow B: believed only after the portal confirmed the token. It is not told twice: when that
/// can't be decided now, it is tried again in the background.
pub(super) async fn by_event(bitrix: Arc<Inner>, auth: &Value, from: ClientAddress) -> Response {
    let claimed = match claims::from_event(&bitrix.portal.config(), auth, bitrix.portal.clock().now()) {
        Ok(claimed) => claimed,
        Err(error) => return refused(&error, from),
    };
    match waiting::take(&bitrix, claimed, from).await {
        Ok(None) => plain(StatusCode::OK, "ok"),
        Ok(Some(_)) => plain(StatusCode::ACCEPTED, "to be confirmed"),
        Err(error) => refused(&error, from),
    }
}

fn refused(error: &Disbelief, from: ClientAddress) -> Response {
    sampled!(warn, target: "security", client = %from, %error, result = "refused", "an installation");
    plain(StatusCode::FORBIDDEN, "the portal did not confirm this installation")
}

/// The initial installation path.
pub(super) async fn install(
    State(bitrix): Shared,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    whole(&Arc::clone(&bitrix), handle(bitrix, from, query, body)).await
}

async fn handle(bitrix: Arc<Inner>, from: ClientAddress, query: Option<String>, body: Bytes) -> Response {
    let (query, page) = match page_fields(query.as_deref(), &body) {
        Ok(fields) => fields,
        Err(error) => return no_form(error),
    };
    if is_install_event(&page) {
        return match form::told(&body) {
            Ok(told) => by_event(bitrix, &told.auth, from).await,
            Err(error) => no_form(error),
        };
    }
    let language = language(&bitrix, &query);
    let page = match with_page(&bitrix, &query, &page, language, from).await {
        Ok(page) => page,
        Err(error) => {
            sampled!(warn, target: "security", client = %from, %error, result = "refused", "an installation page");
            Page::refused(language, "not_installed", &error, &bitrix.portal.config())
        }
    };
    page.respond(&bitrix)
}

async fn with_page(
    bitrix: &Arc<Inner>,
    query: &Value,
    form: &Value,
    language: &'static Catalogue,
    from: ClientAddress,
) -> Result<Page, Disbelief> {
    let claimed = claims::from_page(&bitrix.portal.config(), query, form, bitrix.portal.clock().now())?;
    if claimed.refresh_token.is_empty() {
        return Err(Disbelief::Missing("REFRESH_ID"));
    }
    if let Some(decided) = waiting::take(bitrix, claimed, from).await? {
        // Nobody tells when a newer claim from the same address has taken its place.
        let decided = tokio::time::timeout(PATIENCE, decided).await;
        decided.map_err(|_| Disbelief::Busy)?.unwrap_or(Err(Disbelief::Busy))?;
    }
    bitrix.finishing.begin();
    registration::reconcile(bitrix).await.map_err(Disbelief::Registering)?;
    Ok(installed_page(bitrix, language))
}

/// With a wrong key the portal is not told that the installation is finished, so that it opens this page again.
pub(super) fn installed_page(bitrix: &Inner, language: &'static Catalogue) -> Page {
    let problems = bitrix.findings.told(language);
    if bitrix.findings.key().is_some() {
        return Page::failure(language, "not_installed").mending(problems).saying(language.get("kept").to_owned());
    }
    bitrix.finishing.begin();
    Page::installed(language).mending(problems)
}

pub(super) async fn help(State(bitrix): Shared, RawQuery(query): RawQuery) -> Response {
    Page::note(asked_language(&bitrix, query), "install_title", "install_help").respond(&bitrix)
}

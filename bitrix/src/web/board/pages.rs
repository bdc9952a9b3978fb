//! The dashboard as a page, in the portal and at `/admin`.

use super::look::Board;
use super::shown::{Shared, Who};
use crate::shared::Inner;
use crate::texts::{self, Catalogue};
use crate::web::page::Page;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

/// The page, with what is to be said first.
pub(in crate::web) async fn page(
    shared: &Shared,
    who: &Who,
    language: &'static Catalogue,
    first: Option<Page>,
    note: Option<String>,
) -> Response {
    let bitrix = &shared.bitrix;
    let prefix = prefix(bitrix);
    let board = match Board::look(shared, who, language, &prefix).await {
        Ok(board) => board,
        Err(error) => {
            tracing::error!(%error, "the dashboard can't be read");
            return (StatusCode::SERVICE_UNAVAILABLE, "the store can't be read at the moment").into_response();
        }
    };
    let away = bitrix.portal.gate.reason().filter(|reason| !board.names(reason));
    let page = first.unwrap_or_else(|| Page::status(language, away, board.is_bad()));
    let page = page.noting(note).mending(board.told(language)).with_board(&board);
    match who {
        Who::Portal(_) => page.respond(bitrix),
        Who::Machine => page.respond_alone(),
    }
}

/// The path of the public address.
fn prefix(bitrix: &Inner) -> String {
    Url::parse(&bitrix.portal.config().public_url)
        .map(|url| url.path().trim_end_matches('/').to_owned())
        .unwrap_or_default()
}

/// The first of the browser's languages.
pub(super) fn preferred(headers: &HeaderMap) -> &'static Catalogue {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    texts::find(asked.split([',', ';']).next().unwrap_or_default())
}

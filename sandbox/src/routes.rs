//! The portal's address space, and the redirect of a renamed portal.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::portal::Portal;
use crate::{authorize, contact_center, control, desk, files, rest};

/// The portal as seen through one listener.
pub(crate) fn portal(portal: &Arc<Portal>, listener: SocketAddr) -> Router {
    let renamed = middleware::from_fn_with_state((Arc::clone(portal), listener), renamed);
    Router::new()
        .route("/rest/{*method}", any(rest::front::handle))
        .route("/oauth/authorize/", get(authorize::authorize))
        .route("/oauth/authorize", get(authorize::authorize))
        .route("/pub/im.file.php", get(files::signed_file))
        .route("/bitrix/services/main/ajax.php", get(files::disk_file))
        .merge(desk::router())
        .merge(control::router())
        .merge(contact_center::router())
        .fallback(files::short_link)
        .layer(DefaultBodyLimit::max(rest::request::MAX_BODY))
        .with_state(Arc::clone(portal))
        .layer(renamed)
}

/// An old address answers everything with 302 to the new one (bitrix24.md §2.9).
async fn renamed(Shared((portal, own)): Shared<(Arc<Portal>, SocketAddr)>, request: Request, next: Next) -> Response {
    let (home, url) = portal.view(|state| (state.home, state.portal_url()));
    if home == own {
        return next.run(request).await;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    (StatusCode::FOUND, [(header::LOCATION, format!("{url}{path}"))]).into_response()
}

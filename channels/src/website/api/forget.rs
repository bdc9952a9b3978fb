//! "Forget me": the visitor's own wish to erase what they wrote.

use crate::common::answer::answer;
use crate::website::answer::refuse;
use crate::website::error::{AnyCall, Problem, Writes};
use crate::website::page::hosted;
use crate::website::site::{Reader, Site};
use crate::website::welcome::info::CONSENT;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use openline_core::{ClientAddress, sampled};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

type Shared = State<Arc<Site>>;

/// For the page without them.
pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new().route("/forget", post(by_form))
}

/// That it was taken.
#[derive(Serialize, ToSchema)]
pub(in crate::website) struct Forgotten {
    /// Whether there was something to forget.
    forgotten: bool,
}

#[utoipa::path(
    post, path = "/forget", operation_id = "forget", summary = "Forgets the visitor, here and in the portal",
    responses(
        AnyCall,
        Writes,
        (status = 202, body = Forgotten, description = "It is carried out as fast as the portal takes the deletions.")
    )
)]
pub(in crate::website) async fn by_script(
    State(site): Shared,
    from: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = ask(&site, from, &headers).await?;
    let response = answer(StatusCode::ACCEPTED, Forgotten { forgotten: asked });
    // A bearer's cookie, if there is one, is somebody else's: the hosted page's visitor in the same browser.
    Ok(if Reader::of(&headers) == Reader::Cookie { without_session(&site, response) } else { response })
}

async fn by_form(State(site): Shared, from: ClientAddress, headers: HeaderMap) -> Response {
    match ask(&site, from, &headers).await {
        Ok(_) => without_session(&site, hosted::back(&site.view(&headers, None))),
        Err(problem) => refuse(&problem),
    }
}

/// Whether there was something to forget.
async fn ask(site: &Site, from: ClientAddress, headers: &HeaderMap) -> Result<bool, Problem> {
    site.same_site(headers)?;
    let session = site.known_session(headers)?;
    site.inbox.forget_of(&session.chat, CONSENT).await?;
    let asked = site.inbox.forget_visitor(&session.chat).await?;
    let (channel, chat) = (site.inbox.channel(), &session.chat);
    sampled!(info, target: "security", client = %from, %channel, %chat, result = "accepted", "a visitor asks to be forgotten");
    site.ended.end_all(&session, &site.sessions, &site.inbox).await?;
    Ok(asked)
}

/// The browser forgets too, and is somebody else from now on.
pub(in crate::website) fn without_session(site: &Site, mut response: Response) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(&site.sessions.drop_cookie()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

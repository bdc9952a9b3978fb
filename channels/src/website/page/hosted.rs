//! The hosted page: whole without JavaScript (post, redirect, refresh), and what the script starts from with it.

use crate::common::multipart::is_multipart;
use crate::website::answer::{plain, refuse};
use crate::website::error::{Problem, Refusal};
use crate::website::page::frame::Frame;
use crate::website::page::rendered::{Again, PAGE, render, render_tail};
use crate::website::sent::form::{Typed, fields};
use crate::website::sent::upload::{Sender, Upload};
use crate::website::session::sessions::Session;
use crate::website::site::{Site, View};
use crate::website::welcome::before::Profile;
use crate::website::welcome::introduce::{Brought, introduce};
use crate::website::welcome::texts::Catalogue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use openline_core::store::Slice;
use openline_core::{ClientAddress, MessageId, Pos, Rev};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

const MAX_BODY: usize = 256 * 1024;

/// Nothing but our own files; no script and no style in the page.
pub(in crate::website) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

type Shared = State<Arc<Site>>;

pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(page).post(submit))
        .route("/tail", get(tail))
        .route("/retry", post(retry))
        .method_not_allowed_fallback(|| async {
            plain(StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method.")
        })
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "There is nothing at this address.") })
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn page(State(site): Shared, from: ClientAddress, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let before = query.get("before").and_then(|pos| pos.parse().ok()).map(Pos);
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    show(&site, &view, site.session(&headers), before, Again { from: Some(from), ..Again::default() }).await
}

/// The page as the query of a form's address wants it.
fn asked(site: &Site, headers: &HeaderMap, query: Option<String>) -> View {
    let query = fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    site.view(headers, query.get("lang").map(String::as_str))
}

/// The page; a visitor without a session gets one, unless they have to agree to something before.
async fn show(site: &Site, view: &View, session: Option<Session>, before: Option<Pos>, again: Again) -> Response {
    let (session, fresh) = match session {
        Some(session) => match site.sessions.renewed(&session) {
            Some(renewed) => (Some(renewed), true),
            None => (Some(session), false),
        },
        None if site.settings.identity.required => {
            return plain(StatusCode::FORBIDDEN, view.language.get("identity_required"));
        }
        None if site.settings.consent.first => (None, false),
        None => match again.from.map_or(Ok(None), |from| site.new_session(from)) {
            Err(problem) => return refuse(&problem),
            Ok(Some(session)) => (Some(session), true),
            Ok(None) => return plain(StatusCode::SERVICE_UNAVAILABLE, "Please try again in a moment."),
        },
    };
    let status = again.status;
    let rendered = match render(site, view, session.as_ref(), None, before, again).await {
        Ok(rendered) => rendered,
        Err(problem) => return broken(&problem),
    };
    let mut response = html_page(status, rendered);
    if let Some(session) = session.filter(|_| fresh) {
        keep(site, &session, &mut response);
    }
    response
}

/// The page for a frame: nobody's, the script fills it.
pub(in crate::website) async fn framed(site: &Site, view: &View, frame: &Frame) -> Response {
    match render(site, view, None, Some(frame), None, Again::default()).await {
        Ok(rendered) => html_page(StatusCode::OK, rendered),
        Err(problem) => broken(&problem),
    }
}

/// Lets the browser keep a session.
fn keep(site: &Site, session: &Session, response: &mut Response) {
    if let Ok(cookie) = HeaderValue::from_str(&site.sessions.set_cookie(session)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

fn broken(problem: &Problem) -> Response {
    let mut response = plain(problem.status(), "The chat can't be shown now. Please try again in a moment.");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn html_page(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, body).into_response()
}

/// A message by the form; afterwards the browser is sent back to the page, so that a reload posts nothing.
async fn submit(State(site): Shared, from: ClientAddress, RawQuery(query): RawQuery, request: Request) -> Response {
    if let Err(problem) = site.same_site(request.headers()) {
        return refuse(&problem);
    }
    let view = asked(&site, request.headers(), query);
    let session = site.session(request.headers());
    let mut counted = 0;
    if let Some(session) = &session {
        match may_send(&site, session, from, request.headers()).await {
            Ok(bytes) => counted = bytes,
            Err(problem) => return refuse(&problem),
        }
    }
    let sender = session.as_ref().map(|session| Sender {
        session,
        from,
        counted,
        language: view.language,
        profile: |fields, language| Ok(profile(fields, language)),
    });
    let mut upload = Upload::read(&site, request, sender).await;
    let problem = upload.problem.take();
    if let Some(problem) = problem.as_ref().filter(|_| upload.fields.is_empty()) {
        return refuse(problem);
    }
    let profile = profile(&upload.fields, view.language);
    let typed = upload.typed();
    let (draft, name) = (typed.text.clone(), typed.name.clone());
    let agreed = profile.as_ref().is_some_and(|profile| profile.consent);
    let begins = session.is_none() && site.settings.consent.first && agreed;
    let made = match begins.then(|| site.new_session(from)).transpose() {
        Ok(made) => made.flatten(),
        Err(problem) => return refuse(&problem),
    };
    let filled = profile.clone().unwrap_or_default();
    let again = |problem: &Problem| {
        let mut faults = problem.fields.clone();
        if problem.refusal == Refusal::ConsentNeeded {
            faults.insert("consent".to_owned(), "consent_needed");
        }
        let (error, status) = (Some(view.language.refusal(problem)), problem.status());
        Again { draft, name, error, status, profile: filled, faults, from: Some(from) }
    };
    let Some(known) = session.as_ref().or(made.as_ref()) else {
        let refusal = if site.settings.consent.first { Refusal::ConsentNeeded } else { Refusal::UnknownSession };
        return show(&site, &view, None, None, again(&Problem::of(refusal, "no session"))).await;
    };
    let mut response = match send(&site, &view, known, typed, profile, problem).await {
        Ok(()) => back(&view),
        Err(problem) => {
            let again = again(&problem);
            return show(&site, &view, session, None, again).await;
        }
    };
    if let Some(made) = made {
        keep(&site, &made, &mut response);
    }
    response
}

/// Refuses a message or an upload too many; how many bytes were counted.
async fn may_send(site: &Site, session: &Session, from: ClientAddress, headers: &HeaderMap) -> Result<u64, Problem> {
    site.may_write(session, from).await?;
    if is_multipart(headers) { site.may_upload(session, from, headers) } else { Ok(0) }
}

/// What was filled in before the conversation; `None` when the form did not ask for it.
fn profile(form: &HashMap<String, String>, language: &Catalogue) -> Option<Profile> {
    form.get("before")?;
    let own = form.iter().filter_map(|(name, value)| Some((name.strip_prefix("field_")?.to_owned(), json!(value))));
    Some(Profile {
        name: None,
        email: form.get("email").cloned(),
        phone: form.get("phone").cloned(),
        fields: own.collect(),
        consent: form.contains_key("consent"),
        language: Some(language.code.to_owned()),
    })
}

async fn send(
    site: &Site,
    view: &View,
    session: &Session,
    typed: Typed,
    profile: Option<Profile>,
    problem: Option<Problem>,
) -> Result<(), Problem> {
    problem.map_or(Ok(()), Err)?;
    let typed = typed.check()?;
    let signed = session.customer.as_ref();
    let brought = Brought { key: &typed.key, name: typed.name.clone(), profile, about: None, signed };
    let with = introduce(site, view.language, &session.chat, brought).await?;
    typed.store(&site.inbox, &session.chat, with).await.map(|_| ())
}

pub(in crate::website) fn back(view: &View) -> Response {
    let location = HeaderValue::from_str(&view.here()).unwrap_or(HeaderValue::from_static("."));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// "Try again" on a failed message.
async fn retry(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let retried = async {
        site.same_site(&headers)?;
        let session = site.known_session(&headers)?;
        let id = fields(&body)?.get("id").and_then(|id| id.parse().ok()).map(MessageId);
        let missing = || Problem::of(Refusal::NotFound, "There is no such message.");
        let conversation = site.inbox.find(&session.chat).await?.ok_or_else(missing)?;
        let _ = site.inbox.retry(conversation, id.ok_or_else(missing)?).await?;
        Ok::<_, Problem>(())
    };
    match retried.await {
        Ok(()) => back(&asked(&site, &headers, query)),
        Err(problem) => refuse(&problem),
    }
}

/// The frame that shows without JavaScript what came after the page was made, and reloads itself.
async fn tail(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let number = |name: &str| query.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    let since = Rev(number("since"));
    let news = async {
        let session = site.known_session(&headers)?;
        match site.inbox.find(&session.chat).await? {
            Some(id) => site.inbox.items_since(id, since, PAGE).await.map_err(Problem::from),
            None => Ok(Slice::default()),
        }
    };
    let slice = match news.await {
        Ok(slice) => slice,
        Err(problem) => return refuse(&problem),
    };
    match render_tail(&site, &view, slice, MessageId(number("after"))) {
        Ok(rendered) => {
            let mut response = html_page(StatusCode::OK, rendered);
            response.headers_mut().insert("refresh", HeaderValue::from_static("3"));
            response
        }
        Err(problem) => broken(&problem),
    }
}

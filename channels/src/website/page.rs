//! The hosted page: whole without JavaScript (post, redirect, refresh), and what the script starts from with it.

use super::assets;
use super::error::{Problem, Refusal};
use super::form::{Typed, fields};
use super::html;
use super::item::WireItem;
use super::session::Session;
use super::site::{MAX_FILES, MAX_NAME, MAX_TEXT, Site};
use super::upload::Upload;
use super::widget::Frame;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use minijinja::{Environment, UndefinedBehavior, context};
use openline_core::message::{Item, Side};
use openline_core::store::Slice;
use openline_core::{MessageId, Pos, Rev, Timestamp};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// Items on one page.
const PAGE: usize = 50;
const MAX_BODY: usize = 256 * 1024;

/// Nothing but our own files; no script and no style in the page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

type Shared = State<Arc<Site>>;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for name in ["page.html", "tail.html", "message.html"] {
        // The sources are compiled in and rendered by the tests: one that doesn't parse never leaves the house.
        if let Err(error) = templates.add_template_owned(name, assets::text(name)) {
            tracing::error!(%error, name, "a template does not parse");
        }
    }
    templates
});

pub(super) fn routes() -> Router<Arc<Site>> {
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

pub(super) fn plain(status: StatusCode, text: impl IntoResponse) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What is put back into the form after a refusal.
#[derive(Default)]
struct Again {
    draft: String,
    name: Option<String>,
    error: Option<String>,
    status: StatusCode,
}

async fn page(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let before = query.get("before").and_then(|pos| pos.parse().ok()).map(Pos);
    show(&site, site.session(&headers), before, Again::default()).await
}

/// The page; a visitor without a session gets one.
async fn show(site: &Site, session: Option<Session>, before: Option<Pos>, again: Again) -> Response {
    let (session, fresh) = match session {
        Some(session) => (session, false),
        None if site.settings.identity.required => {
            return plain(StatusCode::FORBIDDEN, site.settings.text("identity_required"));
        }
        None => match site.sessions.make() {
            Some(session) => (session, true),
            None => return plain(StatusCode::SERVICE_UNAVAILABLE, "Please try again in a moment."),
        },
    };
    let status = again.status;
    let rendered = match render(site, Some(&session), None, before, again).await {
        Ok(rendered) => rendered,
        Err(problem) => return broken(&problem),
    };
    let mut response = html_page(status, rendered);
    if fresh && let Ok(cookie) = HeaderValue::from_str(&site.sessions.set_cookie(&session)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The page for a frame: nobody's, the script fills it.
pub(super) async fn framed(site: &Site, frame: &Frame) -> Response {
    match render(site, None, Some(frame), None, Again::default()).await {
        Ok(rendered) => html_page(StatusCode::OK, rendered),
        Err(problem) => broken(&problem),
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

async fn render(
    site: &Site,
    session: Option<&Session>,
    frame: Option<&Frame>,
    before: Option<Pos>,
    again: Again,
) -> Result<String, Problem> {
    let conversation = match session {
        Some(session) => site.inbox.conversation(&session.chat).await?,
        None => None,
    };
    let slice = match &conversation {
        Some(conversation) => site.inbox.items_before(conversation.id, before, PAGE).await?,
        None => Slice::default(),
    };
    let known = conversation.map(|conversation| conversation.visitor.name).unwrap_or_default();
    let name = again.name.unwrap_or(known);
    let wire: Vec<_> = slice.items.iter().map(|item| WireItem::new(item, &site.base)).collect();
    let rules = site.inbox.file_rules();
    let config = json!({
        "base": site.base,
        "cursor": slice.rev,
        "lang": site.settings.language,
        "texts": site.settings.texts,
        "name": name,
        "limits": { "text": MAX_TEXT, "name": MAX_NAME },
        "files": { "most": rules.most, "types": rules.types, "count": MAX_FILES },
        "items": wire,
        "more": slice.more,
        "frame": frame.map(|frame| json!({ "origin": frame.origin, "sound": site.settings.widget.sound })),
    });
    let older_url = slice.items.first().map(|item| format!("{}?before={}", site.base, item.pos));
    let context = context! {
        base => minijinja::Value::from_safe_string(html::text(&site.base)),
        lang => site.settings.language.as_str(),
        title => site.settings.title.as_str(),
        subtitle => site.settings.subtitle.as_str(),
        v => assets::version(),
        look => look(site),
        frame => frame.is_some(),
        modules => assets::modules().to_vec(),
        t => minijinja::Value::from(minijinja::value::Serde(&site.settings.texts)),
        name => name,
        draft => again.draft,
        error => again.error,
        items => minijinja::Value::from(minijinja::value::Serde(shown(site, &slice.items))),
        more => slice.more,
        older_url => older_url.unwrap_or_default(),
        older_page => before.is_some(),
        last_id => slice.items.iter().map(|item| item.id.0).max().unwrap_or(0),
        cursor => slice.rev.0,
        key => fresh_key(),
        accept => rules.types.join(","),
        file_count => MAX_FILES.to_string(),
        file_most => (rules.most / 1_000_000).to_string(),
        config => config.to_string(),
    };
    template("page.html", context)
}

/// What a theme changes in the templates.
fn look(site: &Site) -> minijinja::Value {
    let safe = |text: String| minijinja::Value::from_safe_string(html::text(&text));
    let avatar = site.made.avatar.as_ref().map(|avatar| format!("{}avatar?v={}", site.base, avatar.tag()));
    let own = || format!("{}assets/icon.svg?v={}", site.base, assets::version());
    context! {
        css => safe(format!("{}theme.css?v={}", site.base, site.made.theme.tag())),
        avatar => safe(avatar.unwrap_or_else(own)),
        scheme => site.settings.theme.scheme(),
    }
}

fn template(name: &str, context: minijinja::Value) -> Result<String, Problem> {
    let rendered = TEMPLATES.get_template(name).and_then(|template| template.render(context));
    rendered.map_err(|error| {
        tracing::error!(%error, name, "a page could not be rendered");
        Problem::of(Refusal::StorageUnavailable, "the page could not be rendered")
    })
}

/// Items as the templates want them: as on the wire, and their text as HTML, and their time for people.
fn shown(site: &Site, items: &[Item]) -> Vec<Value> {
    let one = |item: &Item| {
        let mut value = serde_json::to_value(WireItem::new(item, &site.base)).unwrap_or_default();
        let own = item.side == Side::Visitor;
        let render = if own { html::render_own } else { html::render };
        value["html"] = json!(render(&item.content.text));
        let (iso, time) = times(site, item.at);
        value["iso"] = json!(iso);
        value["time"] = json!(time);
        let (initials, tint) = initials(item.author.as_deref().unwrap_or(&site.settings.texts["operator"]));
        value["initials"] = json!(initials);
        value["tint"] = json!(tint);
        value
    };
    items.iter().map(one).collect()
}

/// What stands in the circle of who writes, and which of its colours it has. The script's twin is in `message.js`.
fn initials(name: &str) -> (String, u32) {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let letters = [words.next(), words.next_back()].into_iter().flatten().filter_map(|word| word.chars().next());
    let tint = name.chars().fold(0, |sum: u32, letter| sum.wrapping_add(u32::from(letter))) % 6;
    (letters.flat_map(char::to_uppercase).collect(), tint)
}

/// A moment for machines, and its time of day for people. In UTC it says so: visitors are elsewhere.
fn times(site: &Site, at: Timestamp) -> (String, String) {
    let zone = &site.settings.time_zone;
    let zoned = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(zone.clone());
    let utc = if zone.iana_name() == Some("UTC") { " UTC" } else { "" };
    (zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), format!("{}{utc}", zoned.strftime("%H:%M")))
}

fn fresh_key() -> String {
    let mut bytes = [0; 16];
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A message by the form; afterwards the browser is sent back to the page, so that a reload posts nothing.
async fn submit(State(site): Shared, request: Request) -> Response {
    if let Err(problem) = site.same_site(request.headers()) {
        return refuse(&problem);
    }
    let session = site.session(request.headers());
    let mut upload = Upload::read(&site, request, session.is_some()).await;
    let problem = upload.problem.take();
    if let Some(problem) = problem.as_ref().filter(|_| upload.fields.is_empty()) {
        return refuse(problem);
    }
    let typed = upload.typed();
    let (draft, name) = (typed.text.clone(), typed.name.clone());
    let again = |problem: Problem| {
        let status = problem.status();
        Again { draft, name, error: Some(problem.message), status }
    };
    let Some(known) = session else {
        let message = "Your browser kept no session with us (cookies are needed for that). Please send it once more.";
        return show(&site, None, None, again(Problem::of(Refusal::UnknownSession, message))).await;
    };
    match send(&site, &known, typed, problem).await {
        Ok(()) => back(&site),
        Err(problem) => show(&site, Some(known), None, again(problem)).await,
    }
}

async fn send(site: &Site, session: &Session, typed: Typed, problem: Option<Problem>) -> Result<(), Problem> {
    problem.map_or(Ok(()), Err)?;
    typed.check()?.store(&site.inbox, &session.chat).await.map(|_| ())
}

pub(super) fn back(site: &Site) -> Response {
    let location = HeaderValue::from_str(&site.base).unwrap_or(HeaderValue::from_static("."));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

pub(super) fn refuse(problem: &Problem) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (problem.status(), headers, problem.message.clone()).into_response()
}

/// "Try again" on a failed message.
async fn retry(State(site): Shared, headers: HeaderMap, body: Bytes) -> Response {
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
        Ok(()) => back(&site),
        Err(problem) => refuse(&problem),
    }
}

/// The frame that shows without JavaScript what came after the page was made, and reloads itself.
async fn tail(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let number = |name: &str| query.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
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
    match render_tail(&site, slice, MessageId(number("after"))) {
        Ok(rendered) => {
            let mut response = html_page(StatusCode::OK, rendered);
            response.headers_mut().insert("refresh", HeaderValue::from_static("3"));
            response
        }
        Err(problem) => broken(&problem),
    }
}

fn render_tail(site: &Site, slice: Slice, after: MessageId) -> Result<String, Problem> {
    // What changed above the frame: everything that was there already when the page was made.
    let (mut new, old): (Vec<_>, Vec<_>) = slice.items.into_iter().partition(|item| item.id > after);
    new.sort_by_key(|item| item.pos);
    let changed =
        old.iter().any(|item| item.edited || item.deleted || item.state == openline_core::message::State::Failed);
    let context = context! {
        base => minijinja::Value::from_safe_string(html::text(&site.base)),
        lang => site.settings.language.as_str(),
        v => assets::version(),
        look => look(site),
        t => minijinja::Value::from(minijinja::value::Serde(&site.settings.texts)),
        items => minijinja::Value::from(minijinja::value::Serde(shown(site, &new))),
        cursor => slice.rev.0,
        changed => changed,
    };
    template("tail.html", context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        let of = |name| initials(name).0;
        assert_eq!(
            (of("Maria da Silva"), of("ann"), of("Łukasz 2"), of("…")),
            ("MS".into(), "A".into(), "Ł2".into(), String::new())
        );
        assert_eq!(initials("Ann").1, ("Ann".bytes().map(u32::from).sum::<u32>()) % 6);
    }
}

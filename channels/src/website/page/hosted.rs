//! The hosted page: whole without JavaScript (post, redirect, refresh), and what the script starts from with it.
//! More than 400 lines: the template's values, each a few lines.

use crate::common::multipart::is_multipart;
use crate::website::api::form::{Typed, fields};
use crate::website::api::upload::{Sender, Upload};
use crate::website::error::{Problem, Refusal};
use crate::website::page::html;
use crate::website::page::item::WireItem;
use crate::website::page::served;
use crate::website::page::widget::{EARLY, Frame};
use crate::website::session::sessions::Session;
use crate::website::site::{MAX_FILES, MAX_NAME, MAX_TEXT, Site, View};
use crate::website::welcome::before::{Faults, Profile};
use crate::website::welcome::info::Info;
use crate::website::welcome::introduce::{Brought, introduce};
use crate::website::welcome::rating;
use crate::website::welcome::texts::Catalogue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use minijinja::{Environment, UndefinedBehavior, context};
use openline_core::message::{Item, Side};
use openline_core::store::Slice;
use openline_core::{ClientAddress, MessageId, Pos, Rev, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Items on one page.
const PAGE: usize = 50;
const MAX_BODY: usize = 256 * 1024;

/// Nothing but our own files; no script and no style in the page.
pub(in crate::website) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

type Shared = State<Arc<Site>>;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for name in ["page.html", "tail.html", "message.html"] {
        // The sources are compiled in and rendered by the tests: one that doesn't parse never leaves the house.
        if let Err(error) = templates.add_template_owned(name, served::text(name)) {
            tracing::error!(%error, name, "a template does not parse");
        }
    }
    templates
});

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

pub(in crate::website) fn plain(status: StatusCode, text: impl IntoResponse) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What is put back into the form after a refusal.
#[derive(Default)]
struct Again {
    draft: String,
    name: Option<String>,
    error: Option<String>,
    status: StatusCode,
    profile: Profile,
    faults: Faults,
    /// Who asks, where they may get a session.
    from: Option<ClientAddress>,
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

async fn render(
    site: &Site,
    view: &View,
    session: Option<&Session>,
    frame: Option<&Frame>,
    before: Option<Pos>,
    again: Again,
) -> Result<String, Problem> {
    let language = view.language;
    let conversation = match session {
        Some(session) => site.inbox.conversation(&session.chat).await?,
        None => None,
    };
    let info = Info::of(site, language, session.map(|session| &session.chat), conversation.as_ref()).await?;
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
        "here": view.here(),
        "lang": language.code,
        "texts": scripted(language),
        "name": name,
        "limits": { "text": MAX_TEXT, "name": MAX_NAME },
        "files": { "most": rules.most, "types": rules.types, "count": MAX_FILES },
        "items": wire,
        "more": slice.more,
        "frame": frame.map(|frame| site.settings.widget.config(frame)),
        "ask_name": site.settings.ask_name,
        "info": info.json(),
        "consent_first": site.settings.consent.first && session.is_none(),
    });
    let last_id = slice.items.iter().map(|item| item.id.0).max().unwrap_or(0);
    let older_url = slice.items.first().map(|item| view.link("", &[("before", item.pos.0)]));
    let context = context! {
        base => safe(&site.base),
        here => safe(&view.here()),
        tail_url => safe(&view.link("tail", &[("since", slice.rev.0), ("after", last_id)])),
        retry_url => safe(&view.link("retry", &[])),
        forget_url => safe(&view.link("forget", &[])),
        lang => language.code,
        title => site.settings.title(language),
        subtitle => site.settings.subtitle.given(language).unwrap_or_default(),
        v => served::version(),
        look => look(site),
        frame => frame.is_some(),
        early => minijinja::Value::from_safe_string(EARLY.0.clone()),
        ask_name => site.settings.ask_name,
        t => minijinja::Value::from(minijinja::value::Serde(&language.texts)),
        info => minijinja::Value::from(minijinja::value::Serde(info.for_page(site, &again.profile, &again.faults))),
        rate => (before.is_none() && info.rating && rating::asked(&slice.items)).then(|| rating::key(&fresh_key())),
        // Files are kept for sessions only, and there is none yet.
        waits => session.is_none(),
        name => name,
        draft => again.draft,
        error => again.error,
        items => minijinja::Value::from(minijinja::value::Serde(shown(site, language, &slice.items))),
        more => slice.more,
        older_url => safe(&older_url.unwrap_or_default()),
        older_page => before.is_some(),
        cursor => slice.rev.0,
        key => fresh_key(),
        accept => if rules.takes_all() { String::new() } else { rules.types.join(",") },
        file_count => MAX_FILES.to_string(),
        file_most => (rules.most / 1_000_000).to_string(),
        config => config.to_string(),
    };
    template("page.html", context)
}

/// Texts that stand in the page only: the script has no use for them.
const OF_PAGE: [&str; 47] = [
    "back_to_newest",
    "before_title",
    "change",
    "chat_away",
    "choose",
    "closed_known",
    "closed_text",
    "consent",
    "consent_link",
    "dir",
    "empty_text",
    "empty_title",
    "error_body_too_large",
    "error_key_conflict",
    "error_profile_invalid",
    "error_storage_unavailable",
    "error_text_empty",
    "error_unknown_session",
    "field_email",
    "field_name",
    "field_phone",
    "files_hint",
    "files_label",
    "forget",
    "forget_sure",
    "forget_text",
    "log",
    "message_label",
    "message_placeholder",
    "new_messages",
    "no",
    "offer_sound",
    "privacy",
    "rate_bad",
    "rate_good",
    "rate_title",
    "refresh",
    "send",
    "sound",
    "tail_changed",
    "tail_empty",
    "tail_title",
    "title",
    "widget_close",
    "widget_open",
    "widget_unread",
    "yes",
];

/// The texts that the script shows.
fn scripted(language: &Catalogue) -> Value {
    language
        .texts
        .iter()
        .filter(|(key, _)| !OF_PAGE.contains(&key.as_str()))
        .map(|(key, text)| (key.clone(), json!(text)))
        .collect()
}

/// What a theme changes in the templates.
fn look(site: &Site) -> minijinja::Value {
    let safe = |text: String| minijinja::Value::from_safe_string(html::text(&text));
    let avatar = site.made.avatar.as_ref().map(|avatar| format!("{}avatar?v={}", site.base, avatar.tag()));
    let own = || format!("{}assets/icon.svg?v={}", site.base, served::version());
    // The built-in picture stands in the page itself, where that saves asking for it.
    let drawing = avatar.is_none().then(|| minijinja::Value::from_safe_string(served::text("icon.svg")));
    context! {
        drawing,
        css => site.made.theme_link(&site.base).map(safe),
        avatar => safe(avatar.unwrap_or_else(own)),
        scheme => site.settings.theme.scheme(),
    }
}

/// An address for a template: escaped here, because the template's own way also escapes slashes.
fn safe(address: &str) -> minijinja::Value {
    minijinja::Value::from_safe_string(html::text(address))
}

pub(in crate::website) fn template(name: &str, context: minijinja::Value) -> Result<String, Problem> {
    let rendered = TEMPLATES.get_template(name).and_then(|template| template.render(context));
    rendered.map_err(|error| {
        tracing::error!(%error, name, "a page could not be rendered");
        Problem::of(Refusal::StorageUnavailable, "the page could not be rendered")
    })
}

/// Items as the templates want them: as on the wire, and their text as HTML, and their time for people.
fn shown(site: &Site, language: &Catalogue, items: &[Item]) -> Vec<Value> {
    let one = |item: &Item| {
        let mut value = serde_json::to_value(WireItem::new(item, &site.base)).unwrap_or_default();
        let own = item.side == Side::Visitor;
        let render = if own { html::render_own } else { html::render };
        value["html"] = rating::shown(item).map_or_else(|| json!(render(&item.content.text)), |vote| json!(vote));
        let (iso, time) = times(site, item.at);
        value["iso"] = json!(iso);
        value["time"] = json!(time);
        let (initials, tint) = initials(item.author.as_deref().unwrap_or_else(|| language.get("operator")));
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
    hex::encode(bytes)
}

/// A message by the form; afterwards the browser is sent back to the page, so that a reload posts nothing.
async fn submit(State(site): Shared, from: ClientAddress, RawQuery(query): RawQuery, request: Request) -> Response {
    if let Err(problem) = site.same_site(request.headers()) {
        return refuse(&problem);
    }
    let view = asked(&site, request.headers(), query);
    let session = site.session(request.headers());
    if let Some(session) = &session
        && let Err(problem) = may_send(&site, session, from, request.headers()).await
    {
        return refuse(&problem);
    }
    let sender = session.as_ref().map(|session| Sender {
        session,
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
    let made = if session.is_none() && site.settings.consent.first && agreed {
        match site.new_session(from) {
            Ok(made) => made,
            Err(problem) => return refuse(&problem),
        }
    } else {
        None
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

/// Refuses a message or an upload too many.
async fn may_send(site: &Site, session: &Session, from: ClientAddress, headers: &HeaderMap) -> Result<(), Problem> {
    site.may_write(session, from).await?;
    if is_multipart(headers) { site.may_upload(session, from, headers) } else { Ok(()) }
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

pub(in crate::website) fn refuse(problem: &Problem) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (problem.status(), headers, problem.message.clone()).into_response();
    if let Some(after) = problem.after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    response
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

fn render_tail(site: &Site, view: &View, slice: Slice, after: MessageId) -> Result<String, Problem> {
    let language = view.language;
    // What changed above the frame: everything that was there already when the page was made.
    let (mut new, old): (Vec<_>, Vec<_>) = slice.items.into_iter().partition(|item| item.id > after);
    new.sort_by_key(|item| item.pos);
    let changed =
        old.iter().any(|item| item.edited || item.deleted || item.state == openline_core::message::State::Failed);
    let context = context! {
        base => safe(&site.base),
        here => safe(&view.here()),
        retry_url => safe(&view.link("retry", &[])),
        lang => language.code,
        v => served::version(),
        look => look(site),
        t => minijinja::Value::from(minijinja::value::Serde(&language.texts)),
        items => minijinja::Value::from(minijinja::value::Serde(shown(site, language, &new))),
        cursor => slice.rev.0,
        changed => changed,
    };
    template("tail.html", context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_the_texts_that_it_names() {
        let scripts = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/website/assets")).unwrap();
        let scripts =
            scripts.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "js"));
        let english = crate::website::welcome::texts::find("en").unwrap();
        let given = scripted(english);
        for path in scripts {
            let source = std::fs::read_to_string(&path).unwrap();
            for key in english.texts.keys().filter(|key| given.get(key.as_str()).is_none()) {
                let (short, long) = (format!("t.{key}"), format!("texts.{key}"));
                let after = |word: &str| {
                    source.match_indices(word).any(|(at, _)| {
                        let before = source[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
                        let behind = source[at + word.len()..]
                            .chars()
                            .next()
                            .is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '(');
                        before && behind
                    })
                };
                assert!(!after(&short) && !after(&long), "{} shows {key}", path.display());
            }
        }
    }

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

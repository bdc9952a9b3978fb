//! The hosted page as HTML: what its templates are given.

use crate::website::bounds::{MAX_FILES, MAX_NAME, MAX_TEXT};
use crate::website::error::{Faults, Problem, Refusal};
use crate::website::item::WireItem;
use crate::website::page::frame::{EARLY, Frame};
use crate::website::page::html;
use crate::website::served::assets;
use crate::website::session::sessions::Session;
use crate::website::site::{Site, View};
use crate::website::welcome::before::Profile;
use crate::website::welcome::info::Info;
use crate::website::welcome::rating;
use crate::website::welcome::texts::Catalogue;
use axum::http::StatusCode;
use minijinja::{Environment, UndefinedBehavior, context};
use openline_core::message::{Item, Side};
use openline_core::store::Slice;
use openline_core::{ClientAddress, MessageId, Pos, Timestamp};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Items on one page.
pub(super) const PAGE: usize = 50;

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

/// What is put back into the form after a refusal.
#[derive(Default)]
pub(super) struct Again {
    pub(super) draft: String,
    pub(super) name: Option<String>,
    pub(super) error: Option<String>,
    pub(super) status: StatusCode,
    pub(super) profile: Profile,
    pub(super) faults: Faults,
    /// Who asks, where they may get a session.
    pub(super) from: Option<ClientAddress>,
}

pub(super) async fn render(
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
    let name = again.name.clone().unwrap_or(known);
    let page = Page { site, view, frame, info, slice, name, is_older: before.is_some(), is_new: session.is_none() };
    template("page.html", page.context(&again))
}

/// What is known when a page is written.
struct Page<'p> {
    site: &'p Site,
    view: &'p View,
    frame: Option<&'p Frame>,
    info: Info,
    slice: Slice,
    /// The visitor's.
    name: String,
    /// Whether it is asked for what came before.
    is_older: bool,
    /// Whether its visitor has no session yet.
    is_new: bool,
}

impl Page<'_> {
    /// What the script starts from.
    fn config(&self) -> Value {
        let Self { site, view, info, slice, .. } = self;
        let rules = site.inbox.file_rules();
        let items: Vec<_> = slice.items.iter().map(|item| WireItem::new(item, &site.base)).collect();
        json!({
            "base": site.base,
            "cursor": slice.rev,
            "here": view.here(),
            "lang": view.language.code,
            "texts": scripted(view.language),
            "name": self.name,
            "limits": { "text": MAX_TEXT, "name": MAX_NAME },
            "files": { "most": rules.most, "types": rules.types, "count": MAX_FILES },
            "items": items,
            "more": slice.more,
            "frame": self.frame.map(|frame| site.settings.widget.config(&frame.origin)),
            "ask_name": site.settings.ask_name,
            "info": info.wire(),
            "consent_first": site.settings.consent.first && self.is_new,
        })
    }

    /// Where its links and forms lead.
    fn addresses(&self) -> minijinja::Value {
        let Self { site, view, slice, .. } = self;
        let last_id = slice.items.iter().map(|item| item.id.0).max().unwrap_or(0);
        let older = slice.items.first().map(|item| view.link("", &[("before", item.pos.0)]));
        context! {
            base => safe(&site.base),
            here => safe(&view.here()),
            tail_url => safe(&view.link("tail", &[("since", slice.rev.0), ("after", last_id)])),
            retry_url => safe(&view.link("retry", &[])),
            forget_url => safe(&view.link("forget", &[])),
            older_url => safe(&older.unwrap_or_default()),
        }
    }

    /// What the template names.
    fn context(&self, again: &Again) -> minijinja::Value {
        let Self { site, view: View { language, .. }, info, slice, .. } = self;
        let value = |value: Value| minijinja::Value::from(minijinja::value::Serde(value));
        let asks = !self.is_older && info.rating && rating::asked(&slice.items);
        let rules = site.inbox.file_rules();
        context! {
            lang => language.code,
            title => site.settings.title(language),
            subtitle => site.settings.subtitle.given(language).unwrap_or_default(),
            v => assets::version(),
            look => look(site),
            frame => self.frame.is_some(),
            early => minijinja::Value::from_safe_string(EARLY.0.clone()),
            ask_name => site.settings.ask_name,
            t => minijinja::Value::from(minijinja::value::Serde(&language.texts)),
            info => value(info.for_page(site, &again.profile, &again.faults)),
            rate => asks.then(|| rating::key(&fresh_key())),
            // Files are kept for sessions only, and there is none yet.
            waits => self.is_new,
            name => &self.name,
            draft => &again.draft,
            error => &again.error,
            items => minijinja::Value::from(minijinja::value::Serde(shown(site, language, &slice.items))),
            more => slice.more,
            older_page => self.is_older,
            cursor => slice.rev.0,
            key => fresh_key(),
            accept => if rules.takes_all() { String::new() } else { rules.types.join(",") },
            file_count => MAX_FILES.to_string(),
            file_most => (rules.most / 1_000_000).to_string(),
            config => self.config().to_string(),
            ..self.addresses()
        }
    }
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
    let own = || format!("{}assets/icon.svg?v={}", site.base, assets::version());
    // The built-in picture stands in the page itself, where that saves asking for it.
    let drawing = avatar.is_none().then(|| minijinja::Value::from_safe_string(assets::text("icon.svg")));
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
    format!("{:032x}", fastrand::u128(..))
}

pub(super) fn render_tail(site: &Site, view: &View, slice: Slice, after: MessageId) -> Result<String, Problem> {
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
        v => assets::version(),
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

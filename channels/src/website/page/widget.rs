//! The chat on other people's pages: the script that puts a launcher there, and the page in the frame that it opens
//! (`docs/widget.md`).

use crate::website::page::hosted;
use crate::website::sent::form;
use crate::website::served::assets;
use crate::website::served::compress::Packed;
use crate::website::served::lean;
use crate::website::settings;
use crate::website::settings::Settings;
use crate::website::site::Site;
use crate::website::welcome::texts::Catalogue;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use openline_core::ConfigError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

/// How long a page may use the script without asking whether it is new, in seconds: a changed configuration is seen
/// everywhere after that.
const LOADER_AGE: &str = "public, max-age=300";
/// The texts that the script shows itself, in the order in which it names them; title and launcher follow.
const TEXTS: [&str; 5] = ["widget_open", "widget_close", "widget_unread", "chat_away", "retry"];

/// `[settings.widget]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // switches of a configuration, each by itself
pub(in crate::website) struct Raw {
    origins: Vec<String>,
    sound: bool,
    offer_sound: bool,
    preview: bool,
    title_count: bool,
}

impl Default for Raw {
    fn default() -> Self {
        Self { origins: Vec::new(), sound: false, offer_sound: true, preview: true, title_count: true }
    }
}

/// Who may embed the chat, and how it behaves there.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // as in the configuration
pub(in crate::website) struct Widget {
    origins: Vec<String>,
    /// Whether a new message is heard unless the visitor says otherwise.
    sound: bool,
    /// Whether a visitor who has got an answer is asked once whether new messages may be heard.
    offer_sound: bool,
    /// Whether the first words of a new message are shown beside the closed chat.
    preview: bool,
    /// Whether the page's title says how many are unread.
    title_count: bool,
}

impl Widget {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: &Raw) -> Result<Self, ConfigError> {
        let origins = raw.origins.iter().map(|given| settings::origin("widget.origins", given));
        let origins = origins.collect::<Result<_, _>>()?;
        let Raw { sound, offer_sound, preview, title_count, .. } = *raw;
        Ok(Self { origins, sound, offer_sound, preview, title_count })
    }
}

/// A small file made from the configuration.
#[derive(Clone)]
pub(in crate::website) struct Made {
    mime: &'static str,
    file: Packed,
    tag: String,
}

impl Made {
    pub(in crate::website) fn new(mime: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = hex::encode(&Sha256::digest(&bytes)[..8]);
        Self { mime, file: Packed::quick(bytes), tag }
    }

    /// What makes its address new whenever it changes.
    pub(in crate::website) fn tag(&self) -> &str {
        &self.tag
    }

    /// Served for ever when its tag is in the address, else as `otherwise` says.
    fn serve(&self, query: Option<&str>, asked: &HeaderMap, otherwise: &'static str) -> Response {
        let mut response = self.file.answer(self.mime, &self.tag, query, otherwise, asked);
        let pairs = [
            (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
            // A drawing that somebody opens by itself runs nothing.
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ];
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// What a channel's configuration makes.
pub(in crate::website) struct MadeFiles {
    loader: Made,
    /// What the loader brings along, for browsers that can't take it from there.
    sheet: Made,
    pub(in crate::website) theme: Made,
    pub(in crate::website) avatar: Option<Made>,
}

impl MadeFiles {
    pub(in crate::website) fn new(settings: &Settings, channel: &str, origin: &str, base: &str) -> Self {
        Self {
            loader: Made::new("text/javascript; charset=utf-8", loader(settings, channel, origin, base)),
            sheet: Made::new("text/css; charset=utf-8", sheet(settings)),
            theme: Made::new("text/css; charset=utf-8", settings.theme.css(":root")),
            avatar: settings.avatar.clone().or_else(|| settings.theme.icon()),
        }
    }
}

impl MadeFiles {
    /// Where the theme is; `None` when it changes nothing.
    pub(in crate::website) fn theme_link(&self, base: &str) -> Option<String> {
        let plain = self.theme.file.plain.ends_with(b"{}");
        (!plain).then(|| format!("{base}theme.css?v={}", self.theme.tag()))
    }
}

/// The script with everything it needs to know.
fn loader(settings: &Settings, channel: &str, origin: &str, base: &str) -> String {
    let texts = |language: &'static Catalogue| {
        let own = [settings.title(language), settings.theme.launcher.given(language).unwrap_or_default()];
        TEXTS.iter().map(|key| language.get(key)).chain(own).map(|text| json!(text)).collect::<Value>()
    };
    let languages: Map<String, Value> =
        settings.language.all().map(|language| (language.code.to_owned(), texts(language))).collect();
    let origins: Vec<_> = std::iter::once(origin).chain(settings.widget.origins.iter().map(String::as_str)).collect();
    let config = json!({
        "home": format!("{origin}{base}"),
        "origins": origins,
        "key": format!("channels.{channel}.settings.widget.origins"),
        "lang": settings.language.fixed(),
        "texts": languages,
        "count": settings.widget.title_count,
        "position": settings.theme.position,
        "css": sheet(settings),
    });
    // Where a script may end in a page (nobody should paste it there, somebody will).
    let config = config.to_string().replace("</", "<\\/");
    lean::bare(&assets::text("widget.js")).replacen("__OPENLINE__", &config, 1)
}

fn sheet(settings: &Settings) -> String {
    format!("{}{}", settings.theme.css(":host"), lean::lean(&assets::text("widget.css")))
}

/// Runs in the frame before its script is there, and what the policy says of it.
pub(in crate::website) static EARLY: LazyLock<(String, String)> = LazyLock::new(|| {
    let script = lean::bare(&assets::text("early.js"));
    let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(&script)));
    (script, hash)
});

pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/widget.js", get(serve_loader))
        .route("/widget.css", get(serve_sheet))
        .route("/widget.d.ts", get(types))
        .route("/theme.css", get(serve_theme))
        .route("/avatar", get(serve_avatar))
        .route("/frame", get(frame))
}

type Shared = State<Arc<Site>>;

async fn serve_loader(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.loader.serve(query.as_deref(), &headers, LOADER_AGE)
}

async fn serve_sheet(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.sheet.serve(query.as_deref(), &headers, LOADER_AGE)
}

/// What `window.Openline` is, for who writes in TypeScript.
async fn types() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], assets::text("widget.d.ts")).into_response()
}

async fn serve_theme(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.theme.serve(query.as_deref(), &headers, "no-cache")
}

async fn serve_avatar(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match &site.made.avatar {
        Some(avatar) => avatar.serve(query.as_deref(), &headers, "no-cache"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the page in a frame has to know.
pub(in crate::website) struct Frame {
    /// The page around it.
    pub(in crate::website) origin: String,
}

/// The chat for the frame on another page. It has no session of its own: the script in it gets one, without a cookie,
/// because browsers keep those of a framed site away.
async fn frame(State(site): Shared, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let query = form::fields(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let around = query.get("origin").map_or(site.origin.as_str(), String::as_str);
    if !site.embeds(around) {
        let key = format!("channels.{}.settings.widget.origins", site.inbox.channel());
        return hosted::plain(
            StatusCode::FORBIDDEN,
            format!("This page may not embed the chat; its origin is not in {key}."),
        );
    }
    let view = site.view(&headers, query.get("lang").map(String::as_str));
    let mut response = hosted::framed(&site, &view, &Frame { origin: around.to_owned() }).await;
    let ancestors: Vec<_> = site.settings.widget.origins.iter().map(String::as_str).collect();
    let policy = format!("{} {}", hosted::POLICY, ancestors.join(" "));
    let script = format!("script-src 'self' {}", EARLY.1);
    // What is written waits for the script; no form of the frame leaves it by itself.
    let policy =
        policy.replacen("script-src 'self'", &script, 1).replacen("form-action 'self'", "form-action 'none'", 1);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(policy.trim()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Pages that isolate themselves take frames only that say both.
    headers.insert("cross-origin-embedder-policy", HeaderValue::from_static("require-corp"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

impl Widget {
    /// What the page in the frame has to know.
    pub(in crate::website) fn config(&self, frame: &Frame) -> Value {
        let Self { sound, offer_sound, preview, .. } = self;
        json!({ "origin": frame.origin, "sound": sound, "offer_sound": offer_sound, "preview": preview })
    }
}

impl Site {
    /// Whether pages of that origin may put the chat into a frame.
    fn embeds(&self, origin: &str) -> bool {
        origin == self.origin || self.settings.widget.origins.iter().any(|known| known == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn settings(toml: &str) -> Settings {
        Settings::read(toml::from_str(toml).unwrap()).unwrap()
    }

    /// Bytes after `gzip -9`, which every Debian has.
    fn weight(text: &str) -> usize {
        let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = gzip.stdin.take().unwrap();
        let text = text.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
        let output = gzip.wait_with_output().unwrap();
        writer.join().unwrap();
        output.stdout.len()
    }

    #[test]
    fn the_scripts_are_light() {
        let themed = "title = 'Harbour Prints'\nwidget.origins = ['https://shop.example', 'https://www.shop.example', \
                      'https://help.shop.example', 'https://shop-example.myshop.example']\n[theme]\naccent = '#7c2d12'\n\
                      on_accent = '#ffffff'\nmode = 'dark'\nradius = 12\nfont = 'rounded'\nposition = 'left'\nlauncher = 'Ask us'";
        let weights = ["", themed].map(|toml| {
            weight(&loader(&settings(toml), "harbour_prints", "https://chat.shop.example", "/c/harbour_prints/"))
        });
        let launcher = weights[1].max(weights[0]);
        let [sheet, script] = ["page.css", "app.js"].map(|name| assets::weight(name).unwrap());
        let (page, brotli) = (sheet.0 + script.0, sheet.1 + script.1);
        println!("widget.js {launcher} bytes, the page's script and sheet {page}, {brotli} by brotli");
        assert!(launcher < 7_600, "widget.js: {weights:?} bytes");
        // What the first opening weighs on the wire is measured in a browser, see docs/performance.md.
        assert!(page < 28_000 && brotli < 24_000, "app.js and page.css: {page} bytes, {brotli} by brotli");
    }

    #[test]
    fn the_script_knows_its_configuration() {
        let settings =
            settings("title = '</script>'\nwidget.origins = ['https://shop.example']\ntheme.launcher = 'Ask us'");
        let made = loader(&settings, "site", "https://chat.example", "/c/site/");
        assert!(made.contains(r#""origins":["https://chat.example","https://shop.example"]"#), "{made}");
        assert!(made.contains("channels.site.settings.widget.origins") && made.contains("Ask us"));
        assert!(!made.contains("__OPENLINE__") && !made.contains("</script>") && !made.contains("/*"));
    }

    #[test]
    fn origins_are_checked() {
        let error = Settings::read(toml::from_str("widget.origins = ['shop.example']").unwrap()).err().unwrap();
        assert!(error.to_string().starts_with("widget.origins: \"shop.example\" is not an origin"), "{error}");
    }
}

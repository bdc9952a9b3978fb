//! The chat on other people's pages: the script that puts a launcher there, and the page in the frame that it opens
//! (`docs/widget.md`).

use crate::website::api::form;
use crate::website::page::compress;
use crate::website::page::hosted;
use crate::website::page::served;
use crate::website::settings;
use crate::website::settings::Settings;
use crate::website::site::Site;
use crate::website::welcome::texts::Catalogue;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use openline_core::ConfigError;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How long a page may use the script without asking whether it is new, in seconds: a changed configuration is seen
/// everywhere after that.
const LOADER_AGE: &str = "public, max-age=300";
/// The texts that the script shows itself, in the order in which it names them.
const TEXTS: [&str; 4] = ["widget_open", "widget_close", "widget_unread", "title"];

/// `[settings.widget]` as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct Raw {
    origins: Vec<String>,
    sound: bool,
}

/// Who may embed the chat, and how it behaves there.
#[derive(Default)]
pub(in crate::website) struct Widget {
    origins: Vec<String>,
    /// Whether a new message is heard unless the visitor says otherwise.
    pub(in crate::website) sound: bool,
}

impl Widget {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: &Raw) -> Result<Self, ConfigError> {
        let origins = raw.origins.iter().map(|given| settings::origin("widget.origins", given));
        Ok(Self { origins: origins.collect::<Result<_, _>>()?, sound: raw.sound })
    }
}

/// A small file made from the configuration.
#[derive(Clone)]
pub(in crate::website) struct Made {
    mime: &'static str,
    bytes: Bytes,
    packed: Option<Bytes>,
    tag: String,
}

impl Made {
    pub(in crate::website) fn new(mime: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = hex::encode(&Sha256::digest(&bytes)[..8]);
        let packed = compress::gzip(&bytes, 9).map(Bytes::from);
        Self { mime, bytes, packed, tag }
    }

    /// What makes its address new whenever it changes.
    pub(in crate::website) fn tag(&self) -> &str {
        &self.tag
    }

    /// Served for ever when its tag is in the address, else as `otherwise` says.
    fn serve(&self, query: Option<&str>, asked: &HeaderMap, otherwise: &'static str) -> Response {
        let packed = self.packed.as_ref().filter(|_| compress::accepted(asked));
        let tag = format!("\"{}{}\"", self.tag, if packed.is_some() { "-gzip" } else { "" });
        let known = asked.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
        let named = query.and_then(|query| query.strip_prefix("v=")) == Some(&self.tag);
        let cache = if named { "public, max-age=31536000, immutable" } else { otherwise };
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            packed.unwrap_or(&self.bytes).clone().into_response()
        };
        if packed.is_some() && !known {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let pairs = [
            (header::CONTENT_TYPE, self.mime),
            (header::CACHE_CONTROL, cache),
            (header::ETAG, tag.as_str()),
            (header::VARY, "accept-encoding"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
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
    pub(in crate::website) theme: Made,
    pub(in crate::website) avatar: Option<Made>,
}

impl MadeFiles {
    pub(in crate::website) fn new(settings: &Settings, channel: &str, origin: &str, base: &str) -> Self {
        Self {
            loader: Made::new("text/javascript; charset=utf-8", loader(settings, channel, origin, base)),
            theme: Made::new("text/css; charset=utf-8", settings.theme.css(":root")),
            avatar: settings.avatar.clone().or_else(|| settings.theme.icon()),
        }
    }
}

/// The script with everything it needs to know.
fn loader(settings: &Settings, channel: &str, origin: &str, base: &str) -> String {
    let shown = if settings.title.trim().is_empty() { &TEXTS[..] } else { &TEXTS[..3] };
    let texts = |language: &Catalogue| shown.iter().map(|key| json!(language.get(key))).collect::<Value>();
    let languages: Map<String, Value> =
        settings.language.all().map(|language| (language.code.to_owned(), texts(language))).collect();
    let origins: Vec<_> = std::iter::once(origin).chain(settings.widget.origins.iter().map(String::as_str)).collect();
    let config = json!({
        "home": format!("{origin}{base}"),
        "origins": origins,
        "key": format!("channels.{channel}.settings.widget.origins"),
        "lang": settings.language.fixed(),
        "texts": languages,
        "title": settings.title.trim(),
        "launcher": settings.theme.launcher,
        "position": settings.theme.position,
        "css": format!("{}{}", settings.theme.css(":host"), served::lean(&served::text("widget.css"))),
    });
    // Where a script may end in a page (nobody should paste it there, somebody will).
    let config = config.to_string().replace("</", "<\\/");
    let lines = served::text("widget.js");
    let lines = lines.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with("/**"));
    lines.map(served::without_remark).collect::<Vec<_>>().join("\n").replacen("__OPENLINE__", &config, 1)
}

pub(in crate::website) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/widget.js", get(serve_loader))
        .route("/theme.css", get(serve_theme))
        .route("/avatar", get(serve_avatar))
        .route("/frame", get(frame))
}

type Shared = State<Arc<Site>>;

async fn serve_loader(State(site): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    site.made.loader.serve(query.as_deref(), &headers, LOADER_AGE)
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
    if let Ok(policy) = HeaderValue::from_str(policy.trim()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
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
    fn the_script_is_light_and_so_is_the_first_opening() {
        let themed = "title = 'Harbour Prints'\nwidget.origins = ['https://shop.example', 'https://www.shop.example', \
                      'https://help.shop.example', 'https://shop-example.myshop.example']\n[theme]\naccent = '#7c2d12'\n\
                      on_accent = '#ffffff'\nmode = 'dark'\nradius = 12\nfont = 'rounded'\nposition = 'left'\nlauncher = 'Ask us'";
        let weights = ["", themed].map(|toml| {
            weight(&loader(&settings(toml), "harbour_prints", "https://chat.shop.example", "/c/harbour_prints/"))
        });
        let launcher = weights[1].max(weights[0]);
        assert!(launcher < 5_000, "widget.js: {weights:?} bytes");
        let styles = ["page.css", "frame.css", "icon.svg"].map(str::to_owned);
        let modules = ["frame.js", "around.js", "bearer.js", "unread.js"].map(str::to_owned);
        let mut files: Vec<_> = served::modules().iter().cloned().chain(styles).chain(modules).collect();
        files.sort();
        files.dedup();
        // The page's own weight is its template and its texts.
        let page = weight(&format!("{}{}", served::text("page.html"), include_str!("../texts/en.toml")));
        let opening: usize = files.iter().map(|name| served::weight(name)).sum::<usize>() + page + launcher;
        println!("widget.js {launcher} bytes, first opening {opening} bytes");
        assert!(opening < 40_000, "first opening: {opening} bytes");
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

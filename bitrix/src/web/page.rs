//! The few pages that an administrator sees inside the portal. No script and no style in the markup; the portal may frame
//! them.

use crate::access::claims::Disbelief;
use crate::access::servers::VENDOR;
use crate::concern::Problem;
use crate::config::PortalConfig;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::refusal;
use crate::web::view::Settings;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Serialize;
use std::sync::LazyLock;
use url::Url;

/// The vendor's script that has `BX24.installFinish` (`bitrix24.md` §2.4).
const VENDOR_SCRIPT: &str = "https://api.bitrix24.com/api/v1/";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    // Compiled in and rendered by the tests: one that doesn't parse never leaves the house.
    let files = [
        ("page.html", include_str!("../../assets/page.html")),
        ("board.html", include_str!("../../assets/board.html")),
    ];
    for (name, file) in files {
        if let Err(error) = templates.add_template(name, file) {
            tracing::error!(%error, name, "a template does not parse");
        }
    }
    templates
});

/// A page: a headline and what belongs to it, in one language.
pub(super) struct Page {
    language: &'static Catalogue,
    headline: String,
    /// A class: `good`, `bad` or none.
    tone: &'static str,
    texts: Vec<String>,
    problems: Vec<Problem>,
    finish: bool,
    settings: Option<Settings>,
    /// What came of the button that was pressed.
    note: Option<String>,
    board: Option<Value>,
}

impl Page {
    /// Something to know, by the keys of its headline and its text.
    pub(super) fn note(language: &'static Catalogue, headline: &str, text: &str) -> Self {
        Self {
            language,
            headline: language.get(headline).to_owned(),
            tone: "",
            texts: Some(language.get(text).to_owned()).filter(|text| !text.is_empty()).into_iter().collect(),
            problems: Vec::new(),
            finish: false,
            settings: None,
            note: None,
            board: None,
        }
    }

    /// Something went wrong.
    pub(super) fn failure(language: &'static Catalogue, headline: &str) -> Self {
        Self { tone: "bad", ..Self::note(language, headline, "") }
    }

    /// Something was refused.
    pub(super) fn refused(
        language: &'static Catalogue,
        headline: &str,
        error: &Disbelief,
        config: &PortalConfig,
    ) -> Self {
        Self::failure(language, headline).saying(refusal::told(error, config, language))
    }

    /// Something went well.
    pub(super) fn success(language: &'static Catalogue, headline: &str, text: &str) -> Self {
        Self { tone: "good", ..Self::note(language, headline, text) }
    }

    /// How it stands: why nothing goes to the portal at the moment, unless that is told otherwise; or whether something has
    /// to be mended.
    pub(super) fn status(language: &'static Catalogue, away: Option<String>, bad: bool) -> Self {
        match away {
            Some(reason) => Self::failure(language, "mend").saying(reason),
            None if bad => Self::failure(language, "mend"),
            None => Self::success(language, "works", ""),
        }
    }

    /// The installation succeeded; the page tells the portal so, and says when that did not work.
    pub(super) fn installed(language: &'static Catalogue) -> Self {
        Self { finish: true, ..Self::success(language, "installed", "") }
    }

    /// With one more paragraph.
    pub(super) fn saying(mut self, text: String) -> Self {
        self.texts.push(text);
        self
    }

    /// With what has to be mended.
    pub(super) fn mending(self, problems: Vec<Problem>) -> Self {
        Self { problems, ..self }
    }

    /// With what came of the button that was pressed.
    pub(super) fn noting(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    /// With the dashboard.
    pub(super) fn with_board(self, board: &impl Serialize) -> Self {
        Self { board: Some(Value::from(Serde(board))), ..self }
    }

    /// With the settings of one channel.
    pub(super) fn with_settings(self, settings: Settings) -> Self {
        Self { settings: Some(settings), ..self }
    }

    /// The answer, framable by the portal where it is now.
    pub(super) fn respond(&self, bitrix: &Inner) -> Response {
        let config = bitrix.portal.config();
        let endpoint = bitrix.portal.credentials().map(|credentials| credentials.client_endpoint.clone());
        let now = endpoint.and_then(|endpoint| Url::parse(&endpoint).ok()).unwrap_or_else(|| config.url.clone());
        let portal = format!("{} {}", config.url.origin().ascii_serialization(), now.origin().ascii_serialization());
        let vendor_script = if self.finish { format!(" {VENDOR_SCRIPT}") } else { String::new() };
        // A portal can be renamed: the vendor's domains may frame the page too.
        let vendor = VENDOR.iter().map(|domain| format!(" https://*.{domain}")).collect::<String>();
        let prefix = Url::parse(&config.public_url).map(|url| url.path().trim_end_matches('/').to_owned());
        let prefix = prefix.unwrap_or_default();
        self.answer(&prefix, &format!("{prefix}/bitrix/assets"), &vendor_script, &format!("'self' {portal}{vendor}"))
    }

    /// The answer on the own listener, which nobody frames.
    pub(super) fn respond_alone(&self) -> Response {
        self.answer("", "/admin/assets", "", "'none'")
    }

    fn answer(&self, prefix: &str, assets: &str, vendor_script: &str, ancestors: &str) -> Response {
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'{vendor_script}; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
        );
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        match self.html(prefix, assets) {
            Ok(html) => (headers, html).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered").into_response()
            }
        }
    }

    /// `prefix`: the path of the public address; `assets`: where the page's own files are.
    fn html(&self, prefix: &str, assets: &str) -> Result<String, minijinja::Error> {
        let no_script = self.language.fill("finish_no_script", &[("script", VENDOR_SCRIPT)]);
        let problems = self.problems.iter().map(|one| context! { problem => &one.problem, remedy => &one.remedy });
        TEMPLATES.get_template("page.html")?.render(context! {
            lang => self.language.code,
            t => Value::from(Serde(&self.language.texts)),
            prefix,
            assets,
            headline => &self.headline,
            tone => self.tone,
            texts => &self.texts,
            problems => problems.collect::<Vec<_>>(),
            finish => self.finish,
            no_script,
            vendor => VENDOR_SCRIPT,
            settings => Value::from(Serde(&self.settings)),
            note => &self.note,
            board => self.board.clone(),
        })
    }
}

/// The pages' own files.
pub(super) async fn asset(Path(file): Path<String>) -> Response {
    let (kind, body) = match file.as_str() {
        "page.css" => ("text/css; charset=utf-8", include_str!("../../assets/page.css")),
        "install.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/install.js")),
        "settings.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/settings.js")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts;

    #[test]
    fn values_are_text() {
        let page = Page::failure(texts::english(), "not_installed").saying("\"'&<script>".to_owned());
        let html = page.html("", "").unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    }

    #[test]
    fn every_page_can_be_shown_in_every_language() {
        let problem = Problem { problem: "p".to_owned(), remedy: "r".to_owned() };
        for language in texts::all() {
            let shown =
                Page::installed(language).mending(vec![problem.clone()]).html("/x", "/x/bitrix/assets").unwrap();
            let shown = shown.replace("&#x2f;", "/");
            assert!(
                shown.contains(&format!("lang=\"{}\"", language.code)) && shown.contains("/x/bitrix/assets"),
                "{shown}"
            );
        }
    }
}

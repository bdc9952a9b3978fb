//! The few pages that an admin sees inside the portal. No script and no style in the markup; the portal may frame them.

use crate::config::{Connector, PortalConfig};
use crate::findings::{Finding, Problem};
use crate::texts::Catalogue;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use url::Url;

/// The vendor's script that has `BX24.installFinish` (`bitrix24.md` §2.4).
const VENDOR_SCRIPT: &str = "https://api.bitrix24.com/api/v1/";

/// A page: a headline and what belongs to it.
pub(crate) struct Page {
    headline: String,
    class: &'static str,
    text: String,
    facts: Vec<(&'static str, String)>,
    finish_install: bool,
}

impl Page {
    /// Something to know.
    pub(crate) fn note(headline: &str, text: &str) -> Self {
        Self { headline: headline.into(), class: "", text: text.into(), facts: Vec::new(), finish_install: false }
    }

    /// Something went wrong.
    pub(crate) fn failure(headline: &str, text: &str) -> Self {
        Self { class: "bad", ..Self::note(headline, text) }
    }

    /// Something has to be mended before openline works for long. The portal is not told that the installation is
    /// finished: so it opens this page again.
    pub(crate) fn problem(found: &Finding, texts: &Catalogue) -> Self {
        let Problem { problem, remedy } = found.told(texts);
        let text = format!("{problem} {remedy} {}", texts.get("kept"));
        Self::failure(texts.get("not_installed"), &text)
    }

    /// The installation succeeded; the page tells the portal so.
    pub(crate) fn installed() -> Self {
        let text = "Its channels are in the Contact Center now: open one, choose an open line, press Connect.";
        Self { class: "good", finish_install: true, ..Self::note("openline is installed", text) }
    }

    /// A connector was switched on for a line.
    pub(crate) fn connected(connector: &Connector, line: &str) -> Self {
        let mut facts = vec![("Channel", connector.name.clone()), ("Open line", line.to_owned())];
        facts.extend(connector.shown.now().address.map(|address| ("Visitors write at", address)));
        let text = "Visitors' messages arrive in this open line from now on.";
        Self { class: "good", facts, ..Self::note("Successfully connected", text) }
    }

    /// The answer, framable by the portal.
    pub(crate) fn respond(&self, config: &PortalConfig, endpoint: Option<&str>) -> Response {
        let now = endpoint.and_then(|endpoint| Url::parse(endpoint).ok()).unwrap_or_else(|| config.url.clone());
        let portal = format!("{} {}", config.url.origin().ascii_serialization(), now.origin().ascii_serialization());
        let script =
            if self.finish_install { format!("script-src 'self' {VENDOR_SCRIPT}") } else { "script-src 'none'".into() };
        // A portal can be renamed: the vendor's domains may frame the page too.
        let vendor =
            crate::deliver::files::VENDOR.iter().map(|domain| format!(" https://*.{domain}")).collect::<String>();
        let policy = format!(
            "default-src 'none'; style-src 'self'; {script}; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'self' {portal}{vendor}"
        );
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        let prefix = Url::parse(&config.public_url).map(|url| url.path().trim_end_matches('/').to_owned());
        (headers, self.html(&prefix.unwrap_or_default())).into_response()
    }

    /// `prefix`: the path of the public address.
    fn html(&self, prefix: &str) -> String {
        let mut out = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>openline</title>\
             <link rel=\"stylesheet\" href=\"{prefix}/bitrix/assets/page.css\"></head><body><main>",
        );
        let _ =
            write!(out, "<h1 class=\"{}\">{}</h1><p>{}</p>", self.class, escape(&self.headline), escape(&self.text));
        if !self.facts.is_empty() {
            out.push_str("<dl>");
            for (name, value) in &self.facts {
                let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", linked(value));
            }
            out.push_str("</dl>");
        }
        out.push_str("</main>");
        if self.finish_install {
            let _ = write!(
                out,
                "<script src=\"{VENDOR_SCRIPT}\"></script><script src=\"{prefix}/bitrix/assets/install.js\"></script>"
            );
        }
        out.push_str("</body></html>");
        out
    }
}

fn linked(value: &str) -> String {
    let text = escape(value);
    if value.starts_with("https://") || value.starts_with("http://") {
        format!("<a href=\"{text}\" target=\"_blank\" rel=\"noopener noreferrer\">{text}</a>")
    } else {
        text
    }
}

/// Text as HTML text, also inside a quoted attribute.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

/// The pages' own files.
pub(crate) async fn asset(Path(file): Path<String>) -> Response {
    let (kind, body) = match file.as_str() {
        "page.css" => ("text/css; charset=utf-8", include_str!("../../assets/page.css")),
        "install.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/install.js")),
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

    #[test]
    fn values_are_text() {
        let html = Page::failure("<b>", "\"'&<script>").html("");
        assert!(html.contains("&lt;b&gt;") && html.contains("&quot;&#39;&amp;&lt;script&gt;"));
        assert!(!html.contains("<script>"));
    }
}

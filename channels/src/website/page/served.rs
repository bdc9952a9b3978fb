//! The page's own files, compiled into the program, compressed once.

use crate::website::page::compress;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::collections::HashMap;
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "src/website/assets"]
struct Assets;

/// A word that changes whenever any file does.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Assets::iter().collect();
    names.sort();
    let hashes = names.iter().filter_map(|name| Assets::get(name)).map(|file| file.metadata.sha256_hash());
    let sum = hashes.fold([0u8; 32], |mut sum, hash| {
        for (byte, other) in sum.iter_mut().zip(hash) {
            *byte = byte.rotate_left(1) ^ other;
        }
        sum
    });
    hex::encode(&sum[..6])
});

/// A file as it is served.
struct Ready {
    kind: HeaderValue,
    plain: Bytes,
    packed: Option<Bytes>,
}

static FILES: LazyLock<HashMap<String, Ready>> = LazyLock::new(|| {
    let served = Assets::iter().filter(|name| !name.ends_with(".html"));
    let files = served.filter_map(|name| Some((name.to_string(), ready(&name, &Assets::get(&name)?))));
    let sheet: String = SHEETS.iter().map(|name| lean(&text(name))).collect();
    files.chain([(SHEET.to_owned(), packed("text/css", sheet.into_bytes()))]).collect()
});

/// The page's style sheets go out as one: together they are a fifth lighter than one by one.
const SHEET: &str = "page.css";
const SHEETS: [&str; 3] = ["chat.css", "log.css", "before.css"];

static MODULES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut found = vec!["chat.js".to_owned()];
    let mut next = 0;
    while let Some(name) = found.get(next) {
        let source = text(name);
        let more: Vec<_> = source.lines().filter_map(imported).map(str::to_owned).collect();
        for name in more {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        next += 1;
    }
    found
});

/// Which module of ours a line imports.
fn imported(line: &str) -> Option<&str> {
    let (_, rest) =
        line.split_once("from './").filter(|_| line.starts_with("import ") || line.starts_with("} from"))?;
    rest.split_once('\'').map(|(name, _)| name)
}

fn ready(name: &str, file: &EmbeddedFile) -> Ready {
    let source = || String::from_utf8_lossy(&file.data);
    let plain = match std::path::Path::new(name).extension().and_then(|kind| kind.to_str()) {
        Some("js") => versioned(&source()).into_bytes(),
        Some("css") => lean(&source()).into_bytes(),
        _ => file.data.to_vec(),
    };
    packed(file.metadata.mimetype(), plain)
}

fn packed(kind: &str, plain: Vec<u8>) -> Ready {
    let packed = compress::gzip(&plain, 9).map(Bytes::from);
    let kind = HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Ready { kind, plain: Bytes::from(plain), packed }
}

/// A style sheet without its comments and the blanks that mean nothing. (None of ours has them in a string.)
pub(in crate::website) fn lean(source: &str) -> String {
    let parts = source.split("/*").enumerate();
    let bare: String = parts
        .map(|(index, part)| if index == 0 { part } else { part.split_once("*/").map_or("", |(_, rest)| rest) })
        .collect();
    let lines: Vec<_> = bare.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let blanks = [(": ", ":"), ("; ", ";"), (", ", ","), (" {", "{"), ("{ ", "{"), (" }", "}")];
    let tight = blanks.iter().fold(lines.join("\n"), |css, (wide, narrow)| css.replace(wide, narrow));
    ["{", ";", ",", "}"].iter().fold(tight, |css, end| css.replace(&format!("{end}\n"), end)).replace(";}", "}")
}

/// A module that names the others by their versions, so that the browser asks for each of them once only; without its
/// indentation and comments, but with all its lines, which keeps their numbers.
fn versioned(source: &str) -> String {
    let mut remark = false;
    source.lines().fold(String::with_capacity(source.len() + 256), |mut out, line| {
        let begins = line.trim().starts_with("/**");
        let inside = remark || begins;
        remark = inside && !line.contains("*/");
        match imported(line) {
            Some(name) => out.push_str(&line.replacen(name, &format!("{name}?v={}", version()), 1)),
            None if inside || line.trim().starts_with("//") => {}
            None => out.push_str(without_remark(line.trim())),
        }
        out + "\n"
    })
}

/// A line without the comment at its end. (What has a quote in it may be a text.)
pub(in crate::website) fn without_remark(line: &str) -> &str {
    match line.rsplit_once(" // ") {
        Some((code, remark)) if !remark.contains(['\'', '"', '`']) => code.trim_end(),
        _ => line,
    }
}

/// See [`VERSION`].
pub(in crate::website) fn version() -> &'static str {
    &VERSION
}

/// A file's bytes on their way to a browser that takes gzip.
#[cfg(test)]
pub(in crate::website) fn weight(name: &str) -> usize {
    FILES.get(name).map_or(0, |file| file.packed.as_ref().unwrap_or(&file.plain).len())
}

/// The chat page's modules: those that `chat.js` imports, and those that these import.
pub(in crate::website) fn modules() -> &'static [String] {
    &MODULES
}

/// A template's source.
pub(in crate::website) fn text(name: &str) -> String {
    Assets::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// Serves a file: for ever when its version is in the address, else checked by the browser each time.
pub(in crate::website) async fn serve(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(file) = FILES.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let packed = file.packed.as_ref().filter(|_| compress::accepted(&headers));
    let tag = format!("\"{}{}\"", version(), if packed.is_some() { "-gzip" } else { "" });
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let named = query.is_some_and(|query| query.strip_prefix("v=") == Some(version()));
    let cache = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        packed.unwrap_or(&file.plain).clone().into_response()
    };
    let out = response.headers_mut();
    if !known {
        out.insert(header::CONTENT_TYPE, file.kind.clone());
        if packed.is_some() {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_import_each_other_by_their_versions() {
        let source = versioned("import { a, b } from './dom.js';\nconst x = \"from './no.js'\";");
        let version = version();
        let plain = "/** a */\n// b\n  c(); // d\ne = 'f // g';\n  /** h\n      i */\nj;";
        assert_eq!(versioned(plain), "\n\nc();\ne = 'f // g';\n\n\nj;\n");
        assert_eq!(source, format!("import {{ a, b }} from './dom.js?v={version}';\nconst x = \"from './no.js'\";\n"));
    }

    #[test]
    fn style_sheets_lose_what_means_nothing() {
        let css =
            "/* a\n b */\na :hover,\nb { c: d; /* e */\n  f: g(h, 1px + 2px); }\n\n@media (i: j) { k { l: \"\"; } }\n";
        assert_eq!(lean(css), "a :hover,b{c:d;f:g(h,1px + 2px)}@media (i:j){k{l:\"\"}}");
    }

    #[test]
    fn nothing_else_is_compiled_in() {
        let is_ours = |name: &str| ["js", "css", "html", "svg"].iter().any(|kind| name.ends_with(&format!(".{kind}")));
        let others: Vec<_> = Assets::iter().filter(|name| !is_ours(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    #[test]
    fn all_modules_are_there() {
        assert!(modules().len() > 10 && modules().iter().all(|name| FILES.contains_key(name)), "{:?}", modules());
    }
}

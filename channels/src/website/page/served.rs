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
    let served = Assets::iter().filter(|name| !name.ends_with(".html") && !name.ends_with(".d.ts"));
    let files = served.filter_map(|name| Some((name.to_string(), ready(&name, &Assets::get(&name)?))));
    let sheet: String = SHEETS.iter().map(|name| lean(&text(name))).collect();
    let made = [
        (SHEET.to_owned(), packed("text/css", sheet.into_bytes())),
        (ENTRY.to_owned(), packed("text/javascript", script().into_bytes())),
    ];
    files.chain(made).collect()
});

/// The page's style sheets go out as one: together they are a fifth lighter than one by one.
const SHEET: &str = "page.css";
const SHEETS: [&str; 4] = ["chat.css", "log.css", "before.css", "frame.css"];

/// The page's script: what [`ENTRY`] imports, and what that imports, as one file, because each further one costs a
/// journey to the server.
const ENTRY: &str = "app.js";

fn script() -> String {
    let modules: String = modules().iter().map(|name| wrapped(name, &text(name))).collect();
    format!("const m={{}};\n{modules}")
}

/// Modules in the order in which they can run.
fn modules() -> Vec<String> {
    let (mut seen, mut order) = (Vec::new(), Vec::new());
    visit(ENTRY, &mut seen, &mut order);
    order
}

fn visit(name: &str, seen: &mut Vec<String>, order: &mut Vec<String>) {
    if seen.iter().any(|known| known == name) {
        return;
    }
    seen.push(name.to_owned());
    text(name).lines().filter_map(imported).for_each(|(_, from)| visit(from, seen, order));
    order.push(name.to_owned());
}

/// The names that a line imports, and from which module of ours.
fn imported(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("import ")?.strip_suffix("';")?.split_once(" from './")
}

/// The name that a line exports.
fn exported(line: &str) -> Option<&str> {
    let words = line.strip_prefix("export ")?.split([' ', '(', ';', '=']);
    words.into_iter().find(|word| !["async", "class", "const", "function", "function*"].contains(word))
}

/// A module as a function of its own, which answers what it exports.
fn wrapped(name: &str, source: &str) -> String {
    let exports: Vec<_> = source.lines().filter_map(exported).collect();
    let lines = source.lines().map(|line| match imported(line) {
        Some((names, from)) => format!("const{}=m.{};", names.replace(' ', ""), short(from)),
        None => line.strip_prefix("export ").unwrap_or(line).to_owned(),
    });
    let body = bare(&lines.collect::<Vec<_>>().join("\n"));
    format!("m.{}=(()=>{{\n{body}return{{{}}};\n}})();\n", short(name), exports.join(","))
}

/// A module's name as it stands in the script.
fn short(name: &str) -> &str {
    name.strip_suffix(".js").unwrap_or(name)
}

fn ready(name: &str, file: &EmbeddedFile) -> Ready {
    let source = || String::from_utf8_lossy(&file.data);
    let plain = match std::path::Path::new(name).extension().and_then(|kind| kind.to_str()) {
        Some("js") => bare(&source()).into_bytes(),
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

/// A script without its indentation and comments.
pub(in crate::website) fn bare(source: &str) -> String {
    let mut remark = false;
    source.lines().fold(String::with_capacity(source.len()), |mut out, line| {
        let begins = line.trim().starts_with("/**");
        let inside = remark || begins;
        remark = inside && !line.contains("*/");
        if inside || line.trim().is_empty() || line.trim().starts_with("//") {
            return out;
        }
        out.push_str(without_remark(line.trim()));
        out + "\n"
    })
}

/// A line without the comment at its end. (What has a quote in it may be a text.)
fn without_remark(line: &str) -> &str {
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
    fn modules_become_functions_that_answer_what_they_export() {
        let source = "// a\nimport { h } from './dom.js';\nexport async function* a() {\n  h(); // d\n}\nexport class B {}\n\
                      export const c = 'f // g';\n  /** h\n      i */\nj;";
        let wanted = "m.x=(()=>{\nconst{h}=m.dom;\nasync function* a() {\nh();\n}\nclass B {}\n\
                      const c = 'f // g';\nj;\nreturn{a,B,c};\n})();\n";
        assert_eq!(wrapped("x.js", source), wanted);
    }

    #[test]
    fn the_script_is_whole() {
        let order = modules();
        assert!(order.len() > 15 && order.last().is_some_and(|last| last == ENTRY), "{order:?}");
        for name in &order {
            let at = |name: &str| order.iter().position(|known| known == name).unwrap();
            let source = text(name);
            assert!(!source.is_empty(), "{name}");
            for line in source.lines().filter(|line| line.starts_with("import ")) {
                let (names, from) = imported(line).unwrap_or_else(|| panic!("{name}: {line}"));
                assert!(at(from) < at(name), "{name} and {from} import each other");
                let all: Vec<_> = text(from).lines().filter_map(exported).map(str::to_owned).collect();
                for one in names.trim_matches(['{', '}', ' ']).split(", ") {
                    assert!(all.iter().any(|known| known == one), "{name}: {from} exports no {one}");
                }
            }
        }
        let script = script();
        assert!(!script.contains("\nimport ") && !script.contains("\nexport "), "{script}");
    }

    #[test]
    fn style_sheets_lose_what_means_nothing() {
        let css =
            "/* a\n b */\na :hover,\nb { c: d; /* e */\n  f: g(h, 1px + 2px); }\n\n@media (i: j) { k { l: \"\"; } }\n";
        assert_eq!(lean(css), "a :hover,b{c:d;f:g(h,1px + 2px)}@media (i:j){k{l:\"\"}}");
    }

    #[test]
    fn nothing_else_is_compiled_in() {
        let is_ours =
            |name: &str| ["js", "css", "html", "svg", "d.ts"].iter().any(|kind| name.ends_with(&format!(".{kind}")));
        let others: Vec<_> = Assets::iter().filter(|name| !is_ours(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

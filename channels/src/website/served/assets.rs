//! The page's own files, compiled into the program as `build.rs` made and packed them.

use crate::website::served::compress::Packed;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What the templates are made of.
#[derive(RustEmbed)]
#[folder = "src/website/assets"]
struct Sources;

/// What browsers fetch: name, plain, by gzip, by brotli.
type Built = (&'static str, &'static [u8], Option<&'static [u8]>, Option<&'static [u8]>);

static BUILT: &[Built] = &include!(concat!(env!("OUT_DIR"), "/page/list.rs"));

/// A word that changes whenever any file does.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = BUILT.iter().fold(Sha256::new(), |all, (name, plain, ..)| all.chain_update(name).chain_update(plain));
    hex::encode(&all.finalize()[..6])
});

static FILES: LazyLock<HashMap<&str, Packed>> = LazyLock::new(|| {
    let bytes = Bytes::from_static;
    let file = |(name, plain, gzip, brotli): &Built| {
        (*name, Packed { plain: bytes(plain), gzip: gzip.map(bytes), brotli: brotli.map(bytes) })
    };
    BUILT.iter().map(file).collect()
});

/// A file's media type.
fn mime(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript",
        Some((_, "css")) => "text/css",
        _ => "image/svg+xml",
    }
}

/// See [`VERSION`].
pub(in crate::website) fn version() -> &'static str {
    &VERSION
}

/// A file's bytes on their way to a browser that takes gzip, and to one that takes brotli.
#[cfg(test)]
pub(in crate::website) fn weight(name: &str) -> Option<(usize, usize)> {
    let packed = FILES.get(name)?;
    Some((packed.gzip.as_ref()?.len(), packed.brotli.as_ref()?.len()))
}

/// A template's source.
pub(in crate::website) fn text(name: &str) -> String {
    Sources::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

/// A script or sheet as the build made it.
pub(in crate::website) fn built(name: &str) -> &'static str {
    let file = BUILT.iter().find(|(known, ..)| *known == name);
    file.and_then(|(_, plain, ..)| std::str::from_utf8(plain).ok()).unwrap_or_default()
}

/// Serves a file: for ever when its version is in the address, else checked by the browser each time.
pub(in crate::website) async fn serve(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    asked: HeaderMap,
) -> Response {
    let Some(file) = FILES.get(name.as_str()) else { return StatusCode::NOT_FOUND.into_response() };
    file.answer(mime(&name), version(), query.as_deref(), "no-cache", &asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_is_compiled_in() {
        let is_ours =
            |name: &str| ["js", "css", "html", "svg", "d.ts"].iter().any(|kind| name.ends_with(&format!(".{kind}")));
        let others: Vec<_> = Sources::iter().filter(|name| !is_ours(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

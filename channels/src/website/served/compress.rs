//! gzip and brotli, for the page and its files. Streams of news never pass here: a compressor would hold them back.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Pages are made for each visitor anew: most of the gain for little work.
const QUICK: u32 = 6;

/// A file that does not change, in the forms that browsers take.
#[derive(Clone)]
pub(in crate::website) struct Packed {
    pub(in crate::website) plain: Bytes,
    pub(in crate::website) gzip: Option<Bytes>,
    pub(in crate::website) brotli: Option<Bytes>,
}

impl Packed {
    /// A file that is made while the program runs.
    pub(in crate::website) fn quick(plain: Bytes) -> Self {
        let gzip = gzip(&plain, 9).map(Bytes::from);
        Self { plain, gzip, brotli: None }
    }

    /// The smallest form that the client takes, and what it is called.
    fn best(&self, asked: &HeaderMap) -> (&Bytes, Option<&'static str>) {
        let forms = [(&self.brotli, "br"), (&self.gzip, "gzip")];
        let taken =
            forms.into_iter().find_map(|(form, name)| Some((form.as_ref()?, name)).filter(|_| accepts(asked, name)));
        taken.map_or((&self.plain, None), |(form, name)| (form, Some(name)))
    }

    /// Served for ever when `version` is in the address, else as `otherwise` says; not at all when the browser has it.
    pub(in crate::website) fn answer(
        &self,
        mime: &str,
        version: &str,
        query: Option<&str>,
        otherwise: &'static str,
        asked: &HeaderMap,
    ) -> Response {
        let (form, name) = self.best(asked);
        let tag = format!("\"{version}{}{}\"", if name.is_some() { "-" } else { "" }, name.unwrap_or_default());
        let known = asked.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
        let named = query.and_then(|query| query.strip_prefix("v=")) == Some(version);
        let cache = if named { "public, max-age=31536000, immutable" } else { otherwise };
        let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { form.clone().into_response() };
        let pairs = [
            (header::CONTENT_TYPE, Some(mime).filter(|_| !known)),
            (header::CONTENT_ENCODING, name.filter(|_| !known)),
            (header::CACHE_CONTROL, Some(cache)),
            (header::ETAG, Some(tag.as_str())),
            (header::VARY, Some("accept-encoding")),
            (header::X_CONTENT_TYPE_OPTIONS, Some("nosniff")),
        ];
        for (name, value) in pairs {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Whether the client takes `name`, an encoding of RFC 9110 §8.4.1.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(wanted) && !refused
    })
}

/// The bytes compressed; `None` when that would gain nothing.
fn gzip(bytes: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < bytes.len())
}

/// Compresses HTML answers for clients that take it.
pub(in crate::website) async fn pages(request: Request, next: Next) -> Response {
    let accepted = accepts(request.headers(), "gzip");
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if accepted { packed(response).await } else { response }
}

async fn packed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(packed) = gzip(&plain, QUICK).map(Bytes::from) else {
        return Response::from_parts(parts, Body::from(plain));
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_what_it_takes() {
        let asked =
            |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        let takes = |value| accepts(&asked(value), "gzip");
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.5"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("gzip; q=0.0, br"));
        let file = Packed { brotli: Some(Bytes::from_static(b"b")), ..Packed::quick(Bytes::from_static(&[b'x'; 99])) };
        let best = |value| file.best(&asked(value)).1;
        assert_eq!((best("gzip, br"), best("br;q=0, gzip"), best("zstd")), (Some("br"), Some("gzip"), None));
        assert_eq!(file.best(&HeaderMap::new()), (&file.plain, None));
    }

    #[test]
    fn what_does_not_shrink_is_left_as_it_is() {
        assert!(gzip(b"x", QUICK).is_none());
        assert!(gzip(&[b'x'; 1000], QUICK).is_some_and(|packed| packed.len() < 100));
    }
}

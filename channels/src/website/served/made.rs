//! Files that are made from a channel's configuration.

use super::compress::Packed;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// A small file made from the configuration.
#[derive(Clone)]
pub(in crate::website) struct Made {
    mime: &'static str,
    pub(in crate::website) file: Packed,
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
    pub(in crate::website) fn serve(
        &self,
        query: Option<&str>,
        asked: &HeaderMap,
        otherwise: &'static str,
    ) -> Response {
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

//! What the page in a frame on somebody else's page has to know.

use crate::website::served::assets;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Runs in the frame before its script is there, and what the policy says of it.
pub(in crate::website) static EARLY: LazyLock<(String, String)> = LazyLock::new(|| {
    let script = assets::built("early.js").to_owned();
    let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(&script)));
    (script, hash)
});

/// What the page in a frame has to know.
pub(in crate::website) struct Frame {
    /// The page around it.
    pub(in crate::website) origin: String,
}

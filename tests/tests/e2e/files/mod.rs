//! Files from visitors to the portal and back.

mod both_ways;
mod links;
mod trouble;
mod upload;

use openline_tests::CHANNELS;

/// A picture of two by three pixels.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";

/// The chat, with small limits for files.
fn limited() -> String {
    format!("[files]\nmax_megabytes = 1\ntypes = [\"image/*\", \"text/plain\"]\n{CHANNELS}")
}

/// A content that is not like another one.
pub fn content(size: usize, seed: u8) -> Vec<u8> {
    (0..=250).cycle().take(size).map(|byte: u8| byte ^ seed).collect()
}

/// Whether the visitor reads that a message of theirs has arrived.
fn is_delivered(items: &[openline_tests::Item]) -> bool {
    items.iter().any(|item| item["state"] == "delivered")
}

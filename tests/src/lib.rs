//! What the end-to-end tests share: a world of a stand-in portal and a service, and visitors in it.
//!
//! Nothing here sleeps to wait for something: conditions are waited for, with a bound.

#![allow(clippy::expect_used, clippy::missing_panics_doc, clippy::panic, clippy::unwrap_used)] // a test's helper fails the test

pub mod browser;
#[path = "../../store/tests/it/common/cluster.rs"]
mod cluster; // the store's tests have it, and cargo has no other way to share it
pub mod conformance;
mod form;
mod line;
pub mod lists;
pub mod mix;
mod process;
mod receiver;
pub mod structure;
pub mod traffic;
mod visitor;
mod world;

pub use form::Form;
pub use line::{Line, Speed};
pub use process::Process;
pub use receiver::{Attempt, Order, Receiver};
pub use visitor::{Item, Visitor};
pub use world::{CHANNELS, Database, LEASES, World};

use std::time::Duration;

/// How long anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `ask` gives a value, asking again after a short pause; for what can't be subscribed to.
pub async fn eventually<T, F: AsyncFnMut() -> Option<T>>(what: &str, ask: F) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// A token by which a site says who its customer is, good for five minutes at this service and channel.
pub fn identity_token(service: &str, channel: &str, secret: &str, mut claims: serde_json::Value) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
    claims["aud"] = service.trim_end_matches('/').into();
    claims["channel"] = channel.into();
    if claims.get("exp").is_none() {
        claims["exp"] = (now + 300).into();
    }
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
}

/// An address that is free and stays so until somebody listens there: below those that systems give to whoever calls.
pub fn free_address() -> std::net::SocketAddr {
    for _ in 0..1000 {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], fastrand::u16(10_000..32_000)));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

/// A table `[limits]` for many visitors at one address.
pub fn no_limits() -> String {
    let keys = [
        "connections_each",
        "messages",
        "messages_each",
        "conversations_each",
        "conversations",
        "unanswered_each",
        "unanswered",
        "sessions_each",
        "upload_megabytes",
        "upload_megabytes_each",
        "streams",
        "streams_each",
        "wrong_tokens_each",
    ];
    let lines: Vec<_> = keys.iter().map(|key| format!("{key} = 1000000\n")).collect();
    format!("[limits]\n{}", lines.concat())
}

/// Like [`eventually`], for at most `patience`.
pub async fn eventually_within<T, F: AsyncFnMut() -> Option<T>>(patience: Duration, what: &str, mut ask: F) -> T {
    let found = tokio::time::timeout(patience, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what}: not within {patience:?}"))
}

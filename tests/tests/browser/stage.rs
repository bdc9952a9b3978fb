//! A world, browsers in it, and what both sides do there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::key::Key;
use openline_tests::World;
use openline_tests::browser::{Driver, Look, Page};
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;

pub struct Stage {
    pub world: World,
    driver: Driver,
    files: TempDir,
}

impl Stage {
    /// A world of its own; `None` where the tests are to do without a browser.
    pub async fn set() -> Option<Self> {
        Self::with(openline_tests::CHANNELS).await
    }

    /// The same with other channels.
    pub async fn with(channels: &str) -> Option<Self> {
        Self::at(openline_sandbox::SandboxConfig::default().without_limits(), channels).await
    }

    /// The same at another portal.
    pub async fn at(portal: openline_sandbox::SandboxConfig, channels: &str) -> Option<Self> {
        let Some(driver) = Driver::start() else {
            println!("skipped: OPENLINE_NO_BROWSER is set");
            return None;
        };
        let world = World::with(portal, channels).await;
        Some(Self { world, driver, files: tempfile::tempdir().unwrap() })
    }

    /// The visitor's page in a browser of its own.
    pub async fn visitor(&self, look: Look) -> Page {
        self.driver.open(look, &self.chat()).await
    }

    /// Any page in a browser of its own.
    pub async fn open(&self, look: Look, address: &str) -> Page {
        self.driver.open(look, address).await
    }

    /// The operator's desk in a browser of its own.
    pub async fn desk(&self, look: Look) -> Page {
        self.driver.open(look, &self.world.sandbox.desk_url()).await
    }

    /// The address of the visitor's page.
    pub fn chat(&self) -> String {
        self.world.url("/c/site/")
    }

    /// A file to attach.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Sends a visitor's message.
pub async fn says(visitor: &Page, text: &str) {
    visitor.write("[data-testid=text-input]", text).await;
    visitor.click("[data-testid=send]").await;
}

/// Sends a visitor's first message.
pub async fn introduces(visitor: &Page, name: &str, text: &str) {
    visitor.write("[data-testid=name-input]", name).await;
    says(visitor, text).await;
}

/// Opens the topmost conversation at the desk.
pub async fn opens(desk: &Page) {
    desk.click("[data-testid=dialog-item]").await;
    desk.find("[data-testid=dialog]:not([hidden])").await;
}

/// Sends an operator's message.
pub async fn answers(desk: &Page, text: &str) {
    desk.write("[data-testid=composer]", text).await;
    desk.click("[data-testid=send]").await;
}

/// Puts another text into the desk's field.
pub async fn replaces(desk: &Page, text: &str) {
    let all = format!("{}a{}", Key::Control, Key::Null);
    desk.write("[data-testid=composer]", &all).await;
    desk.write("[data-testid=composer]", text).await;
}

/// Waits until a page, of either side, shows the text of that side exactly once.
pub async fn shows(page: &Page, from: &str, text: &str) {
    page.until(&format!("{} === 1", times(from, text))).await;
}

/// How often the text stands in the page, as an expression; what keeps BB codes from working at the desk is not seen.
pub fn times(from: &str, text: &str) -> String {
    let selector = json!(format!("[data-testid=message][data-from={from}] .text"));
    format!(
        "[...document.querySelectorAll({selector})].filter((one) => one.textContent.replaceAll('\\u200b', '') === {}).length",
        json!(text)
    )
}

/// Waits until the visitor's message with this text, which stands there once, is in that state.
pub async fn is(visitor: &Page, text: &str, state: &str) {
    let own = "[...document.querySelectorAll('[data-testid=message][data-from=visitor]')]";
    let state = json!(state);
    let text = json!(text);
    visitor
        .until(&format!(
            "((all) => all.length === 1 && all[0].dataset.state === {state})\
             ({own}.filter((one) => one.querySelector('.text')?.textContent === {text}))"
        ))
        .await;
}

/// Waits until every picture of a message is loaded, and there are so many.
pub async fn shows_pictures(page: &Page, number: usize) {
    let all = "[...document.querySelectorAll('[data-testid=message] img')]";
    page.until(&format!("{all}.length === {number} && {all}.every((one) => one.complete && one.naturalWidth > 0)"))
        .await;
}

/// Nothing ran that should not, and nothing was complained about.
pub async fn was_quiet(page: &Page) {
    was_quiet_but(page, |_| false).await;
}

/// The same where some complaints are expected.
pub async fn was_quiet_but(page: &Page, expected: impl Fn(&serde_json::Value) -> bool) {
    assert!(!page.has_alert().await, "a dialog is open");
    assert_eq!(page.eval("return window.__pwned === undefined").await, true, "a foreign script ran");
    let bad = |entry: &serde_json::Value| entry["level"] == "SEVERE" || entry["source"] == "security";
    let said: Vec<_> = page.console().await.into_iter().filter(|entry| bad(entry) && !expected(entry)).collect();
    assert!(said.is_empty(), "the console: {said:#?}");
}

/// What the console says when a call does not come through or is refused.
pub fn network(entry: &serde_json::Value) -> bool {
    entry["source"] == "network"
}

/// A drawn PNG picture.
pub async fn drawing(page: &Page) -> Vec<u8> {
    let drawn = page.eval(include_str!("drawing.js")).await;
    STANDARD.decode(drawn.as_str().unwrap().split(',').nth(1).unwrap()).unwrap()
}

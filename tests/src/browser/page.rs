//! What a person does with a page, and what they see.

use crate::eventually;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use std::path::Path;
use url::Url;

/// One browser and what it shows.
pub struct Page {
    client: Client,
}

/// A command of this driver only.
#[derive(Debug)]
struct Extra(&'static str, Value);

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

impl Page {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// What WebDriver itself offers.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A command of the browser's own tools.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Extra("goog/cdp/execute", body)).await.expect("the browser's tools")
    }

    /// Goes to an address.
    pub async fn goto(&self, address: &str) {
        self.client.goto(address).await.expect("the page opens");
    }

    /// Loads the page anew.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page reloads");
    }

    /// Loads the page anew while nobody answers: what was shown is gone.
    pub async fn reload_fails(&self) {
        let reloaded = self.client.refresh().await;
        assert!(reloaded.is_err() || self.eval("return !document.querySelector('main')").await == true, "it did load");
    }

    /// Opens another tab, in a window of its own so that both are in sight, and goes there; the two, old and new.
    pub async fn second_tab(&self, address: &str) -> [fantoccini::wd::WindowHandle; 2] {
        let first = self.client.window().await.expect("a tab");
        let second = self.client.new_window(false).await.expect("another tab").handle;
        self.client.switch_to_window(second.clone()).await.expect("it is there");
        self.goto(address).await;
        [first, second]
    }

    /// Goes to a tab.
    pub async fn to_tab(&self, tab: &fantoccini::wd::WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("it is there");
    }

    /// The value of the body of a function, run in the page (also where the page's own scripts are off).
    pub async fn eval(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until the expression is true in the page.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        let holds = async || self.client.execute(&script, vec![]).await.ok().filter(|value| value == true);
        let waited = tokio::time::timeout(crate::PATIENCE, async {
            while holds().await.is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        if waited.await.is_err() {
            let seen = self.eval("return document.body.innerText").await;
            panic!("not within {:?}: {expression}; the page says: {seen}", crate::PATIENCE);
        }
    }

    /// Waits until exactly so many elements match the selector.
    pub async fn count(&self, selector: &str, number: usize) {
        self.until(&format!("document.querySelectorAll({}).length === {number}", json!(selector))).await;
    }

    /// Waits for an element that matches the selector.
    pub async fn find(&self, selector: &str) -> Element {
        eventually(selector, async || self.client.find(Locator::Css(selector)).await.ok()).await
    }

    /// Clicks as soon as that can be done.
    pub async fn click(&self, selector: &str) {
        let what = format!("{selector} can be clicked");
        eventually(&what, async || self.find(selector).await.click().await.ok()).await;
    }

    /// Writes into a field, as soon as that can be done.
    pub async fn write(&self, selector: &str, text: &str) {
        let what = format!("{selector} can be written in");
        eventually(&what, async || self.find(selector).await.send_keys(text).await.ok()).await;
    }

    /// The text of an element.
    pub async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.expect("its text")
    }

    /// What has been written to the console since this was asked last; the browser's own complaints, too.
    pub async fn console(&self) -> Vec<Value> {
        let log = self.client.issue_cmd(Extra("se/log", json!({ "type": "browser" }))).await;
        log.expect("the console").as_array().cloned().unwrap_or_default()
    }

    /// Whether an alert or another dialog of the browser is open.
    pub async fn has_alert(&self) -> bool {
        match self.client.get_alert_text().await {
            Ok(_) => true,
            Err(CmdError::Standard(error)) => error.error() != "no such alert",
            Err(error) => panic!("{error}"),
        }
    }

    /// Writes a picture of what is seen, as soon as nothing moves any more.
    pub async fn picture(&self, file: &Path) {
        self.until("document.getAnimations().every((one) => one.playState !== 'running')").await;
        let png = self.client.screenshot().await.expect("a picture");
        std::fs::write(file, png).expect("the picture is written");
    }
}

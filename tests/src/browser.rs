//! A real Chromium, headless, driven over WebDriver.

mod axe;
mod page;

pub use page::Page;

use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Set by who has no browser: the browser tests then say so and pass.
const WITHOUT: &str = "OPENLINE_NO_BROWSER";

/// How often it is started at the most.
const STARTS: usize = 5;
/// How long the end may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

const MISSING: &str = "the browser does not start: install the Debian packages chromium and chromium-driver, or set \
                       OPENLINE_NO_BROWSER=1 to leave the browser tests out";

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// What a browser is like.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width and height of what is seen of a page.
    pub size: (u32, u32),
    /// Whether scripts run.
    pub script: bool,
    /// Whether dark colours are preferred.
    pub dark: bool,
}

impl Look {
    /// A computer.
    pub const DESKTOP: Self = Self { size: (1280, 800), script: true, dark: false };
    /// A small telephone.
    pub const PHONE: Self = Self { size: (360, 640), script: true, dark: false };

    /// The same with JavaScript off.
    #[must_use]
    pub fn without_script(self) -> Self {
        Self { script: false, ..self }
    }

    /// The same in dark colours.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    fn is_phone(self) -> bool {
        self.size.0 < 600
    }
}

/// The program between us and the browsers. Both it and they end with it.
pub struct Driver {
    child: Child,
    port: u16,
    profiles: TempDir,
    opened: AtomicU32,
    /// Tells when nobody holds its output any more: it and its browsers are gone.
    ended: Receiver<()>,
}

impl Driver {
    /// Starts it on a free port; `None` when the tests are to do without a browser.
    ///
    /// # Panics
    /// When it is not installed.
    pub fn start() -> Option<Self> {
        if std::env::var_os(WITHOUT).is_some_and(|value| !value.is_empty()) {
            return None;
        }
        // It takes a free port of one protocol and may find that it is taken in the other: then it gives up.
        (0..STARTS)
            .find_map(|_| Self::once().ok())
            .or_else(|| Self::once().map_err(|said| panic!("{MISSING} ({said})")).ok())
    }

    /// One attempt; else what it said.
    fn once() -> Result<Self, String> {
        let profiles = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("TMPDIR", profiles.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let port = port(&mut output).inspect_err(|_| drop(child.wait()))?;
        let (done, ended) = channel();
        thread::spawn(move || copy(&mut output, &mut sink()).map(|_| done.send(())));
        Ok(Self { child, port, profiles, opened: AtomicU32::new(0), ended })
    }

    /// Opens a browser with a profile of its own at an address.
    pub async fn open(&self, look: Look, address: &str) -> Page {
        let driver = format!("http://127.0.0.1:{}", self.port);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(self.capabilities(look)).connect(&driver).await;
        let page = Page::new(client.unwrap_or_else(|error| panic!("{MISSING} ({error})")));
        let (width, height) = look.size;
        let phone = look.is_phone();
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        page.devtools("Emulation.setDeviceMetricsOverride", size).await;
        page.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone })).await;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if look.dark { "dark" } else { "light" } });
        page.devtools("Emulation.setEmulatedMedia", json!({ "features": [scheme] })).await;
        page.goto(address).await;
        page
    }

    fn capabilities(&self, look: Look) -> Map<String, Value> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let profile = self.profiles.path().join(number.to_string());
        let mut arguments: Vec<String> = ARGUMENTS.map(String::from).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        arguments.push(format!("--window-size={},{}", look.size.0, look.size.1));
        let mut options = json!({ "args": arguments });
        if !look.script {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let all = [("goog:chromeOptions", options), ("goog:loggingPrefs", json!({ "browser": "ALL" }))];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The driver says on which port it listens.
fn port(output: &mut impl BufRead) -> Result<u16, String> {
    let mut said = String::new();
    for line in output.lines() {
        let line = line.unwrap_or_default();
        let port = line.split("on port ").nth(1).map(|rest| rest.trim_end_matches('.'));
        if let Some(port) = port.filter(|_| line.contains("successfully")).and_then(|port| port.parse().ok()) {
            return Ok(port);
        }
        said.push_str(&line);
    }
    Err(said)
}

impl Drop for Driver {
    /// Asks it to end, since it ends its browsers then; a driver that is killed leaves them behind.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            let _ = stream.set_read_timeout(Some(LAST_WORDS));
            let _ = stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
            let _ = self.ended.recv_timeout(LAST_WORDS);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The vendor's example at work: `php -S` over a folder made for the measurement, and its visitors.

use crate::http::{Connection, header};
use crate::machine;
use crate::stand::{free_port, portal, quiet};
use crate::stats::Samples;
use anyhow::{Context, Result, ensure};
use openline_sandbox::{Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const FILES: [(&str, &str); 3] = [
    ("function.php", include_str!("php/function.php")),
    ("ajax.php", include_str!("php/ajax.php")),
    ("handler.php", include_str!("php/handler.php")),
];

/// PHP's own server with four workers, and a portal.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) sandbox: Arc<Sandbox>,
    folder: TempDir,
    child: Child,
    portal: Option<Runtime>,
}

impl Site {
    /// Starts both; the example's connector is registered and on line 1.
    pub(crate) async fn start(config: SandboxConfig) -> Result<Self> {
        let (runtime, sandbox) = portal(config).await?;
        ensure!(sandbox.install_silently(&sandbox.client_id()), "not installed");
        let tokens = sandbox.admin_tokens().context("no tokens")?;
        let folder = tempfile::Builder::new().prefix("php-").tempdir_in(machine::folder()?)?;
        for (name, text) in FILES {
            std::fs::write(folder.path().join(name), text)?;
        }
        let settings = json!({ "access_token": tokens.access_token, "client_endpoint": tokens.client_endpoint });
        std::fs::write(folder.path().join("settings.json"), settings.to_string())?;
        std::fs::write(folder.path().join("line_id.txt"), "1")?;
        std::fs::create_dir(folder.path().join("chats"))?;
        std::fs::create_dir(folder.path().join("sessions"))?;
        for (method, arguments) in [
            (
                "imconnector.register",
                json!({ "ID": "bench_php", "NAME": "Example", "ICON": { "DATA_IMAGE": "data:image/svg+xml,x" },
                "PLACEMENT_HANDLER": "http://127.0.0.1:9/handler.php" }),
            ),
            ("imconnector.activate", json!({ "CONNECTOR": "bench_php", "LINE": 1, "ACTIVE": 1 })),
        ] {
            call(&tokens.client_endpoint, &tokens.access_token, method, arguments).await?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let sessions = format!("session.save_path={}", folder.path().join("sessions").display());
        let mut command = Command::new("php");
        command.env("PHP_CLI_SERVER_WORKERS", "4").arg("-d").arg(sessions).arg("-S").arg(address.to_string());
        let child = quiet(command.arg("-t").arg(folder.path())).context("php does not start: install php-cli")?;
        let site = Self { address, pid: child.id(), sandbox, folder, child, portal: Some(runtime) };
        let started = Instant::now();
        while Connection::open(site.address).await.is_err() {
            ensure!(started.elapsed() < Duration::from_secs(20), "php does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(site)
    }

    /// Messages in all chat files.
    pub(crate) fn stored(&self) -> Result<usize> {
        let mut count = 0;
        for file in std::fs::read_dir(self.folder.path().join("chats"))? {
            let chat: Value = serde_json::from_str(&std::fs::read_to_string(file?.path())?).unwrap_or_default();
            count += chat.as_object().map_or(0, serde_json::Map::len);
        }
        Ok(count)
    }

    /// Visitors' messages that the portal has.
    pub(crate) fn delivered(&self) -> usize {
        self.sandbox.view(|view| view.all_messages().filter(|message| message.author.side() == "client").count())
    }

    /// Makes chats of that many messages, as if they had been written.
    pub(crate) fn fill(&self, visitor: &Visitor, count: usize) -> Result<()> {
        let chat = visitor.chat.as_ref().context("no chat")?;
        let message = |n: usize| {
            let text = format!("v0 says {n}: it's &lt;b&gt;fine&lt;/b&gt;");
            json!({ "user": { "id": chat, "name": "" }, "message": { "id": false, "date": 1_767_225_600, "text": text },
                "chat": { "id": chat, "url": "" } })
        };
        let all: serde_json::Map<_, _> = (0..count).map(|n| (format!("message{n}"), message(n))).collect();
        Ok(std::fs::write(self.path(chat), Value::Object(all).to_string())?)
    }

    fn path(&self, chat: &str) -> PathBuf {
        self.folder.path().join("chats").join(format!("{chat}.txt"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The workers end with their parent only when that is asked politely.
        let _ = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status();
        let _ = self.child.wait();
        if let Some(runtime) = self.portal.take() {
            runtime.shutdown_background();
        }
    }
}

async fn call(endpoint: &str, token: &str, method: &str, mut arguments: Value) -> Result<()> {
    arguments["auth"] = json!(token);
    let request = reqwest::Client::new().post(format!("{endpoint}{method}.json"));
    let request = request.header("user-agent", "bench").header("content-type", "application/json");
    let answer = request.body(arguments.to_string()).send().await?.text().await?;
    ensure!(!answer.contains("\"error\""), "{method}: {answer}");
    Ok(())
}

/// A visitor of the example; PHP's server closes every connection after its answer.
pub(crate) struct Visitor {
    address: SocketAddr,
    cookie: String,
    pub(crate) chat: Option<String>,
    pub(crate) sent: usize,
    name: String,
}

impl Visitor {
    /// Comes to the page.
    pub(crate) async fn open(address: SocketAddr, name: String) -> Result<Self> {
        let mut visitor = Self { address, cookie: String::new(), chat: None, sent: 0, name };
        let (head, _) = visitor.post("ajax.php", "type=chat_history").await?;
        let cookie = header(&head, "set-cookie").and_then(|cookie| cookie.split(';').next());
        cookie.context("no session")?.clone_into(&mut visitor.cookie);
        Ok(visitor)
    }

    /// Posts a form; the answer's head and body.
    pub(crate) async fn post(&self, page: &str, form: &str) -> Result<(Vec<u8>, Vec<u8>)> {
        let request = format!(
            "POST /{page} HTTP/1.1\r\nHost: bench\r\nOrigin: http://bench\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            self.cookie,
            form.len()
        );
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.exchange(request.as_bytes()).await?;
        ensure!(answer.status == 200, "php answered {}", answer.status);
        Ok((answer.head.to_vec(), answer.body.to_vec()))
    }

    /// Sends the next message; how long it took.
    pub(crate) async fn send(&mut self) -> Result<Duration> {
        let form =
            format!("type=send_message&name=&message={}+says+{}%3A+it%27s+%3Cb%3Efine%3C%2Fb%3E", self.name, self.sent);
        let started = Instant::now();
        let (_, body) = self.post("ajax.php", &form).await?;
        let took = started.elapsed();
        if self.chat.is_none() {
            let answer: Value = serde_json::from_slice(&body)?;
            self.chat = answer["chat"].as_str().map(str::to_owned);
        }
        self.sent += 1;
        Ok(took)
    }

    /// Sends again and again until then.
    pub(crate) async fn send_until(mut self, until: Instant, pause: Duration) -> Result<(Self, Samples)> {
        let mut samples = Samples::default();
        let mut at = tokio::time::Instant::now();
        while Instant::now() < until {
            samples.push(self.send().await?);
            at += pause;
            tokio::time::sleep_until(at).await;
        }
        Ok((self, samples))
    }
}

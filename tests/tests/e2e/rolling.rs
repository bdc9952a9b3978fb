//! Two processes behind the example of a proxy are restarted one after the other while people write: nobody notices.

use openline_sandbox::SandboxConfig;
use openline_tests::{CHANNELS, Database, Process, Visitor, World, eventually, free_address};
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const VISITORS: usize = 4;
/// Between two messages of a visitor: all of them come from one address, which the example lets ask 20 times a second.
const PACE: Duration = Duration::from_millis(400);

/// nginx with `deploy/proxy/nginx.conf`, without https.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

impl Nginx {
    /// `None` where nginx is not installed.
    fn start(folder: &Path, listen: &str, servers: [&str; 2]) -> Option<Self> {
        let example = include_str!("../../../deploy/proxy/nginx.conf");
        let (limits, rest) = example.split_once("server {\n    listen 80;").expect("the redirect to https");
        let (_, server) = rest.split_once("\nserver {").expect("the server");
        let of_tls = |line: &&str| {
            let line = line.trim();
            line.starts_with("ssl_") || line.starts_with("listen [::]") || line.starts_with("server_name")
        };
        let server: Vec<_> = server.lines().filter(|line| !of_tls(line)).collect();
        let server = server.join("\n").replace("listen 443 ssl http2;", &format!("listen {listen};"));
        let limits = limits.replace("127.0.0.1:8080", servers[0]).replace("127.0.0.1:8081", servers[1]);
        let at = |name: &str| folder.join(name).display().to_string();
        let whole = format!(
            "daemon off;\npid {};\nerror_log {} warn;\nevents {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n{limits}\nserver {{{server}\n}}\n",
            at("nginx.pid"),
            at("nginx.log")
        );
        std::fs::write(at("nginx.conf"), whole).unwrap();
        let child = Command::new("nginx").args(["-c", &at("nginx.conf")]).stderr(Stdio::null()).spawn();
        match child {
            Ok(child) => Some(Self(child)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("nginx: {error}"),
        }
    }
}

/// Writes until it is enough; what was written.
async fn write(visitor: &Visitor, who: usize, enough: &AtomicBool) -> Vec<String> {
    let mut written = Vec::new();
    while !enough.load(Ordering::SeqCst) {
        let text = format!("message {who}.{}", written.len());
        let answer = visitor
            .try_send(&json!({ "key": format!("k-{who}-{}", written.len()), "text": text, "name": "Ann Lee" }))
            .await;
        let answer = answer.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(answer.status(), 201, "{text}: {}", answer.text().await.unwrap_or_default());
        written.push(text);
        // The pace of people, not a wait for something.
        tokio::time::sleep(PACE).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_one_after_the_other_is_not_noticed() {
    let mut world = World::bare_on(Database::Postgres, SandboxConfig::default().without_limits(), CHANNELS).await;
    let front = free_address().to_string();
    let own = format!("public_url = \"{}\"", world.url(""));
    let public = format!("public_url = \"http://{front}\"");
    world.mistakes(&[(&own, &public)]);
    let first = Process::start(&world).await;
    let (second, beside) = Process::beside(&world).await;
    let servers = [&world.url(""), &beside].map(|url| url.replace("http://", ""));
    let Some(_nginx) = Nginx::start(world.folder(), &front, [&servers[0], &servers[1]]) else {
        println!("nginx is not installed here: the example was not tried");
        return;
    };
    eventually("nginx answers", async || reqwest::get(format!("http://{front}/c/site/")).await.ok()).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    let base = format!("http://{front}/c/site/api");
    let visitors = futures_util::future::join_all((0..VISITORS).map(|_| Visitor::new(&base))).await;
    let enough = AtomicBool::new(false);
    let writing = visitors.iter().enumerate().map(|(who, visitor)| write(visitor, who, &enough));
    let restarting = async {
        let (mut first, mut second) = (first, second);
        for _ in 0..4 {
            first = first.restart().await;
            second = second.restart().await;
        }
        enough.store(true, Ordering::SeqCst);
        (first, second)
    };
    let (written, processes) = tokio::join!(futures_util::future::join_all(writing), restarting);
    for texts in written {
        assert!(texts.len() > 3, "{texts:?}");
        let chat = world.portal_chat(&texts[0]).await;
        let all = |portal: openline_sandbox::View<'_>| portal.texts(chat, "client").len() >= texts.len();
        world.sandbox.wait_until(all).await.unwrap();
        assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), texts);
        // The portal's events come through the proxy, too.
        let answer = world.sandbox.operator_writes(chat, "thank you").unwrap();
        let confirmed =
            |portal: openline_sandbox::View<'_>| portal.message(answer).is_some_and(|message| !message.sending);
        world.sandbox.wait_until(confirmed).await.unwrap();
    }
    drop(processes);
}

//! How long the service takes from its start to its first answer, with a million messages in its database.

use crate::http::Connection;
use crate::machine;
use crate::stand::{free_port, quiet};
use crate::stats::ms;
use crate::table::Table;
use anyhow::{Result, ensure};
use futures_util::StreamExt;
use openline_core::message::{Content, Incoming, Thread};
use openline_core::store::{Outcome, Queue, Settlement};
use openline_core::{ChannelId, ChatId, Clock, Store, SystemClock};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONVERSATIONS: usize = 20_000;
const EACH: usize = 50;
/// In so many of them everything waits for the portal.
const WAITING: usize = 1_000;
/// Written and worked off at the same time.
const AT_ONCE: usize = 512;
const PATIENCE: Duration = Duration::from_secs(60);
const REPEATS: usize = 3;

pub(crate) async fn run() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(machine::folder()?)?;
    let place = Place { address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)), folder: folder.path().into() };
    place.fill().await?;
    let size = std::fs::metadata(place.database())?.len();
    let title =
        format!("start: {} messages, {} MB, {WAITING} conversations wait", CONVERSATIONS * EACH, size / 1_000_000);
    let mut table = Table::new(&title, &["the last run", "from start to the first answer"]);
    for (how, kill) in [("ended by SIGTERM", "-TERM"), ("was killed", "-KILL")] {
        let mut best = Duration::MAX;
        for _ in 0..REPEATS {
            place.serves()?.ends(kill)?;
            let begun = Instant::now();
            let mut service = place.serves()?;
            service.answers(place.address).await?;
            best = best.min(begun.elapsed());
            service.ends("-TERM")?;
        }
        table.row(vec![how.to_owned(), ms(best)]);
    }
    table.print();
    Ok(())
}

/// A database and a configuration.
struct Place {
    address: SocketAddr,
    folder: PathBuf,
}

impl Place {
    fn database(&self) -> PathBuf {
        self.folder.join("openline.db")
    }

    async fn fill(&self) -> Result<()> {
        let store = openline_store::open(&format!("sqlite:{}", self.database().display()).parse()?).await?;
        write(&store, 0..CONVERSATIONS - WAITING).await?;
        work_off(&store).await?;
        write(&store, CONVERSATIONS - WAITING..CONVERSATIONS).await?;
        store.close().await;
        let config = format!(
            "listen = \"{address}\"\npublic_url = \"http://{address}\"\nstore = \"sqlite:{database}\"\n\
             [log]\nlevel = \"off\"\n[portal]\nurl = \"http://127.0.0.1:9\"\nauth_server = \"http://127.0.0.1:9\"\n\
             client_id = \"local.1\"\nclient_secret = \"k3Fq9ZsW2vTx7LmB\"\n[channels.site]\nkind = \"website\"\n",
            address = self.address,
            database = self.database().display()
        );
        Ok(std::fs::write(self.folder.join("openline.toml"), config)?)
    }

    /// Starts the service.
    fn serves(&self) -> Result<Running> {
        let program = machine::folder()?.join("openline");
        let config: &Path = &self.folder.join("openline.toml");
        Ok(Running(quiet(Command::new(program).arg("serve").arg("--config").arg(config).env_remove("RUST_LOG"))?))
    }
}

struct Running(Child);

impl Running {
    /// Waits for an answer.
    async fn answers(&mut self, address: SocketAddr) -> Result<()> {
        let begun = Instant::now();
        loop {
            ensure!(begun.elapsed() < PATIENCE && self.0.try_wait()?.is_none(), "the service does not start");
            if let Ok(mut connection) = Connection::open(address).await
                && let Ok(answer) = connection.exchange(b"GET /health/live HTTP/1.1\r\nHost: bench\r\n\r\n").await
            {
                ensure!(answer.status == 200, "answered {}", answer.status);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn ends(mut self, signal: &str) -> Result<()> {
        // It shall have begun to serve, so that it has something to end.
        std::thread::sleep(Duration::from_millis(1500));
        ensure!(Command::new("kill").arg(signal).arg(self.0.id().to_string()).status()?.success(), "no kill");
        self.0.wait()?;
        Ok(())
    }
}

async fn write(store: &Arc<dyn Store>, conversations: std::ops::Range<usize>) -> Result<()> {
    let channel = ChannelId::parse("site")?;
    let clock = SystemClock::new();
    let messages = (0..EACH).flat_map(|n| conversations.clone().map(move |of| (of, n)));
    let write = |(of, n): (usize, usize)| {
        let (channel, now) = (channel.clone(), clock.now());
        async move {
            let content = Content::plain("Hello, is this still available? I would take two of them.");
            let chat = ChatId::parse(&format!("w{of:032}"))?;
            let incoming = Incoming { chat, key: format!("0198-key-{of}-{n}"), visitor: None, content, note: None };
            ensure!(store.record_incoming(&channel, incoming, now).await?.fresh, "not fresh");
            Ok(())
        }
    };
    let mut written = futures_util::stream::iter(messages).map(write).buffer_unordered(AT_ONCE);
    while let Some(result) = written.next().await {
        result?;
    }
    Ok(())
}

/// Everything that waits is delivered.
async fn work_off(store: &Arc<dyn Store>) -> Result<()> {
    let clock = SystemClock::new();
    loop {
        let jobs = store.claim(&Queue::Backend, AT_ONCE, clock.now(), Duration::from_secs(60)).await?.jobs;
        if jobs.is_empty() {
            return Ok(());
        }
        let thread = || Thread { line: Some("1".into()), chat: Some("77".into()), session: Some("7".into()) };
        let outcome = || Outcome::Done { thread: thread(), delivered_as: Vec::new(), confirm: false };
        let jobs = jobs.iter().map(|job| Settlement { job: job.id, outcome: outcome() }).collect();
        store.settle(jobs, clock.now()).await?;
    }
}

//! What it costs to be watched: the same run without it, with metrics that are asked for every second, and with traces told to a
//! collector on this machine. The three take turns, so that an hour in which the machine is slower is everybody's.

use crate::accept::{Seen, once};
use crate::http::Connection;
use crate::stand::free_port;
use crate::stats::rate;
use crate::table::Table;
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

const VISITORS: usize = 64;
const ROUNDS: usize = 7;
const SCRAPED: Duration = Duration::from_secs(1);

/// How the service is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watched {
    Not,
    Metrics,
    Traces,
}

pub(crate) async fn run() -> Result<()> {
    let title =
        format!("accept, watched: the portal is away, {VISITORS} visitors, {ROUNDS} rounds by turns; medians of them");
    let headings = ["", "accepted/s", "difference, pair by pair", "the pairs", "CPU/message", "load, others"];
    let mut table = Table::new(&title, &headings);
    let ways = [Watched::Not, Watched::Metrics, Watched::Traces];
    let mut seen: Vec<Vec<Seen>> = ways.iter().map(|_| Vec::new()).collect();
    let collector = Collector::start().await?;
    for round in 0..ROUNDS {
        for turn in 0..ways.len() {
            // Another one begins each time.
            let which = (round + turn) % ways.len();
            let (Some(way), Some(seen)) = (ways.get(which), seen.get_mut(which)) else { continue };
            seen.push(watched(*way, &collector).await?);
        }
    }
    let speed = |seen: &Seen| rate(seen.samples.count(), seen.time);
    let [not, rest @ ..] = seen.as_slice() else { return Ok(()) };
    for (name, seen) in [("not", not)].into_iter().chain(["metrics", "traces"].into_iter().zip(rest)) {
        let pairs: Vec<f64> =
            not.iter().zip(seen).map(|(not, seen)| (speed(seen) / speed(not) - 1.0) * 100.0).collect();
        let shown = |pairs: &[f64]| pairs.iter().map(|p| format!("{p:+.1}")).collect::<Vec<_>>().join(" ");
        let is_not = name == "not";
        table.row(vec![
            name.to_owned(),
            format!("{:.0}", median(seen.iter().map(speed))),
            if is_not { "–".to_owned() } else { format!("{:+.1} %", median(pairs.iter().copied())) },
            if is_not { "–".to_owned() } else { shown(&pairs) },
            format!("{:.1} µs", median(seen.iter().map(|seen| seen.cpu))),
            seen.last().map(|seen| seen.others.clone()).unwrap_or_default(),
        ]);
    }
    table.print();
    let (posts, bytes) = collector.taken();
    println!("the collector took {posts} posts with {:.1} MB\n", bytes as f64 / 1e6);
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

async fn watched(way: Watched, collector: &Collector) -> Result<Seen> {
    let (port, scraping) = match way {
        Watched::Metrics => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
            (address.port(), Some(scrape(address)))
        }
        Watched::Not | Watched::Traces => (0, None),
    };
    let tables = match way {
        Watched::Not => String::new(),
        Watched::Metrics => format!("[metrics]\nlisten = \"127.0.0.1:{port}\"\n"),
        Watched::Traces => format!("[traces]\nendpoint = \"http://{}/v1/traces\"\n", collector.address),
    };
    let seen = once(VISITORS, true, &tables).await;
    if let Some(scraping) = scraping {
        scraping.abort();
    }
    seen
}

/// Asks for the metrics as Prometheus does.
fn scrape(address: SocketAddr) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SCRAPED).await;
            let Ok(mut connection) = Connection::open(address).await else { continue };
            let _ = connection.exchange(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n").await;
        }
    })
}

/// A collector that takes everything, on a thread of its own.
struct Collector {
    address: SocketAddr,
    taken: Arc<(AtomicUsize, AtomicUsize)>,
    runtime: Option<Runtime>,
}

impl Collector {
    async fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("portal").enable_all().build()?;
        let taken: Arc<(AtomicUsize, AtomicUsize)> = Arc::default();
        let app = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        let listen = || tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = runtime.spawn(async move { listen().await }).await??;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, taken, runtime: Some(runtime) })
    }

    fn taken(&self) -> (usize, usize) {
        (self.taken.0.load(Ordering::Relaxed), self.taken.1.load(Ordering::Relaxed))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn take(State(taken): State<Arc<(AtomicUsize, AtomicUsize)>>, body: Bytes) -> StatusCode {
    taken.0.fetch_add(1, Ordering::Relaxed);
    taken.1.fetch_add(body.len(), Ordering::Relaxed);
    StatusCode::OK
}

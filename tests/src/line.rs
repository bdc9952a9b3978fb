//! A line between a browser and the service: counts what goes over it, is as slow as wanted, and holds back what the
//! test wants to be late.

use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How slow a line is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Speed {
    /// From one end to the other and back.
    pub round_trip: Duration,
    /// Bytes a second towards the browser; 0: as fast as it goes.
    pub down: u64,
    /// Bytes a second towards the service.
    pub up: u64,
}

impl Speed {
    /// What browsers' tools call slow 4G.
    pub const SLOW_4G: Self = Self { round_trip: Duration::from_millis(150), down: 200_000, up: 94_000 };
}

/// The line. It ends with the test.
pub struct Line {
    port: u16,
    state: Arc<State>,
}

struct State {
    service: SocketAddr,
    speed: Speed,
    /// Requests whose path has this word in it wait; empty: none do.
    held: watch::Sender<String>,
    requests: Mutex<Vec<String>>,
    down: AtomicU64,
    up: AtomicU64,
    wire: tokio::sync::Mutex<()>,
}

impl Line {
    /// A line to the service at that address (`http://127.0.0.1:1/…`).
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(service: &str, speed: Speed) -> Self {
        let url = url::Url::parse(service).expect("an address");
        let service = SocketAddr::from((Ipv4Addr::LOCALHOST, url.port().expect("a port")));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (down, up) = (AtomicU64::new(0), AtomicU64::new(0));
        let (held, requests) = (watch::Sender::new(String::new()), Mutex::default());
        let state = Arc::new(State { service, speed, held, requests, down, up, wire: tokio::sync::Mutex::default() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(connect(browser, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// An address of the service at this end of the line.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on requests whose path has the word in it wait.
    pub fn hold(&self, word: &str) {
        self.state.held.send_replace(word.to_owned());
    }

    /// Lets everything through.
    pub fn release(&self) {
        self.hold("");
    }

    /// The paths that were asked for, with their methods.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().clone()
    }

    /// Bytes that went towards the browser, and towards the service.
    pub fn bytes(&self) -> (u64, u64) {
        (self.state.down.load(Ordering::Relaxed), self.state.up.load(Ordering::Relaxed))
    }
}

async fn connect(browser: TcpStream, state: Arc<State>) {
    tokio::time::sleep(state.speed.round_trip).await;
    let Ok(service) = TcpStream::connect(state.service).await else { return };
    let ((from_browser, to_browser), (from_service, to_service)) = (browser.into_split(), service.into_split());
    tokio::join!(asks(from_browser, to_service, &state), answers(from_service, to_browser, &state));
}

async fn asks(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut held = state.held.subscribe();
    let mut buffer = [0; 4096];
    while let Ok(read) = from.read(&mut buffer).await {
        let Some(path) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { return };
        if path.starts_with(b"GET ") || path.starts_with(b"POST ") {
            let line = String::from_utf8_lossy(path).lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
            state.requests.lock().push(line.clone());
            let free = |word: &String| word.is_empty() || !line.contains(word.as_str());
            if held.wait_for(free).await.is_err() {
                return;
            }
        }
        state.up.fetch_add(read as u64, Ordering::Relaxed);
        travels(state, read as u64, state.speed.up).await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut buffer = [0; 4096];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        state.down.fetch_add(read as u64, Ordering::Relaxed);
        let first = read < buffer.len();
        transfers(state, read as u64, state.speed.down).await;
        if first {
            tokio::time::sleep(state.speed.round_trip / 2).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Half a round trip, and the time that so many bytes take on the wire.
async fn travels(state: &State, bytes: u64, per_second: u64) {
    tokio::time::sleep(state.speed.round_trip / 2).await;
    transfers(state, bytes, per_second).await;
}

/// All connections share the wire.
async fn transfers(state: &State, bytes: u64, per_second: u64) {
    let _alone = state.wire.lock().await;
    if let Some(micros) = (bytes * 1_000_000).checked_div(per_second) {
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

//! The server as a client on the wire sees it.

use super::{Rules, serve};
use crate::config::Proxies;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

type Piece = Result<Bytes, std::io::Error>;

/// A server with one answer that goes on for as long as the test says, one that doesn't, one that is large, and one that
/// says what it was sent.
struct Server {
    client: TcpStream,
    give: Option<mpsc::UnboundedSender<Piece>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

const QUICK: Duration = Duration::from_millis(300);

impl Server {
    async fn start() -> Self {
        let (give, pieces) = mpsc::unbounded_channel::<Piece>();
        let pieces = Arc::new(Mutex::new(pieces));
        let news = move || {
            let pieces = Arc::clone(&pieces);
            let next = async |pieces: Arc<Mutex<mpsc::UnboundedReceiver<Piece>>>| {
                let piece = pieces.lock().await.recv().await?;
                Some((piece, pieces))
            };
            let body = Body::from_stream(futures_util::stream::unfold(pieces, next));
            async move { ([("x-kind", "news")], body) }
        };
        let app = Router::new()
            .route("/news", get(news))
            .route("/short", get(async || "short"))
            .route("/large", get(async || vec![b'x'; 64 * 1024 * 1024]))
            .route("/echo", post(async |body: Bytes| body));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let rules = Rules { head: QUICK, stall: QUICK, body: QUICK, ..Rules::new(10, 10, Proxies::default()) };
        let serving = tokio::spawn(serve(listener, app, rules, stop.clone()));
        Self { client: TcpStream::connect(client).await.unwrap(), give: Some(give), stop, serving }
    }

    async fn send(&mut self, bytes: &str) {
        self.client.write_all(bytes.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    }

    fn give(&self, text: &'static str) {
        self.give.as_ref().unwrap().send(Ok(Bytes::from_static(text.as_bytes()))).unwrap();
    }

    /// Reads until what came ends so.
    async fn until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        let read = async {
            while !seen.ends_with(end.as_bytes()) {
                seen.push(self.client.read_u8().await.unwrap());
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(5), read).await;
        let seen = String::from_utf8_lossy(&seen).into_owned();
        read.unwrap_or_else(|_| panic!("no {end:?} in {seen:?}"));
        seen
    }

    /// Reads until the server closes.
    async fn rest(&mut self) -> String {
        let mut seen = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), self.client.read_to_end(&mut seen)).await;
        // A reset is an end too.
        let _ = read.expect("the connection ends");
        String::from_utf8_lossy(&seen).into_owned()
    }
}

#[tokio::test]
async fn an_answer_goes_on_and_the_connection_after_it() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    assert!(server.until("\r\n\r\n").await.contains("transfer-encoding: chunked"));
    server.give("one");
    server.until("3\r\none\r\n").await;
    // Longer than a head may take.
    tokio::time::sleep(2 * QUICK).await;
    server.give("two");
    server.until("3\r\ntwo\r\n").await;
    server.give = None;
    server.until("0\r\n\r\n").await;
    server.ask("/short").await;
    server.until("short").await;
}

#[tokio::test]
async fn requests_may_come_together_and_in_pieces() {
    let mut server = Server::start().await;
    let (one, two) = (
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\na\nb\n\n\n",
        "GET /short HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    server.send(&format!("{one}{two}{one}")).await;
    server.until("a\nb\n\n\n").await;
    server.until("short").await;
    server.until("a\nb\n\n\n").await;
    for piece in one.as_bytes().chunks(3) {
        server.client.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    server.until("a\nb\n\n\n").await;
    server.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n").await;
    assert!(server.rest().await.ends_with("a\nb"));
}

#[tokio::test]
async fn what_servers_may_read_differently_is_refused() {
    for head in [
        "GET /short HTTP/1.1\nHost: x\n\n",
        "GET /short HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "GET /short HTTP/1.1\r\nHost: x\r\n\n",
        "GET /short HTTP/1.1\r\n\r\n",
        "GET /short HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET /short HTTP/1.1\r\nHost:\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let mut server = Server::start().await;
        server.send(head).await;
        let answer = server.until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
    }
    // A second request too.
    let mut server = Server::start().await;
    server.ask("/short").await;
    server.until("short").await;
    server.send("GET /short HTTP/1.1\nHost: x\n\n").await;
    assert!(server.rest().await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let mut server = Server::start().await;
    server.ask("/nowhere").await;
    let head = server.until("\r\n\r\n").await;
    for part in ["x-content-type-options: nosniff", "frame-ancestors 'none'", "vary: Origin"] {
        assert!(head.contains(part), "{head}");
    }
}

#[tokio::test]
async fn whoever_only_holds_a_place_is_cut() {
    let begun = Instant::now();
    let mut half = Server::start().await;
    half.send("GET /short HTTP/1.1\r\nHost").await;
    half.rest().await;
    let mut silent = Server::start().await;
    silent.rest().await;
    let mut slow = Server::start().await;
    slow.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx").await;
    assert!(slow.rest().await.starts_with("HTTP/1.1 400"));
    let mut deaf = Server::start().await;
    deaf.ask("/large").await;
    // It reads nothing until the server must have given up.
    tokio::time::sleep(4 * QUICK).await;
    assert!(deaf.rest().await.len() < 60 * 1024 * 1024);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_stop_lets_the_answer_under_way_end() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    server.until("\r\n\r\n").await;
    server.stop.cancel();
    server.give("last");
    server.give = None;
    assert!(server.rest().await.ends_with("4\r\nlast\r\n0\r\n\r\n"));
    server.serving.await.unwrap();
}

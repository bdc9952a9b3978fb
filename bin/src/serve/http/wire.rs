//! Answers that are held, as a client on the wire sees them.

use super::serve;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

type Piece = Result<Bytes, std::io::Error>;

/// A server with one answer that goes on for as long as the test says, and one that doesn't.
struct Server {
    client: TcpStream,
    give: Option<mpsc::UnboundedSender<Piece>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

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
        let app = Router::new().route("/news", get(news)).route("/short", get(async || "short"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, app, stop.clone()));
        Self { client: TcpStream::connect(client).await.unwrap(), give: Some(give), stop, serving }
    }

    async fn ask(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        self.client.write_all(request.as_bytes()).await.unwrap();
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
        let in_time = tokio::time::timeout(Duration::from_secs(20), read).await;
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(in_time.is_ok(), "waited for {end:?}, got {seen:?}");
        seen
    }

    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.client.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

#[tokio::test]
async fn a_held_answer_comes_piece_by_piece_and_the_connection_goes_on() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    let head = server.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("x-kind: news\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n") && head.contains("date: ") && !head.contains("content-l"));
    server.give("");
    server.give("one");
    assert_eq!(server.until("one\r\n").await, "3\r\none\r\n");
    server.give("twenty-one bytes long");
    assert_eq!(server.until("long\r\n").await, "15\r\ntwenty-one bytes long\r\n");
    server.give = None;
    assert_eq!(server.until("0\r\n\r\n").await, "0\r\n\r\n");
    server.ask("/short").await;
    assert!(server.until("short").await.contains("content-length: 5"));
}

#[tokio::test]
async fn a_request_sent_ahead_is_answered_after_the_held_answer() {
    let mut server = Server::start().await;
    server.ask("/short").await;
    server.ask("/news").await;
    server.ask("/short").await;
    server.until("short").await;
    server.give("news");
    server.until("4\r\nnews\r\n").await;
    server.ask("/short").await;
    server.give = None;
    server.until("0\r\n\r\n").await;
    server.until("\r\n\r\nshort").await;
    server.until("\r\n\r\nshort").await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    server.give("begun");
    server.until("begun\r\n").await;
    server.give.as_ref().unwrap().send(Err(std::io::Error::other("the store is gone"))).unwrap();
    assert_eq!(server.rest().await, "");
}

#[tokio::test]
async fn nobody_goes_on_for_a_client_who_is_gone() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    server.until("\r\n\r\n").await;
    let Server { client, give, stop, serving } = server;
    drop(client);
    stop.cancel();
    // The answer has no end of its own, so only the client's going ends it before the time that the rest have.
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
    drop(give);
}

#[tokio::test]
async fn a_stop_lets_the_answer_end_and_closes_then() {
    let mut server = Server::start().await;
    server.ask("/news").await;
    server.give("begun");
    server.until("begun\r\n").await;
    server.stop.cancel();
    server.give("last");
    server.give = None;
    assert_eq!(server.rest().await, "4\r\nlast\r\n0\r\n\r\n");
    server.serving.await.unwrap();
}

//! The HTTP server: an accept loop of our own, because it closes half-sent requests and keeps idle connections small.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A request's head must arrive within this; an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// A request must be answered within this (held answers take 25 s).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long requests under way may take after the stop.
const GRACE: Duration = Duration::from_secs(10);
/// Read buffer of a connection, at the most.
const BUFFER: usize = 16 * 1024;

/// Serves until `stop`, then finishes what is under way.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let app = app.layer(from_fn(within_time));
    let graceful = GracefulShutdown::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => start(stream, &app, &graceful),
            Err(error) => {
                // Out of file descriptors, most likely: others will be freed.
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut");
    }
}

fn start(stream: TcpStream, app: &Router, graceful: &GracefulShutdown) {
    // Answers are small and someone is waiting for each.
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // Clients come and go; what matters was logged by the handlers.
        let _ = connection.await;
    });
}

async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}

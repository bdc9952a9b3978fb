//! One connection, from its first byte to its end.

use super::counts::Permit;
use super::guard::{BodyLength, Guarded};
use super::rules::Rules;
use axum::Router;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use openline_core::ClientAddress;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Read buffer of a connection, at the most.
const BUFFER: usize = 16 * 1024;

/// Answers requests until the client goes or, after `stop`, until the one under way has its answer; then the place is free.
///
/// What waits here is there thousands of times, so what is needed only for a moment is in a box of its own.
pub(super) async fn serve(
    stream: TcpStream,
    (from, _place): (IpAddr, Permit),
    app: Router,
    rules: Arc<Rules>,
    stop: CancellationToken,
) {
    // hyper has its buffers from the first byte on.
    let asked = Box::pin(tokio::time::timeout(rules.head, stream.readable()));
    if !matches!(Box::pin(stop.run_until_cancelled(asked)).await, Some(Ok(Ok(())))) {
        return;
    }
    let (guarded, length) = Guarded::new(stream, rules.stall);
    let service = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let known = known_length(&request);
        length.set(known);
        request.extensions_mut().insert(ClientAddress(from));
        // hyper keeps the room for this future as long as the connection lives.
        let answering = Box::pin(service.call(request));
        async move { answering.await.map(|answer| last_if(known == BodyLength::UNKNOWN, answer)) }
    });
    let mut connection = Box::new(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(rules.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(guarded), service),
    );
    tokio::select! {
        biased;
        // Clients come and go; what matters was logged by the handlers.
        _ = &mut connection => return,
        () = stop.cancelled() => Pin::new(&mut *connection).graceful_shutdown(),
    }
    let _ = connection.await;
}

/// How long a request's body is.
fn known_length(request: &Request<Incoming>) -> u64 {
    let upgrades = request.headers().contains_key(header::UPGRADE);
    request.body().size_hint().exact().filter(|_| !upgrades).unwrap_or(BodyLength::UNKNOWN)
}

/// Where the next head would begin is not known behind a body of unknown length: there is none.
fn last_if(last: bool, mut answer: Response) -> Response {
    if last {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

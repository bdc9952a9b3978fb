//! One connection: its requests are read and answered by hyper; an answer that goes on for long is written by [`held`].

use super::held;
use super::line::Line;
use super::{BUFFER, HEAD_TIMEOUT};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Answers requests until the client goes or, after `stop`, until the one under way has its answer.
pub(super) async fn serve(stream: TcpStream, app: Router, stop: CancellationToken) {
    let mut line = Line::new(stream);
    while is_asked(&line, &stop).await {
        let Some((lent, answer)) = requests(line, &app, &stop).await else { return };
        let Some(back) = held::write(lent, answer).await else { return };
        line = back;
    }
}

/// Waits for the first byte of a request; hyper has its buffers from then on.
async fn is_asked(line: &Line, stop: &CancellationToken) -> bool {
    let asked = tokio::time::timeout(HEAD_TIMEOUT, line.asked());
    matches!(stop.run_until_cancelled(asked).await, Some(Ok(())))
}

/// Answers requests up to one whose answer goes on for long. `None` when the connection has ended.
async fn requests(line: Line, app: &Router, stop: &CancellationToken) -> Option<(Line, Response)> {
    let (give, mut taken) = oneshot::channel();
    let (slot, behind) = (Arc::new(Slot(Mutex::new(Some(give)))), line.behind());
    let service = TowerToHyperService::new(app.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let slot = (held::may_hold(&request) && !behind.load(Ordering::Relaxed)).then(|| Arc::clone(&slot));
        answer(service.call(request), slot, Arc::clone(&behind))
    });
    // On the heap, so that it takes no room while an answer is held.
    let mut connection = Box::new(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(line), service),
    );
    let mut stopping = false;
    let answer = loop {
        tokio::select! {
            biased;
            // Clients come and go; what matters was logged by the handlers.
            _ = &mut connection => return None,
            answer = &mut taken => break answer.ok()?,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    let mut line = parts.io.into_inner();
    line.put_back(&parts.read_buf);
    Some((line, answer))
}

/// Where an answer that goes on is handed over, once.
struct Slot(Mutex<Option<oneshot::Sender<Response>>>);

impl Slot {
    fn take(&self) -> Option<oneshot::Sender<Response>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn answer(
    answering: impl Future<Output = Result<Response, Infallible>>,
    slot: Option<Arc<Slot>>,
    behind: Arc<AtomicBool>,
) -> Result<Response, Infallible> {
    let answer = answering.await?;
    let slot = slot.filter(|_| held::goes_on(&answer) && !behind.load(Ordering::Relaxed));
    let Some(give) = slot.and_then(|slot| slot.take()) else { return Ok(answer) };
    // Nobody takes it when the connection is gone. hyper hears nothing more of it: its part of the connection is dropped.
    let _ = give.send(answer);
    std::future::pending().await
}

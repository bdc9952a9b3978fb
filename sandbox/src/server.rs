//! The accept loop: plain HTTP/1.1, and the one thing a framework does not offer, closing without an answer.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Address of the client of a request, in its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Marks a response that must not be sent: the connection closes instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

impl Cut {
    /// A response that closes the connection.
    pub(crate) fn response() -> Response {
        let mut response = ().into_response();
        response.extensions_mut().insert(Self);
        response
    }
}

/// Ends a connection on purpose.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection closed by a fault")
    }
}

impl std::error::Error for Closed {}

/// Serves a router on a listener until it is told to stop; every connection is a task of its own.
pub(crate) fn serve(stop: CancellationToken, tasks: TaskTracker, listener: TcpListener, router: Router) {
    tasks.clone().spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => {
                    if let Ok((stream, peer)) = accepted {
                        let stop = stop.clone();
                        let connection = connection(stream, Peer(peer), router.clone());
                        tasks.spawn(async move {
                            tokio::select! { () = stop.cancelled() => {} () = connection => {} }
                        });
                    }
                }
            }
        }
    });
}

async fn connection(stream: TcpStream, peer: Peer, router: Router) {
    // Small answers must not wait for a full packet.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let answer = router.call(request);
        async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            if response.extensions().get::<Cut>().is_some() { Err(Closed) } else { Ok(response) }
        }
    });
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::trace!(%error, "connection ended");
    }
}

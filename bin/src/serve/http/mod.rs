//! The HTTP server: hyper behind an accept loop of our own, which counts connections and cuts those that only hold a
//! place.

mod body;
mod connection;
mod counts;
mod guard;
mod request;
mod rules;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // failing is what a test is for
mod wire;

pub use rules::Rules;

use axum::Router;
use axum::middleware::from_fn_with_state;
use counts::Counts;
use openline_core::sampled;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long requests under way may take after the stop.
const GRACE: Duration = Duration::from_secs(8);

/// Serves until `stop`, then finishes what is under way.
pub async fn serve(listener: TcpListener, app: Router, rules: Rules, stop: CancellationToken) {
    let rules = Arc::new(rules);
    let app = app.layer(from_fn_with_state(Arc::clone(&rules), request::guard));
    let (counts, connections) = (Arc::new(Counts::new(&rules)), TaskTracker::new());
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, from)) => {
                let from = from.ip().to_canonical();
                let Some(place) = counts.take(from) else { continue };
                // Answers are small and someone is waiting for each.
                let _ = stream.set_nodelay(true);
                connections.spawn(connection::serve(
                    stream,
                    (from, place),
                    app.clone(),
                    Arc::clone(&rules),
                    stop.clone(),
                ));
            }
            Err(error) => {
                // Out of file descriptors, most likely: others will be freed.
                sampled!(warn, %error, "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(GRACE, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut");
    }
}

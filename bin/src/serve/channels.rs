//! The channels that are served now. One may be changed, added or taken away while the service runs; the others notice nothing.

use crate::serve::swap::Swap;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use openline_core::again::Ladder;
use openline_core::channel::Built;
use openline_core::inbox::Doors;
use openline_core::{Bridge, Channel, ChannelId, VisitorInbox};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

/// How long the intake of a channel that is taken away may take to end.
const PATIENCE: Duration = Duration::from_secs(8);

/// Until an intake that ended begins again.
const INTAKE_AGAIN: Ladder = Ladder::of(&[1, 2, 4, 8, 16, 32, 60]);

/// All of them.
pub(crate) struct Served {
    doors: Doors,
    bridge: Arc<Bridge>,
    each: RwLock<BTreeMap<ChannelId, One>>,
    /// Their pages and interfaces, below `/c/`.
    routes: RwLock<Router>,
    stop: CancellationToken,
}

struct One {
    swap: Arc<Swap>,
    routes: Router,
    /// Ends its intake.
    end: CancellationToken,
    intake: JoinHandle<()>,
}

impl Served {
    /// None yet.
    pub(crate) fn new(doors: &Doors, bridge: &Arc<Bridge>, stop: &CancellationToken) -> Arc<Self> {
        let (doors, bridge, stop) = (doors.clone(), Arc::clone(bridge), stop.clone());
        Arc::new(Self { doors, bridge, each: RwLock::default(), routes: RwLock::new(mounted(&BTreeMap::new())), stop })
    }

    /// Serves these too, which the bridge had not.
    pub(crate) fn add(&self, channels: BTreeMap<ChannelId, Arc<Swap>>) {
        for (id, swap) in &channels {
            self.bridge.add(id, swap.built());
        }
        self.begin(channels);
    }

    /// Begins with the routes and the intake of these, which the bridge has.
    pub(crate) fn begin(&self, channels: BTreeMap<ChannelId, Arc<Swap>>) {
        for (id, swap) in channels {
            let routes = Arc::clone(&swap).routes();
            let end = self.stop.child_token();
            let intake = keep_running(self.doors.clone(), id.clone(), swap.built(), end.clone());
            let one = One { swap, routes, end, intake: tokio::spawn(intake) };
            self.each.write().insert(id, one);
        }
        self.mount();
    }

    /// Serves this one no more. What waits for its visitors stays, and goes on when it is served again.
    pub(crate) async fn remove(&self, id: &ChannelId) {
        let removed = self.each.write().remove(id);
        let Some(mut one) = removed else { return };
        self.mount();
        one.end.cancel();
        if tokio::time::timeout(PATIENCE, &mut one.intake).await.is_err() {
            tracing::warn!(channel = %id, "cut the intake of a channel that was taken away: it did not end in time");
            one.intake.abort();
        }
        self.bridge.remove(id).await;
    }

    /// The door for the visitors of one, served or not.
    pub(crate) fn door(&self, id: ChannelId) -> VisitorInbox {
        self.bridge.visitor_inbox(id)
    }

    /// One of them, to be changed.
    pub(crate) fn get(&self, id: &ChannelId) -> Option<Arc<Swap>> {
        self.each.read().get(id).map(|one| Arc::clone(&one.swap))
    }

    /// Returns when every intake has ended, after the stop.
    pub(crate) async fn ended(self: Arc<Self>) {
        self.stop.cancelled().await;
        let all = std::mem::take(&mut *self.each.write());
        for one in all.into_values() {
            let _ = one.intake.await;
        }
    }

    /// The app with the routes of those that are served when a request comes.
    pub(crate) fn below(self: &Arc<Self>, app: Router) -> Router {
        let served = Arc::clone(self);
        let answer = move |request: Request<Body>| {
            let routes = served.routes.read().clone();
            async move { Ok::<Response, Infallible>(routes.oneshot(request).await.into_response()) }
        };
        app.fallback_service(service_fn(answer))
    }

    fn mount(&self) {
        let routes = mounted(&self.each.read());
        *self.routes.write() = routes;
    }
}

fn mounted(each: &BTreeMap<ChannelId, One>) -> Router {
    let mut app = Router::new();
    for (id, one) in each {
        // Relative, so that a prefix that a proxy takes away stays.
        let page = format!("{id}/");
        app = app
            .route(&format!("/c/{id}"), get(async move |uri: Uri| to_page(&page, &uri)))
            .nest_service(&format!("/c/{id}/"), one.routes.clone());
    }
    app.fallback(|| async { (StatusCode::NOT_FOUND, "There is nothing at this address.") })
}

fn to_page(page: &str, uri: &Uri) -> Redirect {
    Redirect::permanent(&uri.query().map_or(page.to_owned(), |query| format!("{page}?{query}")))
}

/// Runs a channel's intake, again after a pause when it fails.
async fn keep_running(doors: Doors, id: ChannelId, channel: Built, stop: CancellationToken) {
    let mut failures = 0;
    while !stop.is_cancelled() {
        let pause = INTAKE_AGAIN.step(failures);
        let run = |stop| channel.channel.run(stop);
        let ended = if channel.alone {
            doors.alone(&format!("channel/{id}"), &stop, run).await
        } else {
            run(stop.clone()).await
        };
        if let Err(error) = ended {
            tracing::error!(channel = %id, error, retry_s = pause.as_secs(), "a channel's intake failed");
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        failures += 1;
    }
}

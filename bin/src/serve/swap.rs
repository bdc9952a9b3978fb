//! A channel that can be changed for another one of the same kind while it works: what is under way ends with the one with which
//! it began.

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use openline_core::channel::{Built, Outgoing};
use openline_core::handover::Continuation;
use openline_core::{Channel, Check, DeliveryError};
use parking_lot::RwLock;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

pub(crate) struct Swap {
    now: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    built: Built,
    routes: Router,
    /// Ends its intake.
    end: CancellationToken,
}

impl Current {
    fn of(built: Built) -> Self {
        let routes = Arc::clone(&built.channel).routes();
        Self { built, routes, end: CancellationToken::new() }
    }
}

impl Swap {
    pub(crate) fn new(built: Built) -> Arc<Self> {
        Arc::new(Self { now: RwLock::new(Current::of(built)) })
    }

    /// As core gets it.
    pub(crate) fn built(self: &Arc<Self>) -> Built {
        Built { channel: Arc::clone(self) as Arc<dyn Channel>, ..self.current().built }
    }

    /// Whether another one could take its place: what core was told of it once must hold.
    pub(crate) fn takes(&self, other: &Built) -> bool {
        let now = self.current().built;
        (now.can, now.alone) == (other.can, other.alone)
    }

    /// Goes on with another one.
    pub(crate) fn exchange(&self, built: Built) {
        let new = Current::of(built);
        let old = std::mem::replace(&mut *self.now.write(), new);
        old.end.cancel();
    }

    fn current(&self) -> Current {
        self.now.read().clone()
    }

    fn channel(&self) -> Arc<dyn Channel> {
        self.current().built.channel
    }

    async fn answer(&self, request: Request) -> Result<Response, Infallible> {
        self.current().routes.oneshot(request).await
    }
}

#[async_trait]
impl Channel for Swap {
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError> {
        self.channel().send(message).await
    }

    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.channel().edit(message).await
    }

    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.channel().delete(message).await
    }

    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        self.channel().undelivered(message).await
    }

    fn public_address(&self) -> Option<String> {
        self.channel().public_address()
    }

    fn embed(&self) -> Option<String> {
        self.channel().embed()
    }

    fn endpoint(&self) -> Option<String> {
        self.channel().endpoint()
    }

    fn continue_at(&self, word: &str) -> Option<Continuation> {
        self.channel().continue_at(word)
    }

    fn health(&self) -> Result<(), String> {
        self.channel().health()
    }

    async fn examine(&self, mend: bool) -> Vec<Check> {
        self.channel().examine(mend).await
    }

    fn routes(self: Arc<Self>) -> Router {
        let answer = move |request: Request| {
            let swap = Arc::clone(&self);
            async move { swap.answer(request).await }
        };
        Router::new().fallback_service(service_fn(answer))
    }

    /// One intake after the other: what the earlier one has taken is durable before the next one asks.
    async fn run(&self, stop: CancellationToken) -> Result<(), String> {
        while !stop.is_cancelled() {
            let Current { built, end, .. } = self.current();
            let own = stop.child_token();
            let mut running = built.channel.run(own.clone());
            let ended = tokio::select! {
                ended = &mut running => Some(ended),
                () = end.cancelled() => None,
            };
            if let Some(ended) = ended {
                return ended;
            }
            own.cancel();
            running.await?;
        }
        Ok(())
    }
}

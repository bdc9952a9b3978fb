//! A channel that can be changed for another one of the same kind while it works: what is under way ends with the one with which
//! it began.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use openline_core::channel::{Capabilities, Outgoing};
use openline_core::handover::Continuation;
use openline_core::{Channel, Check, DeliveryError, VisitorInbox};
use parking_lot::RwLock;
use std::convert::Infallible;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, service_fn};

pub(crate) struct Swap {
    now: RwLock<Current>,
    can: Capabilities,
    alone: bool,
}

#[derive(Clone)]
struct Current {
    channel: Arc<dyn Channel>,
    /// Its door and its routes, once they are mounted.
    mounted: Option<(VisitorInbox, Router)>,
    /// Ends its intake.
    end: CancellationToken,
}

impl Swap {
    pub(crate) fn new(channel: Arc<dyn Channel>) -> Self {
        let (can, alone) = (channel.capabilities(), channel.runs_alone());
        let now = Current { channel, mounted: None, end: CancellationToken::new() };
        Self { now: RwLock::new(now), can, alone }
    }

    /// Whether another one could take its place: what core was told of it once must hold.
    pub(crate) fn takes(&self, other: &dyn Channel) -> bool {
        (self.can, self.alone) == (other.capabilities(), other.runs_alone())
    }

    /// Goes on with another one.
    pub(crate) fn exchange(&self, channel: Arc<dyn Channel>) {
        let mounted = self.current().mounted.map(|(inbox, _)| {
            let routes = Arc::clone(&channel).routes(inbox.clone());
            (inbox, routes)
        });
        let new = Current { channel, mounted, end: CancellationToken::new() };
        let old = std::mem::replace(&mut *self.now.write(), new);
        old.end.cancel();
    }

    fn current(&self) -> Current {
        self.now.read().clone()
    }

    fn channel(&self) -> Arc<dyn Channel> {
        self.current().channel
    }

    async fn answer(&self, request: Request) -> Result<Response, Infallible> {
        match self.current().mounted {
            Some((_, routes)) => routes.oneshot(request).await,
            None => Ok(Response::new(Body::empty())),
        }
    }
}

#[async_trait]
impl Channel for Swap {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

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

    fn routes(self: Arc<Self>, inbox: VisitorInbox) -> Router {
        let routes = self.channel().routes(inbox.clone());
        self.now.write().mounted = Some((inbox, routes));
        let answer = move |request: Request| {
            let swap = Arc::clone(&self);
            async move { swap.answer(request).await }
        };
        Router::new().fallback_service(service_fn(answer))
    }

    fn runs_alone(&self) -> bool {
        self.alone
    }

    /// One intake after the other: what the earlier one has taken is durable before the next one asks.
    async fn run(&self, inbox: VisitorInbox, stop: CancellationToken) -> Result<(), String> {
        while !stop.is_cancelled() {
            let Current { channel, end, .. } = self.current();
            let own = stop.child_token();
            let mut running = channel.run(inbox.clone(), own.clone());
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

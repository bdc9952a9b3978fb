//! Starting and stopping the stand-in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

use super::bot::{Bot, add_bot};
use super::config::{TelegramConfig, TelegramSwitches};
use super::faults::TelegramFaults;
use super::hub::Hub;
use super::people::{Group, Person};
use super::record::{ApiCall, WebhookPost};
use super::view::TelegramView;
use super::{control, front, phone};
use crate::TimedOut;

/// How long [`TelegramServer::wait_until`] waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running stand-in. Dropping it stops the server without waiting; [`TelegramServer::stop`] waits for it.
#[derive(Debug)]
pub struct TelegramServer {
    pub(crate) hub: Arc<Hub>,
    base_url: String,
    _owner: DropGuard,
}

impl TelegramServer {
    /// Opens the server. Fails when the address cannot be bound.
    pub async fn start(config: TelegramConfig) -> io::Result<Self> {
        // A second call finds a provider installed and is told so; both outcomes are fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(config.listen).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let hub = Hub::new(config).map_err(io::Error::other)?;
        let router = Router::new()
            .merge(control::router())
            .merge(phone::router())
            .fallback(front::handle)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&hub));
        crate::server::serve(hub.stop.clone(), hub.tasks.clone(), listener, router);
        let owner = hub.stop.clone().drop_guard();
        Ok(Self { hub, base_url, _owner: owner })
    }

    /// Closes the listener, all connections and all waiting posts to webhooks.
    pub async fn stop(self) {
        self.hub.stop.cancel();
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
    }

    /// `http://127.0.0.1:PORT`, the place of `https://api.telegram.org`.
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// The page on which somebody plays the person.
    pub fn phone_url(&self) -> String {
        format!("{}/phone/", self.base_url)
    }

    /// Registers a bot with the key `<number>:<key>`; a known one keeps its memory.
    pub fn add_bot(&self, token: &str, username: &str) -> Bot {
        add_bot(&self.hub, token, username)
    }

    /// Makes a person, "First Last".
    pub fn person(&self, name: &str) -> Person {
        let id = self.hub.edit(|world| world.add_person(name));
        Person { hub: Arc::clone(&self.hub), id }
    }

    /// Makes a basic group without members.
    pub fn group(&self, title: &str) -> Group {
        let id = self.hub.edit(|world| world.add_group(title, false));
        Group { hub: Arc::clone(&self.hub), id }
    }

    /// The misfortunes in force.
    pub fn faults(&self) -> &TelegramFaults {
        &self.hub.faults
    }

    /// Changes the switches.
    pub fn switch(&self, change: impl FnOnce(&mut TelegramSwitches)) {
        self.hub.edit(|world| change(&mut world.switches));
    }

    /// Moves Telegram's time forward: updates, links and deletable messages age.
    pub fn advance(&self, by: Duration) {
        self.hub.clock.advance(by);
        self.hub.touch();
    }

    /// Looks at the stand-in.
    pub fn view<R>(&self, look: impl FnOnce(TelegramView<'_>) -> R) -> R {
        self.hub.view(|world| look(TelegramView(world)))
    }

    /// All API calls so far (the last twenty thousand).
    pub fn calls(&self) -> Vec<ApiCall> {
        self.view(|view| view.calls().cloned().collect())
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.view(|view| view.count(method))
    }

    /// All posts to webhooks so far (the last twenty thousand).
    pub fn webhooks(&self) -> Vec<WebhookPost> {
        self.view(|view| view.webhooks().cloned().collect())
    }

    /// Forgets calls and posts.
    pub fn clear_record(&self) {
        self.hub.edit(|world| world.record = super::record::Record::default());
    }

    /// Waits until a condition holds, for fifteen seconds at most. The condition is tested at every change.
    pub async fn wait_until(&self, condition: impl Fn(TelegramView<'_>) -> bool) -> Result<(), TimedOut> {
        self.wait_until_within(PATIENCE, condition).await
    }

    /// Waits until a condition holds, for the given time at most.
    pub async fn wait_until_within(
        &self,
        patience: Duration,
        condition: impl Fn(TelegramView<'_>) -> bool,
    ) -> Result<(), TimedOut> {
        let mut changes = self.hub.changes();
        let met = async {
            while !self.view(&condition) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        match tokio::time::timeout(patience, met).await {
            Ok(()) => Ok(()),
            Err(_) => Err(TimedOut { after: patience, lately: self.view(lately) }),
        }
    }
}

/// The last few calls and posts in one line each.
fn lately(view: TelegramView<'_>) -> String {
    let calls = view.calls().rev().take(8).map(|call| format!("{} {} {}", call.method, call.status, call.verdict));
    let posts = view.webhooks().rev().take(8).map(|post| format!("update {} {}", post.update_id, post.outcome));
    calls.chain(posts).collect::<Vec<_>>().join("\n")
}

//! The [`openline_core::Backend`] port on Bitrix24 open lines: transport, OAuth, budget, events, installation and
//! settings pages, and the translation between BB code and core's text model.
//!
//! The portal's behaviour is written down in `bitrix24.md`; comments name its sections.

mod address;
mod attached;
mod batch;
pub mod bbcode;
mod budget;
mod config;
mod confirm;
mod credentials;
mod events;
mod files;
mod flights;
mod form;
mod gate;
mod history;
mod line;
mod lines;
mod names;
mod note;
mod oauth;
mod pace;
mod page;
mod portal;
mod proofs;
mod rest;
mod roster;
mod send;
mod setup;
mod states;
mod tokens;
mod tries;
mod verdict;
mod web;

pub use config::{Address, Connector, PortalConfig, RequestLimit, is_loopback};
pub use lines::Binding;
pub use rest::CallError;
pub use roster::Registered;
pub use verdict::Verdict;

use async_trait::async_trait;
use budget::Urgency;
use openline_core::backend::{Confirmation, Delivery, FileStream, Receipt};
use openline_core::line::LineInfo;
use openline_core::message::{Conversation, File, FileSource, OperatorEvent};
use openline_core::secret::MasterSecret;
use openline_core::{Backend, ChannelId, DeliveryError, OperatorInbox, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Confirmations in one call; they are cheap.
const CONFIRMATIONS_A_CALL: usize = 50;

/// What the modules share.
pub(crate) struct Inner {
    portal: Arc<portal::Portal>,
    lines: lines::Lines,
    line_infos: Arc<line::LineInfos>,
    states: states::States,
    pace: pace::Pace,
    flights: flights::Flights,
    /// Looks that failed, whether a message has arrived.
    looks: tries::Tries,
    /// Refusals of one message in a call that succeeded.
    refusals: tries::Tries,
    file_client: reqwest::Client,
    looked_for_lines: tokio::sync::Mutex<HashMap<String, Instant>>,
    /// When each connector was registered again last, because the portal did not know it.
    registered: tokio::sync::Mutex<HashMap<String, Instant>>,
    proofs: proofs::Proofs,
    /// Installations that are tried again in the background.
    confirming: Arc<tokio::sync::Semaphore>,
}

/// A Bitrix24 portal as the backend of the bridge.
pub struct Bitrix(Arc<Inner>);

/// How the portal stands, for people.
#[derive(Debug, Clone)]
pub struct Status {
    /// The portal's id, when installed.
    pub member_id: Option<String>,
    /// Why nothing is sent at the moment.
    pub problem: Option<String>,
    /// Connector, line, how it stands.
    pub lines: Vec<(String, String, Binding)>,
}

/// What an installation remembers of its portal, read beside a running service.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// Whether the application is installed there, as far as is known.
    pub installed: bool,
    /// The connectors that were registered.
    pub connectors: Vec<Registered>,
    /// Connector, line, how it stands.
    pub lines: Vec<(String, String, Binding)>,
}

/// Reads what is remembered of the portal.
///
/// # Errors
/// When the store can't be read.
pub async fn remembered(store: &Arc<dyn openline_core::Store>) -> Result<Remembered, StoreError> {
    let installed = store.state_get(credentials::KEY).await?.is_some();
    let lines = lines::Lines::load(Arc::clone(store)).await?.all();
    Ok(Remembered { installed, connectors: roster::all(store).await?, lines })
}

impl Bitrix {
    /// Opens what is remembered of the portal.
    ///
    /// # Errors
    /// When the store can't be read, or the stored credentials can't be decrypted with this secret.
    pub async fn open(config: PortalConfig, inbox: OperatorInbox, secret: &MasterSecret) -> Result<Self, StoreError> {
        let client =
            rest::client(config.timeout).map_err(|e| StoreError::Unavailable(format!("no HTTP client: {e}")))?;
        let lines = lines::Lines::load(Arc::clone(inbox.store())).await?;
        let line_infos = Arc::new(line::LineInfos::load(inbox.store()).await?);
        let portal = portal::Portal::open(config, inbox, secret.derive("bitrix/credentials"), client).await?;
        let states = states::States::new(secret.derive("bitrix/authorize"));
        let looked_for_lines = tokio::sync::Mutex::default();
        let portal = Arc::new(portal);
        let (pace, flights) = (pace::Pace::default(), flights::Flights::default());
        let file_client = rest::file_client().map_err(|e| StoreError::Unavailable(format!("no HTTP client: {e}")))?;
        Ok(Self(Arc::new(Inner {
            portal,
            lines,
            line_infos,
            states,
            pace,
            flights,
            looks: tries::Tries::default(),
            refusals: tries::Tries::default(),
            proofs: proofs::Proofs::default(),
            confirming: Arc::new(tokio::sync::Semaphore::new(4)),
            registered: tokio::sync::Mutex::default(),
            file_client,
            looked_for_lines,
        })))
    }

    /// The addresses that the portal calls, to be mounted at `/bitrix`.
    pub fn routes(&self) -> axum::Router {
        web::routes(Arc::clone(&self.0))
    }

    /// Registers connectors and binds events in the background, when the application is installed.
    pub fn start(&self) {
        if self.0.portal.credentials().is_some_and(|credentials| credentials.broken.is_none()) {
            web::reconcile_later(&self.0);
        }
    }

    /// Waits for what must not be dropped half-way: a renewal of the tokens, a registration.
    pub async fn stop(&self) {
        self.0.portal.tasks.close();
        self.0.portal.tasks.wait().await;
    }

    /// How the portal stands.
    pub fn status(&self) -> Status {
        Status {
            member_id: self.0.portal.credentials().map(|credentials| credentials.member_id.clone()),
            problem: self.0.portal.gate.reason(),
            lines: self.0.lines.all(),
        }
    }
}

#[async_trait]
impl Backend for Bitrix {
    async fn ready(&self) {
        self.0.portal.pass().await;
        self.0.portal.budget.room(Urgency::Now).await;
    }

    fn batch_limits(&self) -> (usize, usize) {
        (self.0.pace.messages_a_call(), CONFIRMATIONS_A_CALL)
    }

    async fn deliver(&self, batch: &[Delivery]) -> Vec<Result<Receipt, DeliveryError>> {
        send::deliver(&self.0, batch).await
    }

    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        confirm::confirm(&self.0, batch).await
    }

    async fn missed(&self, conversations: &[Conversation]) -> Vec<Result<Vec<OperatorEvent>, DeliveryError>> {
        history::missed(&self.0, conversations).await
    }

    async fn note(&self, conversation: &Conversation, text: &str) -> Result<(), DeliveryError> {
        note::note(&self.0, conversation, text).await
    }

    async fn line(&self, channel: &ChannelId) -> Result<LineInfo, DeliveryError> {
        line::line(&self.0, channel).await
    }

    async fn open(&self, file: &File) -> Result<FileStream, DeliveryError> {
        let FileSource::Backend(address) = &file.source else {
            return Err(DeliveryError::refused("the file is not the portal's"));
        };
        let portal = &self.0.portal;
        let endpoint = portal.credentials().map(|credentials| credentials.client_endpoint.clone());
        files::open(&self.0.file_client, &portal.config, endpoint.as_deref(), address).await
    }
}

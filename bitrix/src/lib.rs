//! The [`openline_core::Backend`] port on Bitrix24 open lines: transport, OAuth, budget, events, installation and
//! settings pages, and the translation between BB code and core's text model.
//!
//! The portal's behaviour is written down in `bitrix24.md`; comments name its sections.

mod access;
pub mod bbcode;
mod concern;
mod config;
mod deliver;
mod findings;
mod lines;
mod settings;
mod shared;
mod texts;
mod web;
mod wire;

pub use access::online::check_online;
pub use access::servers::usual_server;
pub use concern::{Concern, Problem, alert};
pub use config::{Connector, PortalConfig, Shown, Shows};
pub use lines::bindings::Binding;
pub use lines::roster::Registered;
pub use settings::{PortalSettings, RECONCILE, RequestLimit, address, is_loopback};
pub use texts::languages;
pub use web::board::{Said, Watch};
pub use wire::rest::CallError;
pub use wire::verdict::Verdict;

use crate::shared::Inner;
use async_trait::async_trait;
use openline_core::backend::{Confirmation, Delivery, FileStream, Missed, Receipt, Watched};
use openline_core::line::LineInfo;
use openline_core::message::{Conversation, File};
use openline_core::secret::MasterSecret;
use openline_core::{Backend, ChannelId, DeliveryError, OperatorInbox, StoreError, Timestamp};
use std::sync::Arc;

/// A Bitrix24 portal as the backend of the bridge.
pub struct Bitrix(Arc<Inner>);

/// How the portal stands, for people.
#[derive(Debug, Clone)]
pub struct Status {
    /// The portal's id, when installed.
    pub member_id: Option<String>,
    /// Why nothing is sent at the moment.
    pub problem: Option<String>,
    /// Why nothing will be sent until somebody acts: not installed, or the tokens are dead.
    pub lost: Option<String>,
    /// Connector, line, how it stands.
    pub lines: Vec<(String, String, Binding)>,
    /// What an administrator has to mend.
    pub problems: Vec<Concern>,
    /// When the last event of the portal came to this process.
    pub last_event: Option<Timestamp>,
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
    let installed = store.state_get(access::credentials::KEY).await?.is_some();
    let lines = lines::bindings::Lines::load(Arc::clone(store)).await?.all();
    Ok(Remembered { installed, connectors: lines::roster::all(store).await?, lines })
}

impl Bitrix {
    /// Opens what is remembered of the portal.
    ///
    /// # Errors
    /// When the store can't be read, or the stored credentials can't be decrypted with this secret.
    pub async fn open(config: PortalConfig, inbox: OperatorInbox, secret: &MasterSecret) -> Result<Self, StoreError> {
        let client =
            wire::rest::client(config.timeout).map_err(|e| StoreError::Unavailable(format!("no HTTP client: {e}")))?;
        let lines = lines::bindings::Lines::load(Arc::clone(inbox.store())).await?;
        let line_infos = Arc::new(lines::info::LineInfos::load(inbox.store()).await?);
        let language = inbox.store().state_get(shared::LANGUAGE).await?.and_then(|code| String::from_utf8(code).ok());
        let language = language.map_or_else(texts::english, |code| texts::find(&code));
        let portal = access::portal::Portal::open(config, inbox, &secret.keys("bitrix/credentials"), client).await?;
        let states = access::authorize_state::States::new(secret.keys("bitrix/authorize"));
        let looked_for_lines = tokio::sync::Mutex::default();
        let portal = Arc::new(portal);
        let (pace, flights) = (deliver::pace::Pace::default(), deliver::flights::Flights::default());
        let file_client =
            wire::rest::file_client().map_err(|e| StoreError::Unavailable(format!("no HTTP client: {e}")))?;
        Ok(Self(Arc::new(Inner {
            portal,
            lines,
            line_names: parking_lot::RwLock::default(),
            findings: findings::Findings::default(),
            language: parking_lot::RwLock::new(language),
            finished: std::sync::atomic::AtomicBool::new(false),
            finishing: lines::finishing::Finishing::default(),
            choose_keys: secret.keys("bitrix/choose"),
            board_keys: secret.keys("bitrix/board"),
            last_event: std::sync::atomic::AtomicI64::default(),
            pair_key: secret.derive("bitrix/pair"),
            line_infos,
            states,
            pace,
            flights,
            gathered: deliver::gathered::Gathered::default(),
            genuine: deliver::known::Genuine::default(),
            looks: deliver::tries::Tries::default(),
            refusals: deliver::tries::Tries::default(),
            refused_blocks: deliver::names::RefusedBlocks::default(),
            proofs: access::proof_limit::Proofs::default(),
            waiting: access::claimed::Waiting::default(),
            verifying: parking_lot::Mutex::default(),
            registered: tokio::sync::Mutex::default(),
            file_client,
            looked_for_lines,
            reconfigured: tokio::sync::Notify::new(),
        })))
    }

    /// The addresses that the portal calls, to be mounted at `/bitrix`.
    pub fn routes(&self, watch: Arc<dyn Watch>) -> axum::Router {
        web::routes(web::board::Shared::new(Arc::clone(&self.0), watch))
    }

    /// The dashboard at `/admin`, for a listener of its own. Whoever reaches it may do everything that it offers.
    pub fn admin(&self, watch: Arc<dyn Watch>) -> axum::Router {
        web::board::own(web::board::Shared::new(Arc::clone(&self.0), watch))
    }

    /// What comes to the root by mistake, to be mounted there.
    pub fn strays(&self) -> axum::Router {
        web::strays(Arc::clone(&self.0))
    }

    /// Registers connectors and binds events in the background, when the application is installed.
    pub fn start(&self) {
        if self.0.portal.credentials().is_some_and(|credentials| credentials.broken.is_none()) {
            web::afterwards::reconcile_later(&self.0);
        }
        web::removal::go_on(&self.0);
        let bitrix = Arc::clone(&self.0);
        tokio::spawn(async move {
            if let Err(error) = web::waiting::go_on(&bitrix).await {
                tracing::error!(%error, "can't look for claims of an installation that wait");
            }
        });
        tokio::spawn(lines::looking::keep_looking(Arc::clone(&self.0)));
    }

    /// Goes on with another configuration: calls under way end as they began, connectors that are new or different are
    /// registered, and what is told to the portal is told anew.
    pub fn exchange(&self, config: PortalConfig) {
        match wire::rest::client(config.timeout) {
            Ok(client) => self.0.portal.exchange(config, client),
            // It differs by a time only: the earlier one does.
            Err(error) => {
                tracing::error!(%error, "no other HTTP client");
                self.0.portal.exchange(config, self.0.portal.client());
            }
        }
        self.0.reconfigured.notify_waiters();
        if self.0.portal.credentials().is_some_and(|credentials| credentials.broken.is_none()) {
            web::afterwards::reconcile_later(&self.0);
        }
    }

    /// Waits for what must not be dropped half-way: a renewal of the tokens, a registration.
    pub async fn stop(&self) {
        self.0.portal.tasks.close();
        self.0.portal.tasks.wait().await;
    }

    /// Looks, also from a process in which it does not run, at everything that is between visitors and operators at the
    /// portal; with `mend` what can be is set right. The portal is asked for an event, which has to come to the running
    /// service within `patience`; without any, it is not asked.
    pub async fn examine(&self, mend: bool, patience: std::time::Duration) -> Vec<openline_core::Check> {
        lines::checkup::look(&self.0, mend, patience).await
    }

    /// Shows users of the portal a notice; one with the same tag takes the earlier one's place (`bitrix24.md` §11).
    ///
    /// # Errors
    /// What the portal says of the first whom it could not be shown.
    pub async fn notify(&self, users: &[u32], text: &str, tag: &str) -> Result<(), CallError> {
        let text = bbcode::write(&openline_core::text::RichText::plain(text));
        for user in users {
            let params = serde_json::json!({ "USER_ID": user, "MESSAGE": text, "TAG": tag });
            self.0.portal.call("im.notify.system.add", &params, access::budget::Class::Background).await?;
        }
        Ok(())
    }

    /// The language of the portal's administrators, as its code; English until it is known.
    pub fn language(&self) -> &'static str {
        self.0.language().code
    }

    /// How the portal stands.
    pub fn status(&self) -> Status {
        let (known, reason) = (self.0.portal.credentials(), self.0.portal.gate.reason());
        let lost = match &known {
            None => reason.clone().or_else(|| Some("openline is not installed in the portal".to_owned())),
            Some(known) => known.broken.clone(),
        };
        Status {
            lost,
            member_id: known.map(|credentials| credentials.member_id.clone()),
            problem: reason,
            lines: self.0.lines.all(),
            problems: self.0.findings.concerns(),
            last_event: self.0.last_event(),
        }
    }
}

#[async_trait]
impl Backend for Bitrix {
    async fn ready(&self) {
        self.0.portal.pass().await;
    }

    fn share(&self, processes: usize) {
        self.0.portal.budget.share(processes);
    }

    async fn changed_elsewhere(&self, key: Option<&str>) {
        if key.is_none_or(|key| key == access::credentials::KEY) {
            self.0.portal.reload().await;
        }
        if key.is_none_or(lines::bindings::Lines::has)
            && let Err(error) = self.0.lines.reload().await
        {
            tracing::warn!(%error, "can't read which lines another process has connected");
        }
    }

    fn batch_limits(&self) -> (usize, usize) {
        (deliver::gathered::MESSAGE_CALLS * self.0.pace.messages_a_call(), deliver::together::CONFIRMATIONS)
    }

    async fn deliver(&self, delivery: Delivery) -> Result<Receipt, DeliveryError> {
        deliver::send::deliver(&self.0, delivery).await
    }

    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
        deliver::confirm::confirm(&self.0, batch).await
    }

    fn language(&self) -> &'static str {
        Self::language(self)
    }

    fn missed_limit(&self) -> usize {
        deliver::missed::A_CALL
    }

    async fn missed(&self, dialogs: &[Watched]) -> Vec<Result<Missed, DeliveryError>> {
        deliver::missed::missed(&self.0, dialogs).await
    }

    async fn note(
        &self,
        conversation: &Conversation,
        text: &str,
        unknown_since: Option<Timestamp>,
    ) -> Result<(), DeliveryError> {
        deliver::note::note(&self.0, conversation, text, unknown_since).await
    }

    async fn line(&self, channel: &ChannelId) -> Result<LineInfo, DeliveryError> {
        lines::ask::line(&self.0, channel).await
    }

    async fn open(&self, file: &File) -> Result<FileStream, DeliveryError> {
        let portal = &self.0.portal;
        let endpoint = portal.credentials().map(|credentials| credentials.client_endpoint.clone());
        deliver::files::open(&self.0.file_client, &portal.config(), endpoint.as_deref(), file).await
    }
}

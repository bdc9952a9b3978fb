//! Wiring: store, doors, backend, channels, dispatcher, HTTP.

use crate::audit;
use crate::config::{Config, Plans, lines};
use crate::secret;
use crate::serve::admin;
use crate::serve::channels::Served;
use crate::serve::files;
use crate::serve::http;
use crate::serve::metrics;
use crate::serve::open_files;
use crate::serve::pulse::Pulse;
use crate::serve::reload::{Reloaded, Reloader};
use crate::serve::status::{self, Processes};
use crate::serve::swap::Swap;
use crate::serve::traces::{self, Telling};
use crate::serve::watch::Watch;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openline_bitrix::{Bitrix, Status};
use openline_core::desk::Desk;
use openline_core::inbox::Doors;
use openline_core::secret::MasterSecret;
use openline_core::{
    Backend, Bridge, ChannelId, Clock, ConfigError, Files, Roster, Sides, Store, SystemClock, VisitorInbox,
};
use openline_store::DiskFiles;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long what is under way may take after the stop, and then the closing of the database: ten seconds together, which
/// is what systemd and container hosts are told to wait at the least.
const END: Duration = Duration::from_millis(8500);
const CLOSE: Duration = Duration::from_millis(1000);

/// How often it is looked for what uploads left.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address to listen at.
    #[error("listen: can't listen at {address}: {problem}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why, and what would help.
        problem: String,
    },
    /// The database.
    #[error("store: {0}")]
    Store(#[from] openline_store::OpenError),
    /// The secret's file.
    #[error("secret: {0}")]
    Secret(String),
    /// The folder of visitors' files.
    #[error("files.folder: {0}")]
    Files(openline_store::OpenError),
    /// What the database holds.
    #[error("store: {0}")]
    Contents(#[from] openline_core::StoreError),
    /// The configuration.
    #[error("{0}")]
    Config(String),
}

impl StartError {
    #[allow(clippy::needless_pass_by_value)] // what map_err gives
    fn of_config(errors: Vec<ConfigError>) -> Self {
        Self::Config(lines(&errors))
    }
}

/// A running service.
pub struct Service {
    address: SocketAddr,
    store: Arc<dyn Store>,
    bitrix: Arc<Bitrix>,
    doors: Doors,
    bridge: Arc<Bridge>,
    reloader: Arc<Reloader>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Of messages' ways, when somebody is told.
    telling: Option<Telling>,
}

impl Service {
    /// Starts everything that a configuration says.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listener = listen(config.listen).await?;
        Self::start_on(config, listener).await
    }

    /// Starts on a listener that exists already.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start_on(config: Config, listener: TcpListener) -> Result<Self, StartError> {
        let address = listener.local_addr().unwrap_or(config.listen);
        let store = openline_store::open(&config.store).await?;
        let secret = secret::rooted(master_secret(&config)?, &store).await?;
        if secret.has_earlier() {
            tracing::warn!("earlier secrets are still good; take their lines away when nothing needs them any more");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ids: Vec<ChannelId> = config.channels.keys().cloned().collect();
        let kept = DiskFiles::open(&config.files.folder, Arc::clone(&clock)).await.map_err(StartError::Files)?;
        kept.guard_by(config.files.checked_by(), config.files.floor);
        let kept = Arc::new(kept);
        let doors = Doors::new(Arc::clone(&store), Arc::clone(&clock), &ids);
        let host = config.host(secret.clone(), clock);
        let plans = config.plan_channels(&host).map_err(StartError::of_config)?;
        let doors = doors.equipped(Arc::clone(&kept) as _, config.file_policy(), &config.public_url, &secret);
        let (doors, telling) = traces::follow(doors, &config, &store.tag().to_string());
        let roster = Roster::default();
        let portal = config.portal_config(&plans.can(), &roster);
        let bitrix = Arc::new(Bitrix::open(portal, doors.operator_inbox(), &secret).await?);
        let sides = Sides::new(&doors, Arc::clone(&bitrix) as Arc<dyn Backend>, &roster);
        let channels = channels(plans, &sides)?;
        let bridge = Bridge::new(sides, channels.iter().map(|(id, swap)| (id.clone(), swap.built())).collect());
        let (stop, pulse) = (CancellationToken::new(), Pulse::default());
        let served = Served::new(&doors, &bridge, &stop);
        let watch = Watch::new(&config, (&store, &doors, &bitrix), &roster, pulse.clone());
        let alerts = tokio::sync::watch::Sender::new(Arc::new(config.alerts.clone()));
        let (files, desk) = (Arc::clone(&kept), Desk::new(&doors));
        let health = Health { pulse: pulse.clone(), files, desk, watch: watch.clone() };
        let processes = Arc::new(Processes(watch.clone()));
        let pages = bitrix.routes(Arc::clone(&processes) as _);
        let app = served.below(routes(&bitrix, pages, &bridge, health));
        let measured = metrics::routes(&config.metrics, &store, &doors, &bitrix, stop.clone());
        let (app, apart) = apart(&config, app, measured, bitrix.admin(processes)).await?;
        let rules = http_rules(&config);
        pulse.begin(&store, &doors).await;
        served.begin(channels);
        let listening = Arc::clone(&bridge);
        let mut tasks = vec![
            tokio::spawn(async move { listening.listen().await }),
            tokio::spawn(openline_core::forget::run(doors.clone(), config.privacy.keep, stop.clone())),
            tokio::spawn(Arc::clone(&bridge).run(config.portal.reconcile_every, stop.clone())),
            tokio::spawn(http::serve(listener, app, rules.clone(), stop.clone())),
        ];
        for (listener, app) in apart {
            tasks.push(tokio::spawn(http::serve(listener, app, rules.clone(), stop.clone())));
        }
        tasks.push(tokio::spawn(status::keep(watch.clone(), stop.clone())));
        tasks.push(tokio::spawn(crate::serve::alerts::run(watch.clone(), alerts.subscribe(), stop.clone())));
        tasks.push(tokio::spawn(watch.clone().run(config.alerts.every, stop.clone())));
        tasks.push(tokio::spawn(pulse.run(Arc::clone(&store), doors.clone(), Arc::clone(&bitrix) as _, stop.clone())));
        tasks.push(tokio::spawn(keep_tidy(Arc::clone(&kept), stop.clone())));
        tasks.push(tokio::spawn(audit::run(Arc::clone(&store), stop.clone())));
        tasks.push(tokio::spawn(Arc::clone(&served).ended()));
        let running = tokio::sync::Mutex::new((None, host));
        let reloader = Arc::new(Reloader { files: kept, alerts, watch, served, started: config, running });
        tasks.push(tokio::spawn(Arc::clone(&reloader).listen(stop.clone())));
        bitrix.start();
        Ok(Self { address, store, bitrix, doors, bridge, reloader, stop, tasks, telling })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the portal stands.
    pub fn portal(&self) -> Status {
        self.bitrix.status()
    }

    /// Goes on with another configuration, as far as that can be done without a stop.
    ///
    /// # Errors
    /// What is wrong with it; nothing is changed then.
    pub async fn reload(&self, config: Config) -> Result<Reloaded, String> {
        self.reloader.reload(config).await
    }

    /// The door of one of its channels, for programs that run the service inside themselves.
    pub fn visitor_inbox(&self, channel: ChannelId) -> VisitorInbox {
        self.bridge.visitor_inbox(channel)
    }

    /// Finishes what is under way, and closes the database; all within ten seconds. What has to be cut is uncertain, and
    /// looked up after the next start.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.doors.close();
        let ending = async {
            for task in &mut self.tasks {
                let _ = task.await;
            }
            self.bitrix.stop().await;
        };
        if tokio::time::timeout(END, ending).await.is_err() {
            tracing::warn!("cut what did not end in time");
            self.tasks.iter().for_each(JoinHandle::abort);
        }
        if let Some(telling) = self.telling.take() {
            telling.end().await;
        }
        if tokio::time::timeout(CLOSE, self.store.close()).await.is_err() {
            tracing::warn!("the database was not closed in time");
        }
    }
}

/// What has a listener of its own, with it; what is measured joins the service's pages otherwise.
async fn apart(
    config: &Config,
    mut app: Router,
    measured: Option<Router>,
    admin: Router,
) -> Result<(Router, Vec<(TcpListener, Router)>), StartError> {
    let mut apart = Vec::new();
    match (measured, config.metrics.listen) {
        (Some(measured), Some(address)) => apart.push((listen(address).await?, measured)),
        (Some(measured), None) => app = app.merge(measured),
        (None, _) => {}
    }
    if let Some(address) = config.admin.listen {
        apart.push((listen(address).await?, admin::routes(&config.admin, admin)));
    }
    Ok((app, apart))
}

/// The channels, each so that it can be changed.
fn channels(plans: Plans, sides: &Sides) -> Result<BTreeMap<ChannelId, Arc<Swap>>, StartError> {
    let built = plans.build(|id| sides.inbox(id)).map_err(StartError::of_config)?;
    Ok(built.into_iter().map(|(id, built)| (id, Swap::new(built))).collect())
}

/// Who may hold connections.
fn http_rules(config: &Config) -> http::Rules {
    let (wanted, each) = (config.limits.connections as usize, config.limits.connections_each as usize);
    let room = open_files::too_few(wanted);
    if let Some(connections) = room {
        tracing::warn!(connections, wanted, "the system allows fewer open files than limits.connections");
    }
    http::Rules::new(room.unwrap_or(wanted), each, config.trusted_proxies.clone())
}

/// Takes the port, or says what to do about it.
///
/// # Errors
/// [`StartError::Listen`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| {
        let problem = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program has this port; stop it or choose another one".to_owned(),
            std::io::ErrorKind::PermissionDenied => format!("{error}; choose a port above 1023"),
            std::io::ErrorKind::AddrNotAvailable => format!("{error}; this machine does not have that address"),
            _ => error.to_string(),
        };
        StartError::Listen { address, problem }
    })
}

pub(crate) fn master_secret(config: &Config) -> Result<MasterSecret, StartError> {
    if let Some(secret) = &config.secret {
        return Ok(secret.clone());
    }
    let missing = || StartError::Secret("is missing; with this store it has to be configured".to_owned());
    let database = config.store.file().ok_or_else(missing)?;
    secret::beside(database).map_err(StartError::Secret)
}

/// Clears away what uploads left that never ended, in this process or another.
async fn keep_tidy(files: Arc<DiskFiles>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(TIDY_EVERY)).await.is_some() {
        if let Err(error) = files.tidy().await {
            tracing::warn!(%error, "what is left of uploads can't be cleared away");
        }
    }
}

fn routes(bitrix: &Arc<Bitrix>, pages: Router, bridge: &Arc<Bridge>, health_of: Health) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/all", get(all_is_well))
        .route("/health/live", get(async || StatusCode::OK))
        .route("/health/ready", get(health))
        .with_state((Arc::clone(bitrix), health_of))
        .nest("/bitrix", pages)
        .merge(bitrix.strays())
        .merge(files::routes(Arc::clone(bridge)))
}

/// For load balancers: 200 while the service can store messages, whatever the portal does; else 503 with the reason.
/// `ready` says whether they also go on, and `problems` what an administrator has to mend.
async fn health(State((bitrix, here)): State<(Arc<Bitrix>, Health)>) -> Response {
    let code = if here.pulse.problem().is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(here.told(&bitrix.status()))).into_response()
}

/// For whoever watches over it: 200 when all works, 503 when somebody has to mend something.
async fn all_is_well(State((bitrix, here)): State<(Arc<Bitrix>, Health)>) -> Response {
    let status = bitrix.status();
    let well = is_ready(&status) && here.watch.concerns().is_empty();
    let code = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(here.told(&status))).into_response()
}

fn is_ready(status: &Status) -> bool {
    status.member_id.is_some() && status.problem.is_none() && status.problems.is_empty()
}

/// What else `/health` tells than how the portal stands.
#[derive(Clone)]
struct Health {
    pulse: Pulse,
    files: Arc<DiskFiles>,
    desk: Desk,
    watch: Watch,
}

impl Health {
    fn told(&self, status: &Status) -> serde_json::Value {
        let store = self.pulse.problem();
        let problems = self.watch.concerns().into_iter().map(|one| one.english());
        let problems = problems.map(|one| serde_json::json!({ "problem": one.problem, "remedy": one.remedy }));
        let mut told = serde_json::json!({
            "status": if store.is_none() { "ok" } else { "unavailable" },
            "ready": store.is_none() && is_ready(status),
            "installed": status.member_id.is_some(),
            "portal": status.problem,
            "problems": problems.collect::<Vec<_>>(),
        });
        if let Some(store) = store {
            told["store"] = store.into();
        }
        if let Some(problem) = self.files.problem() {
            told["files"] = problem.into();
        }
        let paused = self.desk.paused();
        if !paused.is_empty() {
            let why = paused.into_iter().map(|(channel, pause)| (channel.to_string(), pause.why.into()));
            told["paused"] = serde_json::Value::Object(why.collect());
        }
        told
    }
}

//! A stand-in portal and a service that is installed in it and connected.

use crate::Visitor;
use crate::cluster::{self, Cluster};
use openline::{Config, Service};
use openline_sandbox::{PageOptions, Sandbox, SandboxConfig};
use openline_store::StoreUrl;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// The channel that worlds have unless told otherwise.
pub const CHANNELS: &str = "[channels.site]\nkind = \"website\"\n";

/// Ends the connections that the leases of a PostgreSQL database's processes hang on.
pub const LEASES: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A portal, a service, and a folder for its data.
pub struct World {
    /// The portal.
    pub sandbox: Sandbox,
    /// The service; `None` while it is stopped.
    pub service: Option<Service>,
    folder: TempDir,
    address: SocketAddr,
    channels: String,
    store: String,
    /// The database on the tests' server, when it has one.
    database: Option<cluster::Database>,
    /// The whole table, where the store asks for it.
    files: String,
    /// What stands before and in `[limits]`: all visitors of a test have one address.
    limits: String,
    /// What an administrator wrote wrongly: what stands there instead of what is right.
    mistakes: Vec<(String, String)>,
}

/// Which store a world's service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in the world's folder.
    Sqlite,
    /// A database of its own on the tests' server.
    Postgres,
}

impl World {
    /// A portal without limits, one website chat connected to line 1.
    pub async fn start() -> Self {
        Self::with(SandboxConfig::default().without_limits(), CHANNELS).await
    }

    /// Any portal, any channels (the rest of the configuration, behind the `[portal]` table's first keys); each connector
    /// is connected to line 1.
    pub async fn with(portal: SandboxConfig, channels: &str) -> Self {
        let mut world = Self::bare(portal, channels).await;
        world.start_service().await;
        world.install().await;
        for connector in world.sandbox.view(|portal| portal.connectors()) {
            world.connect(&connector, 1).await;
        }
        world
    }

    /// A portal and a folder; the service is not started.
    pub async fn bare(portal: SandboxConfig, channels: &str) -> Self {
        openline::install_crypto();
        let sandbox = Sandbox::start(portal).await.expect("the stand-in portal starts");
        let address = crate::free_address();
        let folder = tempfile::tempdir().expect("a folder");
        let store = format!("sqlite:{}", folder.path().join("openline.db").display());
        Self {
            sandbox,
            service: None,
            folder,
            address,
            channels: channels.to_owned(),
            store,
            database: None,
            files: "[files]\ntypes = [\"*/*\"]\n".to_owned(),
            limits: crate::no_limits(),
            mistakes: Vec::new(),
        }
    }

    /// Like [`World::with`], on a store of the wanted kind.
    pub async fn on(database: Database, portal: SandboxConfig, channels: &str) -> Self {
        let mut world = Self::bare_on(database, portal, channels).await;
        world.start_service().await;
        world.install().await;
        world.connect("openline_site", 1).await;
        world
    }

    /// Like [`World::bare`], on a store of the wanted kind.
    pub async fn bare_on(database: Database, portal: SandboxConfig, channels: &str) -> Self {
        let mut world = Self::bare(portal, channels).await;
        if database == Database::Postgres {
            let made = tokio::task::spawn_blocking(|| Cluster::shared().database()).await.expect("a database");
            world.store = made.url();
            world.database = Some(made);
            world.files =
                format!("[files]\ntypes = [\"*/*\"]\nfolder = \"{}\"\n", world.folder().join("files").display());
        }
        world
    }

    /// The service's configuration as it would be written to a file.
    pub fn config_text(&self) -> String {
        let right = format!(
            "listen = \"{address}\"\npublic_url = \"http://{address}\"\nstore = \"{store}\"\n\
             secret = \"9f86d081884c7d659a2feaa0c55ad015\"\n\
             {limits}{files}[portal]\nurl = \"{url}\"\nauth_server = \"{auth}\"\nclient_id = \"{id}\"\nclient_secret = \"{secret}\"\n\n{channels}",
            address = self.address,
            store = self.store,
            limits = self.limits,
            files = if self.channels.contains("[files]") || self.limits.contains("[files]") { "" } else { &self.files },
            url = self.sandbox.portal_url(),
            auth = self.sandbox.auth_url(),
            id = self.sandbox.client_id(),
            secret = self.sandbox.client_secret(),
            channels = self.channels,
        );
        // Nobody waits for a call of a killed process as long as a real portal may carry it out.
        let quick = if self.channels.contains("timeout_seconds") { "" } else { "timeout_seconds = 8\n" };
        let right = right.replacen("[portal]\n", &format!("[portal]\n{quick}"), 1);
        self.mistakes.iter().fold(right, |text, (right, wrong)| text.replace(right, wrong))
    }

    /// Writes something else into the configuration, for the next start of the service.
    pub fn mistakes(&mut self, mistakes: &[(&str, &str)]) {
        self.mistakes = mistakes.iter().map(|(right, wrong)| ((*right).to_owned(), (*wrong).to_owned())).collect();
    }

    /// What `/health` says.
    pub async fn health(&self) -> serde_json::Value {
        let answer = reqwest::get(self.url("/health")).await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Waits until `/health` names a problem with these words, or until it names none any more.
    pub async fn until_problem(&self, words: &str, there: bool) {
        crate::eventually(&format!("{words:?} is told: {there}"), async || {
            let told = self.health().await["problems"].to_string();
            (told.contains(words) == there).then_some(())
        })
        .await;
    }

    /// Runs SQL in the service's database, of worlds on PostgreSQL.
    pub fn sql(&self, sql: &str) {
        self.database.as_ref().expect("a database on the server").sql(sql);
    }

    /// The same, with what it answers.
    pub fn sql_answer(&self, sql: &str) -> String {
        self.database.as_ref().expect("a database on the server").sql(sql)
    }

    /// Where the service's store is.
    pub fn store_url(&self) -> StoreUrl {
        self.store.parse().expect("an address")
    }

    /// Every row of every table of the service's database, of worlds on PostgreSQL.
    pub fn tables(&self) -> String {
        let database = self.database.as_ref().expect("a database on the server");
        let names =
            database.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
        let all: Vec<_> = names.lines().map(|name| format!("SELECT t::text FROM {name} t")).collect();
        database.sql(&all.join(" UNION ALL "))
    }

    /// Another configuration behind the `[portal]` table's first keys, for the next start of the service.
    pub fn configure(&mut self, channels: &str) {
        channels.clone_into(&mut self.channels);
    }

    /// The limits as they are by default, with other keys before that table; for the next start of the service.
    pub fn limited(&mut self, keys: &str) {
        self.limits = format!("{keys}\n");
    }

    /// A messenger's description of one's own, for the next start of the service.
    pub fn describe(&mut self, kind: &str, description: &str) {
        let folder = self.folder().join("messengers");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{kind}.toml")), description).expect("the description is written");
        self.limits = format!("messengers = \"{}\"\n{}", folder.display(), self.limits);
    }

    /// The folder of the service's data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the service inside this process, at the same address as before.
    pub async fn start_service(&mut self) {
        let config = Config::parse(Path::new("test.toml"), &self.config_text(), Some(HashMap::new()));
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        self.service = Some(Service::start(config).await.expect("the service starts"));
    }

    /// Stops the service gracefully.
    pub async fn stop_service(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    /// Installs the application by flow A and waits until its connectors and events are known.
    pub async fn install(&self) {
        self.sandbox.install_script_only(&self.url("/bitrix/install"));
        let ready = |portal: openline_sandbox::View<'_>| {
            portal.calls_of("event.bind").filter(|call| call.verdict == "ok").count() >= 10
        };
        self.sandbox.wait_until(ready).await.unwrap_or_else(|e| panic!("not installed: {e}"));
    }

    /// Presses "Connect" for a connector on a line.
    pub async fn connect(&self, connector: &str, line: i64) {
        let page = self.sandbox.open_settings_page(connector, line, &PageOptions::default()).await.expect("a page");
        assert!(page.body.contains("<h1 class=\"good\">"), "{}", page.body);
    }

    /// Changes a line's own settings, and opens the channel's page as an administrator would: what the service knows of
    /// the line is then what is so.
    pub async fn configure_line(&self, line: i64, settings: &serde_json::Value) {
        assert!(self.sandbox.configure_line(line, settings));
        self.connect("openline_site", line).await;
    }

    /// An address of the service.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A new visitor of the chat "site".
    pub async fn visitor(&self) -> Visitor {
        Visitor::new(&self.url("/c/site/api")).await
    }

    /// The portal's chat of a visitor who has written already.
    pub async fn portal_chat(&self, first_text: &str) -> i64 {
        let found = |portal: openline_sandbox::View<'_>| {
            let has = |chat: &i64| portal.texts(*chat, "client").iter().any(|text| text == first_text);
            portal.dialogs().iter().map(|dialog| dialog.chat_id).find(has)
        };
        self.sandbox.wait_until(|portal| found(portal).is_some()).await.unwrap_or_else(|e| panic!("{e}"));
        self.sandbox.view(found).expect("the chat")
    }
}

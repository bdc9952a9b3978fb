//! The configuration: defaults, then the TOML file, then the environment (`OPENLINE__PORTAL__CLIENT_SECRET`).
//! More than 400 lines, most of which are its errors' words: what was wrong, and what would be right.

mod around;
mod connector;
mod doubts;
mod exposed;
mod files;
mod metrics;
mod portal;
mod proxies;
mod raw;

pub use connector::ConnectorSettings;
pub use exposed::Exposed;
pub use files::FilesSettings;
pub use metrics::MetricsSettings;
pub use portal::Portal;
pub use proxies::Proxies;

use around::Around;
use openline_bitrix::{PortalConfig, Shown, Shows, is_loopback};
use openline_channels::Kinds;
use openline_core::channel::Host;
use openline_core::limits::{LimitSettings, Limits};
use openline_core::secret::MasterSecret;
use openline_core::weak::{Maker, strong};
use openline_core::{Channel, ChannelId, ConfigError};
use openline_store::StoreUrl;
use raw::{Raw, RawChannel, RawLog};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use url::Url;

/// A checked configuration.
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address under which visitors and the portal reach the service, without a trailing slash.
    pub public_url: String,
    /// Where the store is.
    pub store: StoreUrl,
    /// The installation's secret; `None`: a file beside the database.
    pub secret: Option<MasterSecret>,
    /// Proxies that are believed about whom they call for.
    pub trusted_proxies: Proxies,
    /// What one visitor, one address and one channel may do.
    pub limits: LimitSettings,
    /// Visitors' files.
    pub files: FilesSettings,
    /// Logging.
    pub log: Log,
    /// Where what is measured can be asked for.
    pub metrics: MetricsSettings,
    /// How long conversations are kept after their last message; `None` for ever.
    pub keep: Option<Duration>,
    /// The portal.
    pub portal: Portal,
    /// The channel instances.
    pub channels: BTreeMap<ChannelId, Instance>,
    /// Where files that are named in it are looked for.
    pub folder: PathBuf,
    /// The kinds of channel there are, those of the folder `messengers` among them.
    pub kinds: Arc<Kinds>,
    /// What others on this machine can read, and as whom openline runs; known of one that was loaded from its file.
    pub exposed: Vec<Exposed>,
}

/// How to log.
#[derive(Debug, Clone)]
pub struct Log {
    /// A filter as `tracing` takes it: `info`, `warn,openline_bitrix=debug`.
    pub level: String,
    /// JSON lines instead of text.
    pub json: bool,
}

/// A configured channel instance.
#[derive(Clone)]
pub struct Instance {
    /// Its kind's name; known.
    pub kind: String,
    /// Its connector.
    pub connector: ConnectorSettings,
    /// The media types of files that it takes, where it has its own.
    pub file_types: Option<Vec<String>>,
    /// Its kind's settings.
    pub settings: toml::Table,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings may have secrets.
        f.debug_struct("Instance").field("kind", &self.kind).field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors {
    file: PathBuf,
    errors: Vec<ConfigError>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}: ", self.file.display())?;
            if error.key.is_empty() { f.write_str(&error.problem)? } else { write!(f, "{error}")? }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Loads and checks a configuration with the process's environment.
    ///
    /// # Errors
    /// [`ConfigErrors`], as many as can be told at once.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigErrors {
            file: file.to_owned(),
            errors: vec![ConfigError::at("", format!("can't be read: {error}"))],
        })?;
        let mut config = Self::parse(file, &text, None)?;
        config.exposed = exposed::look(file, &text, &config);
        Ok(config)
    }

    /// Checks a configuration's text; `environment` replaces the process's when given.
    ///
    /// # Errors
    /// [`ConfigErrors`].
    #[allow(clippy::needless_pass_by_value)] // what a test makes for it
    pub fn parse(
        file: &Path,
        text: &str,
        environment: Option<std::collections::HashMap<String, String>>,
    ) -> Result<Self, ConfigErrors> {
        let given = environment.clone();
        let fail = |mut errors: Vec<ConfigError>| {
            for error in &mut errors {
                if let Some(name) = raw::origin(text, given.as_ref(), &error.key) {
                    error.problem.push_str(&format!(" (set by {name} in the environment)"));
                }
            }
            ConfigErrors { file: file.to_owned(), errors }
        };
        let raw = raw::read(text, environment.clone()).map_err(|error| fail(vec![error]))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let config = Self::check(raw, &Around { folder, environment: environment.as_ref() }).map_err(fail)?;
        // Every channel is built once, so that its settings are known to be good.
        let host = config.host(MasterSecret::new([0; 32]), Arc::new(openline_core::SystemClock::new()));
        let built = config.build_channels(&host).map(drop);
        let mut errors = built.err().unwrap_or_default();
        errors.extend(config.weak_secrets());
        if errors.is_empty() { Ok(config) } else { Err(fail(errors)) }
    }

    fn check(raw: Raw, around: &Around<'_>) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Errors(Vec::new());
        let public_url = errors.keep(public_url(&raw.public_url));
        let listen = errors.keep(raw.listen.parse().map_err(|_| {
            let problem = format!("{:?} is not an address to listen at; write one like \"127.0.0.1:8080\"", raw.listen);
            ConfigError::at("listen", problem)
        }));
        let store = store(&raw.store);
        let on_server = store.as_ref().is_ok_and(|store| store.file().is_none());
        let secret = errors.keep(secret(raw.secret, on_server, around));
        let portal = errors.keep_all(Portal::read(raw.portal, around));
        let kinds = errors.keep_all(kinds(raw.messengers.as_deref(), around));
        // Without the folder's kinds each channel of one of them would be said to be wrong, too.
        let channels = kinds.as_ref().and_then(|kinds| errors.keep_all(channels(raw.channels, kinds, around)));
        let files = errors.keep_all(FilesSettings::read(raw.files, store.as_ref().ok()));
        let store = errors.keep(store.and_then(|store| trusted(store, raw.allow_unverified_store)));
        let log = errors.keep(log(raw.log));
        let proxies = errors.keep(proxies(&raw.trusted_proxies));
        let limits = errors.keep(limits(raw.limits));
        let metrics = errors.keep(MetricsSettings::read(raw.metrics, around));
        let days = u64::from(raw.privacy.keep_days);
        let keep = (days > 0).then(|| Duration::from_secs(days * 24 * 3600));
        match (public_url, listen, secret, portal, channels.zip(kinds), store, files, log, proxies, limits, metrics) {
            (
                Some(public_url),
                Some(listen),
                Some(secret),
                Some(portal),
                Some((channels, kinds)),
                Some(store),
                Some(files),
                Some(log),
                Some(trusted_proxies),
                Some(limits),
                Some(metrics),
            ) => {
                let folder = around.folder.to_owned();
                Ok(Self {
                    listen,
                    public_url,
                    store,
                    secret,
                    trusted_proxies,
                    limits,
                    files,
                    log,
                    metrics,
                    keep,
                    portal,
                    channels,
                    folder,
                    kinds,
                    exposed: Vec::new(),
                })
            }
            _ => Err(errors.0),
        }
    }

    /// Secrets in the channels' settings that are samples or easily guessed. That one is missing says the kind itself.
    fn weak_secrets(&self) -> Vec<ConfigError> {
        let mut errors = Errors(Vec::new());
        for (id, instance) in &self.channels {
            let secrets = self.kinds.get(&instance.kind).map(openline_core::ChannelKind::secrets).unwrap_or_default();
            for (key, maker) in secrets {
                let shown = format!("channels.{id}.settings.{key}");
                let texts: Vec<&str> = match exposed::at(&instance.settings, &key) {
                    Some(toml::Value::Array(all)) => all.iter().filter_map(toml::Value::as_str).collect(),
                    Some(value) => value.as_str().into_iter().collect(),
                    None => Vec::new(),
                };
                let all = texts.iter().filter(|text| !text.trim().is_empty());
                errors.keep(all.copied().try_for_each(|text| each(&shown, text, maker)));
            }
        }
        errors.0
    }

    /// Whether a channel has this connector.
    pub fn has_connector(&self, id: &str) -> bool {
        self.channels.values().any(|instance| instance.connector.id == id)
    }

    /// What channels get from this program.
    pub fn host(&self, secret: MasterSecret, clock: Arc<dyn openline_core::Clock>) -> Host {
        let limits = Arc::new(Limits::new(&self.limits));
        Host { public_url: self.public_url.clone(), secret, clock, folder: self.folder.clone(), limits }
    }

    /// Builds all channel instances.
    ///
    /// # Errors
    /// What their settings have wrong, with full keys.
    pub fn build_channels(&self, host: &Host) -> Result<BTreeMap<ChannelId, Arc<dyn Channel>>, Vec<ConfigError>> {
        let mut errors = Errors(Vec::new());
        let mut built = BTreeMap::new();
        for (id, instance) in &self.channels {
            let Some(kind) = self.kinds.get(&instance.kind) else { continue };
            let channel = kind.build(id, instance.settings.clone(), host).map_err(|error| {
                let dot = if error.key.is_empty() { "" } else { "." };
                ConfigError::at(format!("channels.{id}.settings{dot}{}", error.key), error.problem)
            });
            if let Some(channel) = errors.keep(channel) {
                built.insert(id.clone(), channel);
            }
        }
        if errors.0.is_empty() { Ok(built) } else { Err(errors.0) }
    }

    /// What the backend needs, with each channel's public address.
    pub fn portal_config(&self, channels: &BTreeMap<ChannelId, Arc<dyn Channel>>) -> PortalConfig {
        let connectors = self.channels.iter().map(|(id, instance)| {
            let channel = channels.get(id).map(Arc::clone);
            let can = channel.as_ref().map(|channel| channel.capabilities()).unwrap_or_default();
            let shown = Shows::new(move || channel.as_deref().map(shown).unwrap_or_default());
            instance.connector.to_connector(id, can, shown)
        });
        PortalConfig {
            url: self.portal.url.clone(),
            auth_server: self.portal.auth_server.clone(),
            client_id: self.portal.client_id.clone(),
            client_secret: self.portal.client_secret.clone(),
            public_url: self.public_url.clone(),
            limit: self.portal.limit,
            timeout: self.portal.timeout,
            resend_unknown: self.portal.resend_unknown,
            unregister_removed: self.portal.unregister_removed,
            file_hosts: self.portal.file_hosts.clone(),
            check_every: self.portal.check_every,
            connectors: connectors.collect(),
        }
    }
}

/// What people are shown of a channel.
fn shown(channel: &dyn Channel) -> Shown {
    Shown {
        address: channel.public_address(),
        embed: channel.embed(),
        endpoint: channel.endpoint(),
        problem: channel.health().err(),
    }
}

/// Errors collected on the way.
struct Errors(Vec<ConfigError>);

impl Errors {
    fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    fn keep_all<T>(&mut self, result: Result<T, Vec<ConfigError>>) -> Option<T> {
        result.map_err(|errors| self.0.extend(errors)).ok()
    }
}

fn proxies(texts: &[String]) -> Result<Proxies, ConfigError> {
    Proxies::parse(texts).map_err(|wrong| {
        let problem =
            format!("{wrong:?} is not an address; write one like \"127.0.0.1\", or a network like \"10.0.0.0/8\"");
        ConfigError::at("trusted_proxies", problem)
    })
}

/// A limit of nothing would let nobody in.
fn limits(limits: LimitSettings) -> Result<LimitSettings, ConfigError> {
    match limits.first_zero() {
        Some(key) => Err(ConfigError::at(format!("limits.{key}"), "0 would let nobody in; write a number above it")),
        None => Ok(limits),
    }
}

/// An http(s) address; plain http only on this machine.
fn address(key: &str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |what: &str| ConfigError::at(key, format!("{:?} {what}", without_secrets(text)));
    let url = Url::parse(text).map_err(|_| wrong("is not a URL; write one like \"https://chat.example.com\""))?;
    match url.scheme() {
        _ if url.host().is_none() => Err(wrong("has no host")),
        _ if url.query().is_some() || url.fragment().is_some() => Err(wrong("must not have a query or a fragment")),
        _ if !url.username().is_empty() || url.password().is_some() => Err(wrong("must not have a user or password")),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong("must begin with https:// (plain http is for 127.0.0.1 only)")),
        _ => Err(wrong("must begin with https://")),
    }
}

/// An address as far as it may be repeated: somebody may have written one with a password, or that of an incoming webhook,
/// whose path is a secret.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let (place, more) = rest.find(['/', '?', '#']).map_or((rest, ""), |end| rest.split_at(end));
    let host = place.rsplit('@').next().unwrap_or_default();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{host}{}", if more.len() > 1 { "/…" } else { more })
}

fn public_url(text: &str) -> Result<String, ConfigError> {
    if text.is_empty() {
        let problem = "is missing; write the address under which visitors and the portal reach this service, like \
                       \"https://chat.example.com\"";
        return Err(ConfigError::at("public_url", problem));
    }
    address("public_url", text).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// A secret's text as a whole and, while it is changed, each of several with blanks between them.
fn each(key: &str, text: &str, maker: Maker) -> Result<(), ConfigError> {
    strong(key, text, maker)?;
    let several = text.split_whitespace().filter(|one| one.len() >= LONG && text.trim() != *one);
    several.into_iter().try_for_each(|one| strong(key, one, maker))
}

/// A text so long between blanks is a secret of its own, not a word of a phrase.
const LONG: usize = 16;

/// Whether a store is named at all; the address is not repeated, because it may have a password.
fn store(url: &str) -> Result<StoreUrl, ConfigError> {
    url.parse().map_err(|_| {
        let problem = "is not a store; write sqlite:FILE, for example \"sqlite:data/openline.db\", or \
                       postgres://USER:PASSWORD@HOST/DATABASE";
        ConfigError::at("store", problem)
    })
}

/// Whether everything may be entrusted to it.
pub(crate) fn trusted(store: StoreUrl, unverified: bool) -> Result<StoreUrl, ConfigError> {
    if store.is_unverified() && !unverified {
        let problem = "is a server on another machine that does not have to prove itself; add ?sslmode=verify-full (and \
                       &sslrootcert=FILE for a certificate of your own) or, in a network that is yours alone, write \
                       allow_unverified_store = true";
        return Err(ConfigError::at("store", problem));
    }
    if let Some(password) = store.password() {
        strong("store", password, Maker::Other).map_err(|error| {
            let problem = format!("the password in the address {}", error.problem);
            ConfigError::at("store", problem)
        })?;
    }
    Ok(store)
}

fn log(raw: RawLog) -> Result<Log, ConfigError> {
    // A word alone would be taken for the name of a module.
    let is_rule = |rule: &str| rule.contains(['=', '[']) || rule.trim().parse::<LevelFilter>().is_ok();
    if !raw.level.split(',').all(is_rule) || EnvFilter::try_new(&raw.level).is_err() {
        let problem = format!(
            "{:?} is not a level; there is: error, warn, info, debug, trace, off; also by module, like \
             \"info,openline_bitrix=debug\"",
            raw.level
        );
        return Err(ConfigError::at("log.level", problem));
    }
    match raw.format.as_str() {
        "text" => Ok(Log { level: raw.level, json: false }),
        "json" => Ok(Log { level: raw.level, json: true }),
        other => Err(ConfigError::at("log.format", format!("{other:?} is not a format; there is: text, json"))),
    }
}

fn secret(raw: Option<raw::Secret>, on_server: bool, around: &Around<'_>) -> Result<Option<MasterSecret>, ConfigError> {
    let Some(raw) = raw else {
        let problem = "is missing; with a database server it has to be configured: 32 or more random characters, the same \
                       for every replica";
        return if on_server { Err(ConfigError::at("secret", problem)) } else { Ok(None) };
    };
    let text = raw.resolve("secret", around)?;
    let short = |line: &str| line.chars().count() < crate::secret::MIN_LENGTH;
    let secret = crate::secret::from_text(text.expose_secret());
    let Some(secret) = secret.filter(|_| !crate::secret::lines(text.expose_secret()).any(short)) else {
        let problem = format!("is too short; write at least {} random characters", crate::secret::MIN_LENGTH);
        return Err(ConfigError::at("secret", problem));
    };
    // Whatever an earlier one signed is believed, so it has to be as good.
    crate::secret::lines(text.expose_secret()).try_for_each(|line| strong("secret", line, Maker::Own))?;
    Ok(Some(secret))
}

/// The kinds in the program and those of the folder.
fn kinds(folder: Option<&str>, around: &Around<'_>) -> Result<Arc<Kinds>, Vec<ConfigError>> {
    let Some(folder) = folder else { return Ok(Arc::new(Kinds::in_program())) };
    let said = |problem: openline_channels::described::Problem| {
        ConfigError::at("messengers", format!("{}: {}", problem.file.display(), problem.problem))
    };
    let read = Kinds::with_folder(&around.folder.join(folder));
    read.map(Arc::new).map_err(|problems| problems.into_iter().map(said).collect())
}

fn channels(
    raw: BTreeMap<String, RawChannel>,
    kinds: &Kinds,
    around: &Around<'_>,
) -> Result<BTreeMap<ChannelId, Instance>, Vec<ConfigError>> {
    let mut errors = Errors(Vec::new());
    let mut channels: BTreeMap<ChannelId, Instance> = BTreeMap::new();
    if raw.is_empty() {
        errors.0.push(ConfigError::at(
            "channels",
            "there is none; add one, for example [channels.site] with kind = \"website\"",
        ));
    }
    for (name, raw) in raw {
        let Some((id, instance)) = errors.keep_all(instance(&name, raw, kinds, around)) else { continue };
        if let Some(other) = channels.iter().find(|(_, other)| other.connector.id == instance.connector.id) {
            let problem = format!(
                "{:?} is the connector of channels.{} already; give each its own",
                instance.connector.id, other.0
            );
            errors.0.push(ConfigError::at(format!("channels.{id}.connector.id"), problem));
        }
        channels.insert(id, instance);
    }
    if errors.0.is_empty() { Ok(channels) } else { Err(errors.0) }
}

fn instance(
    name: &str,
    raw: RawChannel,
    kinds: &Kinds,
    around: &Around<'_>,
) -> Result<(ChannelId, Instance), Vec<ConfigError>> {
    let one = |error: ConfigError| vec![error];
    let id = ChannelId::parse(name).map_err(|e| one(ConfigError::at(format!("channels.{name}"), e.to_string())))?;
    let mut errors = Errors(Vec::new());
    if raw.kind.is_empty() {
        let problem = format!("is missing; there is: {}", crate::commands::check::known_kinds(kinds));
        errors.0.push(ConfigError::at(format!("channels.{id}.kind"), problem));
    } else if kinds.get(&raw.kind).is_none() {
        let problem = crate::commands::check::unknown_kind(&raw.kind, kinds);
        errors.0.push(ConfigError::at(format!("channels.{id}.kind"), problem));
    }
    let connector = errors.keep_all(ConnectorSettings::read(&id, raw.connector, around.folder));
    let file_types = errors.keep_all(files::of_channel(&id, raw.files));
    let settings = errors.keep(raw::resolve_settings(raw.settings, &format!("channels.{id}.settings"), around));
    match (connector, file_types, settings) {
        (Some(connector), Some(file_types), Some(settings)) if errors.0.is_empty() => {
            Ok((id, Instance { kind: raw.kind, connector, file_types, settings }))
        }
        _ => Err(errors.0),
    }
}

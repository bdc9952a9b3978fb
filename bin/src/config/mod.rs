//! The configuration: defaults, then the TOML file, then the environment (`OPENLINE__PORTAL__CLIENT_SECRET`).

mod alerts;
mod around;
mod checks;
mod connector;
mod doubts;
mod exposed;
mod files;
mod instance;
pub(crate) mod kinds;
mod layers;
mod listener;
mod log;
mod plans;
mod privacy;
mod proxies;
mod traces;

pub use alerts::AlertSettings;
pub(crate) use checks::trusted;
pub use connector::ConnectorSettings;
pub use exposed::Exposed;
pub use files::{FilesSettings, OwnFiles};
pub use instance::Instance;
pub use listener::ListenerSettings;
pub use log::Log;
pub use plans::Plans;
pub use privacy::PrivacySettings;
pub use proxies::Proxies;
pub use traces::TraceSettings;

use around::Around;
use checks::{each, listen, public_url, secret, shared, store};
use layers::Layers;
pub use openline_bitrix::PortalSettings;
use openline_bitrix::{PortalConfig, Shown, Shows};
use openline_channels::Kinds;
use openline_core::channel::{Capabilities, Host};
use openline_core::error::Errors;
use openline_core::files::{FilePolicy, FileRules};
use openline_core::limits::{LimitSettings, Limits};
use openline_core::secret::MasterSecret;
use openline_core::{Channel, ChannelId, ConfigError, Roster};
use openline_store::StoreUrl;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A checked configuration. Each table is one struct: read by serde, and handed as it is to what it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default = "Config::unwritten")]
pub struct Config {
    /// Where to listen.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// The address under which visitors and the portal reach the service, without a trailing slash.
    #[serde(deserialize_with = "public_url")]
    pub public_url: String,
    /// Where the store is.
    #[serde(deserialize_with = "store")]
    pub store: StoreUrl,
    /// Whether a database server on another machine is taken that does not prove itself.
    allow_unverified_store: bool,
    /// The installation's secret; `None`: a file beside the database.
    #[serde(deserialize_with = "secret")]
    pub secret: Option<MasterSecret>,
    /// A folder with descriptions of messengers.
    messengers: Option<PathBuf>,
    /// Proxies that are believed about whom they call for.
    pub trusted_proxies: Proxies,
    /// What one visitor, one address and one channel may do.
    pub limits: LimitSettings,
    /// Visitors' files.
    pub files: FilesSettings,
    /// Logging.
    pub log: Log,
    /// Where what is measured can be asked for.
    pub metrics: ListenerSettings,
    /// Who is told which way messages took.
    pub traces: TraceSettings,
    /// Where the dashboard is for operators of the machine.
    pub admin: ListenerSettings,
    /// Who is told what has to be mended.
    pub alerts: AlertSettings,
    /// What is forgotten by itself.
    pub privacy: PrivacySettings,
    /// The portal.
    pub portal: PortalSettings,
    /// The channel instances.
    pub channels: BTreeMap<ChannelId, Instance>,
    /// Where files that are named in it are looked for.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The kinds of channel there are, those of the folder `messengers` among them.
    #[serde(skip)]
    pub kinds: Arc<Kinds>,
    /// What others on this machine can read, and as whom openline runs; known of one that was loaded from its file.
    #[serde(skip)]
    pub exposed: Vec<Exposed>,
    /// Where it comes from.
    #[serde(skip)]
    pub origin: Origin,
}

/// Where a configuration comes from.
#[derive(Default)]
pub struct Origin {
    /// The file that it was loaded from.
    pub file: Option<PathBuf>,
    /// What stands there, as it is written.
    pub written: toml::Table,
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
        let beside = config.secret.is_none().then_some(&config.store);
        config.exposed = exposed::look(file, &text, &config.folder, &config.secret_keys(), beside);
        config.origin.file = Some(file.to_owned());
        Ok(config)
    }

    /// How visitors' files are dealt with, by channel.
    pub(crate) fn file_policy(&self) -> FilePolicy {
        let of = |(id, types): (&ChannelId, &Vec<String>)| {
            (id.clone(), FileRules { types: types.clone(), ..self.files.rules() })
        };
        let own = self.channels.iter().filter_map(|(id, instance)| Some((id, instance.files.types.as_ref()?)));
        FilePolicy { of_channels: own.map(of).collect(), ..self.files.rules().into() }
    }

    /// The paths of the channels' secrets, and of a store with a password.
    fn secret_keys(&self) -> Vec<String> {
        let of = |(id, instance): (&ChannelId, &Instance)| {
            let secrets = self.kinds.get(&instance.kind).map(openline_core::ChannelKind::secrets).unwrap_or_default();
            secrets.into_iter().map(|(key, _)| format!("channels.{id}.settings.{key}")).collect::<Vec<_>>()
        };
        let store = self.store.password().is_some().then(|| "store".to_owned());
        self.channels.iter().flat_map(of).chain(store).collect()
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
                if let Some(name) = layers::origin(text, given.as_ref(), &error.key) {
                    error.problem.push_str(&format!(" (set by {name} in the environment)"));
                }
            }
            ConfigErrors { file: file.to_owned(), errors }
        };
        let layers = Layers::read(text, environment.clone()).map_err(|error| fail(vec![error]))?;
        let around = Around { folder: file.parent().unwrap_or(Path::new(".")), environment: environment.as_ref() };
        let (read, mut errors) = layers.with_good_names(instance::wrong_name).with_secrets(&around).finish::<Self>();
        let Some(mut config) = read else { return Err(fail(errors)) };
        // What is wrong already is in the way of what depends on it.
        let new = |error: &ConfigError, told: &[ConfigError]| {
            !told.iter().any(|one| one.key == error.key || one.key.starts_with(&format!("{}.", error.key)))
        };
        let later: Vec<_> = config.settle(&around).into_iter().filter(|error| new(error, &errors)).collect();
        errors.extend(later);
        if !errors.is_empty() {
            return Err(fail(errors));
        }
        config.origin.written = text.parse().unwrap_or_default();
        let host = config.host(MasterSecret::new([0; 32]), Arc::new(openline_core::SystemClock::new()));
        let mut errors = config.plan_channels(&host).err().unwrap_or_default();
        errors.extend(config.weak_secrets());
        if errors.is_empty() { Ok(config) } else { Err(fail(errors)) }
    }

    /// What nothing is written of.
    fn unwritten() -> Self {
        #[allow(clippy::expect_used)] // a constant
        let store = "sqlite:data/openline.db".parse().expect("a store");
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: String::new(),
            store,
            allow_unverified_store: false,
            secret: None,
            messengers: None,
            trusted_proxies: Proxies::default(),
            limits: LimitSettings::default(),
            files: FilesSettings::default(),
            log: Log::default(),
            metrics: ListenerSettings::default(),
            traces: TraceSettings::default(),
            admin: ListenerSettings::default(),
            alerts: AlertSettings::default(),
            privacy: PrivacySettings::default(),
            portal: PortalSettings::default(),
            channels: BTreeMap::new(),
            folder: PathBuf::new(),
            kinds: Arc::new(Kinds::in_program()),
            exposed: Vec::new(),
            origin: Origin::default(),
        }
    }

    /// Fills in what follows from other tables and from what stands beside the file, and looks whether they go together.
    fn settle(&mut self, around: &Around<'_>) -> Vec<ConfigError> {
        let mut errors = Errors::default();
        around.folder.clone_into(&mut self.folder);
        errors.keep(shared(&self.store, self.secret.as_ref()));
        let kinds = self.messengers.as_deref().map(|folder| instance::kinds(&around.folder.join(folder)));
        let known = match kinds {
            None => true,
            Some(kinds) => errors.keep_all(kinds).map(|kinds| self.kinds = kinds).is_some(),
        };
        errors.0.extend(instance::settle(&mut self.channels, known.then_some(&*self.kinds), around));
        errors.keep(self.files.settle(&self.store));
        errors.keep(trusted(&self.store, self.allow_unverified_store));
        if let Some(key) = self.limits.first_zero() {
            let problem = "0 would let nobody in; write a number above it";
            errors.0.push(ConfigError::at(format!("limits.{key}"), problem));
        }
        errors.keep(self.admin.check_admin());
        errors.keep(self.alerts.check());
        errors.0
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

    /// Reads and checks the settings of all channels.
    ///
    /// # Errors
    /// What they have wrong, with full keys.
    pub fn plan_channels(&self, host: &Host) -> Result<Plans, Vec<ConfigError>> {
        Plans::read(&self.channels, &self.kinds, host)
    }

    /// What the backend needs: what each channel can do, and where it is asked what to show of it.
    pub fn portal_config(&self, can: &BTreeMap<ChannelId, Capabilities>, roster: &Roster) -> PortalConfig {
        let connectors = self.channels.iter().map(|(id, instance)| {
            let (roster, known) = (roster.clone(), id.clone());
            let shown = Shows::new(move || roster.get(&known).map(|built| shown(&*built.channel)).unwrap_or_default());
            instance.connector.to_connector(id, can.get(id).copied().unwrap_or_default(), shown)
        });
        PortalConfig {
            settings: self.portal.clone(),
            public_url: self.public_url.clone(),
            connectors: connectors.collect(),
        }
    }
}

/// What is wrong, each on a line of its own.
pub fn lines(errors: &[ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
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

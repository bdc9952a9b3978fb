//! The whole memory of one portal, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use url::Url;

use super::usage::{Bucket, Operating};
use super::{
    App, AuthCode, Binding, Chat, Connector, Delivery, Line, Message, OPERATOR, OfflineEvent, Placement, Record,
    RefreshToken, Session, StatusRow, StoredFile, Token, User,
};
use crate::config::{SandboxConfig, Switches};
use crate::flags::Flag;
use crate::rng::Rng;

/// How many times a chain of events and calls may go round (bitrix24.md §6.1).
pub(crate) const HOPS: u8 = 7;

/// On whose behalf something happens: decides which token an event carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actor {
    /// Portal user; `None` for background jobs.
    pub(crate) user: Option<i64>,
    pub(crate) hops: u8,
}

impl Actor {
    /// A person at the portal's own user interface.
    pub(crate) fn person(user: i64) -> Self {
        Self { user: Some(user), hops: HOPS }
    }

    /// Nobody in particular.
    pub(crate) fn background() -> Self {
        Self { user: None, hops: HOPS }
    }
}

/// Last used ids; the first ones are large, as in a portal that has lived.
#[derive(Debug)]
struct Ids {
    app: i64,
    binding: i64,
    chat: i64,
    file: i64,
    message: i64,
    session: i64,
    user: i64,
}

/// Everything the portal and its authorization server remember.
#[derive(Debug)]
pub(crate) struct State {
    /// The portal's present moment, unix milliseconds; set at every access.
    pub(crate) now: i64,
    pub(crate) rng: Rng,
    /// Host and port of the portal; changes when it is renamed.
    pub(crate) domain: String,
    /// The portal is shown by https.
    pub(crate) https: bool,
    /// The listener that serves the portal's present name; others send there.
    pub(crate) home: SocketAddr,
    /// Host and port of the authorization server.
    pub(crate) auth_host: String,
    /// Where the authorization server listens.
    pub(crate) auth_home: SocketAddr,
    /// The authorization server is shown by https.
    pub(crate) auth_https: bool,
    pub(crate) member_id: String,
    /// Secret of the incoming webhook of the administrator.
    pub(crate) webhook_secret: String,
    pub(crate) language: String,
    pub(crate) token_life_ms: i64,
    pub(crate) switches: Switches,
    pub(crate) flags: BTreeSet<Flag>,
    pub(crate) apps: Vec<App>,
    /// Applications only some users may open (bitrix24.md `user_access_error`).
    pub(crate) restricted: BTreeSet<i64>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    pub(crate) codes: HashMap<String, AuthCode>,
    pub(crate) users: BTreeMap<i64, User>,
    pub(crate) user_keys: HashMap<String, i64>,
    pub(crate) lines: BTreeMap<i64, Line>,
    pub(crate) connectors: BTreeMap<String, Connector>,
    pub(crate) statuses: BTreeMap<(String, i64), StatusRow>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) chats: BTreeMap<i64, Chat>,
    pub(crate) chat_codes: HashMap<String, i64>,
    pub(crate) sessions: BTreeMap<i64, Session>,
    pub(crate) messages: BTreeMap<i64, Message>,
    pub(crate) chat_messages: HashMap<i64, Vec<i64>>,
    pub(crate) files: BTreeMap<i64, StoredFile>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) offline: Vec<OfflineEvent>,
    /// Events collected during the hit; handed to the queue at its end.
    pub(crate) outbox: Vec<Delivery>,
    pub(crate) buckets: HashMap<IpAddr, Bucket>,
    pub(crate) operating: HashMap<(String, String), Operating>,
    pub(crate) record: Record,
    /// Who answers at the desk.
    pub(crate) operator: i64,
    /// Grows with every change a desk can see.
    pub(crate) rev: u64,
    ids: Ids,
}

impl State {
    /// A fresh portal: two active lines, four employees, one local application not yet installed.
    pub(crate) fn new(config: &SandboxConfig, home: SocketAddr, auth: SocketAddr) -> Self {
        let shown = |url: &Option<Url>, listener: SocketAddr| match url {
            Some(url) => (url.authority().to_owned(), url.scheme() == "https"),
            None => (listener.to_string(), false),
        };
        let ((domain, https), (auth_host, auth_https)) =
            (shown(&config.public_url, home), shown(&config.auth_public_url, auth));
        let mut rng = Rng::new(config.seed);
        let switches = Switches {
            strict_rotation: config.strict_rotation,
            require_https: config.require_https,
            ..Switches::default()
        };
        let mut state = Self {
            now: 0,
            domain,
            https,
            home,
            auth_host,
            auth_home: auth,
            auth_https,
            member_id: rng.hex(32),
            webhook_secret: rng.word(16).to_lowercase(),
            rng,
            language: config.language.clone(),
            token_life_ms: i64::try_from(config.access_token_lifetime_s).unwrap_or(3600) * 1000,
            switches,
            flags: BTreeSet::new(),
            apps: Vec::new(),
            restricted: BTreeSet::new(),
            tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            codes: HashMap::new(),
            users: User::staff(),
            user_keys: HashMap::new(),
            lines: BTreeMap::new(),
            connectors: BTreeMap::new(),
            statuses: BTreeMap::new(),
            placements: Vec::new(),
            chats: BTreeMap::new(),
            chat_codes: HashMap::new(),
            sessions: BTreeMap::new(),
            messages: BTreeMap::new(),
            chat_messages: HashMap::new(),
            files: BTreeMap::new(),
            bindings: Vec::new(),
            offline: Vec::new(),
            outbox: Vec::new(),
            buckets: HashMap::new(),
            operating: HashMap::new(),
            record: Record::default(),
            operator: OPERATOR,
            rev: 1,
            ids: Ids { app: 4, binding: 554, chat: 1806, file: 900, message: 86_496, session: 322, user: 584 },
        };
        state.add_line("Support", config.greeting.clone());
        state.add_line("Sales", config.greeting.clone());
        state.add_app(&config.client_id, &config.client_secret, &config.scope);
        state
    }

    /// Adds an active open line and returns its id.
    pub(crate) fn add_line(&mut self, name: &str, greeting: Option<String>) -> i64 {
        let id = self.lines.keys().next_back().map_or(1, |last| last + 1);
        self.lines.insert(id, Line::new(id, name, greeting));
        id
    }

    /// Adds an application card; it is not installed yet.
    pub(crate) fn add_app(&mut self, client_id: &str, client_secret: &str, scope: &[String]) -> i64 {
        self.ids.app += 1;
        let app = App {
            id: self.ids.app,
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            scope: scope.to_vec(),
            application_token: self.rng.hex(32),
            install_url: String::new(),
            handler_url: String::new(),
            present: false,
            installed: false,
            version: 1,
            unpaid: false,
        };
        self.apps.push(app);
        self.ids.app
    }

    /// The next portal revision; note it on whatever changed.
    pub(crate) fn touch(&mut self) -> u64 {
        self.rev += 1;
        self.rev
    }

    pub(crate) fn next_binding_id(&mut self) -> i64 {
        self.ids.binding += 1;
        self.ids.binding
    }

    pub(crate) fn next_chat_id(&mut self) -> i64 {
        self.ids.chat += 1;
        self.ids.chat
    }

    pub(crate) fn next_file_id(&mut self) -> i64 {
        self.ids.file += 1;
        self.ids.file
    }

    pub(crate) fn next_message_id(&mut self) -> i64 {
        self.ids.message += 1;
        self.ids.message
    }

    pub(crate) fn next_session_id(&mut self) -> i64 {
        self.ids.session += 1;
        self.ids.session
    }

    pub(crate) fn next_user_id(&mut self) -> i64 {
        self.ids.user += 1;
        self.ids.user
    }

    pub(crate) fn app(&self, id: i64) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(crate) fn app_mut(&mut self, id: i64) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.id == id)
    }

    pub(crate) fn portal_url(&self) -> String {
        address(self.https, &self.domain)
    }

    pub(crate) fn auth_url(&self) -> String {
        address(self.auth_https, &self.auth_host)
    }

    /// The portal has another name from now on, at another listener.
    pub(crate) fn rename(&mut self, home: SocketAddr) {
        (self.home, self.domain, self.https) = (home, home.to_string(), false);
    }
}

fn address(https: bool, host: &str) -> String {
    format!("{}://{host}", if https { "https" } else { "http" })
}

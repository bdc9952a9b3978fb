//! What the program's configuration tells this crate.

use openline_core::ChannelId;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// One portal, the application in it, and the connectors to register there.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// The portal's base address, without a path: `https://company.bitrix24.com`.
    pub url: Url,
    /// The authorization server's base address: `https://oauth.bitrix.info` (`bitrix24.md` §2.5).
    pub auth_server: Url,
    /// The application's code, `local.…` or `app.…`.
    pub client_id: String,
    /// The application's key. Goes to the authorization server only.
    pub client_secret: SecretString,
    /// The address under which the portal reaches this program, without a trailing slash.
    pub public_url: String,
    /// The portal's request limit.
    pub limit: RequestLimit,
    /// How long an answer is waited for. The portal cuts a request after 60 s (`bitrix24.md` §3.1): a little longer.
    pub timeout: Duration,
    /// When nobody can tell whether a message arrived (its outcome is unknown and the dialog can't be read): send it
    /// again (the operator may see it twice), or else give it up (the visitor sees "not sent" and decides).
    pub resend_unknown: bool,
    /// Whether connectors that are not configured any more are unregistered; else they are only reported.
    pub unregister_removed: bool,
    /// Hosts, beside the portal's own and the vendor's, from which operators' files may be fetched.
    pub file_hosts: Vec<String>,
    /// How often it is looked whether the installation stands as it should.
    pub check_every: Duration,
    /// One connector per channel instance.
    pub connectors: Vec<Connector>,
}

/// How many requests the portal takes (`bitrix24.md` §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestLimit {
    /// By the portal's address and plan; where nothing is known, learned from its first refusal.
    #[default]
    Auto,
    /// A leaky bucket: so many at once, so many a second.
    Bucket {
        /// The level above which requests are refused.
        burst: u32,
        /// Requests a second that leak out.
        per_second: u32,
    },
    /// No limit: an own server.
    None,
}

/// What people are shown of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Where a visitor meets it.
    pub address: Option<String>,
    /// The line of HTML that puts it into a page of one's own.
    pub embed: Option<String>,
    /// The address that programs call.
    pub endpoint: Option<String>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What is shown of a channel, asked for each time: a messenger's bot learns its name only while it runs.
#[derive(Clone)]
pub struct Shows(Arc<dyn Fn() -> Shown + Send + Sync>);

impl Shows {
    /// Asks so each time.
    pub fn new(ask: impl Fn() -> Shown + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// What is to be shown now.
    pub fn now(&self) -> Shown {
        (self.0)()
    }
}

impl fmt::Debug for Shows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

/// A connector as it is registered (`bitrix24.md` §4.1).
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // the portal's own flags
pub struct Connector {
    /// The channel instance it belongs to.
    pub channel: ChannelId,
    /// `ID`: lower-case latin, digits and `_`.
    pub id: String,
    /// `NAME`, shown in the Contact Center.
    pub name: String,
    /// `ICON.DATA_IMAGE`: a `data:image/…` address.
    pub icon: String,
    /// `ICON.COLOR`: `#rrggbb`.
    pub color: String,
    /// What people are shown of the channel.
    pub shown: Shows,
    /// `DEL_EXTERNAL_MESSAGES`.
    pub delete_external: bool,
    /// `EDIT_INTERNAL_MESSAGES`.
    pub edit_internal: bool,
    /// `DEL_INTERNAL_MESSAGES`.
    pub delete_internal: bool,
    /// `NEWSLETTER`.
    pub newsletter: bool,
    /// `NEED_SYSTEM_MESSAGES`.
    pub system_messages: bool,
    /// `NEED_SIGNATURE`: operators' names come as a prefix of their texts; openline shows them as the author.
    pub signature: bool,
    /// `CHAT_GROUP`.
    pub chat_group: bool,
    /// The line to use when the connector is switched on for several; otherwise the one connected first.
    pub line: Option<String>,
}

impl PortalConfig {
    /// The address for events.
    pub fn events_url(&self) -> String {
        format!("{}/bitrix/events", self.public_url)
    }

    /// The address of the connectors' settings page.
    pub fn settings_url(&self) -> String {
        format!("{}/bitrix/settings", self.public_url)
    }

    /// The connector with that id, however it is written.
    pub fn connector(&self, id: &str) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.id.eq_ignore_ascii_case(id))
    }

    /// A channel's connector.
    pub fn connector_of(&self, channel: &ChannelId) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.channel == *channel)
    }

    #[cfg(test)]
    pub(crate) fn sample(portal: &str) -> Self {
        let url = |text: &str| Url::parse(text).unwrap();
        Self {
            url: url(portal),
            auth_server: url("https://oauth.bitrix.info"),
            client_id: "local.0123456789abcd.01234567".to_owned(),
            client_secret: "not a true one".into(),
            public_url: "https://chat.company.example".to_owned(),
            limit: RequestLimit::Auto,
            timeout: Duration::from_secs(65),
            resend_unknown: true,
            unregister_removed: false,
            file_hosts: Vec::new(),
            check_every: Duration::from_secs(600),
            connectors: Vec::new(),
        }
    }
}

/// Whether an address stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

//! What the program's configuration tells this crate.

use crate::settings::PortalSettings;
use openline_core::ChannelId;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// One portal, the application in it, and the connectors to register there.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// What the configuration says of it.
    pub settings: PortalSettings,
    /// The address under which the portal reaches this program, without a trailing slash.
    pub public_url: String,
    /// One connector per channel instance.
    pub connectors: Vec<Connector>,
}

impl Deref for PortalConfig {
    type Target = PortalSettings;

    fn deref(&self) -> &PortalSettings {
        &self.settings
    }
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
        let settings = PortalSettings {
            url: url::Url::parse(portal).unwrap(),
            client_id: "local.0123456789abcd.01234567".to_owned(),
            client_secret: "not a true one".into(),
            timeout: std::time::Duration::from_secs(65),
            ..PortalSettings::default()
        };
        Self { settings, public_url: "https://chat.company.example".to_owned(), connectors: Vec::new() }
    }
}

//! Registered connectors and the status row of each (connector, line) pair.

use serde_json::{Map, Value};

/// Optional flags of `imconnector.register` (bitrix24.md §4.1).
#[expect(clippy::struct_excessive_bools, reason = "the documented flags, one to one")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectorFlags {
    pub(crate) del_external_messages: bool,
    pub(crate) edit_internal_messages: bool,
    pub(crate) del_internal_messages: bool,
    pub(crate) newsletter: bool,
    pub(crate) need_system_messages: bool,
    pub(crate) need_signature: bool,
    pub(crate) chat_group: bool,
}

impl Default for ConnectorFlags {
    fn default() -> Self {
        Self {
            del_external_messages: true,
            edit_internal_messages: true,
            del_internal_messages: true,
            newsletter: true,
            need_system_messages: true,
            need_signature: true,
            chat_group: false,
        }
    }
}

/// Looks of a connector's tile.
#[derive(Debug, Clone)]
pub(crate) struct Icon {
    pub(crate) data_image: String,
    pub(crate) color: String,
}

/// A registered connector; belongs to the application that registered it last.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) app: i64,
    pub(crate) icon: Icon,
    pub(crate) handler: String,
    pub(crate) flags: ConnectorFlags,
}

/// A row of placements; stays behind when a connector changes its handler (bitrix24.md §4.1).
#[derive(Debug, Clone)]
pub(crate) struct Placement {
    pub(crate) app: i64,
    pub(crate) handler: String,
}

/// Status of one connector on one line (bitrix24.md §4.4).
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusRow {
    /// Switched on in the UI.
    pub(crate) active: bool,
    /// Connected and registered by `imconnector.activate`.
    pub(crate) connected: bool,
    pub(crate) error: bool,
    /// What `imconnector.connector.data.set` saved.
    pub(crate) data: Map<String, Value>,
}

impl StatusRow {
    /// `CONFIGURED`: active and connected.
    pub(crate) fn configured(&self) -> bool {
        self.active && self.connected
    }

    /// `STATUS`: configured and without error; messages pass only then.
    pub(crate) fn status(&self) -> bool {
        self.configured() && !self.error
    }
}

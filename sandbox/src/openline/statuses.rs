//! Connectors and their status rows: switched on, off, in error, unregistered (bitrix24.md §4.1–§4.4, §4.12).

use serde_json::json;

use crate::events::emit::{Audience, Event};
use crate::model::{Actor, State, StatusRow};

impl State {
    /// `STATUS` of a connector on a line.
    pub(crate) fn is_connected(&self, connector: &str, line: i64) -> bool {
        self.statuses.get(&(connector.to_owned(), line)).is_some_and(StatusRow::status)
    }

    /// The status row, made when missing.
    pub(crate) fn status_row(&mut self, connector: &str, line: i64) -> &mut StatusRow {
        self.touch();
        self.statuses.entry((connector.to_owned(), line)).or_default()
    }

    /// Sets all flags and clears the error; neither the line nor the connector has to exist.
    pub(crate) fn activate(&mut self, connector: &str, line: i64) {
        let row = self.status_row(connector, line);
        row.active = true;
        row.connected = true;
        row.error = false;
    }

    /// Deletes the status row with its data and says so, even when there was none.
    pub(crate) fn deactivate(&mut self, connector: &str, line: i64, actor: Actor) {
        self.touch();
        self.statuses.remove(&(connector.to_owned(), line));
        if let Some(owner) = self.connectors.get(connector).map(|connector| connector.app) {
            let data = json!({ "connector": connector, "line": line });
            self.emit(&Event::new("ONIMCONNECTORSTATUSDELETE", data, Audience::App(owner), actor));
        }
    }

    /// Takes a connector out: its status rows go whoever owns it, the connector itself only when `app` owns it.
    pub(crate) fn unregister(&mut self, connector: &str, app: i64, actor: Actor) {
        let rows: Vec<i64> = self.statuses.keys().filter(|(id, _)| id == connector).map(|(_, line)| *line).collect();
        for line in rows {
            self.deactivate(connector, line, actor);
        }
        if self.connectors.get(connector).is_some_and(|found| found.app == app) {
            self.connectors.remove(connector);
            let handlers: Vec<String> = self.connectors.values().map(|left| left.handler.clone()).collect();
            self.placements.retain(|placement| placement.app != app || handlers.contains(&placement.handler));
        }
        self.touch();
    }
}

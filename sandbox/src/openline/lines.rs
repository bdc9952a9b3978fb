//! Open lines coming and going (bitrix24.md E12).

use serde_json::json;

use crate::events::emit::{Audience, Event};
use crate::model::{Actor, State};

impl State {
    /// Deletes a line: a STATUSDELETE for each connector on it, then a LINEDELETE for every application.
    pub(crate) fn delete_line(&mut self, line: i64, actor: Actor) -> bool {
        if self.lines.remove(&line).is_none() {
            return false;
        }
        let rows: Vec<String> = self.statuses.keys().filter(|(_, at)| *at == line).map(|(id, _)| id.clone()).collect();
        for connector in rows {
            self.deactivate(&connector, line, actor);
        }
        self.emit(&Event::new("ONIMCONNECTORLINEDELETE", json!(line), Audience::Everyone, actor));
        self.touch();
        true
    }

    /// Switches a line on or off; no event says so (bitrix24.md §6.11).
    pub(crate) fn switch_line(&mut self, line: i64, active: bool) -> bool {
        self.touch();
        self.lines.get_mut(&line).map(|line| line.active = active).is_some()
    }
}

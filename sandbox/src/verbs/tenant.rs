//! The portal as a whole: lines, connections, users, name, time, standing conditions.

use std::io;
use std::time::Duration;

use crate::config::Switches;
use crate::flags::Flag;
use crate::model::{ADMIN, Actor};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// The administrator disconnects a connector from a line in the user interface: STATUSDELETE (bitrix24.md §6.7).
    pub fn disconnect(&self, connector: &str, line: i64) {
        self.portal.hit(|state| state.deactivate(connector, line, Actor::person(ADMIN)));
    }

    /// Adds an active open line without greeting; gives its id.
    pub fn add_line(&self, name: &str) -> i64 {
        self.portal.edit(|state| state.add_line(name, None))
    }

    /// Deletes an open line: STATUSDELETE for each connector, then LINEDELETE (bitrix24.md E12).
    pub fn delete_line(&self, line: i64) -> bool {
        self.portal.hit(|state| state.delete_line(line, Actor::person(ADMIN)))
    }

    /// Switches a line's own flag off (bitrix24.md C13); no event says so.
    pub fn deactivate_line(&self, line: i64) -> bool {
        self.portal.edit(|state| state.switch_line(line, false))
    }

    /// Switches a line's own flag on.
    pub fn activate_line(&self, line: i64) -> bool {
        self.portal.edit(|state| state.switch_line(line, true))
    }

    /// Sets the automatic texts of a line: greeting and farewell, each `None` for silence.
    pub fn set_line_texts(&self, line: i64, greeting: Option<&str>, farewell: Option<&str>) {
        self.portal.edit(|state| {
            if let Some(line) = state.lines.get_mut(&line) {
                line.greeting = greeting.map(str::to_owned);
                line.farewell = farewell.map(str::to_owned);
            }
        });
    }

    /// The administrator changes a line's settings, named as in `imopenlines.config.update`: `WORKTIME_ENABLE`,
    /// `WELCOME_MESSAGE_TEXT`, `AGREEMENT_MESSAGE`, `VOTE_MESSAGE` and so on. False when there is no such line.
    pub fn configure_line(&self, line: i64, settings: &serde_json::Value) -> bool {
        self.portal.edit(|state| state.lines.get_mut(&line).map(|line| line.set(settings)).is_some())
    }

    /// `OPERATOR_DATA=hide`: no operator names leave the portal (bitrix24.md E8).
    pub fn hide_operators(&self, line: i64, hide: bool) {
        self.portal.edit(|state| {
            if let Some(line) = state.lines.get_mut(&line) {
                line.hide_operators = hide;
            }
        });
    }

    /// Dismisses an employee: his tokens answer `authorization_error`, refreshing fails.
    pub fn dismiss(&self, user: i64) {
        self.portal.edit(|state| {
            if let Some(user) = state.users.get_mut(&user) {
                user.active = false;
            }
        });
    }

    /// Lets only administrators use the local application (bitrix24.md `user_access_error`), or everybody again.
    pub fn restrict_app(&self, restricted: bool) {
        self.portal.edit(|state| {
            if restricted {
                state.restricted.insert(self.app)
            } else {
                state.restricted.remove(&self.app)
            };
        });
    }

    /// Moves the portal to a new address; the old one answers 302 from now on (bitrix24.md R12). Gives the new URL.
    pub async fn rename_portal(&self) -> io::Result<String> {
        let address = self.listen().await?;
        self.portal.edit(|state| state.rename(address));
        Ok(self.portal_url())
    }

    /// Raises or lifts a standing condition (bitrix24.md R11, A6).
    pub fn flag(&self, flag: Flag, raised: bool) {
        self.portal.edit(|state| {
            if raised {
                state.flags.insert(flag)
            } else {
                state.flags.remove(&flag)
            };
        });
    }

    /// Changes switchable behaviours.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.portal.edit(|state| change(&mut state.switches));
    }

    /// Moves the portal's time forward: tokens age, the request bucket leaks, operating time drops out.
    pub fn advance(&self, by: Duration) {
        self.portal.clock.advance(by);
        self.portal.edit(|_| ());
    }
}

//! The life of an application in the portal: installed, updated, removed (bitrix24.md §2.3, §2.4, §6.9).

use serde_json::json;

use crate::events::emit::{Audience, Event, Tokens};
use crate::model::{ADMIN, Actor, State};

impl State {
    /// Flow A: the application counts as installed at once and `ONAPPINSTALL` goes straight to the install URL.
    pub(crate) fn install_script_only(&mut self, app_id: i64, install_url: &str) {
        self.present(app_id, install_url);
        let Some(app) = self.app_mut(app_id) else { return };
        app.installed = true;
        let app = app.clone();
        let event = self.install_event(app_id, app.version);
        self.emit_direct(&app, install_url, &event);
    }

    /// Flow B, first half: the application is there, but not finished, so no event reaches it.
    pub(crate) fn begin_install(&mut self, app_id: i64, install_url: &str) {
        self.present(app_id, install_url);
        if let Some(app) = self.app_mut(app_id) {
            app.installed = false;
        }
    }

    /// Flow B, second half: `BX24.installFinish()`; `ONAPPINSTALL` goes to the handlers bound to it.
    pub(crate) fn finish_install(&mut self, app_id: i64) -> bool {
        let Some(app) = self.app_mut(app_id).filter(|app| app.present && !app.installed) else { return false };
        app.installed = true;
        let version = app.version;
        self.touch();
        let event = self.install_event(app_id, version);
        self.emit(&event);
        true
    }

    fn present(&mut self, app_id: i64, install_url: &str) {
        self.touch();
        if let Some(app) = self.app_mut(app_id) {
            app.present = true;
            install_url.clone_into(&mut app.install_url);
        }
    }

    fn install_event(&self, app: i64, version: i64) -> Event {
        Event {
            name: "ONAPPINSTALL",
            data: json!({ "VERSION": version, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": self.language }),
            audience: Audience::App(app),
            actor: Actor::person(ADMIN),
            tokens: Tokens::AccessAndRefresh,
        }
    }

    /// A new version; the application token may change with it.
    pub(crate) fn update_app(&mut self, app_id: i64, new_token: bool) {
        let fresh = self.rng.hex(32);
        let Some(app) = self.app_mut(app_id) else { return };
        let previous = app.version;
        app.version += 1;
        if new_token {
            app.application_token = fresh;
        }
        let data = json!({ "VERSION": previous + 1, "PREVIOUS_VERSION": previous, "LANGUAGE_ID": self.language });
        let event = Event {
            name: "ONAPPUPDATE",
            data,
            audience: Audience::App(app_id),
            actor: Actor::person(ADMIN),
            tokens: Tokens::AccessAndRefresh,
        };
        self.emit(&event);
    }

    /// Removes an application: connectors unregistered, `ONAPPUNINSTALL` said without tokens, everything dead.
    pub(crate) fn uninstall(&mut self, app_id: i64, clean: bool) {
        let actor = Actor::person(ADMIN);
        let owned = |(id, app): (&String, i64)| (app == app_id).then(|| id.clone());
        let connectors: Vec<String> =
            self.connectors.iter().filter_map(|(id, connector)| owned((id, connector.app))).collect();
        for connector in connectors {
            self.unregister(&connector, app_id, actor);
        }
        let data = json!({ "LANGUAGE_ID": self.language, "CLEAN": i64::from(clean) });
        let audience = Audience::App(app_id);
        self.emit(&Event { name: "ONAPPUNINSTALL", data, audience, actor, tokens: Tokens::None });
        self.bindings.retain(|binding| binding.app != app_id);
        self.revoke_tokens(app_id);
        let fresh = self.rng.hex(32);
        if let Some(app) = self.app_mut(app_id) {
            app.present = false;
            app.installed = false;
            app.application_token = fresh;
        }
        self.touch();
    }
}

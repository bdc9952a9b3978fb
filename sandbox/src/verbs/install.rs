//! Applications: added, installed, updated, removed; and tokens taken by hand.

use serde::{Deserialize, Serialize};

use super::page::{Page, PageOptions};
use crate::model::{ADMIN, State};
use crate::sandbox::Sandbox;

/// A pair of tokens with the endpoints, as the token endpoint gives it (bitrix24.md §2.7).
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Tokens {
    /// Access token.
    pub access_token: String,
    /// Refresh token.
    pub refresh_token: String,
    /// Prefix of method calls.
    pub client_endpoint: String,
    /// Prefix at the authorization server.
    pub server_endpoint: String,
    /// The portal's permanent id.
    pub member_id: String,
}

impl Sandbox {
    /// Flow A, "script only": the application counts as installed at once, and `ONAPPINSTALL` is posted to the install
    /// URL (bitrix24.md §2.3).
    pub fn install_script_only(&self, install_url: &str) {
        self.portal.hit(|state| state.install_script_only(self.app, install_url));
    }

    /// Flow B, "with UI", first half: the administrator's browser posts the install form to the install URL
    /// (bitrix24.md §2.4). `older_fields` leaves out what older portals do not send. Gives the page that came back.
    pub async fn install_with_ui(&self, install_url: &str, older_fields: bool) -> Result<Page, String> {
        self.portal.hit(|state| state.begin_install(self.app, install_url));
        let options = PageOptions { older_fields, ..PageOptions::default() };
        self.open_app_page(install_url, &options).await
    }

    /// Flow B, second half: what `BX24.installFinish()` does. False when there was nothing to finish.
    pub fn finish_install(&self) -> bool {
        self.portal.hit(|state| state.finish_install(self.app))
    }

    /// Removes the application; `clean` tells it to erase its data (bitrix24.md E13).
    pub fn uninstall(&self, clean: bool) {
        self.portal.hit(|state| state.uninstall(self.app, clean));
    }

    /// A new version of the application; with `new_token` its application token changes (bitrix24.md §2.10).
    pub fn update_app(&self, new_token: bool) {
        self.portal.hit(|state| state.update_app(self.app, new_token));
    }

    /// Sets "Your handler path" of the application form, which is also the OAuth redirect URI.
    pub fn set_handler_url(&self, url: &str) {
        self.portal.edit(|state| {
            if let Some(app) = state.app_mut(self.app) {
                url.clone_into(&mut app.handler_url);
            }
        });
    }

    /// Adds a second local application, not installed yet; gives its `client_id` and `client_secret`.
    pub fn add_application(&self, scope: &[&str]) -> (String, String) {
        let scope: Vec<String> = scope.iter().map(|name| (*name).to_owned()).collect();
        self.portal.edit(|state| {
            let client_id = format!("local.{}.{}", state.rng.hex(14), state.rng.digits(8));
            let secret = state.rng.word(50);
            state.add_app(&client_id, &secret, &scope);
            (client_id, secret)
        })
    }

    /// Marks an application installed without telling anybody. False when there is no such application.
    pub fn install_silently(&self, client_id: &str) -> bool {
        self.portal.edit(|state| {
            let app = state.apps.iter_mut().find(|app| app.client_id == client_id);
            app.is_some_and(|app| {
                app.present = true;
                app.installed = true;
                true
            })
        })
    }

    /// A fresh pair of tokens for an application and a portal user; `None` when there is no such application.
    pub fn grant(&self, client_id: &str, user: i64) -> Option<Tokens> {
        self.portal.edit(|state: &mut State| {
            let app = state.apps.iter().find(|app| app.client_id == client_id)?.clone();
            serde_json::from_value(state.token_answer(&app, user)).ok()
        })
    }

    /// A fresh pair of tokens of the local application for the administrator.
    pub fn admin_tokens(&self) -> Option<Tokens> {
        self.grant(&self.client_id(), ADMIN)
    }

    /// Makes every access token expire now (bitrix24.md R2).
    pub fn expire_access_tokens(&self) {
        self.portal.edit(State::expire_tokens);
    }

    /// Kills every token of the local application, refresh tokens included.
    pub fn revoke_tokens(&self) {
        self.portal.edit(|state| state.revoke_tokens(self.app));
    }
}

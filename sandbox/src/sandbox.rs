//! Who a sandbox is, and its end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::DropGuard;

use crate::faults::Faults;
use crate::model::{App, State};
use crate::portal::Portal;

/// A running stand-in portal with its authorization server.
///
/// Dropping it stops the servers without waiting; [`Sandbox::stop`] waits for them.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) portal: Arc<Portal>,
    /// The application made from the configuration.
    pub(crate) app: i64,
    /// Its keys. Kept here, so that they can be asked for while the memory is looked at.
    client_id: String,
    client_secret: String,
    /// Stops everything when the owner goes; [`Sandbox::remote`] has none.
    _owner: Option<DropGuard>,
}

impl Sandbox {
    /// The handle that stops everything when it is dropped.
    pub(crate) fn owner(portal: Arc<Portal>) -> Self {
        let guard = Some(portal.stop.clone().drop_guard());
        Self { _owner: guard, ..Self::remote(portal) }
    }

    /// A second handle on the same portal, for the control interface; dropping it stops nothing.
    pub(crate) fn remote(portal: Arc<Portal>) -> Self {
        let first = portal.view(|state| state.apps.first().cloned());
        let (app, client_id, client_secret) =
            first.map(|app| (app.id, app.client_id, app.client_secret)).unwrap_or_default();
        Self { portal, app, client_id, client_secret, _owner: None }
    }

    /// A handle for another application of the same portal; `None` when there is none with this `client_id`.
    pub(crate) fn with_app(&self, client_id: &str) -> Option<Self> {
        let found = |state: &State| state.apps.iter().find(|app| app.client_id == client_id).cloned();
        let App { id, client_id, client_secret, .. } = self.portal.view(found)?;
        Some(Self { portal: Arc::clone(&self.portal), app: id, client_id, client_secret, _owner: None })
    }

    /// Closes all listeners and connections and drops the events that still wait.
    pub async fn stop(self) {
        self.portal.stop.cancel();
        self.portal.tasks.close();
        self.portal.tasks.wait().await;
    }

    /// `http://127.0.0.1:PORT` of the portal, or its public address; another one after [`Sandbox::rename_portal`].
    pub fn portal_url(&self) -> String {
        self.portal.view(State::portal_url)
    }

    /// `http://127.0.0.1:PORT` of the authorization server, or its public address.
    pub fn auth_url(&self) -> String {
        self.portal.view(State::auth_url)
    }

    /// Where the portal itself listens, whatever name it has.
    pub fn portal_address(&self) -> SocketAddr {
        self.portal.view(|state| state.home)
    }

    /// Where the authorization server itself listens.
    pub fn auth_address(&self) -> SocketAddr {
        self.portal.view(|state| state.auth_home)
    }

    /// The operators' desk.
    pub fn desk_url(&self) -> String {
        format!("{}/desk/", self.portal_url())
    }

    /// `client_id` of the local application.
    pub fn client_id(&self) -> String {
        self.client_id.clone()
    }

    /// `client_secret` of the local application.
    pub fn client_secret(&self) -> String {
        self.client_secret.clone()
    }

    /// The portal's permanent id, 32 hexadecimal digits.
    pub fn member_id(&self) -> String {
        self.portal.view(|state| state.member_id.clone())
    }

    /// The secret in every event of the local application; changes with updates and reinstalls.
    pub fn application_token(&self) -> String {
        let app = self.app;
        self.portal.view(|state| state.app(app).map(|app| app.application_token.clone()).unwrap_or_default())
    }

    /// Prefix of an incoming webhook of the administrator, `…/rest/1/<secret>/` (bitrix24.md R7).
    pub fn webhook_url(&self) -> String {
        self.portal.view(|state| format!("{}1/{}/", state.client_endpoint(), state.webhook_secret))
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.portal.faults
    }
}

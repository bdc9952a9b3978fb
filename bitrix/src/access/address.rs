//! Where the portal is: which addresses may be believed, and whom we ask (`bitrix24.md` §2.9, §11).
//!
//! What an event, a page or a redirect *names* is only a reason to ask: every employee knows what events are proven by.
//! Only the authorization server, which knows the portal by its `member_id`, is believed about an address that is not
//! the configured one.

use crate::access::credentials::Credentials;
use crate::access::oauth;
use crate::access::portal::Portal;
use crate::access::servers::is_vendor_host;
use crate::config::PortalConfig;
use crate::settings::is_loopback;
use crate::wire::rest::CallError;
use openline_core::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How soon the authorization server is asked again where the portal is.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// The same after it did not answer.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// A renewal that is younger has told it: renewing more often is punished (`bitrix24.md` §2.7).
const TOLD_BY_RENEWAL: Duration = Duration::from_secs(600);

impl PortalConfig {
    /// The portal's REST address as it is configured.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}/rest/", self.url.as_str().trim_end_matches('/'))
    }

    /// Whether the authorization server may be believed that the portal is at `endpoint`: the configured host, one of
    /// the vendor's, or this machine when the configured portal is a stand-in on it.
    pub(crate) fn may_be_at(&self, endpoint: &str) -> bool {
        let Ok(url) = Url::parse(endpoint) else { return false };
        if is_loopback(&url) || is_loopback(&self.url) {
            return is_loopback(&url) && is_loopback(&self.url);
        }
        let vendors = url.port().is_none() && url.host_str().is_some_and(is_vendor_host);
        url.origin() == self.url.origin() || (url.scheme() == "https" && (vendors || url.host() == self.url.host()))
    }

    /// Whether an address is on the server that the configuration names.
    pub(crate) fn is_configured(&self, endpoint: &str) -> bool {
        Url::parse(endpoint).is_ok_and(|url| url.origin() == self.url.origin())
    }
}

impl Portal {
    /// Somebody names an address of the portal. When it is not the known one, the authorization server is asked.
    pub(crate) fn hear_of_endpoint(self: &Arc<Self>, member_id: &str, endpoint: &str) {
        let other = |known: &Credentials| known.member_id == member_id && known.client_endpoint != endpoint;
        if self.credentials().is_some_and(|known| other(&known)) {
            let portal = Arc::clone(self);
            self.tasks.spawn(async move { portal.find_endpoint().await });
        }
    }

    /// Asks the authorization server where the portal is now, at most once a minute however often that is wanted, and
    /// keeps what it says.
    pub(crate) async fn find_endpoint(self: &Arc<Self>) {
        let mut next = self.next_ask.lock().await;
        if next.is_some_and(|at| at > Instant::now()) {
            return;
        }
        let found = self.ask_for_endpoint().await;
        let pause = if found.is_ok() { ASK_AGAIN } else { TRY_AGAIN };
        *next = Some(Instant::now() + pause);
        if let Err(error) = found {
            tracing::warn!(%error, "the authorization server did not say where the portal is");
        }
    }

    async fn ask_for_endpoint(self: &Arc<Self>) -> Result<(), CallError> {
        let known = self.fresh().await?;
        match oauth::whereabouts(&self.client(), known.server(&self.config()), &known.access_token).await {
            Ok(told) if told.member_id == known.member_id => self.keep_endpoint(&known.member_id, &told.endpoint).await,
            Ok(_) => tracing::error!("the authorization server names another portal for our token"),
            // Its answer to a renewal names the address too.
            Err(error) if self.renewed_lately(&known) => return Err(error),
            Err(_) => drop(self.renew(&known).await?),
        }
        Ok(())
    }

    fn renewed_lately(&self, known: &Credentials) -> bool {
        let lifetime = Duration::from_secs(3600);
        let made = Timestamp(known.expires_at.0.saturating_sub(i64::try_from(lifetime.as_millis()).unwrap_or(0)));
        made.until(self.clock().now()) < TOLD_BY_RENEWAL
    }

    /// Keeps the portal's address as the authorization server told it.
    async fn keep_endpoint(&self, member_id: &str, endpoint: &str) {
        let moved = |known: &&Credentials| known.member_id == member_id && known.client_endpoint != endpoint;
        if self.credentials().is_none_or(|known| !moved(&&*known)) {
            return;
        }
        if !self.config().may_be_at(endpoint) {
            tracing::error!(endpoint, "the portal has moved to a host that is not the vendor's: set portal.url to it");
            return;
        }
        let change = |known: Option<&Credentials>| {
            known.filter(moved).map(|known| Credentials { client_endpoint: endpoint.to_owned(), ..known.clone() })
        };
        match self.change(change).await {
            Ok(()) => tracing::info!(endpoint, "the portal has a new address"),
            Err(error) => tracing::error!(%error, "can't keep the portal's new address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::PortalConfig;

    fn at(portal: &str) -> PortalConfig {
        PortalConfig::sample(portal)
    }

    #[test]
    fn a_cloud_portal_may_move_among_the_vendors_hosts() {
        let cloud = at("https://company.bitrix24.com");
        for yes in ["https://company.bitrix24.com/rest/", "https://new-name.bitrix24.de/rest/"] {
            assert!(cloud.may_be_at(yes), "{yes}");
        }
        for no in [
            "https://evil.example/rest/",
            "http://company.bitrix24.de/rest/",
            "https://company.bitrix24.com.evil.example/rest/",
            "https://new-name.bitrix24.com:8443/rest/",
            "http://127.0.0.1/rest/",
            "nonsense",
        ] {
            assert!(!cloud.may_be_at(no), "{no}");
        }
    }

    #[test]
    fn an_own_server_may_turn_to_https_and_a_stand_in_stays_on_this_machine() {
        let own = at("http://portal.company.example");
        assert!(own.may_be_at("http://portal.company.example/rest/"));
        assert!(own.may_be_at("https://portal.company.example/rest/"));
        assert!(!own.may_be_at("http://portal.company.example:81/rest/"));
        let stand_in = at("http://127.0.0.1:8081");
        assert!(stand_in.may_be_at("http://127.0.0.1:8099/rest/"));
        assert!(!stand_in.may_be_at("https://company.bitrix24.com/rest/"));
    }
}

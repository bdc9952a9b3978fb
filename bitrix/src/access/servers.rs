//! The authorization servers that there are, and which of them a portal has (`bitrix24.md` §2.5, §11).

use crate::config::PortalConfig;
use crate::settings::is_loopback;
use url::Url;

/// The vendor's own servers.
const VENDORS: [&str; 2] = ["https://oauth.bitrix.info", "https://oauth.bitrix24.tech"];
/// The last part of a portal's host name in the regions of the second one.
const SECOND: [&str; 8] = ["ru", "by", "kz", "uz", "am", "az", "ge", "kg"];

/// The vendor's own domains: portals, storage, authorization.
pub(crate) const VENDOR: [&str; 22] = [
    "bitrix24.com",
    "bitrix24.ru",
    "bitrix24.eu",
    "bitrix24.de",
    "bitrix24.fr",
    "bitrix24.es",
    "bitrix24.it",
    "bitrix24.pl",
    "bitrix24.in",
    "bitrix24.cn",
    "bitrix24.kz",
    "bitrix24.by",
    "bitrix24.ua",
    "bitrix24.uz",
    "bitrix24.id",
    "bitrix24.vn",
    "bitrix24.mx",
    "bitrix24.co",
    "bitrix24.com.br",
    "bitrix24.com.tr",
    "bitrix24.tech",
    "bitrix.info",
];

/// Whether a host is the vendor's.
pub(crate) fn is_vendor_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    VENDOR.iter().any(|domain| host == *domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.')))
}

/// The authorization server that portals with such an address usually have.
pub fn usual_server(portal: &Url) -> &'static str {
    let region = portal.domain().and_then(|host| host.rsplit('.').next()).unwrap_or_default();
    VENDORS[usize::from(SECOND.contains(&region))]
}

/// The vendor's servers.
pub(crate) fn vendors() -> impl Iterator<Item = Url> {
    VENDORS.iter().filter_map(|server| Url::parse(server).ok())
}

impl PortalConfig {
    /// The authorization server that a `server_endpoint` names, when it may be one: the configured one or the vendor's.
    /// A stand-in's is on this machine.
    pub(crate) fn server_of(&self, server_endpoint: &str) -> Option<Url> {
        let mut url = Url::parse(server_endpoint).ok()?;
        url.set_path("");
        url.set_query(None);
        let is_stand_in = is_loopback(&url) && is_loopback(&self.auth_server);
        let is_known = is_stand_in || url == self.auth_server || vendors().any(|vendor| vendor == url);
        is_known.then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vendors_two_and_the_configured_one_are_taken_for_a_server() {
        let config = PortalConfig::sample("https://company.bitrix24.ru");
        let of = |endpoint: &str| config.server_of(endpoint).map(String::from);
        assert_eq!(of("https://oauth.bitrix24.tech/rest/").as_deref(), Some("https://oauth.bitrix24.tech/"));
        assert_eq!(of("https://oauth.bitrix.info/rest/").as_deref(), Some("https://oauth.bitrix.info/"));
        for no in ["https://evil.example/rest/", "http://oauth.bitrix.info/rest/", "http://127.0.0.1:9/rest/", "x"] {
            assert_eq!(of(no), None, "{no}");
        }
    }

    #[test]
    fn the_region_tells_the_usual_server() {
        let at = |portal: &str| usual_server(&Url::parse(portal).unwrap());
        assert_eq!(at("https://company.bitrix24.com"), "https://oauth.bitrix.info");
        for region in SECOND {
            assert_eq!(at(&format!("https://company.bitrix24.{region}")), "https://oauth.bitrix24.tech");
        }
        assert_eq!(at("http://127.0.0.1:8080"), "https://oauth.bitrix.info");
    }
}

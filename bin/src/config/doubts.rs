//! What is not wrong in a configuration, and probably not meant.

use super::Config;
use openline_bitrix::{is_loopback, usual_server};
use url::Url;

impl Config {
    /// Each in a sentence, with its key.
    pub fn doubts(&self) -> Vec<String> {
        [self.other_region(), self.path(), self.proxy()].into_iter().flatten().collect()
    }

    /// A portal whose region usually has the vendor's other authorization server.
    fn other_region(&self) -> Option<String> {
        let (portal, usual) = (&self.portal.url, usual_server(&self.portal.url));
        let given = self.portal.auth_server.as_str().trim_end_matches('/');
        if given == usual || is_loopback(portal) || is_loopback(&self.portal.auth_server) {
            return None;
        }
        Some(format!(
            "portal.auth_server: portals like {} usually have {usual}, not {given}; `openline check --online` tells which \
             one takes the code and the key",
            portal.host_str().unwrap_or_default()
        ))
    }

    /// Nothing here speaks https: where it is, a proxy is in front.
    fn proxy(&self) -> Option<String> {
        let hidden = self.public_url.starts_with("https:") && self.trusted_proxies.is_empty();
        hidden.then(|| {
            "trusted_proxies: is not set, though public_url is https, so that a proxy stands in front: all visitors \
             have its address then, and share the limits of one. Name the proxy's address, like [\"127.0.0.1\"]"
                .to_owned()
        })
    }

    fn path(&self) -> Option<String> {
        let url = Url::parse(&self.public_url).ok().filter(|url| url.path() != "/")?;
        let text = "public_url: {path} is a path; the proxy must take it away before it passes requests on, and other \
                    programs at that host share cookies with openline. A host name of its own is safer";
        Some(text.replace("{path}", url.path()))
    }
}

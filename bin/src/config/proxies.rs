//! Proxies that are believed about whom they call for.

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Addresses and networks of trusted proxies. Empty: nothing is believed from headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Reads addresses (`127.0.0.1`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// The first that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let read = |text: &String| {
            let one = text.parse::<IpAddr>().map(IpNet::from);
            one.or_else(|_| text.parse::<IpNet>()).map_err(|_| text.clone())
        };
        Ok(Self(texts.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of theirs.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who calls: the other side of the connection or, when that is a trusted proxy, the right-most hop of
    /// `X-Forwarded-For` that is none. What stands left of it anybody can have written.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let values: Vec<_> =
            headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?")).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(',')).map(str::trim);
        let mut last = peer;
        for hop in hops {
            // What can't be read was written by somebody else than our proxies.
            let Some(address) = address(hop) else { return last };
            last = address;
            if !self.trusts(address) {
                return address;
            }
        }
        last
    }
}

impl<'de> Deserialize<'de> for Proxies {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&Vec::<String>::deserialize(from)?).map_err(|wrong| {
            D::Error::custom(format!(
                "{wrong:?} is not an address; write one like \"127.0.0.1\", or a network like \"10.0.0.0/8\""
            ))
        })
    }
}

fn address(hop: &str) -> Option<IpAddr> {
    let one = hop.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    one.or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(proxies: &[&str], peer: &str, headers: &[&'static str]) -> String {
        let proxies = Proxies::parse(&proxies.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap();
        let mut map = HeaderMap::new();
        for value in headers {
            map.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "127.0.0.1", &["192.0.2.1"]), "127.0.0.1");
        assert_eq!(client(&["127.0.0.1"], "192.0.2.7", &["192.0.2.1"]), "192.0.2.7");
        assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn the_right_most_hop_that_is_not_trusted_counts() {
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(client(&trusted, "127.0.0.1", &["6.6.6.6, 192.0.2.1, 10.1.2.3"]), "192.0.2.1");
        assert_eq!(client(&trusted, "127.0.0.1", &["6.6.6.6", "192.0.2.1:4711", "10.1.2.3"]), "192.0.2.1");
        assert_eq!(client(&trusted, "127.0.0.1", &["6.6.6.6, nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(client(&trusted, "127.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(client(&trusted, "127.0.0.1", &["10.0.0.2, 10.0.0.3"]), "10.0.0.2");
    }

    #[test]
    fn nonsense_is_told() {
        assert_eq!(Proxies::parse(&["10.0.0.0/33".to_owned()]).unwrap_err(), "10.0.0.0/33");
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_header_says_a_trusted_proxys_word_counts(said in "[0-9a-f:.,\\[\\] x]{0,80}") {
            let proxies = Proxies::parse(&["127.0.0.1".to_owned()]).unwrap();
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", HeaderValue::from_str(&format!("{said}, 192.0.2.1")).unwrap());
            proptest::prop_assert_eq!(proxies.client("127.0.0.1".parse().unwrap(), &headers).to_string(), "192.0.2.1");
        }
    }
}

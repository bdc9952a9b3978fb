//! Where an address leads.

use std::net::IpAddr;

/// Whether a host, as an address names it, is this machine: what goes there leaves it not, and may go unencrypted.
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    host.eq_ignore_ascii_case("localhost") || address()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_names() {
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(is_this_machine(here), "{here}");
        }
        for away in ["", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "192.168.0.1", "[::2]", "[]"] {
            assert!(!is_this_machine(away), "{away}");
        }
    }
}

//! Operators' files: opened from the portal's own hosts only (`bitrix24.md` §8.4).

use crate::config::PortalConfig;
use crate::wire::rest;
use futures_util::{StreamExt, TryStreamExt};
use openline_core::DeliveryError;
use openline_core::backend::FileStream;
use reqwest::{Client, header};
use url::Url;

/// A short link, the file's page, a storage host, and one to spare.
const MAX_HOPS: usize = 5;

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

/// Opens a file, following redirects only among trusted hosts.
pub(crate) async fn open(
    client: &Client,
    config: &PortalConfig,
    endpoint: Option<&str>,
    address: &str,
) -> Result<FileStream, DeliveryError> {
    let foreign = |host: &str| DeliveryError::refused(format!("the file is on {host}, which is not the portal's"));
    let mut url = Url::parse(address).map_err(|_| DeliveryError::refused("the file's address is no URL"))?;
    for _ in 0..MAX_HOPS {
        url.set_fragment(None);
        if !is_allowed(config, endpoint, &url) {
            return Err(foreign(url.host_str().unwrap_or("?")));
        }
        let request = client.get(url.clone()).header(header::ACCEPT, "*/*");
        let response = request.send().await.map_err(|e| failed(&url, &e))?;
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| DeliveryError::refused("the file's redirect leads nowhere"))?;
            continue;
        }
        if !status.is_success() {
            let reason = format!("the portal answered HTTP {status} for the file");
            return Err(if status.is_server_error() {
                DeliveryError::retry(reason)
            } else {
                DeliveryError::refused(reason)
            });
        }
        return Ok(stream(response));
    }
    Err(DeliveryError::refused("too many redirects on the way to the file"))
}

fn failed(url: &Url, error: &reqwest::Error) -> DeliveryError {
    DeliveryError::retry(rest::network(url.as_str(), error).to_string())
}

fn stream(response: reqwest::Response) -> FileStream {
    let mime = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    FileStream {
        size: response.content_length(),
        mime,
        bytes: response.bytes_stream().map_err(std::io::Error::other).boxed(),
    }
}

fn is_allowed(config: &PortalConfig, endpoint: Option<&str>, url: &Url) -> bool {
    let portal = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
    let own = [Some(&config.url), portal.as_ref()].into_iter().flatten().any(|known| known.origin() == url.origin());
    if own {
        return true;
    }
    let Some(host) = url.host_str() else { return false };
    url.scheme() == "https"
        && url.port().is_none()
        && (is_vendor_host(host) || config.file_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_hosts_are_told_by_whole_labels() {
        for yes in ["company.bitrix24.com", "BITRIX24.de", "cdn.bitrix24.com.br"] {
            assert!(is_vendor_host(yes), "{yes}");
        }
        for no in ["evilbitrix24.com", "bitrix24.com.evil.example", "127.0.0.1", "bitrix24.example"] {
            assert!(!is_vendor_host(no), "{no}");
        }
    }
}

//! Operators' files: opened from the portal's own hosts only (`bitrix24.md` §8.4).

use crate::access::servers::is_vendor_host;
use crate::config::PortalConfig;
use crate::wire::field::field;
use crate::wire::rest;
use crate::wire::values::{integer, text};
use futures_util::{StreamExt, TryStreamExt};
use openline_core::DeliveryError;
use openline_core::backend::FileStream;
use openline_core::message::{File, FileSource};
use openline_core::text::Href;
use reqwest::{Client, header};
use serde_json::Value;
use url::Url;

/// A short link, the file's page, a storage host, and one to spare.
const MAX_HOPS: usize = 5;

/// A file as an event (`bitrix24.md` §8.4) or a history (§11) tells of it; `None` when no address of it is told.
pub(crate) fn read(value: &Value, portal: &Url) -> Option<File> {
    let told = |key: &str| field(value, key).and_then(|value| text(Some(value)));
    let size_of = |of: &Value| {
        let side = |key: &str| field(of, key).and_then(integer).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        side("width").zip(side("height"))
    };
    let name = name(value);
    Some(File {
        mime: told("mime").unwrap_or_else(|| picture(value, &name).unwrap_or_default().to_owned()),
        size: field(value, "size").and_then(integer).and_then(|n| u64::try_from(n).ok()),
        pixels: size_of(value).or_else(|| size_of(field(value, "image")?)),
        source: FileSource::Backend(address(value, portal)?),
        name,
    })
}

/// What a file is called.
pub(crate) fn name(value: &Value) -> String {
    field(value, "name").and_then(|name| text(Some(name))).unwrap_or_else(|| "file".to_owned())
}

/// Where a file is: the address that leads to it at once, else one that is sent on. A path is the portal's own.
fn address(value: &Value, portal: &Url) -> Option<String> {
    let told: Vec<_> =
        ["downloadLink", "urldownload", "link"].iter().filter_map(|key| text(Some(field(value, key)?))).collect();
    let web = |address: &&String| Href::parse(address).is_ok_and(|href| href.is_web());
    let path = || told.iter().find(|path| path.starts_with('/')).and_then(|path| portal.join(path).ok());
    let whole = told.iter().find(web).cloned().or_else(|| Some(path()?.to_string()))?;
    Some(whole.split('#').next().unwrap_or_default().to_owned())
}

/// A history names no media type, only the portal's own class and how the name ends.
fn picture(value: &Value, name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    field(value, "type").and_then(|kind| text(Some(kind))).filter(|kind| kind == "image")?;
    match ending.as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" | "jpe" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        "bmp" => Some("image/bmp"),
        _ => None,
    }
}

/// Opens a file, following redirects only among trusted hosts.
///
/// # Errors
/// `Refused` also when what is served is not what was told: a page instead of the file, or another number of bytes.
pub(crate) async fn open(
    client: &Client,
    config: &PortalConfig,
    endpoint: Option<&str>,
    file: &File,
) -> Result<FileStream, DeliveryError> {
    let FileSource::Backend(address) = &file.source else {
        return Err(DeliveryError::refused("the file is not the portal's"));
    };
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
        return stream(file, response);
    }
    Err(DeliveryError::refused("too many redirects on the way to the file"))
}

fn failed(url: &Url, error: &reqwest::Error) -> DeliveryError {
    DeliveryError::retry(rest::network(url.as_str(), error).to_string())
}

fn stream(file: &File, response: reqwest::Response) -> Result<FileStream, DeliveryError> {
    let mime = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let size = response.content_length();
    if let Some(problem) = contradiction(file, mime.as_deref(), size) {
        return Err(DeliveryError::refused(problem));
    }
    Ok(FileStream { size, mime, bytes: response.bytes_stream().map_err(std::io::Error::other).boxed() })
}

/// Why an answer is not the file that was told of. A link that needs a login is answered with its page and status 200,
/// and the visitor must not get that page as `photo.jpg`.
fn contradiction(file: &File, mime: Option<&str>, size: Option<u64>) -> Option<String> {
    let served = mime.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let ending = file.name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let is_of = |kind: &str, endings: &[&str]| file.mime.contains(kind) || endings.contains(&ending.as_str());
    let foreign = match served.as_str() {
        "text/html" | "application/xhtml+xml" => !is_of("html", &["html", "htm", "xhtml", "shtml"]),
        "application/json" => !is_of("json", &["json"]),
        _ => false,
    };
    if foreign {
        return Some(format!("the portal's link to {:?} answers with a page, not with the file", file.name));
    }
    let (told, size) = (file.size.filter(|told| *told > 0)?, size?);
    // Pictures may be served in another size than they were stored in.
    (told != size && !served.starts_with("image/"))
        .then(|| format!("the portal's link to {:?} answers with {size} bytes, and the file has {told}", file.name))
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
    use serde_json::json;

    fn portal() -> Url {
        Url::parse("https://shop.example/").unwrap()
    }

    #[test]
    fn an_address_is_whole_or_the_portals_own() {
        let at = |value: Value| read(&value, &portal()).map(|file| file.source);
        let here = |address: &str| Some(FileSource::Backend(address.to_owned()));
        assert_eq!(at(json!({"link": "https://a.example/~x#img.png"})), here("https://a.example/~x"));
        let both = json!({"downloadLink": "/pub/1", "link": "https://a.example/~x"});
        assert_eq!(at(both), here("https://a.example/~x"));
        assert_eq!(
            at(json!({"downloadLink": "", "urlDownload": "/pub/1?a=2"})),
            here("https://shop.example/pub/1?a=2")
        );
        for none in [json!({}), json!({"link": "javascript:x"}), json!({"urldownload": "pub/1"}), json!(null)] {
            assert_eq!(at(none), None);
        }
    }

    #[test]
    fn what_is_served_must_be_what_was_told() {
        let file = |name: &str, mime: &str, size| File {
            name: name.into(),
            mime: mime.into(),
            size,
            pixels: None,
            source: FileSource::Backend(String::new()),
        };
        let photo = file("photo.jpg", "image/jpeg", Some(500));
        let page = contradiction(&photo, Some("text/html; charset=UTF-8"), Some(500)).unwrap();
        assert!(page.contains("photo.jpg") && page.contains("a page"), "{page}");
        assert!(contradiction(&photo, Some("application/json"), None).is_some());
        assert_eq!(contradiction(&photo, Some("image/jpeg"), Some(400)), None);
        let pdf = file("a.pdf", "", Some(500));
        assert!(contradiction(&pdf, Some("application/pdf"), Some(501)).unwrap().contains("501 bytes"));
        assert_eq!(contradiction(&pdf, Some("application/pdf"), Some(500)), None);
        assert_eq!(contradiction(&pdf, None, None), None);
        for (name, mime) in [("saved.HTM", ""), ("saved", "text/html")] {
            assert_eq!(contradiction(&file(name, mime, None), Some("text/html"), Some(9)), None);
        }
    }

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

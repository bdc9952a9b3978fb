//! Calls to a messenger's API: a client that never shows secrets, and what a call that got no answer means.

use openline_core::{ConfigError, DeliveryError, Timestamp};
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The call never left.
    Unreached(String),
    /// The call left; nobody knows what became of it.
    Cut(String),
}

impl Lost {
    /// What became of a call that failed. The address is left out: it may have a secret.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Cut("no answer in time".to_owned());
        }
        Self::at(error.is_connect() || error.is_builder(), deepest(error))
    }

    /// The same of another client; `early`: while it was connecting, or before.
    pub(crate) fn at(early: bool, cause: String) -> Self {
        if early { Self::Unreached(cause) } else { Self::Cut(cause) }
    }

    /// One line for people.
    pub(crate) fn line(&self, whose: &str) -> String {
        match self {
            Self::Unreached(cause) => format!("{whose} can't be reached: {cause}"),
            Self::Cut(cause) => format!("no answer from {whose}: {cause}"),
        }
    }

    /// What that means for the message that the call was for.
    pub(crate) fn verdict(&self, whose: &str) -> DeliveryError {
        match self {
            Self::Unreached(_) => DeliveryError::retry(self.line(whose)),
            Self::Cut(_) => DeliveryError::unknown(self.line(whose)),
        }
    }
}

/// What an error comes from in the end, without an address.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let text = openline_core::error::deepest(error).to_string();
    if text.contains("://") || text.contains("/bot") { "the call failed".to_owned() } else { text }
}

/// The longest that anybody may ask us to wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long to wait by a `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let seconds = value.parse().map(Duration::from_secs).ok();
    let date = || {
        let date = jiff::fmt::rfc2822::parse(value).ok()?;
        Some(now.until(Timestamp(date.timestamp().as_millisecond())))
    };
    seconds.or_else(date).map(|wait| wait.min(LONGEST))
}

/// How calls are made.
#[derive(Debug, Default)]
pub(crate) struct How<'h> {
    pub(crate) timeout: Duration,
    pub(crate) proxy: Option<&'h str>,
    /// PEM.
    pub(crate) certificates: Option<&'h [u8]>,
    /// Hosts to which a redirect may lead; to none without them.
    pub(crate) redirects: Vec<String>,
}

/// A client: a channel makes its own when it is built. That reads the system's certificates, and takes some milliseconds.
///
/// # Errors
/// Why there can be none; it names no key, because the machine is wrong and not a setting.
pub(crate) fn client(how: How<'_>) -> Result<reqwest::Client, ConfigError> {
    made(how).map_err(|problem| no_client(&problem))
}

/// Says that there can be no client.
pub(crate) fn no_client(problem: &str) -> ConfigError {
    ConfigError::at("", format!("no client for https can be made: {problem}"))
}

fn made(how: How<'_>) -> Result<reqwest::Client, String> {
    let hosts = how.redirects;
    let policy = reqwest::redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() < 5 && is_one_of(attempt.url(), &hosts) { attempt.follow() } else { attempt.stop() }
    });
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("openline/", env!("CARGO_PKG_VERSION")))
        .redirect(policy)
        .connect_timeout(Duration::from_secs(10))
        .timeout(how.timeout);
    if let Some(proxy) = how.proxy {
        let proxy =
            reqwest::Proxy::all(proxy).map_err(|_| "the proxy is no address like \"http://proxy.example:3128\"")?;
        builder = builder.proxy(proxy);
    }
    if let Some(pem) = how.certificates {
        let read = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| deepest(&error))?;
        builder = builder.tls_certs_merge(read);
    }
    builder.build().map_err(|error| deepest(&error))
}

/// Whether an address is at one of these hosts (with a port, when it has one), or below one that begins with `*.`.
pub(crate) fn is_one_of(url: &url::Url, hosts: &[String]) -> bool {
    let Some(host) = url.host_str() else { return false };
    let whole = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let fits = |wanted: &String| match wanted.strip_prefix("*.") {
        Some(above) => host.strip_suffix(above).is_some_and(|below| below.is_empty() || below.ends_with('.')),
        None => *wanted == whole,
    };
    matches!(url.scheme(), "http" | "https") && hosts.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_whole_names() {
        let hosts = ["*.cdn.example".to_owned(), "api.example".to_owned(), "127.0.0.1:80".to_owned()];
        let fits = |url: &str| is_one_of(&url::Url::parse(url).unwrap(), &hosts);
        assert!(fits("https://a.b.cdn.example/x") && fits("https://cdn.example/") && fits("https://api.example/x"));
        for bad in
            ["https://evilcdn.example/", "https://api.example.evil/", "https://api.example:8443/", "ftp://api.example/"]
        {
            assert!(!fits(bad), "{bad}");
        }
    }
}

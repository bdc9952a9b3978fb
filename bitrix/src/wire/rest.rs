//! One request to a REST address and what came back, before anything is decided about it.

use crate::wire::values::{float, integer};
use openline_core::error::deepest;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// Longest pause in a file's bytes.
const FILE_SILENCE: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No answer we ask for comes near this.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Why a call brought no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection could be made: certainly not carried out.
    #[error("can't connect to {host}: {problem}")]
    Connect {
        /// Whom.
        host: String,
        /// What the network said.
        problem: String,
    },
    /// The request may have arrived, the answer did not.
    #[error("no answer from {host}: {problem}")]
    NoAnswer {
        /// From whom.
        host: String,
        /// What the network said.
        problem: String,
    },
    /// An answer that is not JSON.
    #[error("HTTP {status} without JSON from {host}")]
    NotJson {
        /// The HTTP status.
        status: u16,
        /// From whom.
        host: String,
    },
    /// The portal has moved (`bitrix24.md` §2.9).
    #[error("redirected to {location}")]
    Moved {
        /// The `Location` header.
        location: String,
    },
    /// The other side refused, with its code.
    #[error("{code}: {description}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// `error`.
        code: String,
        /// `error_description`, localised: for people only.
        description: String,
    },
    /// The authorization server refused to renew the token.
    #[error("authorization server: {code}: {description}")]
    Oauth {
        /// The HTTP status.
        status: u16,
        /// `error`.
        code: String,
        /// `error_description`.
        description: String,
    },
    /// The other side (or a proxy before it) said when to come back: `Retry-After`.
    #[error("{error}")]
    Later {
        /// After so long; at most an hour.
        after: Duration,
        /// What it said beside that.
        error: Box<CallError>,
    },
    /// There are no credentials: the application is not installed in the portal.
    #[error("openline is not installed in the portal yet")]
    NotInstalled,
    /// Credentials could not be read or kept.
    #[error("{0}")]
    Storage(String),
}

impl CallError {
    /// What the portal would answer to a method that is blocked by its operating time.
    pub(crate) fn blocked(method: &str) -> Self {
        let description = format!("{method} rests until its operating time frees up");
        Self::Api { status: 429, code: "OPERATION_TIME_LIMIT".to_owned(), description }
    }

    /// What the other side said, without when to come back.
    pub(crate) fn plain(&self) -> &Self {
        match self {
            Self::Later { error, .. } => error.plain(),
            other => other,
        }
    }

    /// When to come back, if the other side said so.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::Later { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether the portal itself says that the token is no good (and not something in front of it).
    pub(crate) fn is_final_auth(&self) -> bool {
        let codes = ["invalid_token", "authorization_error", "invalid_credentials", "application_not_found"];
        matches!(self.plain(), Self::Oauth { .. }) || codes.iter().any(|code| self.is(code))
    }

    /// Whether the refusal is of all calls, not of this method.
    pub(crate) fn is_about_the_portal(&self) -> bool {
        let portal_wide = ["OVERLOAD_LIMIT", "PORTAL_DELETED", "PAYMENT_REQUIRED", "INVALID_REQUEST"];
        matches!(self.plain(), Self::Oauth { .. } | Self::Moved { .. }) || portal_wide.iter().any(|code| self.is(code))
    }

    /// Whether the portal answered with that code, however it is written.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self.plain(), Self::Api { code, .. } if code.eq_ignore_ascii_case(wanted))
    }
}

/// What a call cost of the portal's time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// `operating`: seconds of the method's budget that are used up, when told.
    pub operating: Option<f64>,
    /// `processing`: seconds the portal worked on the call, when told.
    pub processing: Option<f64>,
    /// `operating_reset_at`: Unix seconds, when told.
    pub reset_at: Option<i64>,
}

impl Spent {
    /// From a `time` object.
    pub(crate) fn of(time: Option<&Value>) -> Self {
        let field = |name: &str| time.and_then(|time| time.get(name));
        Self {
            operating: field("operating").and_then(float),
            processing: field("processing").and_then(float),
            reset_at: field("operating_reset_at").and_then(integer),
        }
    }

    /// How long the portal worked on the call, when told.
    pub(crate) fn took(self) -> Option<Duration> {
        self.processing.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `result`.
    pub result: Value,
    /// `time`: what the call cost.
    pub spent: Spent,
    /// How long the request took.
    pub took: Duration,
}

/// The HTTP client for portals: never follows redirects, because that turns a POST into a GET and loses the body.
///
/// # Errors
/// When the system's certificates can't be loaded.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("openline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .build()
}

/// The HTTP client for files: a slow reader may take as long as it takes, a server that says nothing may not.
///
/// # Errors
/// When the system's certificates can't be loaded.
pub fn file_client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("openline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(FILE_SILENCE)
        .build()
}

/// Calls `method` at `endpoint` (`https://…/rest/`) as JSON, with the token in the body so that no log has it.
///
/// # Errors
/// [`CallError`], undecided.
pub async fn call(
    client: &Client,
    endpoint: &str,
    token: &str,
    method: &str,
    params: &Value,
) -> Result<Answer, CallError> {
    let mut body = match params {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    body.insert("auth".to_owned(), Value::String(token.to_owned()));
    let url = format!("{}/{method}", endpoint.trim_end_matches('/'));
    let began = Instant::now();
    let request = client.post(&url).header(header::ACCEPT, "application/json").json(&body);
    let response = request.send().await.map_err(|e| network(&url, &e))?;
    if let Some(location) = moved(&response) {
        return Err(CallError::Moved { location });
    }
    let after = retry_after(&response);
    let later = |error| match after {
        Some(after) => CallError::Later { after, error: Box::new(error) },
        None => error,
    };
    let (status, value) = json(response, &url).await.map_err(later)?;
    let refused = |(code, description)| later(CallError::Api { status: status.as_u16(), code, description });
    let answer = read(status, value).map_err(refused)?;
    Ok(Answer { took: began.elapsed(), ..answer })
}

/// `Retry-After` in seconds, of the statuses that have one. (The portal itself sends none: `bitrix24.md` §3.4.)
fn retry_after(response: &Response) -> Option<Duration> {
    let asked = matches!(response.status().as_u16(), 429 | 503).then(|| response.headers().get(header::RETRY_AFTER))?;
    let seconds = asked?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

/// Reads an answer's JSON, whatever its status.
///
/// # Errors
/// `NoAnswer` when it breaks off, `NotJson` when it is none.
pub(crate) async fn json(response: Response, url: &str) -> Result<(StatusCode, Value), CallError> {
    let status = response.status();
    let mut bytes = Vec::new();
    let mut response = response;
    while let Some(chunk) =
        response.chunk().await.map_err(|e| CallError::NoAnswer { host: host(url), problem: cause(&e) })?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return Err(CallError::NotJson { status: status.as_u16(), host: host(url) });
        }
    }
    match serde_json::from_slice(&bytes) {
        Ok(value @ Value::Object(_)) => Ok((status, value)),
        _ => Err(CallError::NotJson { status: status.as_u16(), host: host(url) }),
    }
}

pub(crate) fn network(url: &str, error: &reqwest::Error) -> CallError {
    let (host, problem) = (host(url), cause(error));
    if error.is_connect() || error.is_builder() {
        CallError::Connect { host, problem }
    } else {
        CallError::NoAnswer { host, problem }
    }
}

/// The innermost reason, without the URL (which reqwest puts in front).
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    deepest(error).to_string()
}

fn host(url: &str) -> String {
    url::Url::parse(url).ok().map_or_else(|| "?".to_owned(), |url| url.authority().to_owned())
}

fn moved(response: &Response) -> Option<String> {
    let is_move = matches!(response.status().as_u16(), 301 | 302 | 307 | 308);
    is_move.then(|| response.headers().get(header::LOCATION)?.to_str().ok().map(str::to_owned)).flatten()
}

/// The envelope (`bitrix24.md` §3.2): an `error` counts on every status, `register`'s soft errors in both forms.
fn read(status: StatusCode, value: Value) -> Result<Answer, (String, String)> {
    let Value::Object(mut map) = value else { return Err((String::new(), "not an object".to_owned())) };
    if let Some(error) = error_of(&map) {
        return Err(error);
    }
    if let Some(Value::Object(inner)) = map.get("result")
        && inner.get("result") == Some(&Value::Bool(false))
        && let Some(error) = error_of(inner)
    {
        return Err(error);
    }
    if !status.is_success() || !map.contains_key("result") {
        return Err((format!("HTTP_{}", status.as_u16()), "an answer without result and without error".to_owned()));
    }
    let result = map.remove("result").unwrap_or_default();
    Ok(Answer { result, spent: Spent::of(map.get("time")), took: Duration::ZERO })
}

pub(crate) fn error_of(map: &Map<String, Value>) -> Option<(String, String)> {
    let code = match map.get("error")? {
        Value::Null | Value::Bool(false) => return None,
        Value::String(code) => code.clone(),
        Value::Object(nested) => return error_of(nested),
        other => other.to_string(),
    };
    let description = match map.get("error_description") {
        Some(Value::String(text)) => text.chars().take(300).collect(),
        _ => String::new(),
    };
    Some((code, description))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(value: Value) -> String {
        read(StatusCode::OK, value).unwrap_err().0
    }

    #[test]
    fn soft_errors_count_in_both_forms() {
        let inner = json!({"result": false, "error": "NAME_REQUIRED", "error_description": "x"});
        assert_eq!(error(inner.clone()), "NAME_REQUIRED");
        assert_eq!(error(json!({"result": inner, "time": {}})), "NAME_REQUIRED");
    }

    #[test]
    fn odd_errors_are_errors() {
        assert_eq!(error(json!({"error": 0, "error_description": ""})), "0");
        assert_eq!(error(json!({"error": "", "error_description": "x"})), "");
        assert_eq!(error(json!({"time": {}})), "HTTP_200");
    }

    #[test]
    fn the_operating_time_is_read() {
        let time = json!({"operating": 1.5, "operating_reset_at": 1_767_226_200});
        let answer = read(StatusCode::OK, json!({"result": true, "time": time})).unwrap();
        assert_eq!((answer.spent.operating, answer.spent.reset_at), (Some(1.5), Some(1_767_226_200)));
    }

    #[tokio::test]
    async fn when_to_come_back_is_heard() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/rest/", server.local_addr().unwrap());
        let answering = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 90\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        };
        let client = client(Duration::from_secs(5)).unwrap();
        let nothing = json!({});
        let (answer, ()) = tokio::join!(call(&client, &endpoint, "token", "profile", &nothing), answering);
        let error = answer.unwrap_err();
        assert_eq!(error.after(), Some(Duration::from_secs(90)));
        assert!(matches!(error.plain(), CallError::NotJson { status: 503, .. }), "{error:?}");
    }
}

//! Calls of the Bot API: teloxide's bot, payloads and upload forms, our own reading of the answers.
//!
//! Teloxide sleeps ten seconds inside a call on any 5xx, drops the error code, and takes an answer that it can't parse
//! for a failure, though the message was sent: it would be sent twice. So answers stay raw JSON here. Nothing that
//! teloxide's `Bot` or an address says may be logged: both hold the token.

use crate::common::http::{Lost, deepest, no_client};
use crate::common::json;
use crate::telegram::client::errors::Failure;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use openline_core::ConfigError;
use reqwest_of_teloxide::{Certificate, ClientBuilder, Proxy};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;
use teloxide::Bot;
use teloxide::payloads;
use teloxide::requests::{MultipartPayload, MultipartRequest, Payload, Request};
use teloxide::types::InputFile;
use url::Url;

/// How long a call may take; a poll is held by Telegram and has more.
const CALL: Duration = Duration::from_secs(20);
/// How long an upload may take: core wants an answer within a minute.
const UPLOAD: Duration = Duration::from_secs(50);
/// How long Telegram holds a poll, in seconds.
pub(in crate::telegram) const HOLD: u32 = 50;
/// What the client allows to anything: a held poll and some more.
const LONGEST: Duration = Duration::from_secs(65);

/// A file as it comes.
type Pieces = BoxStream<'static, std::io::Result<bytes::Bytes>>;

/// The way to the Bot API server.
#[derive(Default)]
pub(in crate::telegram) struct Way {
    /// The proxy through which all calls go; the address may hold a password.
    pub(in crate::telegram) proxy: Option<SecretString>,
    /// Certificates in PEM that are trusted besides those of the system.
    pub(in crate::telegram) certificates: Option<Vec<u8>>,
}

impl Way {
    /// Whether a client can be made for it; the error is for people.
    pub(in crate::telegram) fn check(&self) -> Result<(), String> {
        self.over(ClientBuilder::new()).map(|_| ())
    }

    fn over(&self, client: ClientBuilder) -> Result<ClientBuilder, String> {
        let mut client = client;
        if let Some(proxy) = &self.proxy {
            // What it says would name the address.
            let proxy =
                Proxy::all(proxy.expose_secret()).map_err(|_| "the proxy's address can't be used".to_owned())?;
            client = client.proxy(proxy);
        }
        if let Some(pem) = &self.certificates {
            let bad = || "there are no certificates in PEM in it".to_owned();
            let all = Certificate::from_pem_bundle(pem).ok().filter(|all| !all.is_empty()).ok_or_else(bad)?;
            client = all.into_iter().fold(client, ClientBuilder::add_root_certificate);
        }
        Ok(client)
    }
}

/// A bot at a Bot API server. Has no `Debug`: it would print the token.
pub(in crate::telegram) struct Api {
    bot: Bot,
}

impl Api {
    /// A bot; no call is made.
    ///
    /// # Errors
    /// When there can be no client.
    pub(in crate::telegram) fn new(token: &SecretString, api_url: &Url, way: &Way) -> Result<Self, ConfigError> {
        let client = way.over(teloxide::net::default_reqwest_settings().timeout(LONGEST));
        let client = client.and_then(|client| client.build().map_err(|error| deepest(&error)));
        let bot = Bot::with_client(token.expose_secret(), client.map_err(|problem| no_client(&problem))?);
        Ok(Self { bot: bot.set_api_url(api_url.clone()) })
    }

    /// Makes a call and returns its `result`.
    pub(in crate::telegram) async fn call<P: Payload + Serialize + Sync>(&self, payload: &P) -> Result<Value, Failure> {
        let body = serde_json::to_vec(payload).map_err(|e| Failure::unreached(format!("can't be written: {e}")))?;
        self.post(P::NAME, body, CALL).await
    }

    /// Asks for updates: each is read by itself (`read`), so that one that can't be read hinders no other.
    pub(in crate::telegram) async fn updates(
        &self,
        ask: &payloads::GetUpdates,
        read: fn(&[u8]) -> Option<Value>,
    ) -> Result<Vec<Value>, Failure> {
        let body = serde_json::to_vec(ask).map_err(|e| Failure::unreached(format!("can't be written: {e}")))?;
        let (status, text) = self.exchange(payloads::GetUpdates::NAME, body, LONGEST).await?;
        updates(status, &text, read)
    }

    async fn post(&self, method: &str, body: Vec<u8>, patience: Duration) -> Result<Value, Failure> {
        let (status, text) = self.exchange(method, body, patience).await?;
        result(status, &text)
    }

    /// Not generic, so that it is compiled once. The answer's status and body.
    async fn exchange(&self, method: &str, body: Vec<u8>, patience: Duration) -> Result<(u16, String), Failure> {
        let bot = &self.bot;
        let mut url = bot.api_url();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&format!("bot{}", bot.token())).push(method);
        }
        let request = bot.client().post(url).header("content-type", "application/json").body(body);
        let answer = request.timeout(patience).send().await;
        let answer = answer.map_err(|error| Failure::Lost(Lost::at(error.is_connect(), deepest(&error))))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| Failure::cut(deepest(&error)))?;
        Ok((status, text))
    }

    /// Makes a call that uploads a file and returns its `result`.
    pub(in crate::telegram) async fn upload<P>(&self, payload: P) -> Result<Value, Failure>
    where
        P: MultipartPayload + Serialize + Send + 'static,
    {
        let sent = MultipartRequest::new(self.bot.clone(), RawAnswer(payload)).send();
        match tokio::time::timeout(UPLOAD, sent).await {
            Ok(answer) => answer.map_err(|error| Failure::of_teloxide(&error)),
            Err(_) => Err(Failure::cut("no answer in time")),
        }
    }

    /// The bytes of a file that `getFile` gave a path for. Its slashes stay: not every server takes them encoded.
    pub(in crate::telegram) async fn download(&self, path: &str) -> Result<Pieces, Failure> {
        let bot = &self.bot;
        let mut url = bot.api_url();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.push("file").push(&format!("bot{}", bot.token())).extend(path.split('/'));
        }
        let answer = bot.client().get(url).send().await;
        let answer = answer.map_err(|error| Failure::Lost(Lost::at(error.is_connect(), deepest(&error))))?;
        if !answer.status().is_success() {
            return Err(Failure::Page(answer.status().as_u16()));
        }
        let pieces = answer.bytes_stream();
        Ok(pieces.map(|piece| piece.map_err(|error| std::io::Error::other(deepest(&error)))).boxed())
    }
}

/// The updates in an answer.
fn updates(status: u16, text: &str, read: fn(&[u8]) -> Option<Value>) -> Result<Vec<Value>, Failure> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        ok: bool,
        #[serde(borrow)]
        result: Vec<&'a RawValue>,
    }
    match serde_json::from_str(text) {
        Ok(Answer { ok: true, result }) => Ok(result.iter().filter_map(|raw| read(raw.get().as_bytes())).collect()),
        _ => result(status, text).map(|answer| answer.as_array().cloned().unwrap_or_default()),
    }
}

/// The answer's `result`, or what went wrong.
fn result(status: u16, text: &str) -> Result<Value, Failure> {
    let Ok(mut answer) = json::read::<Value>(text.as_bytes()) else {
        return Err(match status {
            200..400 => Failure::cut("the answer is not JSON"),
            code => Failure::answer(code, format!("status {code} without an explanation")),
        });
    };
    if answer["ok"] == Value::Bool(true) {
        return Ok(answer["result"].take());
    }
    let code = answer["error_code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(status);
    Err(Failure::Answer {
        code,
        text: answer["description"].as_str().unwrap_or("no explanation").to_owned(),
        retry_after: answer["parameters"]["retry_after"].as_u64().map(Duration::from_secs),
        moved_to: answer["parameters"]["migrate_to_chat_id"].as_i64(),
    })
}

/// A payload of teloxide's whose answer is left as it is.
#[derive(Serialize)]
#[serde(transparent)]
struct RawAnswer<P>(P);

impl<P: Payload> Payload for RawAnswer<P> {
    type Output = Value;
    const NAME: &'static str = P::NAME;
}

impl<P: MultipartPayload> MultipartPayload for RawAnswer<P> {
    fn copy_files(&self, into: &mut dyn FnMut(InputFile)) {
        self.0.copy_files(into);
    }

    fn move_files(&mut self, into: &mut dyn FnMut(InputFile)) {
        self.0.move_files(into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_can_not_be_read_sets_only_itself_aside() {
        use crate::telegram::updates::intake::read;
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let half =
            include_str!("../tests/tg_lone_surrogate.json").trim().replace("__ID__", "8").replace("__CHAT__", "5");
        let answer = format!(
            r#"{{"ok":true,"result":[{{"update_id":7,"message":{{"text":"a"}}}},{half},{{"update_id":9,"deep":{deep}}},
            {{"no":"number","deep":{deep}}},{{"update_id":10}}]}}"#
        );
        let read = updates(200, &answer, read).unwrap();
        let numbers: Vec<_> = read.iter().map(|update| update["update_id"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [7, 8, 9, 10]);
        assert_eq!(read[1]["message"]["text"], "half an emoji \u{fffd} here");
        assert!(read[2]["unread"].as_str().unwrap().contains("recursion"), "{}", read[2]);
        assert!(matches!(updates(409, "{}", |_| None), Err(Failure::Answer { code: 409, .. })));
    }

    #[test]
    fn answers_are_read_whatever_they_are() {
        assert_eq!(result(200, r#"{"ok":true,"result":{"message_id":7,"new":[1]}}"#).unwrap()["message_id"], 7);
        let flood = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#;
        let Err(Failure::Answer { code: 429, retry_after: Some(after), .. }) = result(429, flood) else { panic!() };
        assert_eq!(after.as_secs(), 3);
        assert!(matches!(result(502, "<html>"), Err(Failure::Answer { code: 502, .. })));
        assert!(matches!(result(200, "<html>"), Err(Failure::Lost(Lost::Cut(_)))));
        assert!(matches!(result(400, "{}"), Err(Failure::Answer { code: 400, .. })));
        assert!(matches!(result(400, "[1]"), Err(Failure::Answer { code: 400, .. })));
    }
}

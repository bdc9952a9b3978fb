//! Calls of the Bot API: teloxide's bot, payloads and upload forms, our own reading of the answers.
//!
//! Teloxide sleeps ten seconds inside a call on any 5xx, drops the error code, and takes an answer that it can't parse
//! for a failure, though the message was sent: it would be sent twice. So answers stay raw JSON here. Nothing that
//! teloxide's `Bot` or an address says may be logged: both hold the token.

use crate::telegram::client::errors::Failure;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use std::sync::OnceLock;
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

/// A bot at a Bot API server. Has no `Debug`: it would print the token.
pub(in crate::telegram) struct Api {
    token: SecretString,
    api_url: Url,
    /// Made by the first call: a client reads the system's certificates.
    bot: OnceLock<Result<Bot, String>>,
}

impl Api {
    /// A bot; nothing is read and no call is made.
    pub(in crate::telegram) fn new(token: SecretString, api_url: Url) -> Self {
        Self { token, api_url, bot: OnceLock::new() }
    }

    fn bot(&self) -> Result<&Bot, Failure> {
        let make = || {
            let client = teloxide::net::default_reqwest_settings().timeout(LONGEST).build();
            let client = client.map_err(|error| format!("no client for https can be made: {}", deepest(&error)))?;
            Ok(Bot::with_client(self.token.expose_secret(), client).set_api_url(self.api_url.clone()))
        };
        self.bot.get_or_init(make).as_ref().map_err(|problem| Failure::Unreached(problem.clone()))
    }

    /// Makes a call and returns its `result`.
    pub(in crate::telegram) async fn call<P: Payload + Serialize + Sync>(&self, payload: &P) -> Result<Value, Failure> {
        let body = serde_json::to_vec(payload).map_err(|e| Failure::Unreached(format!("can't be written: {e}")))?;
        self.post(P::NAME, body, if P::NAME == payloads::GetUpdates::NAME { LONGEST } else { CALL }).await
    }

    /// Not generic, so that it is compiled once.
    async fn post(&self, method: &str, body: Vec<u8>, patience: Duration) -> Result<Value, Failure> {
        let bot = self.bot()?;
        let mut url = bot.api_url();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&format!("bot{}", bot.token())).push(method);
        }
        let request = bot.client().post(url).header("content-type", "application/json").body(body);
        let answer = request.timeout(patience).send().await;
        let answer = answer.map_err(|error| Failure::of_network(error.is_connect(), deepest(&error)))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(|error| Failure::Cut(deepest(&error)))?;
        result(status, &text)
    }

    /// Makes a call that uploads a file and returns its `result`.
    pub(in crate::telegram) async fn upload<P>(&self, payload: P) -> Result<Value, Failure>
    where
        P: MultipartPayload + Serialize + Send + 'static,
    {
        let sent = MultipartRequest::new(self.bot()?.clone(), Raw(payload)).send();
        match tokio::time::timeout(UPLOAD, sent).await {
            Ok(answer) => answer.map_err(|error| Failure::of_teloxide(&error)),
            Err(_) => Err(Failure::Cut("no answer in time".to_owned())),
        }
    }

    /// The bytes of a file that `getFile` gave a path for. Its slashes stay: not every server takes them encoded.
    pub(in crate::telegram) async fn download(&self, path: &str) -> Result<Pieces, Failure> {
        let bot = self.bot()?;
        let mut url = bot.api_url();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.push("file").push(&format!("bot{}", bot.token())).extend(path.split('/'));
        }
        let answer = bot.client().get(url).send().await;
        let answer = answer.map_err(|error| Failure::of_network(error.is_connect(), deepest(&error)))?;
        if !answer.status().is_success() {
            return Err(Failure::Page(answer.status().as_u16()));
        }
        let pieces = answer.bytes_stream();
        Ok(pieces.map(|piece| piece.map_err(|error| std::io::Error::other(deepest(&error)))).boxed())
    }
}

/// What an error comes from in the end: "Connection refused". Errors further out name the address, and so the token.
pub(in crate::telegram) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let text = error.to_string();
    if text.contains("/bot") { "the call failed".to_owned() } else { text }
}

/// The answer's `result`, or what went wrong.
fn result(status: u16, text: &str) -> Result<Value, Failure> {
    let Ok(mut answer) = serde_json::from_str::<Value>(text) else {
        return Err(match status {
            200..400 => Failure::Cut("the answer is not JSON".to_owned()),
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
struct Raw<P>(P);

impl<P: Payload> Payload for Raw<P> {
    type Output = Value;
    const NAME: &'static str = P::NAME;
}

impl<P: MultipartPayload> MultipartPayload for Raw<P> {
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
    fn answers_are_read_whatever_they_are() {
        assert_eq!(result(200, r#"{"ok":true,"result":{"message_id":7,"new":[1]}}"#).unwrap()["message_id"], 7);
        let flood = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}"#;
        let Err(Failure::Answer { code: 429, retry_after: Some(after), .. }) = result(429, flood) else { panic!() };
        assert_eq!(after.as_secs(), 3);
        assert!(matches!(result(502, "<html>"), Err(Failure::Answer { code: 502, .. })));
        assert!(matches!(result(200, "<html>"), Err(Failure::Cut(_))));
        assert!(matches!(result(400, "{}"), Err(Failure::Answer { code: 400, .. })));
        assert!(matches!(result(400, "[1]"), Err(Failure::Answer { code: 400, .. })));
    }
}

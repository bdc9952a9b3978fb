//! What happened at the stand-in: calls of bots and posts to webhooks.

use serde::Serialize;

/// How many entries of each sort are kept.
const KEPT: usize = 20_000;

/// One API call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApiCall {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Bot id.
    pub bot: i64,
    /// Method name as documented, `sendMessage`; as sent when it is unknown.
    pub method: String,
    /// Parameters as text; files by their names only.
    pub params: std::collections::BTreeMap<String, String>,
    /// HTTP status; 0 when the connection was cut.
    pub status: u16,
    /// `ok`, the description of the refusal, or the fault.
    pub verdict: String,
}

/// One post to a webhook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookPost {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Bot id.
    pub bot: i64,
    /// Update id.
    pub update_id: i64,
    /// HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// `delivered`, or what `getWebhookInfo` tells about the failure.
    pub outcome: String,
}

impl WebhookPost {
    /// Whether the webhook took the update.
    pub fn delivered(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Everything recorded.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Record {
    pub(crate) calls: Vec<ApiCall>,
    pub(crate) webhooks: Vec<WebhookPost>,
}

impl Record {
    pub(crate) fn call(&mut self, call: ApiCall) {
        shorten(&mut self.calls);
        self.calls.push(call);
    }

    pub(crate) fn webhook(&mut self, post: WebhookPost) {
        shorten(&mut self.webhooks);
        self.webhooks.push(post);
    }
}

fn shorten<T>(list: &mut Vec<T>) {
    if list.len() >= KEPT {
        list.drain(..KEPT / 2);
    }
}

//! Events to the other side, signed as the Standard Webhooks specification wants it (<https://www.standardwebhooks.com>).

use super::wire::EventData;
use crate::common::http::{Lost, retry_after};
use crate::signed::{self, Target};
use openline_core::channel::Outgoing;
use openline_core::{ConfigError, DeliveryError, Timestamp};
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(20);
/// An answer's body is read so far, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// How often an event is posted that is refused: about two hours. Receivers refuse by mistake while they are changed.
const TRIES: u32 = 16;
/// When somebody has to mend something.
const PAUSE: Duration = Duration::from_secs(60);

/// What happened to a message: operators', and of a visitor's that it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum Event {
    #[serde(rename = "message.created")]
    Created,
    #[serde(rename = "message.edited")]
    Edited,
    #[serde(rename = "message.deleted")]
    Deleted,
    #[serde(rename = "message.failed")]
    Failed,
}

/// What is posted.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct Posted<'i> {
    #[serde(rename = "type")]
    #[schema(inline)]
    event: Event,
    /// When it happened: the same at every attempt.
    #[schema(format = "date-time")]
    timestamp: String,
    #[schema(inline)]
    data: EventData<'i>,
}

impl Event {
    /// The same at each repetition of the same event, and never that of another one: rows of a new database begin anew,
    /// so the time belongs to it.
    pub(super) fn id(self, message: Outgoing<'_>) -> String {
        let Outgoing { conversation, item, .. } = message;
        let of_message = format!("msg_{}_{}_{}", conversation.channel, item.id, item.at.0);
        match self {
            Self::Created => of_message,
            Self::Edited => format!("{of_message}_e{}", item.rev),
            Self::Deleted => format!("{of_message}_d"),
            Self::Failed => format!("{of_message}_f{}", item.rev),
        }
    }
}

/// An event that is to be told.
pub(super) struct Told {
    /// `webhook-id`: the same at each attempt.
    pub(super) id: String,
    pub(super) event: Event,
    /// When it happened: the same at each attempt.
    pub(super) since: Timestamp,
    /// How many attempts failed so far.
    pub(super) attempts: u32,
}

/// The other side's address.
pub(super) struct Webhook {
    target: Target,
    client: Client,
    trouble: Mutex<Option<String>>,
}

impl Webhook {
    pub(super) fn new(target: Target) -> Result<Self, ConfigError> {
        let client = signed::client(TIMEOUT)?;
        Ok(Self { target, client, trouble: Mutex::default() })
    }

    /// What the last attempt failed by.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Posts an event once. The ids that the receiver gave the message, perhaps none.
    pub(super) async fn post(
        &self,
        told: &Told,
        data: EventData<'_>,
        now: Timestamp,
    ) -> Result<Vec<String>, DeliveryError> {
        let posted = Posted { event: told.event, timestamp: written(told.since), data };
        // Made of texts and numbers only: there is nothing in it that JSON can't say.
        let body = serde_json::to_string(&posted).unwrap_or_default();
        let result = self.exchange(&told.id, body, told.attempts, now).await;
        let trouble = result.as_ref().err().map(ToString::to_string);
        *self.trouble.lock() = trouble;
        result
    }

    async fn exchange(
        &self,
        id: &str,
        body: String,
        attempts: u32,
        now: Timestamp,
    ) -> Result<Vec<String>, DeliveryError> {
        let posted = self.target.post(&self.client, id, body, now).await;
        let response = posted.map_err(|error| Lost::of(&error).verdict("the webhook"))?;
        judge(response.status(), response.headers(), attempts, now)?;
        Ok(ids(response).await)
    }
}

fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

/// What a status means for the message.
fn judge(status: StatusCode, headers: &HeaderMap, attempts: u32, now: Timestamp) -> Result<(), DeliveryError> {
    let reason = format!("the webhook answered {}", status.as_u16());
    let closed = |what: &str| Err(DeliveryError::Closed { reason: format!("{reason}: {what}"), after: PAUSE });
    match status.as_u16() {
        200..=299 => Ok(()),
        300..=399 => closed("configure the address that it redirects to"),
        401 | 403 | 407 => closed("it does not let us in; it must check the signature and nothing else"),
        408 | 425 | 429 | 503 => Err(DeliveryError::Retry { reason, after: wait(headers, now) }),
        400..=499 if status != StatusCode::GONE && attempts + 1 < TRIES => {
            Err(DeliveryError::Retry { reason, after: wait(headers, now) })
        }
        400..=499 => Err(DeliveryError::Refused { reason }),
        _ => Err(DeliveryError::Unknown { reason }),
    }
}

fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

/// What an answer may say: the message's names on the other side.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
pub(super) struct Answer {
    id: Option<String>,
    ids: Vec<String>,
}

/// The ids in an answer; a body that says nothing of them is as good as none.
async fn ids(mut response: Response) -> Vec<String> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Vec::new();
        }
        body.extend_from_slice(&chunk);
    }
    let Answer { id, ids } = serde_json::from_slice(&body).unwrap_or_default();
    let good = |id: &String| (1..=100).contains(&id.chars().count()) && !id.chars().any(char::is_control);
    id.into_iter().chain(ids).filter(good).take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, retry_after: Option<&str>) -> Result<(), DeliveryError> {
        judged_after(0, status, retry_after)
    }

    fn judged_after(attempts: u32, status: u16, retry_after: Option<&str>) -> Result<(), DeliveryError> {
        let headers = retry_after.map(|value| (RETRY_AFTER, value.parse().unwrap())).into_iter().collect();
        judge(StatusCode::from_u16(status).unwrap(), &headers, attempts, Timestamp(784_111_777_000))
    }

    #[test]
    fn every_status_has_its_verdict() {
        for status in [200, 201, 204] {
            assert!(judged(status, None).is_ok());
        }
        for status in [301, 302, 307, 401, 403, 407] {
            assert!(matches!(judged(status, None), Err(DeliveryError::Closed { .. })), "{status}");
        }
        for status in [400, 404, 405, 409, 413, 415, 422, 451] {
            assert!(matches!(judged(status, None), Err(DeliveryError::Retry { .. })), "{status}");
            assert!(matches!(judged_after(14, status, None), Err(DeliveryError::Retry { .. })), "{status}");
            assert!(matches!(judged_after(15, status, None), Err(DeliveryError::Refused { .. })), "{status}");
        }
        assert!(matches!(judged(410, None), Err(DeliveryError::Refused { .. })));
        assert!(matches!(judged_after(99, 429, None), Err(DeliveryError::Retry { .. })));
        for status in [500, 502, 504, 599] {
            assert!(matches!(judged(status, None), Err(DeliveryError::Unknown { .. })), "{status}");
        }
        for (after, seconds) in [("7", 7), ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("999999999", 24 * 3600)] {
            for status in [429, 503] {
                let Err(DeliveryError::Retry { after: Some(wait), .. }) = judged(status, Some(after)) else {
                    panic!("{status} {after}")
                };
                assert_eq!(wait.as_secs(), seconds, "{after}");
            }
        }
        for nonsense in [None, Some("soon")] {
            assert!(matches!(judged(503, nonsense), Err(DeliveryError::Retry { after: None, .. })));
        }
    }
}

//! The record: what came in over REST, what went out as events, and what a client must never do.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// How many entries of each kind are kept; older ones fall off.
const KEEP: usize = 20_000;

/// One call at the portal or the authorization server.
#[derive(Debug, Clone, Serialize)]
pub struct RestCall {
    /// Number of the call, from 1.
    pub id: u64,
    /// When it arrived, unix milliseconds.
    pub at_ms: i64,
    /// `portal` or `auth`.
    pub server: &'static str,
    /// Method name in lower case, or `oauth/token`.
    pub method: String,
    /// Parameters without tokens and secrets.
    pub params: Value,
    /// `client_id` the call was authorised for.
    pub client_id: Option<String>,
    /// HTTP status; 0 while running or when no answer was given.
    pub status: u16,
    /// `running`, `ok`, an error code, or what a fault did (`cut`, `hang`, `html`).
    pub verdict: String,
    /// For `batch`: the inner commands in order, as `method` names.
    pub commands: Vec<String>,
}

/// One attempt to hand an event to a handler. Events are never retried.
#[derive(Debug, Clone, Serialize)]
pub struct EventPost {
    /// When the attempt ended, unix milliseconds.
    pub at_ms: i64,
    /// Event name in upper case.
    pub event: String,
    /// Handler URL; empty when the event was dropped before a handler was chosen.
    pub url: String,
    /// The form body.
    pub body: String,
    /// HTTP status of the handler.
    pub status: Option<u16>,
    /// `delivered`, `refused` (non-2xx), `unreachable: …`, `dropped: …`.
    pub outcome: String,
    /// How long the handler took, in milliseconds.
    pub took_ms: i64,
}

/// Something a well-behaved client never does, such as sending its secret to a portal.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// What, in words.
    pub what: String,
}

/// All three lists.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Record {
    pub(crate) calls: VecDeque<RestCall>,
    pub(crate) events: VecDeque<EventPost>,
    pub(crate) violations: VecDeque<Violation>,
    /// What users were told by the system: whom, what, with which tag.
    #[serde(skip)]
    pub(crate) notices: Vec<(i64, String, String)>,
    #[serde(skip)]
    last_call: u64,
}

impl Record {
    /// Notes that a call began; the answer is added by [`Record::end`].
    pub(crate) fn begin(&mut self, at_ms: i64, server: &'static str, method: &str, params: Value) -> u64 {
        self.last_call += 1;
        let call = RestCall {
            id: self.last_call,
            at_ms,
            server,
            method: method.to_owned(),
            params,
            client_id: None,
            status: 0,
            verdict: "running".to_owned(),
            commands: Vec::new(),
        };
        keep(&mut self.calls, call);
        self.last_call
    }

    /// The entry of a call, if it has not fallen off.
    pub(crate) fn call(&mut self, id: u64) -> Option<&mut RestCall> {
        let first = self.calls.front()?.id;
        self.calls.get_mut(usize::try_from(id.checked_sub(first)?).ok()?)
    }

    /// Notes how a call ended.
    pub(crate) fn end(&mut self, id: u64, status: u16, verdict: &str) {
        if let Some(call) = self.call(id) {
            call.status = status;
            verdict.clone_into(&mut call.verdict);
        }
    }

    pub(crate) fn event(&mut self, post: EventPost) {
        keep(&mut self.events, post);
    }

    pub(crate) fn violation(&mut self, at_ms: i64, what: &str) {
        keep(&mut self.violations, Violation { at_ms, what: what.to_owned() });
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.events.clear();
        self.violations.clear();
    }
}

fn keep<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() == KEEP {
        list.pop_front();
    }
    list.push_back(item);
}

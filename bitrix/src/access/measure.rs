//! What calls to the portal cost, for whoever collects it (`docs/operations.md` lists the names).

use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use metrics::{counter, gauge, histogram};
use std::time::Duration;

/// A call ended after so long, waiting for the limit included. Methods are words of ours.
pub(crate) fn called(method: &str, error: Option<&CallError>, took: Duration) {
    let result = error.map_or("ok", |error| word(verdict::of(error)));
    counter!("openline_portal_calls_total", "method" => method.to_owned(), "result" => result).increment(1);
    histogram!("openline_portal_call_seconds", "method" => method.to_owned()).record(took.as_secs_f64());
}

/// How much of a method's operating time is used up, in seconds.
pub(crate) fn spent(method: &str, seconds: f64) {
    gauge!("openline_portal_operating_seconds", "method" => method.to_owned()).set(seconds);
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refresh => "token",
        Verdict::Wait => "busy",
        Verdict::MethodBlocked => "blocked",
        Verdict::Unknown => "unknown",
        Verdict::Reauthorise => "not_installed",
        Verdict::Suspend(_) => "suspended",
        Verdict::LineOff => "line_off",
        Verdict::ConnectorGone => "connector_gone",
        Verdict::Reject => "refused",
    }
}

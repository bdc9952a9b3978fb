//! What the engine counts and times, for whoever collects it (`docs/operations.md` lists the names). Without a collector
//! nothing is kept.
//!
//! Labels are a channel's id and words of ours: nothing that a stranger could multiply.

use crate::domain::id::ChannelId;
use crate::ports::clock::Timestamp;
use crate::ports::store::{Job, Outcome};
use metrics::{counter, histogram};

/// A visitor's message is durable, or was known already.
pub(crate) fn accepted(channel: &ChannelId, fresh: bool) {
    let result = if fresh { "stored" } else { "known" };
    counter!("openline_visitor_messages_total", "channel" => channel.to_string(), "result" => result).increment(1);
}

/// Something came that the channel's kind knows nothing of.
pub(crate) fn unknown(channel: &ChannelId) {
    counter!("openline_unknown_events_total", "channel" => channel.to_string()).increment(1);
}

/// What happened on the operators' side is durable.
pub(crate) fn told(channel: &ChannelId) {
    counter!("openline_operator_events_total", "channel" => channel.to_string()).increment(1);
}

/// A limit was reached; of `[limits]` the key.
pub(crate) fn limited(limit: &'static str) {
    counter!("openline_limits_total", "limit" => limit).increment(1);
}

/// A job ended, for now or for good.
pub(crate) fn ended(job: &Job, outcome: &Outcome, now: Timestamp) {
    let (channel, direction) = (job.conversation.channel.to_string(), job.work.direction());
    let (task, labels, result) = (job.work.name(), channel.clone(), outcome.name());
    counter!("openline_jobs_total", "channel" => labels, "direction" => direction, "task" => task, "result" => result)
        .increment(1);
    if job.work.is_send() && matches!(outcome, Outcome::Done { .. }) {
        histogram!("openline_delivery_seconds", "channel" => channel, "direction" => direction)
            .record(job.created.until(now).as_secs_f64());
    }
}

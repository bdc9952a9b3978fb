//! A step as OpenTelemetry has it.

use openline_core::trace::Step;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::time::UNIX_EPOCH;

/// Whose spans they are.
pub(super) fn resource(public_url: &str, process: &str) -> Resource {
    let about = [("service.version", env!("CARGO_PKG_VERSION")), ("service.instance.id", process)];
    let about = about.into_iter().chain([("openline.public_url", public_url)]);
    let about = about.map(|(key, value)| KeyValue::new(key, value.to_owned()));
    Resource::builder().with_service_name("openline").with_attributes(about).build()
}

/// The span of a step. The first one of a message has a number that comes from the trace's, so that the others, also those
/// of another process, know what they belong below.
pub(super) fn span(step: Step, scope: &InstrumentationScope) -> SpanData {
    let Step { trace, name, first, began, took, channel, direction, task, result, attempts } = step;
    let mut root = [0; 8];
    root.copy_from_slice(&trace.0[8..]);
    let root = SpanId::from_bytes(root);
    let (own, parent) = if first { (root, SpanId::INVALID) } else { (random(), root) };
    let start_time = UNIX_EPOCH + began;
    let words = [("direction", direction), ("task", task), ("result", result)];
    let words = words.map(|(key, value)| KeyValue::new(format!("openline.{key}"), value));
    let own_words = [
        KeyValue::new("openline.channel", channel.to_string()),
        KeyValue::new("openline.attempts", i64::from(attempts)),
    ];
    let trace = TraceId::from_bytes(trace.0);
    SpanData {
        span_context: SpanContext::new(trace, own, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: if first { SpanKind::Server } else { SpanKind::Internal },
        name: name.into(),
        start_time,
        end_time: start_time + took,
        attributes: words.into_iter().chain(own_words).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if ["failed", "dead"].contains(&result) { Status::error(result) } else { Status::Unset },
        instrumentation_scope: scope.clone(),
    }
}

fn random() -> SpanId {
    // 0 is no span.
    SpanId::from(fastrand::u64(1..))
}

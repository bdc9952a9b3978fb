//! One trace a message over both walks, told to a collector by OTLP; the log names the same numbers.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use openline_sandbox::SandboxConfig;
use openline_tests::{CHANNELS, Process, World, eventually};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

const TOKEN: &str = "5f2b0c9d81a34e67b8d0f6a1c2e39574";

/// A stand-in for a collector.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Collector {
    async fn start(address: SocketAddr) -> Self {
        let collector = Self::default();
        let app = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let told = self.0.lock();
        let scopes = told.iter().flat_map(|told| &told.resource_spans).flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything that came, as it can be read.
    fn all(&self) -> String {
        format!("{:?}", self.0.lock())
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let is = |name, value: &str| headers.get(name).is_some_and(|given| given == value);
    if !is(header::AUTHORIZATION, &format!("Bearer {TOKEN}")) || !is(header::CONTENT_TYPE, "application/x-protobuf") {
        return StatusCode::UNAUTHORIZED;
    }
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    collector.0.lock().push(request);
    StatusCode::OK
}

/// A word that a span has.
fn word(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.clone()).and_then(|value| value.value);
    match value {
        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

/// The steps of each trace, as "name task", in the order in which they began.
fn walks(spans: &[Span]) -> BTreeMap<String, Vec<String>> {
    let mut spans = spans.to_vec();
    // What began in the same millisecond is in order by what it is.
    let order = ["accepted", "stored", "waiting", "delivering"];
    let place = |span: &Span| order.iter().position(|name| *name == span.name);
    spans.sort_by_key(|span| (word(span, "openline.task") == "confirm", place(span)));
    let mut walks = BTreeMap::<_, Vec<_>>::new();
    for span in spans {
        let step = format!("{} {}", span.name, word(&span, "openline.task"));
        walks.entry(hex::encode(span.trace_id)).or_default().push(step);
    }
    walks
}

/// The numbers of traces that lines with such a message have in the log.
fn logged(lines: &[String], message: &str) -> BTreeSet<String> {
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours = lines.filter(|line| line["fields"]["message"] == message);
    ours.map(|line| line["fields"]["trace"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn each_message_is_one_trace_from_its_door_to_its_receiver_and_in_the_log() {
    let address = openline_tests::free_address();
    let tables = format!(
        "[log]\nformat = \"json\"\n[traces]\nendpoint = \"http://{address}/v1/traces\"\ntoken = \"{TOKEN}\"\n{CHANNELS}"
    );
    let portal = SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() };
    let world = World::bare(portal, &tables).await;
    // The collector is away: nothing waits for it, and it is said once.
    let (process, lines) = Process::start_heard(&world, "info,openline_core=debug").await;
    world.install().await;
    world.connect("openline_site", 1).await;
    let visitor = world.visitor().await;
    visitor.send("nobody follows this").await;
    let chat = world.portal_chat("nobody follows this").await;
    let away = || lines.lock().iter().filter(|line| line.contains("the collector takes no traces")).count();
    eventually("it is said that the collector is away", async || (away() > 0).then_some(())).await;
    assert!(!lines.lock().concat().contains(&address.to_string()), "not where it is");
    let done = || logged(&lines.lock(), "done").len();
    eventually("it is delivered all the same", async || (done() == 1).then_some(())).await;
    process.stop().await;
    assert_eq!(away(), 1);

    let collector = Collector::start(address).await;
    let (process, lines) = Process::start_heard(&world, "info,openline_core=debug").await;
    visitor.send("where is my parcel").await;
    let sent = |portal: openline_sandbox::View<'_>| portal.texts(chat, "client").len() == 2;
    world.sandbox.wait_until(sent).await.unwrap();
    world.sandbox.operator_writes(chat, "on its way").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "on its way")).await;
    eventually("the confirmation is told", async || {
        let spans = collector.spans();
        spans.iter().any(|span| span.name == "delivering" && word(span, "openline.task") == "confirm").then_some(())
    })
    .await;
    process.stop().await;

    // A reply that is looked for at the same time as its event comes is known the second time.
    let spans: Vec<_> = collector.spans().into_iter().filter(|span| word(span, "openline.result") != "known").collect();
    let mut walks_seen: Vec<_> = walks(&spans).into_values().collect();
    walks_seen.sort();
    let to_operators = ["accepted send", "stored send", "waiting send", "delivering send"];
    let to_visitors = [to_operators.as_slice(), &["waiting confirm", "delivering confirm"]].concat();
    assert_eq!(walks_seen, [to_operators.to_vec(), to_visitors]);
    for span in &spans {
        let first = spans.iter().find(|first| first.trace_id == span.trace_id && first.name == "accepted").unwrap();
        let below = if span.name == "accepted" { &Vec::new() } else { &first.span_id };
        assert_eq!(&span.parent_span_id, below, "{}", span.name);
        assert_eq!(word(span, "openline.result"), "done");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
    }
    let traces: BTreeSet<String> = walks(&spans).into_keys().collect();
    let lines = lines.lock().clone();
    assert_eq!(logged(&lines, "stored"), traces);
    assert_eq!(logged(&lines, "done"), traces);
    let told = collector.all();
    for private in ["parcel", "on its way", TOKEN, &world.sandbox.client_secret()] {
        assert!(!told.contains(private), "{private}");
    }
    assert!(told.contains("service.name") && told.contains("openline.channel"));
}

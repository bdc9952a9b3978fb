//! Micro-benchmarks of the hot paths: `cargo bench -p openline-tests`.

#![allow(missing_docs)] // benchmarks, not an interface
#![allow(clippy::expect_used)] // a benchmark that can't begin has nothing to say

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use divan::{Bencher, black_box};
use openline_bitrix::bbcode;
use openline_core::channel::Host;
use openline_core::contract::Nobody;
use openline_core::inbox::{Doors, VisitorInbox};
use openline_core::message::{Content, Incoming, Thread};
use openline_core::secret::{MasterSecret, sign};
use openline_core::store::{Outcome, Queue, Recorded, Settlement};
use openline_core::text::RichText;
use openline_core::{ChannelId, ChatId, Clock, ConversationId, Rev, Store, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

const OPERATOR: &str = "[b]Anna:[/b][br]See [url=https://shop.example/a?b=1&c=2]the price list[/url], it is [i]valid \
                        until[/i] Friday.[br]>> is it cheaper now?[br]Yes :) https://shop.example/sale[br]Bye";
const VISITOR: &str =
    "Hello [there], is <this> the 50% offer? See https://shop.example/a_b?x=[1]\n>> quoted\nThanks & bye";

#[divan::bench]
fn bb_parse() -> RichText {
    bbcode::parse(black_box(OPERATOR))
}

#[divan::bench]
fn bb_write_plain(bencher: Bencher<'_, '_>) {
    let text = RichText::plain(VISITOR);
    bencher.bench_local(|| bbcode::write(black_box(&text)));
}

#[divan::bench]
fn bb_write_rich(bencher: Bencher<'_, '_>) {
    let text = bbcode::parse(OPERATOR);
    bencher.bench_local(|| bbcode::write(black_box(&text)));
}

/// A session is two of these.
#[divan::bench]
fn sign_32_bytes() -> [u8; 32] {
    sign(black_box(&[7; 32]), black_box(&[9; 32]))
}

/// A store in a folder of its own, and what is needed to use it.
struct Place {
    runtime: Runtime,
    store: Arc<dyn Store>,
    channel: ChannelId,
    clock: SystemClock,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Beside the program, on a disk: a temporary folder may be in memory.
        let program = std::env::current_exe().expect("this program");
        let folder = tempfile::tempdir_in(program.parent().expect("its folder")).expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("bench.db").display());
        let store = runtime.block_on(openline_store::open(&url.parse().expect("an address"))).expect("a store");
        let channel = ChannelId::parse("site").expect("an id");
        Self { runtime, store, channel, clock: SystemClock::new(), folder }
    }

    fn chat(name: &str) -> ChatId {
        ChatId::parse(name).expect("an id")
    }

    async fn record(&self, chat: &str, key: String) -> Recorded {
        let content = Content::plain("it's <b>fine</b>");
        let incoming = Incoming { chat: Self::chat(chat), key, visitor: None, content, note: None };
        self.store.record_incoming(&self.channel, incoming, self.clock.now()).await.expect("recorded")
    }

    /// A conversation with that many messages.
    fn filled(&self, messages: usize) -> ConversationId {
        let record = async {
            let keys = (0..messages).map(|n| self.record("w0", format!("f{n}")));
            futures_util::future::join_all(keys).await
        };
        self.runtime.block_on(record).first().expect("one").change.conversation
    }
}

/// So many visitors' messages at the same time; they share commits.
#[divan::bench(args = [1, 16, 64], sample_count = 50, sample_size = 1)]
fn record_incoming(bencher: Bencher<'_, '_>, at_once: usize) {
    let place = Place::new();
    let chats: Vec<String> = (0..at_once).map(|n| format!("w{n}")).collect();
    let mut round = 0;
    bencher.counter(divan::counter::ItemsCount::new(at_once)).bench_local(|| {
        round += 1;
        let all = chats.iter().map(|chat| place.record(chat, format!("k{round}")));
        place.runtime.block_on(futures_util::future::join_all(all))
    });
    drop(place.folder);
}

/// Twenty lanes: leased and settled.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn claim_and_settle_20(bencher: Bencher<'_, '_>) {
    const LANES: usize = 20;
    let place = Place::new();
    let chats: Vec<String> = (0..LANES).map(|n| format!("w{n}")).collect();
    let mut round = 0;
    let fill = || {
        round += 1;
        let all = chats.iter().map(|chat| place.record(chat, format!("k{round}")));
        place.runtime.block_on(futures_util::future::join_all(all));
    };
    let done = || Outcome::Done { thread: Thread::default(), delivered_as: Vec::new(), confirm: false };
    bencher.with_inputs(fill).counter(divan::counter::ItemsCount::new(LANES)).bench_local_values(|()| {
        place.runtime.block_on(async {
            let (store, now) = (&place.store, place.clock.now());
            let claimed = store.claim(&Queue::Backend, LANES, now, Duration::from_secs(60)).await.expect("claimed");
            let jobs = claimed.jobs.iter().map(|job| Settlement { job: job.id, outcome: done() }).collect();
            store.settle(jobs, now).await.expect("settled")
        })
    });
}

/// One new item, after a history of that length.
#[divan::bench(args = [10, 100, 1000])]
fn items_since_one_new(bencher: Bencher<'_, '_>, history: usize) {
    let place = Place::new();
    let id = place.filled(history);
    let since = Rev(i64::try_from(history).expect("small") - 1);
    bencher.bench_local(|| place.runtime.block_on(place.store.items_since(id, since, 100)));
}

/// A poll that finds nothing new, from the request to the answer, without a connection.
#[divan::bench]
fn poll_nothing_new(bencher: Bencher<'_, '_>) {
    let place = Place::new();
    let (app, token) = chat(&place);
    let ask = |path: &str| Request::get(path).header("authorization", &token).body(Body::empty()).expect("a request");
    bencher.with_inputs(|| ask("/api/updates?since=1")).bench_local_values(|request| {
        let answer = place.runtime.block_on(call(&app, request));
        assert_eq!(answer.status(), StatusCode::OK);
        answer
    });
}

/// The website chat and a session in it whose conversation has one message.
fn chat(place: &Place) -> (Router, String) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let doors = Doors::new(Arc::clone(&place.store), Arc::clone(&clock), std::slice::from_ref(&place.channel));
    let public_url = "http://127.0.0.1:1".to_owned();
    let host =
        Host { public_url, secret: MasterSecret::new([7; 32]), clock, folder: PathBuf::new(), limits: Arc::default() };
    let kind = openline_channels::kind("website").expect("the kind");
    let plan = kind.read(&place.channel, toml_table(), &host).expect("good settings");
    let inbox = VisitorInbox::alone(doors, Arc::new(Nobody), place.channel.clone());
    let app = plan.build(inbox).expect("the channel").channel.routes();
    let open = Request::post("/api/session").header("content-type", "application/json");
    let open = open.body(Body::from(r#"{"bearer":true}"#)).expect("a request");
    let token = place.runtime.block_on(async {
        let body = axum::body::to_bytes(call(&app, open).await.into_body(), 4096).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let token = format!("Bearer {}", body["session"].as_str().expect("a token"));
        let send = Request::post("/api/messages").header("authorization", &token);
        let send = send.header("content-type", "application/json").body(Body::from(r#"{"key":"k","text":"hello"}"#));
        assert_eq!(call(&app, send.expect("a request")).await.status(), StatusCode::CREATED);
        token
    });
    (app, token)
}

/// No settings.
fn toml_table() -> toml::Table {
    toml::Table::new()
}

async fn call(app: &Router, request: Request<Body>) -> axum::response::Response {
    use tower::ServiceExt;
    app.clone().oneshot(request).await.expect("an answer")
}

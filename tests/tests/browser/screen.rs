//! How long an operator's answer takes to the visitor's screen while a hundred visitors are there. Measured, not judged,
//! so it does not run with the tests:
//!
//! `cargo test -p openline-tests --test browser -- --ignored --nocapture on_the_screen`

use crate::stage::{Stage, is, says, shows};
use openline_tests::browser::Look;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OTHERS: usize = 99;
const ANSWERS: usize = 200;

/// Writes down when each text came into the page, in milliseconds since 1970.
const CLOCK: &str = "window.seen = {}; \
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => { \
        const text = node.querySelector?.('.text')?.textContent; \
        if (text) seen[text] = performance.timeOrigin + performance.now(); \
    }))).observe(document.body, { childList: true, subtree: true })";

#[allow(clippy::disallowed_methods)] // the browser has the machine's clock
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)] // the figure that is looked at
async fn an_answer_is_on_the_screen_at_once() {
    let Some(stage) = Stage::set().await else { return };
    let mut others = Vec::new();
    for number in 0..OTHERS {
        let other = stage.world.visitor().await;
        other.send(&format!("other {number}")).await;
        others.push(tokio::spawn(async move {
            let mut cursor = 0;
            loop {
                let news = other.get(&format!("/updates?since={cursor}&wait=25")).await;
                cursor = news["cursor"].as_i64().unwrap();
            }
        }));
    }
    let visitor = stage.visitor(Look::PHONE).await;
    says(&visitor, "hello").await;
    is(&visitor, "hello", "delivered").await;
    let chat = stage.world.portal_chat("hello").await;
    visitor.eval(CLOCK).await;
    let mut written = Vec::new();
    for number in 0..ANSWERS {
        let text = format!("answer {number}");
        written.push((text.clone(), now()));
        stage.world.sandbox.operator_writes(chat, &text).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    shows(&visitor, "operator", &format!("answer {}", ANSWERS - 1)).await;
    let seen = visitor.eval("return seen").await;
    let took = |(text, at): &(String, f64)| seen.get(text).and_then(Value::as_f64).map(|seen| seen - at);
    let mut times: Vec<f64> = written.iter().filter_map(took).collect();
    times.sort_by(f64::total_cmp);
    assert_eq!(times.len(), ANSWERS);
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "{OTHERS} others wait; on the screen after: p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

//! What the first opening of the widget costs: requests and bytes, and the time on a slow line (docs/performance.md).

use crate::host::Host;
use crate::stage::{is, says};
use crate::widget::{enters, presses};
use openline_tests::browser::Look;
use openline_tests::{Line, Speed};
use serde_json::json;
use std::time::Duration;

const REQUESTS: usize = 12;
/// Towards the browser, heads of the answers and all.
const BYTES: u64 = 40_000;

#[tokio::test]
async fn the_first_opening_is_light() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let line = Line::to(&stage.chat(), Speed::default()).await;
    let page = stage.open(Look::PHONE, &host.address(&line.url("/c/site/"), "")).await;
    presses(&page).await;
    enters(&page).await;
    page.find(".js").await;
    // With a message and the news that it is at the desk, so that what comes sooner or later is always counted.
    says(&page, "light").await;
    is(&page, "light", "delivered").await;
    let (requests, (down, up)) = (line.requests(), line.bytes());
    println!("first opening: {} requests, {down} bytes down, {up} up: {requests:#?}", requests.len());
    assert!(requests.len() <= REQUESTS, "{requests:#?}");
    assert!(down <= BYTES, "{down} bytes");
}

/// Measured, not judged by the tests, because others use the machine:
///
/// `cargo test -p openline-tests --test browser -- --ignored --nocapture on_a_slow_line`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn on_a_slow_line_one_can_write_soon() {
    let mut all = Vec::new();
    for _ in 0..5 {
        let Some((host, stage)) = Host::near("").await else { return };
        let line = Line::to(&stage.chat(), Speed::SLOW_4G).await;
        let page = stage.open(Look::PHONE, &host.address(&line.url("/c/site/"), "")).await;
        page.until("window.Openline").await;
        page.devtools("Emulation.setCPUThrottlingRate", json!({ "rate": 4 })).await;
        // In the page's own clock: from the press to the frame that is there, and to its script that runs.
        page.eval("window.times = {}; addEventListener('message', ({ data }) => { times[data.openline] ??= performance.now() - times.pressed; }); \
                   document.querySelector('openline-chat').shadowRoot.querySelector('.launcher').addEventListener('pointerdown', () => { times.pressed ??= performance.now(); }, true)").await;
        presses(&page).await;
        page.until("times.unread").await;
        let times = page.eval("return times").await;
        let at = |name: &str| Duration::from_secs_f64(times[name].as_f64().unwrap() / 1000.0);
        all.push((at("here"), at("ready"), at("unread")));
    }
    all.sort();
    for (here, ready, whole) in &all {
        println!(
            "can be written in after {here:.0?}, its script runs after {ready:.0?}, all is there after {whole:.0?}"
        );
    }
    assert!(all[all.len() / 2].2 < Duration::from_secs(1), "{all:?}");
}

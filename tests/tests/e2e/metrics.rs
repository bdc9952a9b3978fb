//! What the service measures, and what the shipped rules and dashboard ask of it.

use openline_sandbox::SandboxConfig;
use openline_tests::World;
use std::collections::BTreeSet;
use std::path::Path;

const CHANNELS: &str = "[channels.site]\nkind = \"website\"\n[metrics]\ntoken = \"9f86d081884c7d659a2feaa0c55ad015\"\n";

async fn asked(world: &World, token: &str) -> (u16, String) {
    let request = reqwest::Client::new().get(world.url("/metrics")).bearer_auth(token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Words of ours in a text, without what a histogram adds to its name.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("openline_") && !word.ends_with('_'));
    let parts = ["_bucket", "_sum", "_count"];
    let whole = |word: &str| parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned();
    ours.map(whole).collect()
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[tokio::test]
async fn what_happens_is_measured_and_told_to_who_has_the_token() {
    let world = World::with(SandboxConfig::default().without_limits(), CHANNELS).await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    world.sandbox.operator_writes(chat, "we will see").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "we will see")).await;
    for wrong in ["", "9f86d081884c7d659a2feaa0c55ad01X"] {
        assert_eq!(asked(&world, wrong).await.0, 401);
    }
    let delivered = "openline_jobs_total{channel=\"site\",direction=\"to_operators\",task=\"send\",result=\"done\"}";
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    let text = openline_tests::eventually("the delivery is counted", async || {
        let (status, text) = asked(&world, token).await;
        assert_eq!(status, 200);
        text.contains(delivered).then_some(text)
    })
    .await;
    assert!(!text.contains("hello") && !text.contains("we will see"), "no text of anybody's");
    let measured = names(&text);
    let page = shipped("docs/operations.md");
    let chapter = page.split("\n## ").find(|chapter| chapter.starts_with("Metrics\n")).unwrap();
    let described = names(chapter);
    for file in ["deploy/prometheus/openline.rules.yml", "deploy/grafana/openline.json"] {
        let missing: Vec<_> = names(&shipped(file)).difference(&described).cloned().collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}");
    }
    // What is told only when there was a reason.
    let seldom = ["openline_portal_operating_seconds", "openline_unknown_events_total", "openline_limits_total"];
    let seldom = seldom.map(str::to_owned);
    let seldom = BTreeSet::from(seldom);
    let never: Vec<_> = described.difference(&measured).filter(|name| !seldom.contains(*name)).collect();
    assert!(never.is_empty(), "described but not told: {never:?}");
    let silent: Vec<_> = measured.difference(&described).collect();
    assert!(silent.is_empty(), "told but not described: {silent:?}");
}

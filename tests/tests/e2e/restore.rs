//! A backup comes back: nothing that is written afterwards takes the name of something older, and what was confirmed
//! meanwhile is fetched back.

use openline_sandbox::{Fault, View};
use openline_tests::{World, eventually};
use std::path::{Path, PathBuf};

fn database(world: &World) -> PathBuf {
    world.folder().join("openline.db")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// The database and its mark, while nothing runs.
fn backup(world: &World) -> [Vec<u8>; 2] {
    [database(world), beside(&database(world), ".mark")].map(|path| std::fs::read(path).unwrap())
}

fn restore(world: &World, [database_bytes, mark]: [Vec<u8>; 2]) {
    std::fs::write(database(world), database_bytes).unwrap();
    std::fs::write(beside(&database(world), ".mark"), mark).unwrap();
}

/// The next message has the number of one that the portal has: its answer is lost, it is looked up, and must not be taken
/// for that one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_a_restore_arrives_though_an_answer_is_lost() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("m1").await;
    let chat = world.portal_chat("m1").await;
    world.stop_service().await;
    let kept = backup(&world);
    world.start_service().await;
    visitor.send("m2").await;
    let has = |text: &'static str| move |portal: View<'_>| portal.texts(chat, "client").iter().any(|t| t == text);
    world.sandbox.wait_until(has("m2")).await.unwrap();
    world.sandbox.operator_writes(chat, "between").unwrap();
    let confirmed = |portal: View<'_>| portal.calls_of("imconnector.send.status.delivery").count() > 0;
    world.sandbox.wait_until(confirmed).await.unwrap();
    world.stop_service().await;
    restore(&world, kept);
    world.start_service().await;
    eventually("fetched back", async || (visitor.texts("operator").await == ["between"]).then_some(())).await;
    world.sandbox.faults().add(Fault::cut().on("imconnector.send.messages").once());
    visitor.send("m3").await;
    world.sandbox.wait_until(has("m3")).await.unwrap_or_else(|e| panic!("m3 never arrived: {e}"));
    let all = world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert_eq!(all.iter().filter(|text| *text == "m3").count(), 1, "{all:?}");
    assert_eq!(visitor.texts("operator").await, ["between"], "and once");
}

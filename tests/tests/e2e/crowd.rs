//! Many at once.

use futures_util::future::join_all;
use openline_sandbox::View;
use openline_tests::World;
use std::collections::HashMap;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_visitors_at_once_lose_double_and_reorder_nothing() {
    const VISITORS: usize = 300;
    const EACH: usize = 4;
    let world = World::start().await;
    let visitors = join_all((0..VISITORS).map(|_| world.visitor())).await;
    join_all(visitors.iter().enumerate().map(|(who, visitor)| async move {
        for n in 0..EACH {
            visitor.send(&format!("visitor {who} message {n}")).await;
        }
    }))
    .await;
    let arrived = |portal: View<'_>| portal.all_messages().filter(|m| m.author.side() == "client").count();
    world
        .sandbox
        .wait_until_within(openline_tests::PATIENCE * 3, |portal| arrived(portal) >= VISITORS * EACH)
        .await
        .unwrap();
    let mut chats: HashMap<String, Vec<String>> = HashMap::new();
    world.sandbox.view(|portal| {
        for dialog in portal.dialogs() {
            chats.insert(dialog.external_chat_id.clone(), portal.texts(dialog.chat_id, "client"));
        }
    });
    assert_eq!(chats.len(), VISITORS);
    let mut all: Vec<_> = chats.into_values().collect();
    all.sort();
    let mut expected: Vec<Vec<String>> =
        (0..VISITORS).map(|who| (0..EACH).map(|n| format!("visitor {who} message {n}")).collect()).collect();
    expected.sort();
    assert_eq!(all, expected);
}

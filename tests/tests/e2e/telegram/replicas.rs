//! Two processes with one bot.

use super::{LONG, Mode, TOKEN, channel};
use openline_sandbox::SandboxConfig;
use openline_sandbox::telegram::{TelegramConfig, TelegramServer};
use openline_tests::{Database, Process, World};

/// Telegram refuses two who ask for updates: one process asks, the other one goes on when that one is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_asks() {
    let portal = SandboxConfig::default().without_limits();
    let telegram = TelegramServer::start(TelegramConfig::seeded(portal.seed)).await.unwrap();
    let bot = telegram.add_bot(TOKEN, "shop_bot");
    let world = World::bare_on(Database::Postgres, portal, &channel("tg", &telegram, TOKEN, Mode::Polling)).await;
    let first = Process::start(&world).await;
    let (second, _) = Process::beside(&world).await;
    world.install().await;
    world.connect("openline_tg", 1).await;
    let ann = telegram.person("Ann");
    let mut first = Some(first);
    for n in 0..12 {
        let text = format!("question {n}");
        ann.writes(&bot, &text);
        let there = |portal: openline_sandbox::View<'_>| portal.all_messages().any(|message| message.text == text);
        world.sandbox.wait_until_within(LONG, there).await.unwrap_or_else(|e| panic!("{text}: {e}"));
        if n == 5 {
            first.take().into_iter().for_each(Process::kill);
        }
    }
    let refused = telegram
        .calls()
        .into_iter()
        .filter(|call| call.method.eq_ignore_ascii_case("getUpdates") && call.status == 409);
    assert_eq!(refused.count(), 0, "two asked at a time");
    let each = world.sandbox.view(|portal| portal.all_messages().filter(|m| m.text.starts_with("question ")).count());
    assert_eq!(each, 12);
    second.kill();
}

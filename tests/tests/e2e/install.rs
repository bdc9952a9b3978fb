//! Installation, registration, lines.

use openline_sandbox::{Fault, PageOptions, SandboxConfig, View};
use openline_tests::World;

const CHANNELS: &str = "[channels.site]\nkind = \"website\"\n";

async fn running() -> World {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    world.start_service().await;
    world
}

#[tokio::test]
async fn flow_b_installs_with_newer_and_older_portals() {
    for older in [false, true] {
        let world = running().await;
        let page = world.sandbox.install_with_ui(&world.url("/bitrix/install"), older).await.unwrap();
        assert_eq!(page.status, 200);
        assert!(page.body.contains("openline is installed"), "{}", page.body);
        assert!(page.header("x-frame-options").is_none());
        assert!(world.sandbox.finish_install());
        world.connect("openline_site", 1).await;
        let visitor = world.visitor().await;
        visitor.send("hello").await;
        let chat = world.portal_chat("hello").await;
        world.sandbox.operator_writes(chat, "answer").unwrap();
        visitor.until(|items| items.iter().any(|item| item["text"] == "answer")).await;
    }
}

#[tokio::test]
async fn handlers_are_reconciled_over_restarts_and_stale_ones_unbound() {
    let mut world = World::start().await;
    let binds = |world: &World| world.sandbox.view(|portal| portal.calls_of("event.bind").count());
    let before = binds(&world);
    world.stop_service().await;
    world.start_service().await;
    let looked = |portal: View<'_>| {
        portal.calls_of("event.get").count() >= 2 && portal.calls_of("imconnector.status").count() >= 1
    };
    world.sandbox.wait_until(looked).await.unwrap();
    assert_eq!(binds(&world), before, "nothing is bound twice");
}

#[tokio::test]
async fn forged_settings_pages_connect_nothing() {
    let world = running().await;
    world.install().await;
    let forgeries = [
        PageOptions { forged_auth: true, ..PageOptions::default() },
        PageOptions { forged_application_token: true, ..PageOptions::default() },
        PageOptions { forged_auth: true, older_fields: true, ..PageOptions::default() },
    ];
    for options in forgeries {
        let page = world.sandbox.open_settings_page("openline_site", 1, &options).await.unwrap();
        assert!(page.body.contains("could not be connected"), "{options:?}: {}", page.body);
    }
    assert_eq!(world.sandbox.view(|portal| portal.calls_of("imconnector.activate").count()), 0);
    let older = PageOptions { older_fields: true, older_options: true, ..PageOptions::default() };
    let page = world.sandbox.open_settings_page("openline_site", 1, &older).await.unwrap();
    assert!(page.body.contains("Successfully connected"), "{}", page.body);
}

#[tokio::test]
async fn messages_wait_for_a_line_and_go_out_when_it_is_connected() {
    let world = running().await;
    world.install().await;
    let visitor = world.visitor().await;
    visitor.send("too early").await;
    world.connect("openline_site", 2).await;
    let chat = world.portal_chat("too early").await;
    assert_eq!(world.sandbox.view(|portal| portal.dialog(chat).unwrap().line), 2);
}

#[tokio::test]
async fn a_disconnected_line_keeps_its_messages_for_the_next_one() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("one").await;
    world.portal_chat("one").await;
    world.sandbox.disconnect("openline_site", 1);
    visitor.send("two").await;
    world.connect("openline_site", 2).await;
    let chat = world.portal_chat("two").await;
    assert_eq!(world.sandbox.view(|portal| portal.dialog(chat).unwrap().line), 2);
}

#[tokio::test]
async fn sixty_four_calls_with_an_expired_token_renew_it_once() {
    let world = World::start().await;
    let visitors = futures_util::future::join_all((0..64).map(|_| world.visitor())).await;
    world.sandbox.expire_access_tokens();
    futures_util::future::join_all(visitors.iter().map(|visitor| visitor.send("hello"))).await;
    let all = |portal: View<'_>| portal.all_messages().filter(|m| m.author.side() == "client").count() >= 64;
    world.sandbox.wait_until(all).await.unwrap();
    assert_eq!(world.sandbox.view(|portal| portal.calls_of("oauth/token").count()), 1);
}

#[tokio::test]
async fn a_renamed_portal_is_followed_and_remembered() {
    let mut world = World::start().await;
    world.sandbox.rename_portal().await.unwrap();
    let visitor = world.visitor().await;
    visitor.send("after the move").await;
    let chat = world.portal_chat("after the move").await;
    world.sandbox.operator_writes(chat, "welcome").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "welcome")).await;
    world.stop_service().await;
    world.start_service().await;
    visitor.send("and after a restart").await;
    world.portal_chat("and after a restart").await;
}

#[tokio::test]
async fn removal_stops_work_and_a_new_installation_takes_it_up() {
    let world = World::start().await;
    world.sandbox.uninstall(false);
    let told = |portal: View<'_>| portal.events_of("ONAPPUNINSTALL").any(|post| post.status == Some(200));
    world.sandbox.wait_until(told).await.unwrap();
    assert!(world.service.as_ref().unwrap().portal().member_id.is_none());
    let visitor = world.visitor().await;
    visitor.send("is anybody there?").await;
    world.sandbox.clear_record();
    world.install().await;
    world.connect("openline_site", 1).await;
    world.portal_chat("is anybody there?").await;
}

#[tokio::test]
async fn a_busy_portal_delays_and_loses_nothing() {
    let world = World::start().await;
    world.sandbox.faults().add(Fault::status(503).on("imconnector.send.messages").times(2));
    let visitor = world.visitor().await;
    for n in 0..5 {
        visitor.send(&format!("m{n}")).await;
    }
    let chat = world.portal_chat("m4").await;
    assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), ["m0", "m1", "m2", "m3", "m4"]);
}

#[tokio::test]
async fn credentials_are_not_readable_in_the_database() {
    let world = World::start().await;
    let tokens = world.sandbox.application_token();
    let files = std::fs::read_dir(world.folder()).unwrap().flatten();
    for file in files.filter(|file| file.file_name().to_string_lossy().starts_with("openline.db")) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(tokens.len()).any(|window| window == tokens.as_bytes()), "{:?}", file.path());
    }
}

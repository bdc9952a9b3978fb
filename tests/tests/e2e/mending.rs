//! What an administrator got wrong is told where they look, and gone when it is mended.

use openline::Config;
use openline_sandbox::{SandboxConfig, View};
use openline_tests::{CHANNELS, World};
use std::collections::HashMap;
use std::path::Path;

/// A website chat, and a service that looks every second.
const LOOKING: &str = "check_seconds = 1\n[channels.site]\nkind = \"website\"\n";

async fn running(channels: &str) -> World {
    let mut world = World::bare(SandboxConfig::default().without_limits(), channels).await;
    world.start_service().await;
    world
}

async fn status(world: &World, path: &str) -> u16 {
    reqwest::get(world.url(path)).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_installation_and_mended_without_another_one() {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    let right = world.sandbox.client_secret();
    world.mistakes(&[(right.as_str(), "another key")]);
    world.start_service().await;
    let page = world.sandbox.install_with_ui(&world.url("/bitrix/install"), false).await.unwrap();
    assert!(page.body.contains("code and key"), "{}", page.body);
    assert!(!page.body.contains("installFinish") && !page.body.contains("install.js"), "{}", page.body);
    world.until_problem("does not accept the application's code and key", true).await;
    assert_eq!((status(&world, "/health").await, status(&world, "/health/all").await), (200, 503));
    world.mistakes(&[]);
    let right = Config::parse(Path::new("test.toml"), &world.config_text(), Some(HashMap::new())).unwrap();
    let done = world.service.as_ref().unwrap().reload(right).await.unwrap();
    assert_eq!(done.changed, ["portal.client_secret"]);
    world.until_problem("code and key", false).await;
    world.sandbox.finish_install();
    world.connect("openline_site", 1).await;
    world.sandbox.expire_access_tokens();
    let visitor = world.visitor().await;
    visitor.send("with the right key").await;
    world.portal_chat("with the right key").await;
}

#[tokio::test]
async fn a_wrong_key_is_told_when_only_an_event_tells_of_the_installation() {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    let right = world.sandbox.client_secret();
    world.mistakes(&[(right.as_str(), "another key")]);
    world.start_service().await;
    world.install().await;
    world.until_problem("does not accept the application's code and key", true).await;
}

#[tokio::test]
async fn the_authorization_server_that_the_portal_names_is_adopted() {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    let right = world.sandbox.auth_url();
    world.mistakes(&[(right.as_str(), "http://127.0.0.1:1")]);
    world.start_service().await;
    world.install().await;
    world.connect("openline_site", 1).await;
    world.stop_service().await;
    world.start_service().await;
    world.sandbox.expire_access_tokens();
    let visitor = world.visitor().await;
    visitor.send("renewed elsewhere").await;
    world.portal_chat("renewed elsewhere").await;
}

#[tokio::test]
async fn missing_permissions_are_named() {
    let mut portal = SandboxConfig::default().without_limits();
    portal.scope = vec!["imopenlines".to_owned()];
    let mut world = World::bare(portal, CHANNELS).await;
    world.start_service().await;
    world.install().await;
    world.until_problem("lacks permissions: imconnector, im.", true).await;
}

#[tokio::test]
async fn an_installation_that_is_not_finished_is_told_until_it_is() {
    let mut world = running(LOOKING).await;
    world.sandbox.install_with_ui(&world.url("/bitrix/install"), false).await.unwrap();
    // The page has a minute for it, which a restart ends.
    world.stop_service().await;
    world.start_service().await;
    world.until_problem("not finished in the portal", true).await;
    assert!(world.sandbox.finish_install());
    world.until_problem("not finished in the portal", false).await;
}

#[tokio::test]
async fn a_line_that_is_switched_off_is_told_until_it_is_on() {
    let world = running(LOOKING).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    world.sandbox.deactivate_line(1);
    world.until_problem("is switched off in the portal", true).await;
    world.sandbox.activate_line(1);
    world.until_problem("is switched off in the portal", false).await;
    assert_eq!(status(&world, "/health/all").await, 200);
}

#[tokio::test]
async fn messages_that_wait_for_a_line_are_told() {
    let world = running(CHANNELS).await;
    world.install().await;
    let visitor = world.visitor().await;
    visitor.send("is anybody there?").await;
    world.until_problem("it is connected to no open line", true).await;
    world.connect("openline_site", 1).await;
    world.portal_chat("is anybody there?").await;
    world.until_problem("it is connected to no open line", false).await;
}

#[tokio::test]
async fn a_configured_line_that_is_not_connected_is_told() {
    let world = running("check_seconds = 1\n[channels.site]\nkind = \"website\"\nconnector.line = 2\n").await;
    world.install().await;
    world.connect("openline_site", 1).await;
    world.until_problem("wants new conversations of", true).await;
    world.connect("openline_site", 2).await;
    world.until_problem("wants new conversations of", false).await;
}

/// A second openline with the same application binds its own address and takes ours away.
#[tokio::test]
async fn the_first_host_learns_that_another_took_its_events() {
    let world = running(LOOKING).await;
    world.install().await;
    let call = async |method: &str, handler: &str| {
        let auth = world.sandbox.admin_tokens().unwrap().access_token;
        let form = [("auth", auth.as_str()), ("event", "OnImConnectorMessageAdd"), ("handler", handler)];
        let url = format!("{}/rest/{method}", world.sandbox.portal_url());
        assert!(reqwest::Client::new().post(url).form(&form).send().await.unwrap().status().is_success());
    };
    call("event.unbind", &world.url("/bitrix/events")).await;
    call("event.bind", "https://other.example/bitrix/events").await;
    world.until_problem("https://other.example/bitrix/events", true).await;
    let bound =
        |portal: View<'_>| portal.bindings().iter().filter(|(event, _)| event == "ONIMCONNECTORMESSAGEADD").count();
    assert_eq!(world.sandbox.view(bound), 1, "the two do not take them from each other for ever");
    // The other one is gone: nobody has the events, and we take them again.
    call("event.unbind", "https://other.example/bitrix/events").await;
    world.until_problem("https://other.example/bitrix/events", false).await;
    let ours = world.url("/bitrix/events");
    let back = |portal: View<'_>| {
        portal.bindings().iter().any(|(event, at)| event == "ONIMCONNECTORMESSAGEADD" && *at == ours)
    };
    world.sandbox.wait_until(back).await.unwrap();
}

#[tokio::test]
async fn what_the_portal_shows_of_a_channel_follows_its_configuration() {
    let mut world = World::start().await;
    let told =
        |world: &World, key: &str| world.sandbox.view(|portal| portal.connector_data("openline_site", 1)[key].clone());
    assert_eq!(told(&world, "URL"), world.url("/c/site/"));
    let sets = |world: &World| world.sandbox.view(|portal| portal.calls_of("imconnector.connector.data.set").count());
    let before = sets(&world);
    world.stop_service().await;
    let moved = ("public_url = \"http://127.0.0.1", "public_url = \"http://localhost");
    world.mistakes(&[moved]);
    world.configure("[channels.site]\nkind = \"website\"\nconnector.name = \"Our shop\"\n");
    world.start_service().await;
    let followed = |portal: View<'_>| portal.connector_data("openline_site", 1)["NAME"] == "Our shop";
    world.sandbox.wait_until(followed).await.unwrap();
    assert!(told(&world, "URL").as_str().unwrap().starts_with("http://localhost"));
    // What is the same is not told again.
    world.stop_service().await;
    world.start_service().await;
    let looked = |portal: View<'_>| portal.calls_of("imopenlines.config.list.get").count() >= 3;
    world.sandbox.wait_until(looked).await.unwrap();
    assert_eq!(sets(&world), before + 1);
}

//! Channel instances come, go and change their names in the configuration.

use openline_sandbox::{SandboxConfig, View};
use openline_tests::World;
use std::path::Path;

const TWO: &str = "[channels.site]\nkind = \"website\"\n[channels.shop]\nkind = \"website\"\n";
const ONE: &str = "[channels.site]\nkind = \"website\"\n";

async fn two() -> World {
    World::with(SandboxConfig::default().without_limits(), TWO).await
}

/// Starts again with other channels, and waits until the portal was told.
async fn again(world: &mut World, channels: &str) {
    world.stop_service().await;
    world.configure(channels);
    let bound = |portal: View<'_>| portal.calls_of("event.get").count();
    let before = world.sandbox.view(bound);
    world.start_service().await;
    world.sandbox.wait_until(|portal| bound(portal) >= before + 2).await.unwrap();
}

/// What `openline channels` prints.
async fn told(world: &World) -> String {
    let file = world.folder().join("openline.toml");
    std::fs::write(&file, world.config_text()).unwrap();
    openline::commands::channels::report(Path::new(&file), true).await.unwrap()
}

#[tokio::test]
async fn a_removed_channel_is_reported_and_its_connector_stays() {
    let mut world = two().await;
    again(&mut world, ONE).await;
    assert_eq!(world.sandbox.view(|portal| portal.calls_of("imconnector.unregister").count()), 0);
    assert!(world.sandbox.view(|portal| portal.connectors()).contains(&"openline_shop".to_owned()));
    let told = told(&world).await;
    assert!(told.contains("not configured any more: connector openline_shop"), "{told}");
    assert!(told.contains("    line 1 on since "), "{told}");
}

#[tokio::test]
async fn a_removed_channel_is_unregistered_when_the_configuration_says_so() {
    let mut world = two().await;
    again(&mut world, &format!("unregister_removed = true\n{ONE}")).await;
    world.sandbox.wait_until(|portal| !portal.connectors().contains(&"openline_shop".to_owned())).await.unwrap();
    assert!(world.sandbox.view(|portal| portal.connectors()).contains(&"openline_site".to_owned()));
    // The portal knows it a moment before it is written down here.
    openline_tests::eventually("it is told no more", async || (!told(&world).await.contains("shop")).then_some(()))
        .await;
    // It comes back like a new one.
    again(&mut world, TWO).await;
    world.sandbox.wait_until(|portal| portal.connectors().contains(&"openline_shop".to_owned())).await.unwrap();
    world.connect("openline_shop", 1).await;
}

#[tokio::test]
async fn an_added_channel_is_registered_and_a_new_name_is_told() {
    let mut world = World::with(SandboxConfig::default().without_limits(), ONE).await;
    let renamed = TWO.replace("[channels.shop]", "[channels.site.connector]\nname = \"Main site\"\n[channels.shop]");
    again(&mut world, &renamed).await;
    world.sandbox.wait_until(|portal| portal.connectors().contains(&"openline_shop".to_owned())).await.unwrap();
    let named = |portal: View<'_>| {
        let calls = portal.calls_of("imconnector.register");
        calls.filter(|call| call.params["NAME"] == "Main site" && call.verdict == "ok").count()
    };
    assert_eq!(world.sandbox.view(named), 1);
    let told = told(&world).await;
    assert!(told.contains("shop (website), connector openline_shop"), "{told}");
    assert!(told.contains("connected to no open line: press Connect"), "{told}");
    assert!(told.contains("site (website), connector openline_site \"Main site\""), "{told}");
}

#[tokio::test]
async fn the_last_error_of_a_channel_is_told() {
    let world = two().await;
    world.sandbox.view(|portal| portal.connectors());
    let visitor = world.visitor().await;
    world.sandbox.disconnect("openline_site", 1);
    visitor.send("into the void").await;
    let folder = world.folder().join("openline.db");
    let store = openline_store::attach(&format!("sqlite:{}", folder.display()).parse().unwrap()).await.unwrap();
    let said = async || {
        let rows = store.state_list("service/status/").await.unwrap();
        rows.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect::<String>()
    };
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !said().await.contains("is not connected to an open line") {
        assert!(tokio::time::Instant::now() < end, "{}", said().await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let told = told(&world).await;
    assert!(told.contains("last error ") && told.contains("press Connect"), "{told}");
}

//! The pages that an administrator sees inside the portal: what they say is true, and what they can do there.

use openline_sandbox::{Fault, Page, PageOptions, SandboxConfig, View};
use openline_tests::{CHANNELS, World};

async fn running() -> World {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    world.start_service().await;
    world
}

async fn settings(world: &World, line: i64) -> Page {
    world.sandbox.open_settings_page("openline_site", line, &PageOptions::default()).await.unwrap()
}

async fn app(world: &World, user: i64) -> Page {
    let options = PageOptions { user, ..PageOptions::default() };
    world.sandbox.open_app_page(&world.url("/bitrix/app"), &options).await.unwrap()
}

/// Nothing of the installer's works any more; openline learns it from a message.
async fn orphaned() -> World {
    let world = World::start().await;
    world.sandbox.revoke_tokens();
    world.visitor().await.send("is anybody there?").await;
    openline_tests::eventually("that the tokens have died is noticed", async || {
        world.health().await["portal"].as_str().filter(|reason| reason.contains("/bitrix/authorize")).map(drop)
    })
    .await;
    world
}

#[tokio::test]
async fn an_administrator_who_opens_the_application_heals_it() {
    let world = orphaned().await;
    let page = app(&world, 27).await;
    assert!(page.body.contains("Only an administrator"), "{}", page.body);
    assert!(world.health().await["portal"].is_string(), "an employee heals nothing");
    let page = app(&world, 1).await;
    assert!(page.body.contains("openline works with this portal again"), "{}", page.body);
    world.portal_chat("is anybody there?").await;
}

#[tokio::test]
async fn an_administrator_who_opens_a_channels_settings_heals_it_too() {
    let world = orphaned().await;
    let page = settings(&world, 1).await;
    assert!(page.body.contains("Successfully connected"), "{}", page.body);
    world.portal_chat("is anybody there?").await;
    // Also when it shows only at that moment that the tokens have died.
    world.sandbox.revoke_tokens();
    let page = settings(&world, 2).await;
    assert!(page.body.contains("Successfully connected"), "{}", page.body);
}

#[tokio::test]
async fn an_installation_that_comes_to_another_address_is_taken() {
    for path in ["/", "/bitrix/app", "/bitrix/install/"] {
        let world = running().await;
        world.sandbox.install_script_only(&world.url(path));
        let bound = |portal: View<'_>| portal.calls_of("event.bind").filter(|call| call.verdict == "ok").count() >= 10;
        world.sandbox.wait_until(bound).await.unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    for path in ["/", "/bitrix/app", "/bitrix/app/", "/bitrix/install/"] {
        let world = running().await;
        let page = world.sandbox.install_with_ui(&world.url(path), false).await.unwrap();
        assert!(page.body.contains("openline is installed"), "{path}: {}", page.body);
        assert!(page.body.contains("install.js"), "{path}: the portal is told that it is finished");
    }
    let world = running().await;
    let root = reqwest::get(world.url("/")).await.unwrap();
    assert_eq!(root.status().as_u16(), 404, "nothing is at the root");
}

#[tokio::test]
async fn a_channel_that_the_portal_does_not_take_is_not_called_a_wrong_caller() {
    let world = running().await;
    world.sandbox.faults().add(Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.register"));
    let page = world.sandbox.install_with_ui(&world.url("/bitrix/install"), false).await.unwrap();
    assert!(page.body.contains("openline is installed, but the portal did not take its channels"), "{}", page.body);
    world.until_problem("The portal did not take the channel", true).await;
}

#[tokio::test]
async fn the_page_of_an_installation_learns_whether_it_is_finished() {
    let world = running().await;
    let finished = async || reqwest::get(world.url("/bitrix/finished")).await.unwrap().text().await.unwrap();
    assert_eq!(finished().await, "{\"finished\":false}");
    world.sandbox.install_with_ui(&world.url("/bitrix/install"), true).await.unwrap();
    assert_eq!(finished().await, "{\"finished\":false}");
    assert!(world.sandbox.finish_install());
    openline_tests::eventually("it is finished", async || (finished().await == "{\"finished\":true}").then_some(()))
        .await;
}

#[tokio::test]
async fn new_conversations_go_where_the_page_says_and_the_button_lets_them() {
    let world = World::start().await;
    let first = settings(&world, 1).await;
    assert!(
        first.body.contains("New conversations come here.") && !first.body.contains("settings/choose"),
        "{}",
        first.body
    );
    let second = settings(&world, 2).await;
    assert!(second.body.contains("New conversations go to “Support”."), "{}", second.body);
    assert!(second.body.contains("arrives in the open line “Sales”"), "{}", second.body);
    let word = second.body.split("name=\"word\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let press = async |word: &str| {
        let pressed = reqwest::Client::new().post(world.url("/bitrix/settings/choose?LANG=de"));
        pressed.form(&[("word", word)]).send().await.unwrap().text().await.unwrap()
    };
    assert!(press(&word.replace(".2.", ".1.")).await.contains("konnte nicht verbunden werden"));
    assert!(press(&word).await.contains("Neue Gespräche gehen von jetzt an in „Sales“."));
    let visitor = world.visitor().await;
    visitor.send("to the sales").await;
    let chat = world.portal_chat("to the sales").await;
    assert_eq!(world.sandbox.view(|portal| portal.dialog(chat).unwrap().line), 2);
    assert!(settings(&world, 1).await.body.contains("New conversations go to “Sales”."));
}

#[tokio::test]
async fn the_settings_page_has_what_a_site_needs_and_says_what_is_wrong() {
    let world = World::start().await;
    world.sandbox.deactivate_line(1);
    let hours = serde_json::json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_FROM": "9", "WORKTIME_TO": "18.30",
        "WORKTIME_TIMEZONE": "Europe/Berlin", "WORKTIME_DAYOFF": ["SA", "SU"] });
    world.sandbox.configure_line(1, &hours);
    let body = settings(&world, 1).await.body;
    for part in [
        "widget.js",
        "class=\"qr\"",
        "09:00–18:30 (Europe",
        "without Sat, Sun",
        "is switched off in the portal",
        "switched off",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[tokio::test]
async fn pages_speak_the_administrators_language() {
    for (language, words) in [("ru", "Успешно подключено"), ("br", "Conectado com sucesso"), ("ar", "dir=\"rtl\"")]
    {
        let mut portal = SandboxConfig::default().without_limits();
        portal.language = language.to_owned();
        let mut world = World::bare(portal, CHANNELS).await;
        world.start_service().await;
        world.install().await;
        let body = settings(&world, 1).await.body;
        assert!(body.contains(words), "{language}: {body}");
    }
}

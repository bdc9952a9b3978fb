//! What people get wrong (`docs/portal.md`): each row that openline can know of is shown by a test, some of them here.

use openline_sandbox::{PageOptions, SandboxConfig};
use openline_tests::{CHANNELS, World};
use std::path::Path;

/// The beginning of each row, and what shows it.
const ROWS: [(&str, &[&str]); 24] = [
    ("The form was saved before openline ran", &["who_has_not_installed_it_is_told_so"]),
    ("The key was copied wrongly", &["a_wrong_key_is_told_at_the_installation_and_mended_without_another_one"]),
    ("The code is another application's", &["another_applications_code_is_told"]),
    (
        "The portal is one of ru",
        &["what_is_probably_not_meant_is_told", "the_authorization_server_that_the_portal_names_is_adopted"],
    ),
    ("`portal.url` is another portal", &["another_portal_is_told", "what_is_probably_not_meant_is_told"]),
    ("A permission is missing", &["missing_permissions_are_named"]),
    ("The fields of the form exchanged", &["an_installation_that_comes_to_another_address_is_taken"]),
    ("The installation's page was closed too early", &["an_installation_that_is_not_finished_is_told_until_it_is"]),
    ("The installer was dismissed", &["an_administrator_who_opens_the_application_heals_it"]),
    ("The application was deleted and made anew", &["an_application_that_was_made_anew_is_told"]),
    ("Connect was never pressed", &["messages_that_wait_for_a_line_are_told"]),
    ("The line is switched off", &["a_line_that_is_switched_off_is_told_until_it_is_on"]),
    ("`connector.line` names a line", &["a_configured_line_that_is_not_connected_is_told"]),
    ("Two openlines with one application", &["the_first_host_learns_that_another_took_its_events"]),
    ("`public_url`, a name or a bot was changed", &["what_the_portal_shows_of_a_channel_follows_its_configuration"]),
    (
        "`public_url` is `http://`",
        &["what_is_probably_not_meant_is_told", "errors_name_file_and_key_and_what_would_be_right"],
    ),
    ("The icon is no picture", &["an_icon_that_is_no_picture_is_told", "all_mistakes_of_one_table_are_told"]),
    ("An incoming webhook was made", &["a_webhook_has_nothing_to_write_into_the_configuration"]),
    ("The certificate has no intermediate", &["checking_online_fails_when_nobody_answers"]),
    ("The proxy caches", &["the_proxies_wait_longer_than_answers_are_held_and_take_ten_files"]),
    ("The channel's id in", &["a_removed_channel_is_reported_and_its_connector_stays"]),
    ("The proxy is not named", &["behind_a_proxy_that_is_not_trusted_all_are_one"]),
    ("Two services on one SQLite file", &["a_second_service_on_the_same_database_is_refused"]),
    ("The widget's line was put on a page", &["another_origin_is_told_so_and_shows_nothing"]),
];

/// The rows of a document's last table.
fn rows(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let table: Vec<_> = text.lines().rev().take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    // Without the head and the line below it.
    table.into_iter().rev().skip(2).collect()
}

#[test]
fn every_row_of_the_table_is_shown_by_a_test() {
    let told = rows("portal.md");
    assert_eq!(told.len(), ROWS.len());
    let code = crate::house::code();
    for ((begins, tests), row) in ROWS.iter().zip(&told) {
        assert!(row.starts_with(&format!("| {begins}")), "{row}");
        for name in *tests {
            assert!(code.contains(&format!("fn {name}(")), "there is no {name}");
        }
    }
    assert_eq!(rows("ru/portal.md").len(), ROWS.len(), "the Russian edition has the same rows");
}

async fn bare() -> World {
    World::bare(SandboxConfig::default().without_limits(), CHANNELS).await
}

#[tokio::test]
async fn who_has_not_installed_it_is_told_so() {
    let mut world = bare().await;
    world.start_service().await;
    let health = world.health().await;
    assert_eq!(health["installed"], false, "{health}");
    assert!(health["portal"].as_str().unwrap().contains("not installed in the portal yet"), "{health}");
}

async fn refused(mistake: (&str, &str), world: &mut World, words: &str) {
    world.mistakes(&[mistake]);
    world.start_service().await;
    let page = world.sandbox.install_with_ui(&world.url("/bitrix/install"), false).await.unwrap();
    assert!(page.body.contains("openline could not be installed") && page.body.contains(words), "{}", page.body);
    assert!(!page.body.contains("install.js"), "the portal is not told that it is finished");
}

#[tokio::test]
async fn another_applications_code_is_told() {
    let mut world = bare().await;
    let right = world.sandbox.client_id();
    refused((&right, "local.other.1"), &mut world, "belongs to another application").await;
}

#[tokio::test]
async fn another_portal_is_told() {
    let mut world = bare().await;
    let right = world.sandbox.portal_url();
    refused((&right, "https://other.bitrix24.com"), &mut world, "comes from another portal").await;
}

#[tokio::test]
async fn an_application_that_was_made_anew_is_told() {
    let world = World::start().await;
    let options = PageOptions { forged_application_token: true, ..PageOptions::default() };
    let page = world.sandbox.open_settings_page("openline_site", 2, &options).await.unwrap();
    assert!(page.body.contains("another application_token"), "{}", page.body);
}

#[test]
fn a_webhook_has_nothing_to_write_into_the_configuration() {
    for webhook in [
        "https://a.bitrix24.com/rest/1/abcdef/",
        "http://a.bitrix24.com/rest/1/abcdef/",
        "a.bitrix24.com/rest/1/abcdef",
    ] {
        let text = format!(
            "public_url = \"https://chat.example.com\"\n[portal]\nurl = {webhook:?}\n[channels.site]\nkind = \"website\"\n"
        );
        let read = openline::Config::parse(Path::new("test.toml"), &text, Some(std::collections::HashMap::new()));
        let told = read.err().unwrap().to_string();
        assert!(told.contains("portal.client_id") && told.contains("portal.client_secret"), "{told}");
        assert!(
            told.contains("portal.url: ") && !told.contains("abcdef"),
            "the webhook's secret is not repeated: {told}"
        );
    }
}

#[tokio::test]
async fn behind_a_proxy_that_is_not_trusted_all_are_one() {
    let mut world = bare().await;
    world.limited("");
    world.start_service().await;
    let http = reqwest::Client::new();
    for n in 0..500 {
        let asked =
            http.post(world.url("/c/site/api/session")).header("x-forwarded-for", format!("203.0.113.{}", n % 250));
        if asked.json(&serde_json::json!({ "bearer": true })).send().await.unwrap().status() == 429 {
            return;
        }
    }
    panic!("each of them is taken for somebody else");
}

//! The dashboard: the application's page in the portal, and `/admin` of the own listener.

use openline::commands::channels::{self, Action, Trouble, Which};
use openline_sandbox::{Fault, PageOptions, SandboxConfig};
use openline_tests::{CHANNELS, Visitor, World, free_address};
use serde_json::json;

/// The page that a user of the portal sees.
async fn opened(world: &World, user: i64) -> String {
    let options = PageOptions { user, ..PageOptions::default() };
    world.sandbox.open_app_page(&world.url("/bitrix/app"), &options).await.unwrap().body
}

/// A message that the portal refused.
async fn refused(world: &World, visitor: &Visitor, text: &str) {
    world.sandbox.faults().add(Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages"));
    visitor.send(text).await;
    visitor.until(|items| items.iter().any(|item| item["text"] == text && item["state"] == "failed")).await;
    world.sandbox.faults().clear();
}

/// The words of the buttons that do this, in the page's order.
fn words(page: &str, action: &str) -> Vec<String> {
    let all = page.split("name=\"word\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
    all.filter(|word| word.split('.').nth(1) == Some(action)).map(str::to_owned).collect()
}

/// What the page says after a button was pressed.
async fn pressed(world: &World, fields: &[(&str, &str)]) -> String {
    let request = reqwest::Client::new().post(world.url("/bitrix/app/act?LANG=en")).form(fields);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn an_administrator_sees_what_was_given_up_and_sends_it_again() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    assert!(opened(&world, 1).await.contains("Nothing was given up."));
    refused(&world, &visitor, "where is <my> order?").await;
    refused(&world, &visitor, "hello?").await;
    let employee = opened(&world, 27).await;
    assert!(employee.contains("Only an administrator of the portal sees here"), "{employee}");
    assert!(!employee.contains("order") && !employee.contains("<form") && !employee.contains("/c/site"), "{employee}");
    let page = opened(&world, 1).await;
    for part in ["where is &lt;my&gt; order?", "hello?", "ERROR_ARGUMENT", "Support", "not solved yet", "said at"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (replay, drop) = (words(&page, "replay"), words(&page, "drop"));
    assert_eq!((replay.len(), drop.len()), (2, 2));
    // Forged forms change nothing: of another thing, of another action, of nobody, of another page.
    let (first, second) = (number(&replay[0]), number(&replay[1]));
    let forged = [
        replay[0].replacen(&format!(".{first}."), &format!(".{second}."), 1),
        replay[0].replacen("replay", "drop", 1),
        replay[0].replacen("1.", "machine.", 1),
        String::new(),
    ];
    for word in &forged {
        assert!(pressed(&world, &[("word", word)]).await.contains("Nothing was changed"), "{word}");
    }
    assert_eq!(words(&opened(&world, 1).await, "replay").len(), 2);
    let after = pressed(&world, &[("word", &replay[0])]).await;
    assert!(after.contains("It is on its way again.") && words(&after, "replay").len() == 1, "{after}");
    world.portal_chat("where is <my> order?").await;
    let after = pressed(&world, &[("word", &drop[1])]).await;
    assert!(after.contains("It is forgotten.") && after.contains("Nothing was given up."), "{after}");
    assert!(pressed(&world, &[("word", &replay[1])]).await.contains("it was done already"));
    openline_tests::eventually("the trouble is over", async || {
        opened(&world, 1).await.contains("· solved").then_some(())
    })
    .await;
}

/// What a word is about.
fn number(word: &str) -> &str {
    word.split('.').nth(2).unwrap()
}

#[tokio::test]
async fn a_paused_channel_is_told_and_goes_on() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    let page = opened(&world, 1).await;
    let pause = words(&page, "pause").remove(0);
    let page = pressed(&world, &[("word", &pause), ("why", "moving the bot")]).await;
    assert!(page.contains("The channel is paused.") && page.contains("moving the bot"), "{page}");
    assert_eq!(world.health().await["paused"], json!({ "site": "moving the bot" }));
    let resume = words(&page, "resume").remove(0);
    assert!(pressed(&world, &[("word", &resume)]).await.contains("The channel goes on."));
    assert!(world.health().await.get("paused").is_none());
    world.sandbox.operator_writes(chat, "here I am").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "here I am")).await;
    let after = opened(&world, 1).await;
    assert!(!after.contains("none since the start"), "{after}");
    // The same by command: beside the service, and while none runs.
    let mut world = world;
    let file = world.folder().join("openline.toml");
    std::fs::write(&file, world.config_text()).unwrap();
    let which = |name: &str| Which { channel: name.to_owned(), config: file.clone() };
    let pause =
        async |name, reason: &str| channels::act(&Action::Pause { reason: reason.into(), which: which(name) }).await;
    let resume = async || channels::act(&Action::Resume { which: which("site") }).await;
    let listed = async || channels::report(&file, true).await.unwrap();
    assert!(pause("site", "a new bot").await.unwrap().starts_with("site is paused: what operators write waits"));
    openline_tests::eventually_within(std::time::Duration::from_secs(10), "the service hears of it", async || {
        (world.health().await["paused"] == json!({ "site": "a new bot" })).then_some(())
    })
    .await;
    world.sandbox.operator_writes(chat, "is this seen?").unwrap();
    let waits = async || listed().await.contains("1 waiting for the visitors' side").then_some(());
    openline_tests::eventually("it waits", waits).await;
    let said = pause("site", "again").await.unwrap();
    assert!(said.contains("site is paused already: since ") && said.contains("command line: a new bot"), "{said}");
    let line = listed().await;
    assert!(
        line.contains("    paused, what operators write waits: since ") && line.contains("line: a new bot"),
        "{line}"
    );
    let page = opened(&world, 1).await;
    assert!(page.contains("at the command line") && page.contains("a new bot"), "{page}");
    assert_eq!(
        pause("shop", "").await,
        Err(Trouble::Written(format!("\"shop\" is not a channel of {}; there is: site", file.display())))
    );
    world.stop_service().await;
    assert_eq!(resume().await.unwrap(), "site goes on");
    assert_eq!(resume().await.unwrap(), "site is not paused");
    pause("site", "").await.unwrap();
    world.start_service().await;
    openline_tests::eventually("it is paused", async || world.health().await.get("paused").is_some().then_some(()))
        .await;
    assert_eq!(resume().await.unwrap(), "site goes on");
    openline_tests::eventually("it goes on", async || waits().await.is_none().then_some(())).await;
}

#[tokio::test]
async fn operators_of_the_machine_have_the_same_page() {
    let (open, closed) = (free_address(), free_address());
    let with = |table: &str| format!("{CHANNELS}[admin]\n{table}\n");
    let mut world =
        World::bare(SandboxConfig::default().without_limits(), &with(&format!("listen = \"{open}\""))).await;
    world.start_service().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let admin = format!("http://{open}/admin");
    let page = client.get(&admin).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Something has to be mended") && page.contains("not installed"), "{page}");
    let styles = client.get(format!("{admin}/assets/page.css")).send().await.unwrap();
    assert!(styles.status().is_success());
    // Another site's name for this machine, and a form without its word.
    let rebound = client.get(&admin).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status().as_u16(), 403);
    let pressed = async |word: &str| {
        let answer = client.post(&admin).form(&[("word", word), ("why", "")]).send().await.unwrap();
        answer.text().await.unwrap()
    };
    assert!(pressed("machine.pause.site.1.x").await.contains("Nothing was changed"));
    let word = words(&page, "pause").remove(0);
    assert!(self::pressed(&world, &[("word", &word)]).await.contains("Nothing was changed"), "it is this page's alone");
    let german = client.get(&admin).header("accept-language", "de-CH,de;q=0.9").send().await.unwrap();
    assert!(german.text().await.unwrap().contains("Nichts wurde aufgegeben."));
    assert!(pressed(&word).await.contains("The channel is paused."));
    assert!(world.health().await["paused"]["site"].is_string());
    world.stop_service().await;
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    world.configure(&with(&format!("listen = \"{closed}\"\ntoken = \"{token}\"")));
    world.start_service().await;
    let admin = format!("http://{closed}/admin");
    let asked = |password: &str| client.get(&admin).basic_auth("me", Some(password)).send();
    let refused = asked("9f86d081884c7d65").await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    assert!(refused.headers().contains_key("www-authenticate"));
    let page = asked(token).await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    assert!(page.text().await.unwrap().contains("paused"), "a pause outlasts a restart");
    assert_eq!(reqwest::get(world.url("/admin")).await.unwrap().status().as_u16(), 404, "never on the service's own");
}

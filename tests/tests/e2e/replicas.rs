//! Several processes on one store: they share the portal's tokens, of which each works once, what is known of lines, and
//! what one of them was doing when it went.

use openline::Config;
use openline::commands::channels::{self, Action, Which};
use openline_bitrix::Bitrix;
use openline_core::backend::Watched;
use openline_core::inbox::Doors;
use openline_core::{Backend, ChannelId, Roster, Store, SystemClock, Timestamp};
use openline_sandbox::{Fault, PageOptions, SandboxConfig};
use openline_tests::{Database, LEASES, PATIENCE, Process, Visitor, World, eventually, eventually_within};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The service is one process; this is another one's backend, on a connection of its own to the same database.
struct Other {
    store: Arc<dyn Store>,
    backend: Bitrix,
}

impl Other {
    async fn start(world: &World) -> Self {
        let config = Config::parse(Path::new("test.toml"), &world.config_text(), Some(HashMap::new()));
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        let store = openline_store::open(&config.store).await.unwrap();
        let site = ChannelId::parse("site").unwrap();
        let doors = Doors::new(Arc::clone(&store), Arc::new(SystemClock::new()), &[site]);
        let portal = config.portal_config(&BTreeMap::new(), &Roster::default());
        let secret = config.secret.clone().unwrap();
        let backend = Bitrix::open(portal, doors.operator_inbox(), &secret).await.unwrap();
        Self { store, backend }
    }

    /// Whether it can work with the portal: reads a dialog's history there.
    async fn works(&self) -> bool {
        let conversation = self.store.following(None, Timestamp(0), 1).await.unwrap().remove(0);
        self.backend.missed(&[Watched { conversation, seen: None, patient: false }]).await.remove(0).is_ok()
    }
}

async fn talk(world: &World, visitor: &Visitor, text: &str) {
    visitor.send(text).await;
    world.portal_chat(text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_goes_on_with_the_tokens_that_the_other_renewed() {
    let portal = SandboxConfig::default().without_limits();
    let world = World::on(Database::Postgres, portal, openline_tests::CHANNELS).await;
    let visitor = world.visitor().await;
    talk(&world, &visitor, "one").await;
    let other = Other::start(&world).await;
    assert!(other.works().await);
    for n in 0..3 {
        world.sandbox.expire_access_tokens();
        let text = format!("first {n}");
        visitor.send(&text).await;
        let chat = world.portal_chat("one").await;
        let arrived = |portal: openline_sandbox::View<'_>| portal.texts(chat, "client").contains(&text);
        world.sandbox.wait_until(arrived).await.unwrap();
        assert!(other.works().await, "with the service's tokens");
        world.sandbox.expire_access_tokens();
        assert!(other.works().await, "with its own ones");
    }
    assert_eq!(other.backend.status().problem, None);
}

/// The tokens are dead, and the administrator's new installation is told to one process only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_that_one_is_told_of_mends_the_other() {
    let portal = SandboxConfig::default().without_limits();
    let world = World::on(Database::Postgres, portal, openline_tests::CHANNELS).await;
    let visitor = world.visitor().await;
    talk(&world, &visitor, "one").await;
    let other = Other::start(&world).await;
    world.sandbox.revoke_tokens();
    assert!(!other.works().await);
    let problem = other.backend.status().problem.unwrap();
    assert!(
        problem.contains("does not accept openline any more") && problem.contains("/bitrix/authorize"),
        "{problem}"
    );
    world.install().await;
    eventually("it can work again", async || {
        other.backend.ready().await;
        other.works().await.then_some(())
    })
    .await;
}

/// Two processes; the portal calls the first one.
async fn two() -> (World, Process, Process, String) {
    let portal = SandboxConfig::default().without_limits();
    let world = World::bare_on(Database::Postgres, portal, openline_tests::CHANNELS).await;
    let first = Process::start(&world).await;
    let (second, url) = Process::beside(&world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    (world, first, second, url)
}

/// The same visitor at another process.
fn at(url: &str, visitor: &Visitor) -> Visitor {
    Visitor::known(&format!("{url}/c/site/api"), &visitor.token)
}

/// Both were started before the installation, which only the first is told of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_portal_tells_one_process_the_other_knows() {
    let (world, first, second, url) = two().await;
    first.kill();
    let visitor = Visitor::new(&format!("{url}/c/site/api")).await;
    visitor.send("who is there?").await;
    world.portal_chat("who is there?").await;
    second.kill();
}

/// A line that is switched on and chosen at one process is where the other one's new conversations go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_known_to_all() {
    let (world, _first, _second, url) = two().await;
    let line = world.sandbox.add_line("Second");
    world.connect("openline_site", line).await;
    world.sandbox.disconnect("openline_site", 1);
    for n in 0..10 {
        let base = if n % 2 == 0 { url.clone() } else { world.url("") };
        let visitor = Visitor::new(&format!("{base}/c/site/api")).await;
        let text = format!("question {n}");
        visitor.send(&text).await;
        let chat = world.portal_chat(&text).await;
        let to = world
            .sandbox
            .view(|portal| portal.dialogs().iter().find(|dialog| dialog.chat_id == chat).map(|dialog| dialog.line));
        assert_eq!(to, Some(line), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_waits_at_one_process_sees_what_began_at_the_other() {
    let (world, _first, _second, url) = two().await;
    for n in 0..10 {
        let visitor = world.visitor().await;
        // As a page does: an answer without news is followed by the next call.
        let waiting = async {
            loop {
                let news = visitor.get("/updates?since=0&wait=20").await;
                if news["items"] != json!([]) {
                    return news;
                }
            }
        };
        let writing = async {
            // The poll is under way, or it finds the message at once: both ways it has to come back with it.
            tokio::time::sleep(Duration::from_millis(30 * n)).await;
            at(&url, &visitor).send("hello").await;
        };
        let (news, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(5), waiting), writing);
        let news = news.unwrap_or_else(|_| panic!("round {n}: nothing came"));
        assert_eq!(news["items"][0]["text"], "hello", "round {n}: {news}");
    }
}

/// What each desk has of these texts, in the order of the texts.
fn shown(world: &World, texts: &[String]) -> Vec<usize> {
    let count = |text: &String| world.sandbox.view(|portal| portal.all_messages().filter(|m| m.text == *text).count());
    texts.iter().map(count).collect()
}

async fn all_is_delivered(visitors: &[Visitor], patience: Duration) {
    eventually_within(patience, "all is delivered", async || {
        let all = futures_util::future::join_all(visitors.iter().map(Visitor::is_all_delivered)).await;
        all.into_iter().all(|all| all).then_some(())
    })
    .await;
}

/// Twenty visitors write at one process while the portal is slow for a moment; then `trouble` comes to that process.
async fn slow_portal(trouble: impl AsyncFnOnce(&World, Process) -> Option<Process>) {
    let (world, first, _second, url) = two().await;
    let visitors: Vec<_> = futures_util::future::join_all((0..20).map(|_| world.visitor())).await;
    // Until now it was quick, and the other process knows it so.
    let other: Vec<_> = visitors.iter().map(|visitor| at(&url, visitor)).collect();
    for n in 0..3 {
        let text = format!("before {n}");
        futures_util::future::join_all(other.iter().map(|visitor| visitor.send(&text))).await;
        all_is_delivered(&other, PATIENCE).await;
    }
    world.sandbox.faults().add(Fault::latency(Duration::from_secs(5)).on("imconnector.send.messages").times(20));
    let texts: Vec<_> = (0..20).map(|n| format!("question {n}")).collect();
    let writes = visitors.iter().zip(&texts).map(|(visitor, text)| visitor.send(text));
    futures_util::future::join_all(writes).await;
    eventually("a call is under way", async || {
        let left = world.sandbox.faults().list().first().and_then(|fault| fault.count);
        left.is_none_or(|left| left < 20).then_some(())
    })
    .await;
    let _kept = trouble(&world, first).await;
    all_is_delivered(&other, Duration::from_secs(60)).await;
    assert_eq!(shown(&world, &texts), vec![1; 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_was_sending_is_not_sent_again_by_the_other() {
    slow_portal(async |_, first| {
        first.kill();
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_lease_connection_doubles_nothing() {
    slow_portal(async |world, first| {
        for _ in 0..3 {
            world.sql(LEASES);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Some(first)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uninstallation_is_known_to_all() {
    let (world, _first, _second, url) = two().await;
    let installed = async |base: &str| {
        let answer = reqwest::get(format!("{base}/health")).await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()["installed"].as_bool().unwrap()
    };
    eventually("installed", async || installed(&url).await.then_some(())).await;
    world.sandbox.uninstall(false);
    for base in [world.url(""), url] {
        eventually("uninstalled", async || (!installed(&base).await).then_some(())).await;
    }
}

/// A pause and a reload are heard at once by all; what each of them says is told of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_changes_all_hear_and_each_says_for_itself() {
    let (world, first, second, url) = two().await;
    let file = world.folder().join("openline.toml");
    let all = [world.url(""), url.clone()];
    let act = async |action| channels::act(&action).await.unwrap();
    let which = || Which { channel: "site".to_owned(), config: file.clone() };
    act(Action::Pause { reason: "a new bot".to_owned(), which: which() }).await;
    let pauses = async |wanted: bool| {
        for base in &all {
            // Long before they would look by themselves.
            eventually_within(Duration::from_secs(10), "each hears of it", async || {
                let health: serde_json::Value = reqwest::get(format!("{base}/health")).await.ok()?.json().await.ok()?;
                (health["paused"]["site"] == "a new bot").eq(&wanted).then_some(())
            })
            .await;
        }
    };
    pauses(true).await;
    act(Action::Resume { which: which() }).await;
    pauses(false).await;
    let said = openline::commands::reload::run(&file).await.unwrap();
    let numbers = [first.id(), second.id()].map(|number| format!("({number}): changed: nothing"));
    assert!(numbers.iter().all(|one| said.contains(one)) && said.lines().count() == 2, "{said}");
    // A wrong file of one of them is told as that one's.
    std::fs::write(world.folder().join(format!("{}.toml", url[7..].replace(':', "-"))), "listen = 7\n").unwrap();
    let said = openline::commands::reload::run(&file).await.unwrap_err();
    assert!(said.contains(&numbers[0]), "{said}");
    assert!(said.contains(&format!("({}): nothing was changed: ", second.id())), "{said}");
    world.sandbox.disconnect("openline_site", 1);
    world.visitor().await.send("into the void").await;
    let of = |number: u32, words: &str| format!("({number}): {words}");
    eventually("each says what it found", async || {
        let told = channels::report(&file, true).await.unwrap();
        let lines = [of(first.id(), "the service said at"), of(second.id(), "the service said at")];
        let page = world.sandbox.open_app_page(&world.url("/bitrix/app"), &PageOptions::default()).await.unwrap().body;
        let processes = [first.id(), second.id()].iter().all(|number| page.contains(&format!("({number})</bdi>")));
        let found = [first.id(), second.id()]
            .iter()
            .any(|number| told.contains(&of(*number, "to be mended: Messages of openline: site wait")));
        (lines.iter().all(|line| told.contains(line)) && found && processes).then_some(())
    })
    .await;
}

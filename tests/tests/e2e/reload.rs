//! Other settings are taken while people write: nobody is cut off, and nothing that was written fails.

use futures_util::future::join_all;
use openline::Config;
use openline_tests::{Process, World, eventually};
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const VISITORS: usize = 8;
const RELOADS: usize = 20;
/// A channel that comes with each second reload, and goes with the next one.
const OTHER: &str = "[channels.other]\nkind = \"website\"\n";

const SITE: &str = "channels.site.settings";

fn channels(title: &str) -> String {
    format!("[channels.site]\nkind = \"website\"\nsettings.title = \"{title}\"\n")
}

fn config(world: &World) -> Config {
    Config::parse(Path::new("test.toml"), &world.config_text(), Some(HashMap::new())).unwrap()
}

async fn page(world: &World) -> String {
    reqwest::get(world.url("/c/site/")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_cuts_nobody_and_loses_nothing() {
    let mut world = World::start().await;
    let visitors = join_all((0..VISITORS).map(|_| world.visitor())).await;
    let (enough, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let service = world.service.take().unwrap();
    // A connection that is held from before the first reload until after the last one.
    let stream = reqwest::Client::new().get(world.url("/c/site/api/stream?since=0")).bearer_auth(&visitors[0].token);
    let mut held = stream.send().await.unwrap();
    let writing = join_all(visitors.iter().enumerate().map(async |(who, visitor)| {
        let mut n = 0;
        while !enough.load(Ordering::SeqCst) {
            let message = json!({ "key": format!("k-{who}-{n}"), "text": format!("{who}.{n}"), "name": "Ann Lee" });
            let answer = visitor.try_send(&message).await.unwrap_or_else(|error| panic!("cut off: {error}"));
            assert_eq!(answer.status(), 201);
            n += 1;
            sent.fetch_add(1, Ordering::SeqCst);
        }
        n
    }));
    let reloading = async {
        for n in 0..RELOADS {
            let before = sent.load(Ordering::SeqCst);
            let comes = n % 2 == 0;
            world.configure(&format!("{}{}", channels(&format!("Chat number {n}")), if comes { OTHER } else { "" }));
            let done = service.reload(config(&world)).await.unwrap();
            let other =
                if comes { "channels.other (new)" } else { "channels.other (gone; what waits for its visitors stays)" };
            assert_eq!((done.changed, done.needs_restart), (vec![other.to_owned(), SITE.to_owned()], vec![]));
            assert!(page(&world).await.contains(&format!("Chat number {n}")));
            let there = reqwest::get(world.url("/c/other/")).await.unwrap().status();
            assert_eq!(there.as_u16(), if comes { 200 } else { 404 });
            eventually("they go on", async || (sent.load(Ordering::SeqCst) > before + VISITORS).then_some(())).await;
        }
        enough.store(true, Ordering::SeqCst);
    };
    let (written, ()) = tokio::join!(writing, reloading);
    visitors[0].send("the last one").await;
    let mut heard = String::new();
    while !heard.contains("the last one") {
        heard.push_str(&String::from_utf8_lossy(&held.chunk().await.unwrap().expect("the stream goes on")));
    }
    let all: usize = written.iter().sum::<usize>() + 1;
    let arrived = |portal: openline_sandbox::View<'_>| {
        portal.all_messages().filter(|message| message.author.side() == "client").count() == all
    };
    world.sandbox.wait_until(arrived).await.unwrap();
    // What is the same changes nothing; what can't be changed is named with the reason, and stays.
    let mut same = service.reload(config(&world)).await.unwrap();
    assert_eq!(same.to_string(), "changed: nothing");
    world.limited("[limits]\nmessages = 1\nconnections = 7\n[alerts]\nqueue_seconds = 5\n[files]\nmax_megabytes = 3");
    world.configure(&format!(
        "check_seconds = 7\nreconcile_seconds = 7\n{}connector.name = \"Shop\"\n{OTHER}[channels.bot]\nkind = \"api\"\n\
         settings = {{ token = \"2c26b46b68ffc68ff99b453c\" }}\n",
        channels("x")
    ));
    same = service.reload(config(&world)).await.unwrap();
    let changed = [
        "channels.bot (new)",
        "channels.other (new)",
        SITE,
        "limits",
        "files",
        "portal.check_seconds",
        "channels.site.connector",
        "alerts",
    ];
    assert_eq!(same.changed, changed);
    let named =
        ["limits.connections (places", "limits.connections_each (places", "portal.reconcile_seconds (its timer"];
    assert!(named.iter().zip(&same.needs_restart).all(|(name, one)| one.starts_with(name)), "{same}");
    assert_eq!(same.needs_restart.len(), named.len(), "{same}");
    // The new one is registered, can be connected, and brings messages; the other's new name is told.
    let known = |portal: openline_sandbox::View<'_>| portal.connectors().contains(&"openline_other".to_owned());
    world.sandbox.wait_until(known).await.unwrap();
    world.connect("openline_other", 1).await;
    world.sandbox.wait_until(|portal| portal.connector_data("openline_site", 1)["NAME"] == "Shop").await.unwrap();
    let new = openline_tests::Visitor::new(&world.url("/c/other/api")).await;
    new.send("is this the other one?").await;
    let chat = world.portal_chat("is this the other one?").await;
    world.sandbox.operator_writes(chat, "it is").unwrap();
    new.until(|items| items.iter().any(|item| item["text"] == "it is")).await;
    // One that becomes of another kind is served as that.
    world.configure(&format!(
        "{}{}",
        channels("x"),
        OTHER.replace("website", "api") + "settings = { token = \"2c26b46b68ffc68ff99b453c\" }\n"
    ));
    same = service.reload(config(&world)).await.unwrap();
    assert!(same.changed.contains(&"channels.other (anew)".to_owned()), "{same}");
    assert_eq!(reqwest::get(world.url("/c/other/openapi.json")).await.unwrap().status().as_u16(), 200);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_is_asked_for_by_command_and_by_signal_and_a_wrong_file_changes_nothing() {
    let mut world = World::start().await;
    world.stop_service().await;
    let process = Process::start(&world).await;
    let file = world.folder().join("openline.toml");
    let title = async |wanted: &str| page(&world).await.contains(wanted).then_some(());
    let write = |title: &str| {
        let text = world.config_text().replace("[channels.site]\nkind = \"website\"\n", &channels(title));
        std::fs::write(&file, text).unwrap();
    };
    write("By command");
    let said = openline::commands::reload::run(&file).await.unwrap();
    assert!(said.contains("changed: channels.site.settings"), "{said}");
    assert!(title("By command").await.is_some());
    std::fs::write(&file, "listen = 7\n").unwrap();
    let hangup = || assert!(Command::new("kill").args(["-HUP", &process.id().to_string()]).status().unwrap().success());
    hangup();
    let said = openline::commands::reload::run(&file).await.unwrap_err();
    assert!(said.contains("openline.toml: ") && said.contains("nothing was changed"), "{said}");
    assert!(title("By command").await.is_some());
    write("By signal");
    hangup();
    eventually("the signal is heard", async || title("By signal").await).await;
}

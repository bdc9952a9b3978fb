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
            world.configure(&channels(&format!("Chat number {n}")));
            let done = service.reload(config(&world)).await.unwrap();
            assert_eq!((done.changed, done.needs_restart), (vec!["channels.site.settings".to_owned()], vec![]));
            assert!(page(&world).await.contains(&format!("Chat number {n}")));
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
    // What is the same changes nothing; what can't be changed is named, and stays.
    let mut same = service.reload(config(&world)).await.unwrap();
    assert_eq!(same.to_string(), "changed: nothing");
    world.limited("[limits]\nmessages = 1\n[alerts]\nqueue_seconds = 5");
    world.configure(&format!(
        "check_seconds = 7\n{}connector.name = \"Shop\"\n[channels.b]\nkind = \"website\"\n",
        channels("x")
    ));
    same = service.reload(config(&world)).await.unwrap();
    assert_eq!(same.changed, ["channels.site.settings", "limits", "alerts"]);
    let named = ["portal.check_seconds", "channels.b", "channels.site.connector"];
    assert!(named.iter().all(|name| same.needs_restart.iter().any(|one| one == name)), "{same}");
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

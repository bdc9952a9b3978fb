//! What can go wrong between a file and its operators.

use super::{content, is_delivered};
use openline_sandbox::{Fault, SandboxConfig, View};
use openline_tests::{CHANNELS, Form, Process, World};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The portal's refusal while it can't fetch what it is given.
fn busy() -> Fault {
    Fault::error(401, "CONNECTION_ERROR", "busy").on("imconnector.send.messages")
}

/// Takes the kept files away, so that links to them lead nowhere, until they are put back.
fn take_away(world: &World) -> (PathBuf, PathBuf) {
    let (files, away) = (world.folder().join("files"), world.folder().join("away"));
    std::fs::rename(&files, &away).unwrap();
    std::fs::create_dir(&files).unwrap();
    (files, away)
}

fn from_clients(portal: View<'_>) -> Vec<(String, usize)> {
    let messages = portal.all_messages().filter(|message| message.author.side() == "client" && !message.deleted);
    messages.map(|message| (message.text.clone(), message.files.len())).collect()
}

#[tokio::test]
async fn a_text_whose_file_the_portal_cannot_fetch_arrives_once_with_a_note() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    world.sandbox.faults().add(busy());
    visitor.send_form(Form::message("f1", "see this").file("a.txt", "text/plain", b"a")).await;
    take_away(&world);
    world.sandbox.faults().clear();
    visitor.until(is_delivered).await;
    visitor.send("next").await;
    world.portal_chat("next").await;
    assert_eq!(world.sandbox.view(from_clients), [("see this".to_owned(), 0), ("next".to_owned(), 0)]);
    let told = |portal: View<'_>| {
        let of_system = portal.all_messages().filter(|message| message.author.side() == "system");
        of_system.filter(|message| message.text.contains("the portal could not fetch it")).count()
    };
    world.sandbox.wait_until(|portal| told(portal) > 0).await.unwrap();
    assert_eq!(world.sandbox.view(told), 1, "the operators are told once");
    assert!(visitor.texts("system").await.iter().all(|text| !text.contains("fetch")), "and their visitor is not");
}

#[tokio::test]
async fn a_message_of_files_alone_waits_until_the_portal_can_fetch_them() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    world.sandbox.faults().add(busy());
    visitor.send_form(Form::message("f1", "").file("a.txt", "text/plain", b"a")).await;
    let (files, away) = take_away(&world);
    world.sandbox.faults().clear();
    let tried = |portal: View<'_>| portal.calls_of("imconnector.send.messages").filter(|it| it.verdict == "ok").count();
    world.sandbox.wait_until(|portal| tried(portal) >= 2).await.unwrap();
    assert_eq!(world.sandbox.view(from_clients), []);
    assert_eq!(visitor.get("/messages").await["items"][0]["state"], "sent");
    std::fs::remove_dir_all(&files).unwrap();
    std::fs::rename(&away, &files).unwrap();
    visitor.until(is_delivered).await;
    assert_eq!(world.sandbox.view(from_clients), [(String::new(), 1)]);
}

#[tokio::test]
async fn a_file_whose_sending_was_cut_is_looked_up_and_not_doubled() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    world.sandbox.faults().add(Fault::cut().after().on("imconnector.send.messages").once());
    visitor.send_form(Form::message("f1", "").file("a.txt", "text/plain", b"a")).await;
    visitor.until(is_delivered).await;
    assert_eq!(world.sandbox.view(from_clients), [(String::new(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_no_file_that_was_acknowledged() {
    let world = Arc::new(World::bare(SandboxConfig::default().without_limits(), CHANNELS).await);
    let mut process = Process::start(&world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    // Nothing is on its way to the portal meanwhile: this is about what is kept here.
    world.sandbox.faults().add(busy());
    let mut acknowledged = Vec::new();
    for round in 0..3u8 {
        let stop = Arc::new(AtomicBool::new(false));
        let uploading = upload_until(&world, round, Arc::clone(&stop));
        let killing = async {
            // Not a wait for something: the moment of the kill is what varies.
            tokio::time::sleep(Duration::from_millis(60 + u64::from(round) * 45)).await;
            process.kill();
            stop.store(true, Ordering::SeqCst);
        };
        let (more, ()) = tokio::join!(uploading, killing);
        acknowledged.extend(more);
        process = Process::start(&world).await;
    }
    assert!(!acknowledged.is_empty());
    world.sandbox.faults().clear();
    let has_all = |portal: View<'_>| {
        let files = portal.all_messages().flat_map(|message| &message.files).filter_map(|id| portal.file(*id));
        let there: Vec<_> = files.map(|(_, bytes)| bytes.to_vec()).collect();
        acknowledged.iter().all(|content| there.contains(content))
    };
    world.sandbox.wait_until(has_all).await.unwrap_or_else(|e| panic!("acknowledged files are lost: {e}"));
    drop(process);
}

async fn upload_until(world: &World, round: u8, stop: Arc<AtomicBool>) -> Vec<Vec<u8>> {
    let visitor = world.visitor().await;
    let mut acknowledged = Vec::new();
    let mut n = 0u8;
    while !stop.load(Ordering::SeqCst) {
        let content = [content(50_000, round).as_slice(), &[round, n]].concat();
        let form = Form::message(&format!("r{round}-{n}"), "").file("a.bin", "", &content);
        match visitor.try_send_form(form).await {
            Ok(response) if response.status() == 201 => acknowledged.push(content),
            Ok(response) => panic!("{}", response.status()),
            Err(_) => break,
        }
        n += 1;
    }
    acknowledged
}

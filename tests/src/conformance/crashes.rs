//! The promises of a channel when the service is killed.

use super::StandIn;
use super::stage::{Stage, series, texts};
use crate::{Database, Process};
use openline_sandbox::Fault;

/// `kill -9` loses and doubles nothing, on neither way. For test binaries that can be the service, see [`Process`].
pub async fn crashes(kind: &str, database: Database, outside: Box<dyn StandIn>) {
    let stage = Stage::bare(kind, database, outside).await;
    let process = Process::start(&stage.world).await;
    stage.connect().await;
    let process = what_is_taken_is_there(&stage, process).await;
    let process = writing_goes_on(&stage, process).await;
    answers_go_on(&stage, process).await;
}

/// A message is acknowledged when it is on disk, and not before: killed at once, with the portal away.
async fn what_is_taken_is_there(stage: &Stage, mut process: Process) -> Process {
    let (who, written) = ("taken", series("taken", 4));
    for (n, text) in written.iter().enumerate() {
        stage.world.sandbox.faults().add(Fault::status(503));
        stage.says(who, &format!("k{n}"), text).await;
        process.kill();
        stage.world.sandbox.faults().clear();
        process = Process::start(&stage.world).await;
    }
    let chat = stage.chat("taken 0").await;
    stage.desk_shows(chat, &written, "acknowledged, then killed").await;
    process
}

/// Killed in the middle of a visitor's writing, who repeats what was not acknowledged.
async fn writing_goes_on(stage: &Stage, mut process: Process) -> Process {
    let (who, written) = ("writing", series("line", 30));
    let writing = async {
        for (n, text) in written.iter().enumerate() {
            stage.says(who, &format!("k{n}"), text).await;
        }
    };
    let killing = async {
        for text in ["line 3", "line 9"] {
            let there = |portal: openline_sandbox::View<'_>| portal.all_messages().any(|message| message.text == text);
            stage.world.sandbox.wait_until(there).await.expect("some are at the desk");
            process.kill();
            process = Process::start(&stage.world).await;
        }
        process
    };
    let ((), process) = tokio::join!(writing, killing);
    let chat = stage.chat("line 0").await;
    stage.desk_shows(chat, &written, "killed while writing").await;
    process
}

/// Operators go on answering while the service is killed, away, and back.
async fn answers_go_on(stage: &Stage, process: Process) {
    let (who, answered) = ("asking", series("answer", 15));
    stage.says(who, "k", "a question").await;
    let chat = stage.chat("a question").await;
    for text in &answered[..5] {
        stage.answers(chat, text);
    }
    stage.is_seen(who, "answer 0").await;
    process.kill();
    for text in &answered[5..10] {
        stage.answers(chat, text);
    }
    stage.missed(&answered[5..10]).await;
    let process = Process::start(&stage.world).await;
    let ids: Vec<_> = answered[10..].iter().map(|text| stage.answers(chat, text)).collect();
    for text in &answered {
        stage.is_seen(who, text).await;
    }
    for id in ids {
        stage.is_confirmed(id).await;
    }
    assert_eq!(texts(&stage.outside.sees(who).await), answered);
    drop(process);
}

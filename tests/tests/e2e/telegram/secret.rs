//! The token is seen by nobody but Telegram.

use super::{Joined, Mode, TOKEN};
use crate::files::PNG;
use openline_sandbox::SandboxConfig;
use openline_sandbox::telegram::TelegramFault;
use openline_tests::{Process, eventually};
use std::path::Path;

both_modes!(the_token_is_told_to_nobody, neither_token_nor_texts_are_logged);

async fn the_token_is_told_to_nobody(mode: Mode) {
    let mut joined = Joined::with(mode, "[channels.site]\nkind = \"website\"\n").await;
    let (ann, chat) = joined.person("Ann").await;
    ann.sends_photo(&joined.bot, PNG, "look");
    joined.telegram.faults().add(TelegramFault::html(502).on("download").once());
    ann.sends_document(&joined.bot, "a.txt", "text/plain", "a");
    joined.answer(chat, "seen").await;
    joined.world.sandbox.operator_writes_with_file(chat, "", "a.png", "image/png", PNG).unwrap();
    joined.desk(|portal| portal.texts(chat, "client").len() == 3).await;
    joined.phone(|view| view.texts_to(&ann, &joined.bot).len() == 2).await;
    // What admins read when Telegram does not let the bot in, and when it is gone.
    joined.bot.changes_token("110201543:another-one");
    joined.world.sandbox.operator_writes(chat, "into the void").unwrap();
    joined.world.stop_service().await;
    joined.world.start_service().await;
    let config = joined.world.folder().join("openline.toml");
    std::fs::write(&config, joined.world.config_text()).unwrap();
    let told = eventually("the trouble is told", async || {
        let told = openline::commands::channels::report(&config, true).await.unwrap();
        told.contains("check channels.ID.settings.token").then_some(told)
    })
    .await;
    let mut all = vec![told];
    for path in ["/health", "/c/tg/", "/c/tg", "/c/site/", "/c/tg/webhook"] {
        let answer = reqwest::get(joined.world.url(path)).await.unwrap();
        all.push(format!("{:?}", answer.headers()));
        all.push(answer.text().await.unwrap());
    }
    joined.world.sandbox.view(|portal| {
        all.extend(portal.calls().map(|call| call.params.to_string()));
        all.extend(portal.events().map(|event| event.body.clone()));
        all.extend(portal.all_messages().map(|message| message.text.clone()));
    });
    assert!(all.len() > 30, "something was looked at: {}", all.len());
    let key = TOKEN.split_once(':').unwrap().1;
    assert!(!all.iter().any(|text| text.contains(key)));
    joined.world.stop_service().await;
    std::fs::remove_file(&config).unwrap();
    assert!(!holds(joined.world.folder(), key.as_bytes()), "nor is it kept");
}

async fn neither_token_nor_texts_are_logged(mode: Mode) {
    let joined = Joined::bare(mode, SandboxConfig::default().without_limits(), "").await;
    let log = joined.world.folder().join("log.txt");
    let process = Process::start_logging(&joined.world, "trace", &log).await;
    joined.world.install().await;
    joined.world.connect("openline_tg", 1).await;
    let (ann, chat) = joined.person("Ann").await;
    for fault in [TelegramFault::cut().after(), TelegramFault::html(502), TelegramFault::status(500)] {
        joined.telegram.faults().add(fault.on("sendMessage").once());
    }
    joined.telegram.faults().add(TelegramFault::cut().on("download").once());
    ann.sends_photo(&joined.bot, PNG, "a secret caption");
    joined.world.sandbox.operator_writes_with_file(chat, "", "a.png", "image/png", PNG).unwrap();
    joined.answer(chat, "a secret answer").await;
    joined.desk(|portal| portal.texts(chat, "client").contains(&"a secret caption".to_owned())).await;
    process.kill();
    let logged = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    assert!(logged.contains("openline"), "something was logged");
    let key = TOKEN.split_once(':').unwrap().1;
    for secret in [key, "a secret caption", "a secret answer"] {
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

/// Whether any file below a folder has these bytes.
fn holds(folder: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, wanted);
        }
        std::fs::read(&path).unwrap_or_default().windows(wanted.len()).any(|part| part == wanted)
    })
}

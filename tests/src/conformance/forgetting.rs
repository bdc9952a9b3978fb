//! A visitor who is forgotten is gone: no byte of them is left, and what they write meanwhile is not taken.

use super::stage::{Can, Stage};
use super::{Answer, Attachment, StandIn};
use crate::{Database, eventually};
use openline_core::{ChannelId, ChatId, Store};
use openline_sandbox::{Fault, View};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Forgets two visitors, and looks at everything that is stored.
pub async fn forgetting(kind: &str, database: Database, outside: Box<dyn StandIn>, can: Can) {
    let stage = Stage::running(kind, database, outside).await;
    let store = openline_store::attach(&stage.world.store_url()).await.expect("the store");
    no_byte_is_left(&stage, database, &store, can).await;
    nothing_is_taken_meanwhile(&stage, &store).await;
    store.close().await;
}

/// The visitor's chat, found by what they wrote first.
async fn chat_of(store: &Arc<dyn Store>, first: &str) -> ChatId {
    let channel = ChannelId::parse("kit").expect("an id");
    let mut after = None;
    loop {
        let page = store.untouched(openline_core::Timestamp(i64::MAX), after, 50).await.expect("a page");
        after = Some(*page.last().expect("the conversation is there"));
        for id in page {
            let items = store.items_before(id, None, 50).await.expect("items").items;
            if items.iter().any(|item| item.content.text.to_plain() == first) {
                let found = store.conversation_by_id(id).await.expect("a read").expect("the conversation");
                assert_eq!(found.channel, channel);
                return found.chat;
            }
        }
    }
}

async fn is_gone(store: &Arc<dyn Store>, chat: &ChatId) {
    let channel = ChannelId::parse("kit").expect("an id");
    let gone = async || store.conversation(&channel, chat).await.expect("a read").is_none().then_some(());
    eventually("the conversation is gone", gone).await;
    let carried_out = async || store.state_list("erase/").await.expect("a read").is_empty().then_some(());
    eventually("the wish is carried out", carried_out).await;
}

async fn forget(stage: &Stage, chat: &ChatId) {
    let inbox = stage.world.service.as_ref().expect("it runs").visitor_inbox(ChannelId::parse("kit").expect("an id"));
    assert!(inbox.forget_visitor(chat).await.expect("a wish"));
}

async fn no_byte_is_left(stage: &Stage, database: Database, store: &Arc<dyn Store>, can: Can) {
    let (who, first) = ("Zdenka-Quistorp", "Wuppertalsperre, please");
    let file = Attachment { name: "Quittungsbeleg.pdf".to_owned(), bytes: b"%PDF-1.4 Kontoauszug-4711".to_vec() };
    stage.says("somebody-else", "k1", "I stay here").await;
    stage.chat("I stay here").await;
    stage.says(who, "k1", first).await;
    let portal_chat = stage.chat(first).await;
    let mut needles = vec![first.to_owned(), "Jahresabschluss".to_owned()];
    if can.files {
        stage.outside.attaches(who, "k2", &file).await;
        needles.extend([file.name.clone(), "Kontoauszug-4711".to_owned()]);
    }
    stage.says(who, "k3", "and that was it").await;
    let arrived =
        |portal: View<'_>| portal.texts(portal_chat, "client").last().is_some_and(|text| text == "and that was it");
    stage.world.sandbox.wait_until(arrived).await.expect("all is at the desk");
    let answer = stage.answers(portal_chat, "Jahresabschluss follows");
    stage.is_seen(who, "Jahresabschluss follows").await;
    stage.is_confirmed(answer).await;
    let chat = chat_of(store, first).await;
    let known = store.conversation(&ChannelId::parse("kit").expect("an id"), &chat).await.expect("a read");
    needles.push(chat.to_string());
    needles.extend(known.map(|known| known.visitor.name).filter(|name| name.len() > 4));
    let found = || {
        let stored = stored(stage, database);
        needles.iter().filter(|needle| is_anywhere(&stored, needle)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(found(), needles, "what is looked for is there before");
    forget(stage, &chat).await;
    is_gone(store, &chat).await;
    let nothing = async || found().is_empty().then_some(());
    let looked = tokio::time::timeout(std::time::Duration::from_secs(10), eventually("nothing is left", nothing)).await;
    assert!(looked.is_ok() || found().is_empty(), "left: {:?}", found());
    assert!(is_anywhere(&stored(stage, database), "I stay here"), "others are not touched");
}

/// All bytes that are kept, in files and in a server's tables.
fn stored(stage: &Stage, database: Database) -> Vec<(String, Vec<u8>)> {
    let files = below(stage.world.folder()).into_iter();
    let mut all: Vec<_> =
        files.filter_map(|path| Some((path.display().to_string(), std::fs::read(path).ok()?))).collect();
    if database == Database::Postgres {
        all.push(("the tables".to_owned(), stage.world.tables().into_bytes()));
    }
    all
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// As it is, or in hexadecimal as a server prints bytes.
fn is_anywhere(stored: &[(String, Vec<u8>)], needle: &str) -> bool {
    let hex = hex::encode(needle);
    let has = |bytes: &[u8], word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    stored.iter().any(|(_, bytes)| has(bytes, needle) || has(bytes, &hex))
}

/// What comes while the rest is erased would go with it. It comes again, and begins anew.
async fn nothing_is_taken_meanwhile(stage: &Stage, store: &Arc<dyn Store>) {
    let who = "coming-back";
    stage.says(who, "k1", "to be forgotten").await;
    let portal_chat = stage.chat("to be forgotten").await;
    let chat = chat_of(store, "to be forgotten").await;
    stage.world.sandbox.faults().add(Fault::error(503, "QUERY_LIMIT_EXCEEDED", "").on("imconnector.delete.messages"));
    forget(stage, &chat).await;
    let answer = stage.outside.says(who, "k2", "a new beginning").await;
    assert!(!matches!(answer, Answer::Taken), "it was taken: {answer:?}");
    let shown = stage.world.sandbox.view(|portal| portal.texts(portal_chat, "client"));
    assert!(!shown.contains(&"a new beginning".to_owned()), "{shown:?}");
    stage.world.sandbox.faults().clear();
    stage.says(who, "k2", "a new beginning").await;
    let again = stage.chat("a new beginning").await;
    stage.desk_shows(again, &["a new beginning".to_owned()], "after the erasure").await;
}

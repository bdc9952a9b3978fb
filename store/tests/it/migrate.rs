//! What is copied from one store into another one is the same there, and goes on there.

use crate::cluster::{Cluster, Database};
use crate::common::{migrate, open};
use openline_core::message::{
    Content, File, FileSource, Happened, Incoming, Note, OperatorEvent, Side, Thread, Visitor,
};
use openline_core::store::prelude::*;
use openline_core::store::{Amend, Expect, Job, Outcome, Queue, Settlement};
use openline_core::text::RichText;
use openline_core::{ChannelId, ChatId, Rev, Timestamp};
use openline_store::{Report, SqliteStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const ALL: usize = 100_000;
const LEASE: Duration = Duration::from_secs(60);
const CHATS: usize = 300;
/// Later than everything.
const LATE: Timestamp = Timestamp(9_000_000_000);

fn channel() -> ChannelId {
    ChannelId::parse("site").unwrap()
}

fn chat(n: usize) -> ChatId {
    ChatId::parse(&format!("chat{n}")).unwrap()
}

fn queues() -> [Queue; 3] {
    [Queue::Backend, Queue::Confirm, Queue::Channel(channel())]
}

async fn write(store: &dyn Store, n: usize, key: &str, content: Content) {
    let visitor = Some(Visitor { name: format!("Zoë \0 {n}"), ..Visitor::default() });
    let incoming = Incoming { chat: chat(n), key: key.to_owned(), visitor, content, note: None };
    store.record_incoming(&channel(), incoming, Timestamp(1000)).await.unwrap();
}

fn event(n: usize, happened: Happened) -> OperatorEvent {
    let thread = Thread { line: Some("7\0".to_owned()), chat: Some(format!("portal{n}")), session: None };
    OperatorEvent { channel: channel(), chat: chat(n), thread, happened }
}

fn wrote(remote: i64) -> Happened {
    let file = File {
        name: "plan \0.png".to_owned(),
        mime: "image/png".to_owned(),
        size: Some(3),
        pixels: Some((4, 5)),
        source: FileSource::Backend("http://127.0.0.1:1/plan".to_owned()),
    };
    let content = Content { text: RichText::plain(format!("answer {remote}\0")), files: vec![file] };
    Happened::Wrote { remote, side: Side::Operator, author: Some("Ann \0 Ö".to_owned()), content }
}

async fn claim(store: &dyn Store, queue: &Queue, limit: usize) -> Vec<Job> {
    store.claim(queue, limit, LATE, LEASE).await.unwrap().jobs
}

async fn settle(store: &dyn Store, job: &Job, outcome: Outcome) {
    store.settle(vec![Settlement { job: job.id, outcome }], LATE).await.unwrap();
}

fn done(confirm: bool) -> Outcome {
    Outcome::Done { thread: Thread::default(), delivered_as: vec!["m\0 1".to_owned(), "2".to_owned()], confirm }
}

/// Something of everything, in more rows than a page holds; some jobs are leased at the end.
async fn fill(store: &dyn Store) {
    for n in 0..CHATS {
        write(store, n, "a \0 key", Content::plain("one\0two")).await;
        write(store, n, "second", Content::plain("ü".repeat(n))).await;
    }
    // The second answer comes late, and stands before the first.
    let events = (0..CHATS / 2).flat_map(|n| {
        let changed = Happened::Edited { remote: 20, at: Timestamp(5), text: RichText::plain("changed\0") };
        let all = [Happened::DialogStarted { session: format!("s{n}") }, wrote(20), wrote(10), changed];
        all.map(|happened| event(n, happened))
    });
    store.record_outgoing(events.collect(), Timestamp(2000)).await.unwrap();
    let closed =
        vec![event(3, Happened::Deleted { remote: 10 }), event(4, Happened::DialogFinished { session: "s4".into() })];
    store.record_outgoing(closed, Timestamp(3000)).await.unwrap();
    let edit = Amend::Edit(Content::plain("better\0"));
    store.amend_incoming(&channel(), &chat(5), "second", edit, Timestamp(4000)).await.unwrap();
    store.amend_incoming(&channel(), &chat(6), "second", Amend::Delete, Timestamp(4000)).await.unwrap();
    for n in 0..CHATS / 3 {
        let id = store.conversation(&channel(), &chat(n)).await.unwrap().unwrap().id;
        for key in ["one \0", "two"] {
            let note = Note { key: key.to_owned(), text: format!("note \0 {n}") };
            assert!(store.record_note(id, note, Timestamp(5000)).await.unwrap());
        }
    }
    work(store).await;
    for n in 0..600_u32 {
        let key = format!("{}\0{n}", if n % 2 == 0 { "long".repeat(200) } else { String::new() });
        let value: Vec<u8> = (0..=255).chain(n.to_le_bytes()).collect();
        store.state_put(&key, &value, Expect::Nothing).await.unwrap();
    }
    store.state_put("", b"", Expect::Nothing).await.unwrap();
}

async fn work(store: &dyn Store) {
    let site = Queue::Channel(channel());
    for (n, job) in claim(store, &Queue::Backend, 40).await.iter().enumerate() {
        match n % 4 {
            0 => settle(store, job, Outcome::Dead { reason: "refused \0 by them".to_owned(), note: None }).await,
            1 => settle(store, job, done(false)).await,
            2 => {
                let retry = Outcome::Retry { at: LATE, reason: "busy".to_owned(), uncertain: true, counted: true };
                settle(store, job, retry).await;
            }
            _ => {}
        }
    }
    for (n, job) in claim(store, &site, 20).await.iter().enumerate().skip(1) {
        let note = Some(Note { key: "failed".to_owned(), text: "it did not reach the visitor \0".to_owned() });
        let dead = Outcome::Dead { reason: "blocked".to_owned(), note };
        settle(store, job, if n < 4 { dead } else { done(true) }).await;
    }
    // The newest conversation is gone: only the counters know its numbers.
    write(store, CHATS + 2, "gone", Content::plain("gone")).await;
    let gone = store.conversation(&channel(), &chat(CHATS + 2)).await.unwrap().unwrap();
    store.erase(gone.id).await.unwrap().unwrap();
    // The newest job is gone: only the counter knows its number.
    write(store, CHATS, "last", Content::plain("last")).await;
    let last = claim(store, &Queue::Backend, ALL).await.into_iter().max_by_key(|job| job.id).unwrap();
    settle(store, &last, done(false)).await;
}

/// Everything that can be seen without changing it.
async fn seen(store: &dyn Store) -> Vec<String> {
    let mut seen = Vec::new();
    for n in 0..=CHATS {
        let conversation = store.conversation(&channel(), &chat(n)).await.unwrap().unwrap();
        seen.push(format!("{:?}", store.items_before(conversation.id, None, ALL).await.unwrap()));
        seen.push(format!("{:?}", store.items_since(conversation.id, Rev(0), ALL).await.unwrap()));
        seen.push(format!("{conversation:?}"));
    }
    seen.push(format!("{:?}", store.following(None, Timestamp(0), ALL).await.unwrap()));
    seen.push(format!("{:?}", store.past_dialogs(0, Timestamp(0), ALL).await.unwrap()));
    seen.extend(store.dead_letters(None, ALL).await.unwrap().iter().map(|letter| format!("{letter:?}")));
    seen.extend(store.state_list("").await.unwrap().iter().map(|value| format!("{value:?}")));
    for queue in queues() {
        seen.push(format!("{} {}", queue.name(), store.depth(&queue).await.unwrap()));
    }
    seen
}

/// Works everything off. The jobs of each lane in their order, lane by lane.
async fn drained(store: &dyn Store) -> Vec<String> {
    let mut jobs = Vec::new();
    for queue in queues() {
        let mut of_queue = Vec::new();
        loop {
            let claimed = claim(store, &queue, ALL).await;
            if claimed.is_empty() {
                break;
            }
            let settled = claimed.iter().map(|job| Settlement { job: job.id, outcome: done(false) });
            store.settle(settled.collect(), LATE).await.unwrap();
            of_queue.extend(claimed);
        }
        of_queue.sort_by_key(|job| job.conversation.id);
        jobs.extend(of_queue.iter().map(|job| {
            format!("{} {:?} {} {} {}", job.id, job.work, job.attempts, job.uncertain, job.created.0)
                + &format!(" {} {} {:?}", job.conversation.id, job.item.id, job.item.content)
        }));
    }
    jobs
}

async fn close(store: Arc<dyn Store>) {
    store.close().await;
}

/// The ids of what comes next: conversation, message, job.
async fn next(store: &dyn Store) -> (i64, i64, i64) {
    write(store, CHATS + 1, "new", Content::plain("new")).await;
    let job = claim(store, &Queue::Backend, 1).await.remove(0);
    (job.conversation.id.0, job.item.id.0, job.id.0)
}

fn file(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn rows(report: &Report, table: &str) -> u64 {
    report.tables.iter().find(|(name, _)| *name == table).unwrap().1
}

#[tokio::test]
async fn everything_goes_to_the_other_kind_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (file(&folder.path().join("first.db")), file(&folder.path().join("made/last.db")));
    let server = Cluster::shared().database();
    let store = open(&first).await.unwrap();
    fill(&*store).await;
    let before = seen(&*store).await;
    close(store).await;
    let bytes = std::fs::read(folder.path().join("first.db")).unwrap();

    let report = migrate(&first, &server.url()).await.unwrap();
    assert_eq!((rows(&report, "conversations"), rows(&report, "state")), (CHATS as u64 + 1, 601));
    assert!(std::fs::read(folder.path().join("first.db")).unwrap() == bytes, "the source was changed");
    assert_eq!(migrate(&server.url(), &last).await.unwrap(), report);

    let mut drains = Vec::new();
    let mut nexts = Vec::new();
    for url in [&first, &server.url(), &last] {
        let store = open(url).await.unwrap();
        assert!(seen(&*store).await == before, "{url} differs");
        drains.push(drained(&*store).await);
        nexts.push(next(&*store).await);
        close(store).await;
    }
    assert!(drains[0].iter().any(|job| job.contains(" true ")), "nothing was leased");
    let notes = drains[0].iter().filter(|job| job.contains(" Note "));
    assert_eq!(notes.count(), 2 * (CHATS / 3) + 3);
    assert!(usize::try_from(nexts[0].0).unwrap() > CHATS + 2, "an erased conversation's number was given out again");
    assert_eq!(drains[0], drains[1]);
    assert_eq!(drains[0], drains[2]);
    assert_eq!(nexts[0], nexts[1]);
    assert_eq!(nexts[0], nexts[2]);
}

#[tokio::test]
async fn stores_of_one_kind_are_copied_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (file(&folder.path().join("1.db")), file(&folder.path().join("2.db")));
    let (third, fourth) = (Cluster::shared().database(), Cluster::shared().database());
    let store = open(&first).await.unwrap();
    fill(&*store).await;
    let before = seen(&*store).await;
    close(store).await;
    // A new store that was opened, but has nothing, is a new store.
    close(open(&second).await.unwrap()).await;
    close(open(&fourth.url()).await.unwrap()).await;
    migrate(&first, &second).await.unwrap();
    migrate(&second, &third.url()).await.unwrap();
    // Its process is gone, and nobody has taken its leases back.
    let store = open(&third.url()).await.unwrap();
    let leased = claim(&*store, &Queue::Confirm, 1).await.remove(0);
    assert!(!leased.uncertain);
    close(store).await;
    migrate(&third.url(), &fourth.url()).await.unwrap();
    for url in [&second, &fourth.url()] {
        let store = open(url).await.unwrap();
        assert!(seen(&*store).await == before, "{url} differs");
        let jobs = claim(&*store, &Queue::Confirm, ALL).await;
        let job = jobs.iter().find(|job| job.id == leased.id).unwrap();
        assert_eq!(job.uncertain, *url == fourth.url());
        close(store).await;
    }
}

async fn refusal(from: &str, to: &str) -> String {
    migrate(from, to).await.unwrap_err().to_string()
}

fn tables(database: &Database) -> String {
    database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (full, none) = (file(&folder.path().join("full.db")), file(&folder.path().join("none.db")));
    let other = file(&folder.path().join("other.db"));
    let (server, blank) = (Cluster::shared().database(), Cluster::shared().database());
    for url in [&full, &other, &server.url()] {
        let store = open(url).await.unwrap();
        write(&*store, 1, "k", Content::plain("text")).await;
        close(store).await;
    }
    let before = std::fs::read(folder.path().join("other.db")).unwrap();
    for to in [&other, &server.url()] {
        assert!(refusal(&full, to).await.contains("is not empty"));
    }
    assert!(std::fs::read(folder.path().join("other.db")).unwrap() == before);
    assert_eq!(server.sql("SELECT count(*) FROM messages"), "1");
    let same = format!("sqlite://{}/./full.db", folder.path().display());
    for (from, to) in [(&full, &full), (&full, &same), (&server.url(), &server.url())] {
        assert!(refusal(from, to).await.contains("is the store that is to be copied"));
    }
    assert!(refusal(&none, &blank.url()).await.contains("there is no such database"));
    assert!(refusal(&blank.url(), &none).await.contains("nothing to copy"));
    assert_eq!(tables(&blank), "0");
    assert!(!folder.path().join("none.db").exists());
    assert!(!refusal("mysql://me:secret@host/db", &none).await.contains("secret"));
    let locked = Cluster::shared().url_by_network("openline:secret", "test0");
    let told = refusal(&full, &locked).await;
    assert!(told.contains("password") && !told.contains("secret"), "{told}");
}

#[tokio::test]
async fn a_store_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, free) = (folder.path().join("used.db"), file(&folder.path().join("free.db")));
    let (server, blank) = (Cluster::shared().database(), Cluster::shared().database());
    let used = SqliteStore::open(&path).unwrap();
    let served = open(&server.url()).await.unwrap();
    for (from, to) in [(file(&path), blank.url()), (server.url(), free.clone())] {
        let told = refusal(&from, &to).await;
        assert!(told.contains("in use by another openline process"), "{told}");
    }
    assert_eq!(tables(&blank), "0");
    used.close().await;
    let told = refusal(&file(&path), &server.url()).await;
    assert!(told.contains("in use by another openline process"), "{told}");
    close(served).await;
    migrate(&file(&path), &server.url()).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to) = (folder.path().join("bad.db"), folder.path().join("to.db"));
    let server = Cluster::shared().database();
    let store = SqliteStore::open(&path).unwrap();
    fill(&store).await;
    store.close().await;
    // The last row of the last table has no key that can be read.
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("INSERT INTO state (key, value) VALUES (CAST(x'ff' AS TEXT), x'00')", []).unwrap();
    drop(db);
    for url in [server.url(), file(&to)] {
        let told = refusal(&file(&path), &url).await;
        assert!(told.contains("can't read state") && told.contains("nothing was copied"), "{told}");
        let store = open(&url).await.unwrap();
        assert_eq!(store.conversation(&channel(), &chat(0)).await.unwrap(), None);
        assert!(store.state_list("").await.unwrap().is_empty());
        close(store).await;
    }
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("DELETE FROM state WHERE key = CAST(x'ff' AS TEXT)", []).unwrap();
    drop(db);
    for url in [server.url(), file(&to)] {
        migrate(&file(&path), &url).await.unwrap();
    }
}

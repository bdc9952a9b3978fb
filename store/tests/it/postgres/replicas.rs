//! Several processes on one database.

use super::talk::{HOUR, NOW, claim, done, retry, until, write};
use crate::cluster::Cluster;
use openline_core::store::Queue;
use openline_core::store::prelude::*;
use openline_core::{ChannelId, ChatId, JobId, StoreError};
use openline_store::PostgresStore;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Set for a test binary that was started by a test: the database that the other process uses.
const PART: &str = "OPENLINE_TEST_PART";
const LANES: usize = 50;
const MESSAGES: usize = 20;

type Seen = Arc<Mutex<Vec<(JobId, ChatId, String)>>>;

/// Works off whatever it gets, until nothing is left for anybody.
async fn work(store: Arc<PostgresStore>, seen: Seen) {
    while store.depth(&Queue::Backend).await.unwrap() > 0 {
        let jobs = claim(&*store, 7).await;
        let told = jobs.iter().map(|job| (job.id, job.conversation.chat.clone(), job.item.key.clone()));
        seen.lock().extend(told);
        assert!(jobs.iter().all(|job| !job.uncertain));
        tokio::task::yield_now().await;
        store.settle(jobs.iter().map(done).collect(), NOW).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_share_a_thousand_jobs_in_order() {
    let database = Cluster::shared().database();
    let one = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let two = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        let store = Arc::clone(if lane % 2 == 0 { &one } else { &two });
        tasks.spawn(async move {
            for number in 0..MESSAGES {
                write(&*store, &format!("c{lane}"), &format!("{number:02}")).await.unwrap();
            }
        });
    }
    let seen = Seen::default();
    for store in [&one, &one, &two, &two] {
        // They begin while there is still more coming.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        tasks.spawn(work(Arc::clone(store), Arc::clone(&seen)));
    }
    tasks.join_all().await;
    work(one, Arc::clone(&seen)).await;
    let seen = seen.lock();
    assert_eq!(seen.len(), LANES * MESSAGES);
    assert_eq!(seen.iter().map(|(job, ..)| *job).collect::<BTreeSet<_>>().len(), LANES * MESSAGES, "some came twice");
    let mut lanes: BTreeMap<&ChatId, Vec<&String>> = BTreeMap::new();
    for (_, chat, key) in &*seen {
        lanes.entry(chat).or_default().push(key);
    }
    assert!(lanes.values().all(|keys| keys.is_sorted()), "some overtook others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_write_in_one_conversation() {
    let database = Cluster::shared().database();
    let one = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let two = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        for store in [&one, &two] {
            let store = Arc::clone(store);
            tasks.spawn(async move { write(&*store, "c", &number.to_string()).await.unwrap() });
        }
    }
    let recorded = tasks.join_all().await;
    assert_eq!(recorded.iter().filter(|recorded| recorded.fresh).count(), 100, "each key is stored once");
    let chat = ChatId::parse("c").unwrap();
    let id = one.conversation(&super::talk::channel(), &chat).await.unwrap().unwrap().id;
    let items = two.items_before(id, None, 1000).await.unwrap().items;
    assert_eq!(items.len(), 100);
    assert!(items.is_sorted_by(|a, b| a.pos < b.pos && a.rev < b.rev && a.id < b.id));
}

/// Batches that touch the same conversations in different orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_over_many_conversations_do_not_block_each_other() {
    let database = Cluster::shared().database();
    let one = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let two = Arc::new(PostgresStore::open(&database.url()).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for (store, back) in [(&one, false), (&two, true), (&one, true), (&two, false)] {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            for round in 0..20 {
                let mut lanes: Vec<_> = (0..8).collect();
                if back {
                    lanes.reverse();
                }
                for lane in &lanes {
                    write(&*store, &format!("c{lane}"), &format!("{round}-{back}")).await.unwrap();
                }
                let jobs = claim(&*store, 5).await;
                store.hurry(&Queue::Backend, NOW).await.unwrap();
                store.settle(jobs.iter().rev().map(done).collect(), NOW).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let deadlocks = database.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    assert_eq!(deadlocks, "0");
}

/// A lease ends without success by whoever has it, and by nobody else.
#[tokio::test]
async fn a_lease_is_its_owners() {
    let database = Cluster::shared().database();
    let one = PostgresStore::open(&database.url()).await.unwrap();
    let two = PostgresStore::open(&database.url()).await.unwrap();
    write(&one, "c", "a").await.unwrap();
    let job = claim(&one, 1).await.remove(0);
    two.settle(vec![retry(&job)], NOW).await.unwrap();
    assert!(claim(&two, 1).await.is_empty());
    one.settle(vec![retry(&job)], NOW).await.unwrap();
    let again = claim(&two, 1).await.remove(0);
    assert_eq!((again.id, again.attempts, again.uncertain), (job.id, 1, false));
    // That it was carried out counts, whoever says it.
    one.settle(vec![done(&job)], NOW).await.unwrap();
    assert_eq!(two.depth(&Queue::Backend).await.unwrap(), 0);
}

/// Leases one job and says so; waits to be killed.
async fn lease_and_wait(url: &str) {
    let store = PostgresStore::open(url).await.unwrap();
    let jobs = claim(&store, 1).await;
    std::io::stdout().write_all(format!("leased {}\n", jobs[0].id).as_bytes()).unwrap();
    std::future::pending::<()>().await;
}

/// The other process, when it has its lease, and which.
fn other_process(url: &str) -> (Child, JobId) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["postgres::replicas::what_a_killed_process_leased_comes_back", "--exact", "--nocapture"]);
    let mut child = command.env(PART, url).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let leased = lines.find_map(|line| line.split_once("leased ").map(|(_, id)| id.parse().unwrap()));
    (child, JobId(leased.unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_leased_comes_back() {
    if let Ok(url) = std::env::var(PART) {
        return lease_and_wait(&url).await;
    }
    let database = Cluster::shared().database();
    let living = PostgresStore::open(&database.url()).await.unwrap();
    for chat in ["c", "d", "e"] {
        write(&living, chat, "a").await.unwrap();
    }
    let own = claim(&living, 1).await.remove(0);
    let (mut child, leased) = other_process(&database.url());
    let third = PostgresStore::open(&database.url()).await.unwrap();
    let rest = claim(&third, 10).await;
    assert_eq!(rest.len(), 1, "who opens takes nothing from the living");
    assert!(!rest[0].uncertain && ![own.id, leased].contains(&rest[0].id));
    child.kill().unwrap();
    child.wait().unwrap();
    let freed = until("freed", async || claim(&living, 10).await.pop()).await;
    assert_eq!((freed.id, freed.uncertain), (leased, true));
    // Those of the living stay theirs, also when somebody opens now, until they say more.
    let fourth = PostgresStore::open(&database.url()).await.unwrap();
    assert!(claim(&fourth, 10).await.is_empty());
    living.settle(vec![done(&own), done(&freed)], NOW).await.unwrap();
    third.settle(vec![done(&rest[0])], NOW).await.unwrap();
    assert_eq!(fourth.depth(&Queue::Backend).await.unwrap(), 0);
}

/// A process that lost its lock, so that others take it for gone, leases nothing until it has it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_its_lock_gets_it_back() {
    let database = Cluster::shared().database();
    let store = PostgresStore::open(&database.url()).await.unwrap();
    write(&store, "c", "a").await.unwrap();
    let holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' \
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(database.sql(holder), "t");
    let queue = Queue::Channel(ChannelId::parse("site").unwrap());
    let refused = async || matches!(store.claim(&queue, 1, NOW, HOUR).await, Err(StoreError::Unavailable(_)));
    until("noticed", async || refused().await.then_some(())).await;
    until("back", async || (!refused().await).then_some(())).await;
    assert_eq!(claim(&store, 1).await.len(), 1);
}

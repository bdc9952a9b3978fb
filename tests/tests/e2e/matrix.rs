//! The fault matrix: whatever goes wrong between us and the portal, nothing is lost, doubled, out of order or left
//! unconfirmed.

use openline_sandbox::{Fault, FaultKind, SandboxConfig, TOKEN_ENDPOINT};
use openline_tests::traffic::{self, Account, Amount};
use openline_tests::{Database, World, mix};
use std::time::Duration;

const AMOUNT: Amount = Amount { visitors: 6, messages: 4, answers: 3 };
const SEND: &str = "imconnector.send.messages";

const CONFIG: &str = "reconcile_seconds = 1\ntimeout_seconds = 2\n[channels.site]\nkind = \"website\"\n";

async fn world(database: Database) -> World {
    World::on(database, SandboxConfig { seed: 7, ..SandboxConfig::default().without_limits() }, CONFIG).await
}

/// Traffic while `faults` are in force, then the account when they are lifted.
async fn under(database: Database, faults: Vec<Fault>) -> Account {
    let world = world(database).await;
    for fault in faults {
        world.sandbox.faults().add(fault);
    }
    let mut talkers = traffic::talkers(&world, AMOUNT, "t").await;
    let half = AMOUNT.messages / 2;
    futures_util::future::join_all(talkers.iter_mut().map(|talker| talker.write(half))).await;
    traffic::begun(&world, &talkers).await;
    traffic::answer(&world, &mut talkers, AMOUNT.answers);
    world.sandbox.faults().clear();
    traffic::account(&world, &talkers, traffic::ROUND).await
}

macro_rules! matrix {
    ($($name:ident: $($fault:expr),+;)*) => { $(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                assert_eq!(under(Database::Sqlite, vec![$($fault),+]).await, Account::default());
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                assert_eq!(under(Database::Postgres, vec![$($fault),+]).await, Account::default());
            }
        }
    )* };
}

matrix! {
    no_fault: Fault::latency(Duration::from_millis(1));
    latency: Fault::latency(Duration::from_millis(300));
    too_many_requests: Fault::status(503).probability(0.4);
    method_blocked: Fault::status(429).on(SEND).probability(0.3).times(3);
    error_before_execution: Fault::status(500).probability(0.2);
    error_after_execution: Fault::status(500).after().probability(0.2);
    cut_before_execution: Fault::cut().probability(0.3);
    cut_after_execution: Fault::cut().after().probability(0.3);
    cut_in_the_middle: Fault::new(FaultKind::CutAfterStored { stored: 1 }).probability(0.3);
    hang: Fault::hang().on(SEND).times(2);
    hang_after_execution: Fault::hang().after().on(SEND).times(2);
    html_instead_of_json: Fault::html(502).probability(0.2);
    html_after_execution: Fault::html(502).after().probability(0.2);
    accepted_but_not_stored: Fault::new(FaultKind::AcceptedNotStored).probability(0.3);
    elements_fail: Fault::new(FaultKind::FailElement { text: "a bad moment".into() }).probability(0.2);
    events_dropped: Fault::new(FaultKind::DropEvent).probability(0.5);
    events_doubled: Fault::new(FaultKind::DuplicateEvent);
    events_reordered: Fault::new(FaultKind::ReorderEvent).probability(0.5);
    events_delayed: Fault::new(FaultKind::DelayEvent { ms: 400 }).probability(0.5);
    no_renewal_for_a_while: Fault::status(500).on(TOKEN_ENDPOINT).times(3);
    first_messages_uncertain: Fault::cut().after().on(SEND).times(3), Fault::new(FaultKind::DropEvent).on("ONIMCONNECTORDIALOGSTART");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_expire_all_the_time() {
    let world = world(Database::Sqlite).await;
    let mut talkers = traffic::talkers(&world, AMOUNT, "t").await;
    for _ in 0..4 {
        world.sandbox.expire_access_tokens();
        for talker in &mut talkers {
            talker.write(1).await;
        }
    }
    traffic::begun(&world, &talkers).await;
    world.sandbox.expire_access_tokens();
    traffic::answer(&world, &mut talkers, AMOUNT.answers);
    assert_eq!(traffic::account(&world, &talkers, traffic::ROUND).await, Account::default());
}

async fn random_mix(database: Database) {
    let seed = mix::seed();
    let world = mix::world(database, seed).await;
    let (account, told) = mix::story(&world, seed, 3, Amount { visitors: 5, messages: 4, answers: 2 }).await;
    assert_eq!(account, Account::default(), "OPENLINE_SEED={seed}: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_mixes_with_kills_on_sqlite() {
    random_mix(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_mixes_with_kills_on_postgres() {
    random_mix(Database::Postgres).await;
}

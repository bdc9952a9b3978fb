//! The fault matrix: whatever goes wrong between us and the portal, nothing is lost, doubled, out of order or left
//! unconfirmed.

use openline_sandbox::{Fault, FaultKind, SandboxConfig, TOKEN_ENDPOINT};
use openline_tests::traffic::{self, Account, Amount};
use openline_tests::{Database, LEASES, Process, World, mix};
use std::time::Duration;

const AMOUNT: Amount = Amount { visitors: 6, messages: 4, answers: 3 };
const SEND: &str = "imconnector.send.messages";
const CONFIRM: &str = "imconnector.send.status.delivery";
const HISTORY: &str = "imopenlines.session.history.get";

const CONFIG: &str = "reconcile_seconds = 1\ntimeout_seconds = 2\n[channels.site]\nkind = \"website\"\n";

/// On PostgreSQL as if requests were limited, so that what waits together goes in one request, and fails together.
async fn world(database: Database) -> World {
    let limit = if database == Database::Postgres { "limit = \"enterprise\"\n" } else { "" };
    let portal = SandboxConfig { seed: 7, ..SandboxConfig::default().without_limits() };
    World::on(database, portal, &format!("{limit}{CONFIG}")).await
}

/// How long faults stay in force for the way back, unless everything has arrived before.
const UNDER: Duration = Duration::from_secs(20);

/// Traffic both ways while `faults` are in force, then the account when they are lifted.
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
    futures_util::future::join_all(talkers.iter_mut().map(|talker| talker.write(AMOUNT.messages - half))).await;
    // Events, histories and confirmations meet them as well.
    traffic::account(&world, &talkers, UNDER).await;
    world.sandbox.faults().clear();
    traffic::last_account(&world, &talkers).await
}

/// Traffic both ways while something happens to the portal before each round of messages, and while it answers.
async fn amid(database: Database, happens: impl AsyncFn(&World, usize)) -> Account {
    let world = world(database).await;
    let mut talkers = traffic::talkers(&world, AMOUNT, "t").await;
    for round in 0..AMOUNT.messages {
        happens(&world, round).await;
        futures_util::future::join_all(talkers.iter_mut().map(|talker| talker.write(1))).await;
    }
    traffic::begun(&world, &talkers).await;
    happens(&world, AMOUNT.messages).await;
    traffic::answer(&world, &mut talkers, AMOUNT.answers);
    traffic::last_account(&world, &talkers).await
}

macro_rules! cell {
    ($name:ident: $account:expr) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                assert_eq!($account(Database::Sqlite).await, Account::default());
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                assert_eq!($account(Database::Postgres).await, Account::default());
            }
        }
    };
}

macro_rules! matrix {
    ($($name:ident: $($fault:expr),+;)*) => { $( cell!($name: async |database| under(database, vec![$($fault),+]).await); )* };
}

matrix! {
    no_fault: Fault::latency(Duration::from_millis(1));
    latency: Fault::latency(Duration::from_millis(300));
    too_many_requests: Fault::status(503).probability(0.4);
    confirmations_lost: Fault::cut().after().on(CONFIRM).probability(0.5);
    histories_unreadable_for_a_while: Fault::status(500).on(HISTORY).probability(0.5), Fault::new(FaultKind::DropEvent).probability(0.5), Fault::cut().after().on(SEND).times(2);
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

/// What takes a minute: a blocked method rests so long (also when something in front of the portal blocks it, which says
/// nothing else), and where the portal has moved to is asked once in it. So all of it happens at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_methods_and_a_portal_that_moves() {
    let moves = async |world: &World, round| {
        if round % 2 == 1 {
            world.sandbox.rename_portal().await.unwrap();
        }
    };
    let (messages, confirmations, moved, moved_on_postgres) = tokio::join!(
        under(Database::Sqlite, vec![Fault::status(429).on(SEND).once()]),
        under(Database::Postgres, vec![Fault::html(429).on(CONFIRM).once()]),
        amid(Database::Sqlite, moves),
        amid(Database::Postgres, moves),
    );
    assert_eq!(messages, Account::default(), "messages are blocked");
    assert_eq!(confirmations, Account::default(), "confirmations are blocked");
    assert_eq!(moved, Account::default(), "the portal moves");
    assert_eq!(moved_on_postgres, Account::default(), "the portal moves, on PostgreSQL");
}

cell!(tokens_expire_all_the_time: async |database| {
    amid(database, async |world: &World, _| world.sandbox.expire_access_tokens()).await
});

cell!(tokens_are_revoked_and_openline_installed_again: async |database| {
    let revokes = async |world: &World, round| match round {
        1 => world.sandbox.revoke_tokens(),
        3 => world.install().await,
        _ => {}
    };
    amid(database, revokes).await
});

/// Two processes work on one store while the portal has bad moments; one of them is killed again and again, and both lose the
/// connection that their leases hang on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_with_kills_and_lost_leases() {
    let portal = SandboxConfig { seed: 7, ..SandboxConfig::default().without_limits() };
    let world = World::bare_on(Database::Postgres, portal, CONFIG).await;
    let _first = Process::start(&world).await;
    let mut second = Some(Process::beside(&world).await.0);
    world.install().await;
    world.connect("openline_site", 1).await;
    let bad = [Fault::cut().after().on(SEND).probability(0.2), Fault::cut().after().on(CONFIRM).probability(0.2)];
    bad.into_iter()
        .chain([Fault::latency(Duration::from_millis(50))])
        .for_each(|fault| world.sandbox.faults().add(fault));
    let mut talkers = traffic::talkers(&world, AMOUNT, "t").await;
    for round in 0..AMOUNT.messages {
        let writing = async { futures_util::future::join_all(talkers.iter_mut().map(|talker| talker.write(1))).await };
        let trouble = async {
            // The moment within the round is what varies; nothing is waited for.
            tokio::time::sleep(Duration::from_millis(30 * round as u64)).await;
            if round % 2 == 0 {
                second.take().into_iter().for_each(Process::kill);
                Some(Process::beside(&world).await.0)
            } else {
                world.sql(LEASES);
                second.take()
            }
        };
        (_, second) = tokio::join!(writing, trouble);
    }
    traffic::begun(&world, &talkers).await;
    traffic::answer(&world, &mut talkers, AMOUNT.answers);
    second.into_iter().for_each(Process::kill);
    world.sql(LEASES);
    traffic::account(&world, &talkers, UNDER).await;
    world.sandbox.faults().clear();
    assert_eq!(traffic::last_account(&world, &talkers).await, Account::default());
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

//! Every kind of channel keeps every promise, on every store.

use futures_util::future::join_all;
use openline_channels::described::Source;
use openline_channels::{KINDS, Kinds};
use openline_core::channel::Host;
use openline_core::secret::MasterSecret;
use openline_core::{ChannelId, ChannelKind, SystemClock};
use openline_tests::Database;
use openline_tests::conformance::{self, Can, StandIn};
use std::sync::Arc;

/// The stand-ins of a kind, and what the kind says it can do when set up for each.
async fn stand_ins(kind: &dyn ChannelKind) -> Vec<(Box<dyn StandIn>, Can)> {
    let found = conformance::stand_ins(kind.name()).await;
    let found = found.unwrap_or_else(|| panic!("{}: write a stand-in in tests/src/conformance", kind.name()));
    let secret = MasterSecret::new([1; 32]);
    let (public_url, folder) = ("https://chat.example".to_owned(), std::path::PathBuf::new());
    let host = Host { public_url, secret, clock: Arc::new(SystemClock::new()), folder, limits: Arc::default() };
    let id = ChannelId::parse("kit").unwrap();
    let described = found.into_iter().map(|stand_in| {
        let channel = kind.build(&id, toml::from_str(&stand_in.settings()).unwrap(), &host);
        let says = channel.unwrap_or_else(|error| panic!("{}: {error}", kind.name())).capabilities();
        let openline_core::channel::Capabilities { edits, deletes, files, visitor_edits, .. } = says;
        (stand_in, Can { edits, deletes, files, visitor_edits })
    });
    described.collect()
}

/// The messengers that are joined by a description in the program.
fn described() -> impl Iterator<Item = &'static dyn ChannelKind> {
    let kinds = Kinds::shipped();
    kinds.iter().filter(move |kind| kinds.source(kind.name()).is_some_and(|(source, _)| *source == Source::Shipped))
}

async fn promises(database: Database) {
    for kind in KINDS {
        for (stand_in, can) in stand_ins(*kind).await {
            conformance::promises(kind.name(), database, stand_in, can).await;
        }
    }
}

/// All promises of all messengers, each in a world of its own at the same time.
async fn described_keep_promises(database: Database) {
    let all = described().map(async |kind| {
        for (stand_in, can) in stand_ins(kind).await {
            conformance::promises(kind.name(), database, stand_in, can).await;
        }
        for (stand_in, can) in stand_ins(kind).await {
            conformance::files(kind.name(), database, stand_in, can).await;
        }
    });
    assert_eq!(join_all(all).await.len(), 6);
}

/// What goes wrong at the messengers.
async fn described_bear_misfortunes(database: Database) {
    let all = described().map(async |kind| {
        for (stand_in, _) in stand_ins(kind).await {
            conformance::misfortunes(kind.name(), database, stand_in).await;
        }
    });
    join_all(all).await;
}

async fn described_survive(database: Database) {
    let all = described().map(async |kind| {
        for (stand_in, _) in stand_ins(kind).await {
            conformance::crashes(kind.name(), database, stand_in).await;
        }
    });
    join_all(all).await;
}

/// Each kind in a world of its own at the same time.
async fn forgetting(database: Database) {
    let all = KINDS.iter().copied().chain(described()).map(async |kind| {
        for (stand_in, can) in stand_ins(kind).await {
            conformance::forgetting(kind.name(), database, stand_in, can).await;
        }
    });
    assert!(join_all(all).await.len() > 9);
}

async fn crashes(database: Database) {
    for kind in KINDS {
        for (stand_in, _) in stand_ins(*kind).await {
            conformance::crashes(kind.name(), database, stand_in).await;
        }
    }
}

async fn files(database: Database) {
    for kind in KINDS {
        for (stand_in, can) in stand_ins(*kind).await {
            conformance::files(kind.name(), database, stand_in, can).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_keeps_its_promises_on_sqlite() {
    promises(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_keeps_its_promises_on_postgres() {
    promises(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_leaves_a_byte_of_who_is_forgotten_on_sqlite() {
    forgetting(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_leaves_a_byte_of_who_is_forgotten_on_postgres() {
    forgetting(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_loses_or_doubles_anything_by_a_kill_on_sqlite() {
    crashes(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_loses_or_doubles_anything_by_a_kill_on_postgres() {
    crashes(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_carries_files_or_says_that_it_does_not() {
    files(Database::Sqlite).await;
    files(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_messenger_keeps_its_promises_on_sqlite() {
    described_keep_promises(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_messenger_keeps_its_promises_on_postgres() {
    described_keep_promises(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_described_messenger_loses_or_doubles_anything_by_a_kill_on_sqlite() {
    described_survive(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_described_messenger_loses_or_doubles_anything_by_a_kill_on_postgres() {
    described_survive(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_messenger_bears_misfortunes() {
    described_bear_misfortunes(Database::Sqlite).await;
    described_bear_misfortunes(Database::Postgres).await;
}

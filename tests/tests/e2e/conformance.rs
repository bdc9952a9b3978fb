//! Every kind of channel keeps every promise, on every store. `OPENLINE_KIND` asks one kind only, and `OPENLINE_STAND_IN`
//! names a program that stands in for what is outside of it (`docs/new-channel.md`).

use futures_util::FutureExt;
use futures_util::future::join_all;
use openline_channels::described::{Kind, Source};
use openline_channels::{KINDS, Kinds};
use openline_core::channel::{Capabilities, Host};
use openline_core::secret::MasterSecret;
use openline_core::{ChannelId, ChannelKind, SystemClock};
use openline_sandbox::messengers::Which;
use openline_tests::Database;
use openline_tests::conformance::{self, Can, Messenger, Program, StandIn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// What the kind says it can do when set up for this stand-in.
fn can(kind: &str, outside: &dyn StandIn) -> Can {
    let own = outside.description().map(|text| Kind::read(kind, &text).unwrap_or_else(|wrong| panic!("{wrong}")));
    let known = || Kinds::shipped().get(kind).unwrap_or_else(|| panic!("there is no kind {kind:?}"));
    let kind = own.as_ref().map_or_else(known, |own| own as &dyn ChannelKind);
    let secret = MasterSecret::new([1; 32]);
    let (public_url, folder) = ("https://chat.example".to_owned(), std::path::PathBuf::new());
    let host = Host { public_url, secret, clock: Arc::new(SystemClock::new()), folder, limits: Arc::default() };
    let plan = kind.read(&ChannelId::parse("kit").unwrap(), toml::from_str(&outside.settings()).unwrap(), &host);
    let plan = plan.unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
    let Capabilities { edits, deletes, files, visitor_edits, .. } = plan.can;
    Can { edits, deletes, files, visitor_edits }
}

/// The stand-ins of a kind, and what the kind says it can do when set up for each.
async fn stand_ins(kind: &str) -> Vec<(Box<dyn StandIn>, Can)> {
    let found = match std::env::var("OPENLINE_STAND_IN") {
        Ok(command) => Some(vec![Box::new(Program::start(&command)) as Box<dyn StandIn>]),
        Err(_) => conformance::stand_ins(kind).await,
    };
    let found = found.unwrap_or_else(|| panic!("{kind}: write a stand-in in tests/src/conformance"));
    found.into_iter().map(|outside| (can(kind, &*outside), outside)).map(|(can, outside)| (outside, can)).collect()
}

/// How a kind is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    InRust,
    Described,
}

/// The kinds in the program that are made so; or the one that is asked, which may be one's own description.
fn kinds(made: Made) -> Vec<String> {
    let kinds = Kinds::shipped();
    let is_described = |name: &str| {
        kinds.source(name).is_none_or(|(source, _)| *source == Source::Shipped) == (made == Made::Described)
    };
    match std::env::var("OPENLINE_KIND") {
        Ok(asked) => Some(asked).filter(|name| is_described(name)).into_iter().collect(),
        Err(_) => kinds.iter().map(|kind| kind.name().to_owned()).filter(|name| is_described(name)).collect(),
    }
}

#[test]
fn there_are_kinds_of_both_sorts() {
    if std::env::var("OPENLINE_KIND").is_err() {
        assert_eq!(kinds(Made::InRust).len(), KINDS.len());
        assert_eq!(kinds(Made::Described).len(), 6);
    }
}

/// What a test that failed said.
fn told(failed: &(dyn std::any::Any + Send)) -> String {
    failed.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// Each stand-in of each kind in a world of its own, all at the same time.
async fn each(made: Made, keep: impl AsyncFn(&str, Box<dyn StandIn>, Can)) {
    let keep = async |kind: &str, outside, can| {
        let kept = AssertUnwindSafe(keep(kind, outside, can)).catch_unwind().await;
        kept.unwrap_or_else(|failed| {
            // Which kind it was; what went wrong is told already.
            std::panic::resume_unwind(Box::new(format!("the kit failed for the kind {kind}: {}", told(&*failed))))
        });
    };
    let all = kinds(made).into_iter().map(async |kind| {
        let ways = stand_ins(&kind).await.into_iter();
        join_all(ways.map(|(outside, can)| keep(&kind, outside, can))).await;
    });
    join_all(all).await;
}

async fn promises(made: Made, database: Database) {
    each(made, async |kind, outside, can| conformance::promises(kind, database, outside, can).await).await;
    each(made, async |kind, outside, can| conformance::files(kind, database, outside, can).await).await;
}

/// What goes wrong at the messengers.
async fn misfortunes(database: Database) {
    let both = [Made::InRust, Made::Described].map(async |made| {
        each(made, async |kind, outside, _| conformance::misfortunes(kind, database, outside).await).await;
    });
    join_all(both).await;
}

async fn forgetting(database: Database) {
    let both = [Made::InRust, Made::Described].map(async |made| {
        each(made, async |kind, outside, can| conformance::forgetting(kind, database, outside, can).await).await;
    });
    join_all(both).await;
}

async fn crashes(made: Made, database: Database) {
    each(made, async |kind, outside, _| conformance::crashes(kind, database, outside).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_keeps_its_promises_on_sqlite() {
    promises(Made::InRust, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_keeps_its_promises_on_postgres() {
    promises(Made::InRust, Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_messenger_keeps_its_promises_on_sqlite() {
    promises(Made::Described, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_messenger_keeps_its_promises_on_postgres() {
    promises(Made::Described, Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_bears_misfortunes_on_sqlite() {
    misfortunes(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_bears_misfortunes_on_postgres() {
    misfortunes(Database::Postgres).await;
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
    crashes(Made::InRust, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_loses_or_doubles_anything_by_a_kill_on_postgres() {
    crashes(Made::InRust, Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_described_messenger_loses_or_doubles_anything_by_a_kill_on_sqlite() {
    crashes(Made::Described, Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_described_messenger_loses_or_doubles_anything_by_a_kill_on_postgres() {
    crashes(Made::Described, Database::Postgres).await;
}

/// VK by a description with a fault in it: what is there is said otherwise.
async fn with_a_bug(there: &str, otherwise: &str) -> Box<dyn StandIn> {
    let (right, _) = Kinds::shipped().texts("vk").unwrap();
    let wrong = right.replace(there, otherwise);
    assert_ne!(wrong, right, "{there:?} is in the description");
    Box::new(Messenger::described(Which::Vk, wrong).await)
}

/// How a run of the kit ended that must not succeed.
async fn complaint(kit: impl Future<Output = ()>) -> String {
    let failed = AssertUnwindSafe(kit).catch_unwind().await.expect_err("the kit must see the bug");
    told(&*failed)
}

/// Who plants a bug gets no green kit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kit_sees_planted_bugs() {
    openline::install_crypto();
    let new_keys =
        with_a_bug("random_id = \"{{ message.number }}\"", "random_id = \"{{ (message.number + now) % 2000000000 }}\"")
            .await;
    let all_refused =
        with_a_bug("\nrules = [\n  { codes = [6,", "\nrules = [\n  { is = \"refused\" },\n  { codes = [6,").await;
    let not_split = with_a_bug("limit = 4096", "limit = 100000").await;
    let vk_can = can("vk", &*not_split);
    let (doubled, gone, cut) = tokio::join!(
        complaint(conformance::misfortunes("vk", Database::Sqlite, new_keys)),
        complaint(conformance::misfortunes("vk", Database::Sqlite, all_refused)),
        complaint(conformance::promises("vk", Database::Sqlite, not_split, vk_can)),
    );
    assert!(doubled.contains("a lost answer") && doubled.matches("before").count() > 4, "{doubled}");
    assert!(gone.contains("the operator was told"), "{gone}");
    assert!(cut.contains("a long text"), "{cut}");
}

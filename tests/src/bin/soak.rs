//! Random mixes of faults with kills, one story after another for some minutes, as a table.
//!
//! `tests/soak [MINUTES]`; `OPENLINE_SEED` begins with that story.

#![allow(clippy::print_stdout)] // it prints a table

use openline_tests::traffic::{Account, Amount};
use openline_tests::{Database, Process, mix};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const AMOUNT: Amount = Amount { visitors: 8, messages: 5, answers: 3 };

fn main() -> ExitCode {
    Process::be_it_if_told();
    openline::install_crypto();
    let minutes = std::env::args().nth(1).and_then(|minutes| minutes.parse().ok()).unwrap_or(3);
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(Duration::from_secs(60 * minutes))),
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(time: Duration) -> ExitCode {
    let (began, first, mut bad, mut stories) = (Instant::now(), mix::seed(), 0, 0);
    println!("{:>12}  {:>5}  {:<55} store: faults", "seed", "s", "account");
    while began.elapsed() < time {
        let seed = first + stories;
        let story = Instant::now();
        let database = if seed % 2 == 0 { Database::Sqlite } else { Database::Postgres };
        let world = mix::world(database, seed).await;
        let (account, told) = mix::story(&world, seed, 4, AMOUNT).await;
        println!("{seed:>12}  {:>5}  {:<55} {database:?}: {told}", story.elapsed().as_secs(), account.to_string());
        bad += u64::from(account != Account::default());
        stories += 1;
    }
    println!("{stories} stories, {bad} with something lost, doubled, out of order or unconfirmed");
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

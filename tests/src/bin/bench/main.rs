//! `tests/bench`: what openline costs, measured on a real `openline serve` process against a stand-in portal.
//!
//! The process under test is the release build beside this program. The portal and the load generator live in this
//! process, each on threads of its own, and share the machine with the process under test: the table says what they
//! cost.

#![allow(clippy::print_stdout)] // a table on the standard output is what this program is for
#![allow(clippy::cast_precision_loss)] // counts become means and rates

mod accept;
mod caller;
mod drain;
mod event;
mod http;
mod latency;
mod machine;
mod memory;
mod overhead;
mod php;
mod php_site;
mod poll;
mod portals;
mod process;
mod stand;
mod start;
mod stats;
mod table;
mod visitor;

use anyhow::{Result, bail};

/// Every measurement is repeated, and the best one shown: others may use the machine meanwhile.
const REPEATS: usize = 3;

const USAGE: &str = "usage: tests/bench accept [VISITORS]|overhead|latency|poll|event|drain [MINUTES [SCENARIO]]|memory|\
    portals [SECONDS]|start|php [VISITORS]|all";

fn main() -> Result<()> {
    let Some(what) = std::env::args().nth(1) else { bail!(USAGE) };
    // One thread: the load generator shall not take more of the machine than it needs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}\n", machine::describe()?);
    runtime.block_on(async {
        match what.as_str() {
            "accept" => {
                accept::run(&crowds()?).await?;
                if std::env::args().len() > 2 { Ok(()) } else { overhead::run().await }
            }
            "overhead" => overhead::run().await,
            "portals" => portals::run(number(2, portals::WATCHED)?).await,
            "latency" => latency::run().await,
            "poll" => poll::run().await,
            "event" => event::run().await,
            "drain" => drain::run(number(2, 1)?, Some(number(3, 0)?).filter(|only| *only > 0)).await,
            "memory" => memory::run().await,
            "start" => start::run().await,
            "php" if std::env::args().len() > 2 => php::accept(&crowds()?).await,
            "php" => php::run().await,
            "all" => {
                accept::run(&accept::CROWDS).await?;
                overhead::run().await?;
                latency::run().await?;
                poll::run().await?;
                event::run().await?;
                memory::run().await?;
                start::run().await?;
                php::run().await?;
                drain::run(1, None).await
            }
            _ => bail!(USAGE),
        }
    })
}

/// The crowds that are wanted: of so many visitors, or all.
fn crowds() -> Result<Vec<usize>> {
    let given = std::env::args().nth(2).map(|given| given.parse());
    given.map_or(Ok(accept::CROWDS.to_vec()), |given| Ok(vec![given?]))
}

/// A number that was given there: how many minutes the traffic of `drain` lasts, and which of its scenarios is wanted.
fn number(at: usize, otherwise: u64) -> Result<u64> {
    std::env::args().nth(at).map_or(Ok(otherwise), |given| Ok(given.parse()?))
}

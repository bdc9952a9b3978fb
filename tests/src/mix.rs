//! Random faults in random mixes, with `kill -9` at random moments: one seed is one story.

use crate::traffic::{self, Account, Amount};
use crate::{Database, Process, World, eventually_within};
use openline_sandbox::{Fault, FaultKind, SandboxConfig, TOKEN_ENDPOINT};
use std::convert::Infallible;
use std::time::Duration;

/// Random numbers that a seed repeats.
pub struct Random(fastrand::Rng);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound.max(1))
    }

    /// A probability from 5 % to 45 %.
    fn probability(&mut self) -> f64 {
        f64::from(u32::try_from(5 + self.below(41)).unwrap_or(5)) / 100.0
    }
}

/// The seed of this run: `OPENLINE_SEED`, or one that differs from run to run. Printed, so that a failure can be run again.
#[allow(clippy::print_stderr)] // what a failing test says
pub fn seed() -> u64 {
    let given = std::env::var("OPENLINE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("OPENLINE_SEED={seed}");
    seed
}

fn fault(random: &mut Random) -> (&'static str, Fault) {
    let probability = random.probability();
    let (name, fault) = match random.below(15) {
        0 => ("latency", Fault::latency(Duration::from_millis(5 + random.below(300)))),
        1 => ("503", Fault::status(503)),
        2 => ("500 before", Fault::status(500)),
        3 => ("500 after", Fault::status(500).after()),
        4 => ("cut before", Fault::cut()),
        5 => ("cut after", Fault::cut().after()),
        6 => ("cut in the middle", Fault::new(FaultKind::CutAfterStored { stored: 1 })),
        7 => ("html", Fault::html(502)),
        8 => ("html after", Fault::html(502).after()),
        9 => ("accepted, not stored", Fault::new(FaultKind::AcceptedNotStored)),
        10 => ("events dropped", Fault::new(FaultKind::DropEvent)),
        11 => ("events doubled", Fault::new(FaultKind::DuplicateEvent)),
        12 => ("events reordered", Fault::new(FaultKind::ReorderEvent)),
        13 => ("events delayed", Fault::new(FaultKind::DelayEvent { ms: random.below(500) })),
        _ => ("token server down", Fault::status(500).on(TOKEN_ENDPOINT)),
    };
    (name, fault.probability(probability))
}

/// The configuration of a world for mixes: quick to look for what was missed, quick to give up waiting.
pub const CONFIG: &str = "reconcile_seconds = 1\ntimeout_seconds = 2\n[channels.site]\nkind = \"website\"\n";

/// Tells one story: `rounds` of traffic under random faults, each ended by a `kill -9`, then calm; and takes stock.
/// The second value says what happened.
pub async fn story(world: &World, seed: u64, rounds: u64, amount: Amount) -> (Account, String) {
    tokio::select! {
        told = tell(world, seed, rounds, amount) => told,
        never = administrator(world) => match never {},
    }
}

/// A refresh token works once (`bitrix24.md` §2.7): a kill while the next one is fetched loses both, and the service asks for
/// an administrator. Here is one, who installs it again when it does.
async fn administrator(world: &World) -> Infallible {
    let asks = async || {
        let health = reqwest::get(world.url("/health")).await.ok()?.text().await.ok()?;
        Some(health.contains("/bitrix/authorize"))
    };
    loop {
        if asks().await == Some(true) {
            world.sandbox.install_script_only(&world.url("/bitrix/install"));
            let works = async || (asks().await == Some(false)).then_some(());
            eventually_within(traffic::ROUND, "the service has its tokens", works).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn tell(world: &World, seed: u64, rounds: u64, amount: Amount) -> (Account, String) {
    let mut random = Random::new(seed);
    let mut process = Process::start(world).await;
    world.install().await;
    world.connect("openline_site", 1).await;
    let (mut everybody, mut told) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for _ in 0..=random.below(3) {
            let (name, fault) = fault(&mut random);
            told.push(name);
            world.sandbox.faults().add(fault);
        }
        if random.below(3) == 0 {
            world.sandbox.expire_access_tokens();
        }
        let mut talkers = traffic::talkers(world, amount, &format!("s{seed}r{round}")).await;
        let moment = Duration::from_millis(random.below(400));
        let writing = async {
            futures_util::future::join_all(talkers.iter_mut().map(|talker| talker.write(amount.messages))).await;
        };
        let killing = async move {
            // The moment of the kill is what varies; nothing is waited for.
            tokio::time::sleep(moment).await;
            process.kill();
            Process::start(world).await
        };
        ((), process) = tokio::join!(writing, killing);
        world.sandbox.faults().clear();
        traffic::begun(world, &talkers).await;
        let (_, event_fault) = fault(&mut random);
        world.sandbox.faults().add(event_fault);
        traffic::answer(world, &mut talkers, amount.answers);
        everybody.extend(talkers);
    }
    world.sandbox.faults().clear();
    let account = traffic::last_account(world, &everybody).await;
    drop(process);
    (account, told.join(", "))
}

/// A world for a story.
pub async fn world(database: Database, seed: u64) -> World {
    let portal = SandboxConfig { processing_ms: 2, ..SandboxConfig::seeded(seed).without_limits() };
    // Every second story as if requests were limited, so that what waits together goes in one request, and fails together.
    let limit = if (seed / 2).is_multiple_of(2) { "limit = \"enterprise\"\n" } else { "" };
    World::bare_on(database, portal, &format!("{limit}{CONFIG}")).await
}

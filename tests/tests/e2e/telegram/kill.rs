//! `kill -9` in the middle of it.

use super::{Joined, LONG, Mode, numbered};
use openline_sandbox::SandboxConfig;
use openline_sandbox::telegram::{Person, TelegramFault};
use openline_tests::mix::{self, Random};
use openline_tests::{Process, eventually_within};
use std::time::Duration;

both_modes!(kills_lose_double_and_mix_up_nothing, kills_between_calls_double_nothing);

const PEOPLE: usize = 3;
const ROUNDS: u64 = 5;
const MESSAGES: usize = 8;

/// Starts the service as a process, connected.
async fn begin(mode: Mode, seed: u64) -> (Joined, Process) {
    let portal = SandboxConfig { processing_ms: 2, ..SandboxConfig::seeded(seed).without_limits() };
    let joined = Joined::bare(mode, portal, "").await;
    let process = Process::start(&joined.world).await;
    joined.world.install().await;
    joined.world.connect("openline_tg", 1).await;
    (joined, process)
}

/// The ids and texts of what the bot wrote.
fn replies(joined: &Joined, person: &Person) -> Vec<(i64, String)> {
    let seen = person.sees(&joined.bot).into_iter().filter(|seen| seen.from_bot);
    seen.map(|seen| (seen.id, seen.text)).collect()
}

async fn kills_lose_double_and_mix_up_nothing(mode: Mode) {
    let seed = mix::seed();
    let mut random = Random::new(seed);
    let (joined, mut process) = begin(mode, seed).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(joined.person(&format!("P{n}")).await);
    }
    for round in 0..ROUNDS {
        let first = usize::try_from(round).unwrap() * MESSAGES;
        let pace = Duration::from_millis(5 + random.below(30));
        let moment = Duration::from_millis(random.below(500));
        let talking = async {
            for n in first..first + MESSAGES {
                for (person, chat) in &people {
                    person.writes(&joined.bot, &format!("question {n}"));
                    joined.world.sandbox.operator_writes(*chat, &format!("answer {n}")).unwrap();
                }
                // Nothing is waited for: how traffic and kill meet is what varies.
                tokio::time::sleep(pace).await;
            }
        };
        let killing = async {
            tokio::time::sleep(moment).await;
            process.kill();
            Process::start(&joined.world).await
        };
        ((), process) = tokio::join!(talking, killing);
    }
    let total = usize::try_from(ROUNDS).unwrap() * MESSAGES;
    for (person, chat) in &people {
        let wanted = numbered("answer", 0..total);
        joined.desk(|portal| portal.texts(*chat, "client").contains(&format!("question {}", total - 1))).await;
        joined.desk_reads(*chat, &numbered("question", 0..total)).await;
        let last = async || replies(&joined, person).iter().any(|(_, text)| *text == wanted[total - 1]).then_some(());
        eventually_within(LONG, "the last answer", last).await;
        let texts: Vec<String> = replies(&joined, person).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, wanted, "OPENLINE_SEED={seed}");
    }
}

async fn kills_between_calls_double_nothing(mode: Mode) {
    let (joined, mut process) = begin(mode, 11).await;
    let (ann, chat) = joined.person("Ann").await;
    for round in 0..3 {
        for n in 0..4 {
            joined.world.sandbox.operator_writes(chat, &format!("answer {}", round * 8 + n)).unwrap();
        }
        joined.desk(|portal| portal.messages(chat).iter().all(|message| !message.sending)).await;
        process.kill();
        process = Process::start(&joined.world).await;
        // Refused, so not carried out: whatever becomes of the process, each arrives once.
        joined.telegram.faults().add(TelegramFault::too_many_requests(2).on("sendMessage"));
        let before = joined.telegram.count("sendMessage");
        for n in 4..8 {
            joined.world.sandbox.operator_writes(chat, &format!("answer {}", round * 8 + n)).unwrap();
        }
        joined.phone(|view| view.count("sendMessage") > before).await;
        process.kill();
        joined.telegram.faults().clear();
        process = Process::start(&joined.world).await;
    }
    joined.phone_reads(&ann, &numbered("answer", 0..24)).await;
    drop(process);
}

//! The service away for a while, and whatever goes wrong between it and Telegram.

use super::{Joined, Mode, numbered};
use openline_sandbox::telegram::{TelegramFault, TelegramFaultKind};
use std::time::Duration;

both_modes!(
    nothing_is_lost_or_doubled_over_stops,
    what_was_not_carried_out_arrives_once,
    what_was_carried_out_arrives_once,
    updates_come_twice_and_late,
    telegram_hangs,
);

async fn nothing_is_lost_or_doubled_over_stops(mode: Mode) {
    let mut joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    for round in 0..3 {
        let say = |n: usize| {
            ann.writes(&joined.bot, &format!("question {n}"));
            joined.world.sandbox.operator_writes(chat, &format!("answer {n}")).unwrap();
        };
        (round * 6..round * 6 + 3).for_each(say);
        joined.world.stop_service().await;
        let say = |n: usize| {
            ann.writes(&joined.bot, &format!("question {n}"));
            joined.world.sandbox.operator_writes(chat, &format!("answer {n}")).unwrap();
        };
        (round * 6 + 3..round * 6 + 6).for_each(say);
        joined.world.start_service().await;
    }
    joined.desk_reads(chat, &numbered("question", 0..18)).await;
    joined.phone_reads(&ann, &numbered("answer", 0..18)).await;
}

/// Traffic under a fault; what the person reads in the end.
async fn under(mode: Mode, faults: Vec<TelegramFault>) -> Vec<String> {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    for fault in faults {
        joined.telegram.faults().add(fault);
    }
    for n in 0..8 {
        ann.writes(&joined.bot, &format!("question {n}"));
        joined.world.sandbox.operator_writes(chat, &format!("answer {n}")).unwrap();
    }
    joined.desk_reads(chat, &numbered("question", 0..8)).await;
    joined.phone(|view| view.texts_to(&ann, &joined.bot).contains(&"answer 7".to_owned())).await;
    joined.telegram.view(|view| view.texts_to(&ann, &joined.bot))
}

async fn what_was_not_carried_out_arrives_once(mode: Mode) {
    let faults = vec![
        TelegramFault::status(500).on("sendMessage").once(),
        TelegramFault::cut().on("sendMessage").skip(1).once(),
        TelegramFault::html(502).on("sendMessage").skip(2).once(),
        TelegramFault::too_many_requests(1).on("sendMessage").skip(4).once(),
        TelegramFault::cut().on("getUpdates").skip(1).times(2),
        TelegramFault::html(502).on("getUpdates").skip(3).once(),
    ];
    assert_eq!(under(mode, faults).await, numbered("answer", 0..8));
}

async fn what_was_carried_out_arrives_once(mode: Mode) {
    let faults = vec![
        TelegramFault::status(500).after().on("sendMessage").once(),
        TelegramFault::cut().after().on("sendMessage").skip(3).once(),
        TelegramFault::html(502).after().on("sendMessage").skip(4).once(),
        TelegramFault::cut().after().on("getUpdates").skip(1).times(2),
    ];
    assert_eq!(under(mode, faults).await, numbered("answer", 0..8));
}

async fn updates_come_twice_and_late(mode: Mode) {
    let faults = vec![
        TelegramFault::new(TelegramFaultKind::DuplicateUpdate).probability(0.5),
        TelegramFault::new(TelegramFaultKind::DelayUpdate { ms: 200 }).probability(0.5),
    ];
    assert_eq!(under(mode, faults).await, numbered("answer", 0..8));
}

async fn telegram_hangs(mode: Mode) {
    let faults = vec![
        TelegramFault::new(TelegramFaultKind::Hang).on("sendMessage").skip(2).once(),
        TelegramFault::latency(Duration::from_millis(300)).probability(0.5),
    ];
    assert_eq!(under(mode, faults).await, numbered("answer", 0..8));
}

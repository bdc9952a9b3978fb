//! Visitors who leave, and a Telegram that asks to slow down.

use super::{Joined, Mode, numbered};
use openline_sandbox::telegram::{FloodLimit, TelegramFault};

both_modes!(operators_learn_that_a_visitor_has_left, a_flood_is_waited_out, nobody_else_waits_for_a_flooded_chat);

async fn operators_learn_that_a_visitor_has_left(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    ann.blocks(&joined.bot);
    joined.noted(chat, "The visitor takes no messages any more").await;
    joined.world.sandbox.operator_writes(chat, "are you there?").unwrap();
    joined.noted(chat, "the visitor has blocked the bot").await;
    assert_eq!(joined.notes(chat).len(), 2, "{:?}", joined.notes(chat));
    ann.unblocks(&joined.bot);
    joined.noted(chat, "The visitor takes messages now.").await;
    joined.answer(chat, "welcome back").await;
    joined.phone_reads(&ann, &["welcome back".to_owned()]).await;

    let (ben, chat) = joined.person("Ben").await;
    ben.deletes_account();
    joined.world.sandbox.operator_writes(chat, "hello?").unwrap();
    joined.noted(chat, "account does not exist any more").await;
}

async fn a_flood_is_waited_out(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    joined.telegram.faults().add(TelegramFault::too_many_requests(3).on("sendMessage").skip(1).once());
    for text in numbered("answer", 0..4) {
        joined.world.sandbox.operator_writes(chat, &text).unwrap();
    }
    joined.phone_reads(&ann, &numbered("answer", 0..4)).await;
    joined.phone(|view| view.count("sendMessage") == 5).await;
    let calls: Vec<(u16, i64)> =
        joined.telegram.view(|view| view.calls_of("sendMessage").map(|call| (call.status, call.at_ms)).collect());
    let refused = calls.iter().position(|(status, _)| *status == 429).unwrap();
    assert_eq!(calls.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 429, 200, 200, 200]);
    assert!(calls[refused + 1].1 - calls[refused].1 >= 3_000, "{calls:?}");
}

async fn nobody_else_waits_for_a_flooded_chat(mode: Mode) {
    let joined = Joined::new(mode).await;
    joined.telegram.switch(|switches| switches.flood = Some(FloodLimit { burst: 3.0, per_second: 2.0 }));
    let ((ann, chat), (ben, other)) = (joined.person("Ann").await, joined.person("Ben").await);
    for text in numbered("answer", 0..8) {
        joined.world.sandbox.operator_writes(chat, &text).unwrap();
    }
    joined.phone(|view| view.calls_of("sendMessage").any(|call| call.status == 429)).await;
    joined.answer(other, "at once").await;
    assert!(joined.telegram.view(|view| view.texts_to(&ann, &joined.bot).len()) < 8, "it overtook them");
    joined.phone_reads(&ben, &["at once".to_owned()]).await;
    joined.phone_reads(&ann, &numbered("answer", 0..8)).await;
}

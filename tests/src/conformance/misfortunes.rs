//! The promises of a channel when something goes wrong on the way to the visitor.

use super::stage::{LOST, Stage, texts};
use super::{Misfortune, StandIn};
use crate::{Database, eventually};
use openline_sandbox::View;

/// Each misfortune by itself; those that can't be in a kind are passed over. An operator's message comes once and in its place,
/// or the operator is told that it did not come, once.
pub async fn misfortunes(kind: &str, database: Database, outside: Box<dyn StandIn>) {
    let stage = Stage::running(kind, database, outside).await;
    a_lost_answer_doubles_nothing(&stage).await;
    what_is_slowed_down_comes_in_order(&stage).await;
    what_is_refused_is_told_once(&stage).await;
    what_is_locked_out_waits(&stage).await;
}

async fn chat(stage: &Stage, who: &str) -> i64 {
    let text = format!("a question of {who}");
    stage.says(who, "k", &text).await;
    stage.chat(&text).await
}

async fn a_lost_answer_doubles_nothing(stage: &Stage) {
    let who = "lost";
    let chat = chat(stage, who).await;
    let before = stage.answers(chat, "before");
    stage.is_confirmed(before).await;
    // Twice in a row, so that a key that is new at each attempt shows.
    for _ in 0..2 {
        if !stage.outside.misfortune(Misfortune::LosesAnswer).await {
            return;
        }
    }
    // The same text as before: whoever looks by the text alone takes the one for the other.
    let ids = ["before", "after"].map(|text| stage.answers(chat, text));
    let seen = stage.is_seen(who, "after").await;
    assert_eq!(texts(&seen), ["before", "before", "after"], "a lost answer");
    for id in ids {
        stage.is_confirmed(id).await;
    }
    assert_eq!(texts(&stage.outside.sees(who).await), ["before", "before", "after"]);
}

async fn what_is_slowed_down_comes_in_order(stage: &Stage) {
    let who = "slow";
    let chat = chat(stage, who).await;
    if !stage.outside.misfortune(Misfortune::SlowsDown).await {
        return;
    }
    for text in ["one", "two", "three"] {
        stage.answers(chat, text);
    }
    let seen = stage.is_seen(who, "three").await;
    assert_eq!(texts(&seen), ["one", "two", "three"], "asked to come later");
}

async fn what_is_refused_is_told_once(stage: &Stage) {
    let who = "refused";
    let chat = chat(stage, who).await;
    if !stage.outside.misfortune(Misfortune::Refuses).await {
        return;
    }
    let refused = stage.answers(chat, "not this one");
    let told = |portal: View<'_>| {
        let all = portal.texts(chat, "system");
        all.iter().filter(|text| text.contains(LOST) && text.contains("not this one")).count()
    };
    stage.world.sandbox.wait_until(|portal| told(portal) == 1).await.expect("the operator is told");
    let after = stage.answers(chat, "but this one");
    stage.is_confirmed(after).await;
    stage.comes_to_see(who, &["but this one"]).await;
    assert_eq!(stage.world.sandbox.view(told), 1, "once");
    assert!(stage.message(refused).sending, "the operator must not believe that it arrived");
}

/// The messages of all chats wait, nothing is lost, and the messenger is not called for each chat.
async fn what_is_locked_out_waits(stage: &Stage) {
    let people: Vec<_> = (0..8).map(|n| format!("locked-{n}")).collect();
    let mut chats = Vec::new();
    for who in &people {
        chats.push(chat(stage, who).await);
    }
    let before = stage.outside.calls().await;
    if !stage.outside.misfortune(Misfortune::LocksOut).await {
        return;
    }
    let mut written = vec![stage.answers(chats[0], "first")];
    let refused = async || stage.outside.calls().await.filter(|calls| before.is_none_or(|before| *calls > before));
    let refused = if before.is_some() { Some(eventually("it is tried", refused).await) } else { None };
    written.extend(chats.iter().map(|chat| stage.answers(*chat, "second")));
    let taken = |portal: View<'_>| {
        let posts = portal.events_of("ONIMCONNECTORMESSAGEADD");
        posts.filter(|post| post.body.contains("second") && post.outcome == "delivered").count() >= chats.len()
    };
    stage.world.sandbox.wait_until(taken).await.expect("all are taken");
    let health = stage.world.url("/health");
    let well = async || reqwest::get(&health).await.ok().filter(|answer| answer.status() == 200);
    eventually("the service goes on", well).await;
    chat(stage, "somebody-else").await;
    if let Some(refused) = refused {
        let more = stage.outside.calls().await.unwrap_or_default() - refused;
        assert!(more <= 2, "{more} calls for {} chats that wait", chats.len());
    }
    for who in &people {
        assert_eq!(texts(&stage.outside.sees(who).await), [""; 0]);
    }
    assert!(written.iter().all(|id| stage.message(*id).sending), "nothing is said to have arrived");
    stage.outside.relents().await;
}

//! The visitor's page with JavaScript off.

use crate::answers::{answers_richly, shows_it_richly};
use crate::changes::{deletes, edits};
use crate::stage::{Stage, answers, introduces, is, opens, says, shows, shows_pictures, was_quiet};
use openline_sandbox::Fault;
use openline_tests::browser::{Look, Page};

/// Looks into the frame that shows what is new.
async fn into_the_tail(visitor: &Page) {
    visitor.count("iframe.tail", 1).await;
    visitor.client().enter_frame(0).await.unwrap();
}

async fn out_of_the_tail(visitor: &Page) {
    visitor.client().enter_parent_frame().await.unwrap();
}

#[tokio::test]
async fn a_question_and_its_answer() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE.without_script()).await;
    let desk = stage.desk(Look::DESKTOP).await;
    introduces(&visitor, "Ann Lee", "does <this> work?").await;
    shows(&visitor, "visitor", "does <this> work?").await;
    opens(&desk).await;
    assert_eq!(desk.text("[data-testid=client-name]").await, "Ann Lee");
    shows(&desk, "client", "does <this> work?").await;
    answers_richly(&stage, &desk).await;
    into_the_tail(&visitor).await;
    shows(&visitor, "operator", "It is ready, see this page.").await;
    shows_pictures(&visitor, 1).await;
    out_of_the_tail(&visitor).await;
    visitor.reload().await;
    shows_it_richly(&visitor).await;
    assert_eq!(visitor.text("#you-are").await, "You are Ann Lee");
    says(&visitor, "it does").await;
    shows(&visitor, "visitor", "it does").await;
    visitor.reload().await;
    shows(&visitor, "visitor", "it does").await;
    shows(&desk, "client", "it does").await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn edits_and_deletions_show_after_a_refresh_and_are_announced_before() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP.without_script()).await;
    let desk = stage.desk(Look::DESKTOP).await;
    says(&visitor, "hello").await;
    opens(&desk).await;
    answers(&desk, "keep").await;
    shows(&desk, "operator", "keep").await;
    answers(&desk, "gone").await;
    desk.count("[data-from=operator][data-sending=false]", 2).await;
    visitor.reload().await;
    shows(&visitor, "operator", "gone").await;
    edits(&desk, "keep", "kept").await;
    deletes(&desk, "gone").await;
    into_the_tail(&visitor).await;
    visitor.count("[data-testid=changed]", 1).await;
    visitor.click("[data-testid=changed] a").await;
    out_of_the_tail(&visitor).await;
    shows(&visitor, "operator", "kept").await;
    visitor.until("!document.body.innerText.includes('gone')").await;
    visitor.count("[data-from=operator][data-deleted]", 1).await;
    visitor.count("[data-from=operator] .edited", 1).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn a_message_refused_by_the_portal_can_be_sent_again() {
    let Some(stage) = Stage::set().await else { return };
    let refused = Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages");
    stage.world.sandbox.faults().add(refused);
    let visitor = stage.visitor(Look::PHONE.without_script()).await;
    says(&visitor, "take me").await;
    into_the_tail(&visitor).await;
    visitor.count("[data-testid=changed], [data-testid=retry]", 1).await;
    out_of_the_tail(&visitor).await;
    visitor.reload().await;
    is(&visitor, "take me", "failed").await;
    stage.world.sandbox.faults().clear();
    visitor.click("[data-testid=retry]").await;
    stage.world.portal_chat("take me").await;
    let delivered = "return document.querySelector('[data-from=visitor]')?.dataset.state === 'delivered'";
    openline_tests::eventually("it is delivered", async || {
        visitor.reload().await;
        (visitor.eval(delivered).await == true).then_some(())
    })
    .await;
    was_quiet(&visitor).await;
}

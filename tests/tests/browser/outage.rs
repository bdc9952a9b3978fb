//! The states of a visitor's message, when all is well and when it is not.

use crate::stage::{Stage, is, network, says, shows, was_quiet, was_quiet_but};
use openline_sandbox::Fault;
use openline_tests::browser::Look;

const SEND: &str = "imconnector.send.messages";

/// While the service is away, the browser says so in its console.
#[tokio::test]
async fn a_message_is_sending_then_sent_then_delivered() {
    let Some(mut stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    says(&visitor, "before").await;
    is(&visitor, "before", "delivered").await;
    stage.world.sandbox.faults().add(Fault::status(503).on(SEND));
    stage.world.stop_service().await;
    says(&visitor, "meanwhile").await;
    says(&visitor, "and behind it").await;
    is(&visitor, "meanwhile", "sending").await;
    visitor.until("document.querySelector('[data-testid=connection]').textContent").await;
    visitor.reload_fails().await;
    stage.world.start_service().await;
    visitor.goto(&stage.chat()).await;
    is(&visitor, "meanwhile", "sent").await;
    is(&visitor, "and behind it", "sent").await;
    stage.world.sandbox.faults().clear();
    is(&visitor, "meanwhile", "delivered").await;
    is(&visitor, "and behind it", "delivered").await;
    let chat = stage.world.portal_chat("and behind it").await;
    let texts = stage.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert_eq!(texts, ["before", "meanwhile", "and behind it"]);
    was_quiet_but(&visitor, network).await;
}

#[tokio::test]
async fn messages_wait_for_the_service_and_go_out_by_themselves() {
    let Some(mut stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::PHONE).await, stage.desk(Look::DESKTOP).await);
    visitor.find(".js").await;
    stage.world.stop_service().await;
    says(&visitor, "anybody there?").await;
    is(&visitor, "anybody there?", "sending").await;
    stage.world.start_service().await;
    is(&visitor, "anybody there?", "delivered").await;
    visitor.until("!document.querySelector('[data-testid=connection]').textContent").await;
    crate::stage::opens(&desk).await;
    shows(&desk, "client", "anybody there?").await;
    was_quiet_but(&visitor, network).await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn a_message_refused_for_good_is_failed_until_a_retry_works() {
    let Some(mut stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    let refused = || Fault::error(400, "ERROR_ARGUMENT", "no").on(SEND);
    stage.world.sandbox.faults().add(refused());
    says(&visitor, "take me").await;
    is(&visitor, "take me", "failed").await;
    visitor.reload().await;
    is(&visitor, "take me", "failed").await;

    visitor.click("[data-testid=retry]").await;
    let twice = |portal: openline_sandbox::View<'_>| portal.calls_of(SEND).count() == 2;
    stage.world.sandbox.wait_until(twice).await.unwrap();
    is(&visitor, "take me", "failed").await;

    stage.world.stop_service().await;
    stage.world.sandbox.faults().clear();
    visitor.click("[data-testid=retry]").await;
    visitor.until("document.getElementById('announce').textContent").await;
    is(&visitor, "take me", "failed").await;

    stage.world.start_service().await;
    visitor.click("[data-testid=retry]").await;
    is(&visitor, "take me", "delivered").await;
    visitor.count("[data-testid=retry]", 0).await;
    let chat = stage.world.portal_chat("take me").await;
    assert_eq!(stage.world.sandbox.view(|portal| portal.texts(chat, "client")), ["take me"]);
    was_quiet_but(&visitor, network).await;
}

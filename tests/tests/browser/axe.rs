//! Every state of the visitor's page, and the desk, judged by axe-core: no violation of WCAG 2.2 AA.

use crate::answers::answers_richly;
use crate::changes::{deletes, edits};
use crate::stage::{Stage, answers, introduces, is, opens, says, shows};
use openline_sandbox::Fault;
use openline_tests::browser::Look;
use serde_json::json;

const LOOKS: [Look; 2] = [Look::PHONE, Look::DESKTOP];

#[tokio::test]
async fn a_conversation_in_all_its_states() {
    for look in LOOKS {
        let Some(mut stage) = Stage::set().await else { return };
        let (visitor, desk) = (stage.visitor(look).await, stage.desk(Look::DESKTOP).await);
        visitor.find(".js").await;
        visitor.is_accessible("an empty page").await;
        introduces(&visitor, "Ann", "hello").await;
        is(&visitor, "hello", "delivered").await;
        visitor.is_accessible("a first message").await;
        opens(&desk).await;
        answers_richly(&stage, &desk).await;
        answers(&desk, "a typo").await;
        answers(&desk, "a mistake").await;
        shows(&visitor, "operator", "a mistake").await;
        desk.until(
            "![...document.querySelectorAll('[data-from=operator]')].some((one) => one.dataset.sending === 'true')",
        )
        .await;
        edits(&desk, "a typo", "corrected").await;
        deletes(&desk, "a mistake").await;
        visitor.count("[data-from=operator][data-deleted]", 1).await;
        visitor.is_accessible("answers, files, an edit, a deletion").await;
        desk.is_accessible("the desk").await;
        let text = "x".repeat(10_001);
        visitor.eval(&format!("const field = document.getElementById('text'); field.value = '{text}'; field.dispatchEvent(new Event('input', {{ bubbles: true }}))")).await;
        visitor.is_accessible("a text that is too long").await;
        visitor.eval("const field = document.getElementById('text'); field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true }))").await;
        stage.world.stop_service().await;
        says(&visitor, "meanwhile").await;
        is(&visitor, "meanwhile", "sending").await;
        visitor.until("document.querySelector('[data-testid=connection]').textContent").await;
        visitor.is_accessible("the connection is lost").await;
    }
}

#[tokio::test]
async fn a_failed_message() {
    for look in LOOKS {
        let Some(stage) = Stage::set().await else { return };
        let refusal = Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages");
        stage.world.sandbox.faults().add(refusal);
        let visitor = stage.visitor(look).await;
        says(&visitor, "refused").await;
        is(&visitor, "refused", "failed").await;
        visitor.is_accessible("a failed message").await;
    }
}

/// axe itself needs scripts: the page's own are kept from it instead, and the frame that shows news without them is
/// looked at alone.
#[tokio::test]
async fn without_the_pages_scripts() {
    for look in LOOKS {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        visitor.devtools("Network.enable", json!({})).await;
        visitor.devtools("Network.setBlockedURLs", json!({ "urls": ["*.js*"] })).await;
        visitor.reload().await;
        visitor.is_accessible("an empty page").await;
        introduces(&visitor, "Ann", "hello").await;
        shows(&visitor, "visitor", "hello").await;
        visitor.is_accessible("a conversation").await;
        visitor.goto(&stage.world.url("/c/site/tail?since=0&after=0")).await;
        visitor.count("[data-from=visitor]", 1).await;
        visitor.is_accessible("the news of a conversation").await;
    }
}

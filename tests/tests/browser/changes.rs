//! What an operator changes afterwards.

use crate::stage::{Stage, answers, opens, replaces, says, shows, was_quiet};
use openline_tests::browser::{Look, Page};
use serde_json::json;

/// Presses a button of the operator's message with this text.
async fn presses(desk: &Page, button: &str, text: &str) {
    let label = json!(format!("{button}: {text}"));
    desk.click(&format!("[data-from=operator] button[aria-label={label}]")).await;
}

/// Edits an operator's message at the desk.
pub async fn edits(desk: &Page, old: &str, new: &str) {
    presses(desk, "Edit", old).await;
    desk.find("[data-testid=editing]:not([hidden])").await;
    replaces(desk, new).await;
    desk.click("[data-testid=send]").await;
    desk.count("[data-from=operator][data-edited=true]", 1).await;
}

/// Deletes an operator's message at the desk.
pub async fn deletes(desk: &Page, text: &str) {
    presses(desk, "Delete", text).await;
    desk.click("[data-testid=delete-confirm]").await;
    desk.count("[data-from=operator][data-deleted=true]", 1).await;
}

#[tokio::test]
async fn edits_and_deletions_reach_the_page_without_a_reload() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::DESKTOP).await);
    says(&visitor, "hello").await;
    visitor.eval("window.loadedOnce = true").await;
    opens(&desk).await;
    answers(&desk, "keep").await;
    shows(&visitor, "operator", "keep").await;
    answers(&desk, "gone").await;
    shows(&visitor, "operator", "gone").await;
    desk.count("[data-from=operator][data-sending=false]", 2).await;
    edits(&desk, "keep", "[b]kept[/b] well").await;
    shows(&visitor, "operator", "kept well").await;
    assert_eq!(visitor.text(".text strong").await, "kept");
    visitor.count("[data-from=operator] .edited", 1).await;
    deletes(&desk, "gone").await;
    visitor.count("[data-from=operator][data-deleted]", 1).await;
    visitor.until("!document.body.innerText.includes('gone')").await;
    assert_eq!(visitor.eval("return window.loadedOnce").await, true, "no reload");
    visitor.reload().await;
    shows(&visitor, "operator", "kept well").await;
    visitor.count("[data-from=operator][data-deleted]", 1).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

//! A question and its answer.

use crate::stage::{Stage, answers, drawing, introduces, opens, says, shows, shows_pictures, was_quiet};
use fantoccini::key::Key;
use openline_tests::browser::{Look, Page};
use serde_json::json;

/// Writes bold text and a link with the desk's buttons, attaches a picture, and sends all of it.
pub async fn answers_richly(stage: &Stage, desk: &Page) {
    let field = "[data-testid=composer]";
    let end = char::from(Key::End);
    desk.write(field, "It is ").await;
    desk.click("[data-testid=format-bold]").await;
    desk.write(field, &format!("ready{end}, see ")).await;
    desk.click("[data-testid=format-link]").await;
    desk.write(field, &format!("shop.example/a?b=1&c=2{}this page{end}.", char::from(Key::Right))).await;
    let picture = stage.file("sunset.png", &drawing(desk).await);
    desk.find("[data-testid=attach]").await.send_keys(&picture.display().to_string()).await.unwrap();
    desk.count("[data-testid=attachment]", 1).await;
    desk.until("document.querySelector('[data-testid=preview] b')?.textContent === 'ready'").await;
    desk.click("[data-testid=send]").await;
    shows(desk, "operator", "It is ready, see this page.").await;
}

/// The same answer as the visitor is to see it.
pub async fn shows_it_richly(visitor: &Page) {
    shows(visitor, "operator", "It is ready, see this page.").await;
    assert_eq!(visitor.text(".text strong").await, "ready");
    let link =
        visitor.eval("const a = document.querySelector('.text a'); return [a.href, a.rel, a.target, a.text]").await;
    let rel = "noopener noreferrer nofollow";
    assert_eq!(link, json!(["https://shop.example/a?b=1&c=2", rel, "_blank", "this page"]));
    shows_pictures(visitor, 1).await;
    let picture = visitor
        .eval("const i = document.querySelector('[data-testid=file] img'); return [i.alt, i.naturalWidth]")
        .await;
    assert_eq!(picture, json!(["sunset.png", 480]));
}

#[tokio::test]
async fn a_visitor_asks_and_an_operator_answers() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::PHONE).await, stage.desk(Look::DESKTOP).await);
    introduces(&visitor, "Ann Lee", "it's <b> & \"quotes\"").await;
    opens(&desk).await;
    assert_eq!(desk.text("[data-testid=client-name]").await, "Ann Lee");
    shows(&desk, "client", "it's <b> & \"quotes\"").await;
    answers_richly(&stage, &desk).await;
    shows_it_richly(&visitor).await;
    desk.count("[data-from=operator][data-sending=false]", 1).await;
    shows_pictures(&desk, 1).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn the_dialog_begins_ends_by_the_desks_button_and_begins_anew() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::DESKTOP).await);
    says(&visitor, "first").await;
    visitor.count("[data-kind=dialog_started]", 1).await;
    opens(&desk).await;
    answers(&desk, "done").await;
    shows(&visitor, "operator", "done").await;
    desk.click("[data-testid=finish]").await;
    visitor.count("[data-kind=dialog_finished]", 1).await;
    desk.until("document.querySelector('[data-testid=dialog-status]').textContent === 'Finished'").await;
    says(&visitor, "again").await;
    visitor.count("[data-kind=dialog_started]", 2).await;
    shows(&desk, "client", "again").await;
    desk.until("document.querySelector('[data-testid=dialog-status]').textContent === 'Open'").await;
    visitor.reload().await;
    visitor.count("[data-kind=dialog_started]", 2).await;
    visitor.count("[data-kind=dialog_finished]", 1).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

//! What helps to write: emoji, quotes; and how it is used with the keyboard alone.

use crate::stage::{Stage, drawing, is, says, shows, was_quiet};
use fantoccini::key::Key;
use openline_tests::browser::{Look, Page};
use serde_json::json;

async fn presses(page: &Page, keys: &str) {
    page.client().active_element().await.unwrap().send_keys(keys).await.unwrap();
}

fn keys(all: &[Key]) -> String {
    all.iter().map(|key| char::from(*key)).collect()
}

#[tokio::test]
async fn emoji_are_picked_with_the_pointer_and_with_the_keyboard() {
    let Some(stage) = Stage::set().await else { return };
    for look in [Look::PHONE, Look::DESKTOP] {
        let visitor = stage.visitor(look).await;
        visitor.write("[data-testid=text-input]", "Hi ").await;
        visitor.click("[data-testid=emoji]").await;
        visitor.click("[data-testid=emoji-panel] button:nth-child(3)").await;
        visitor.count("[data-testid=emoji-panel]:not([hidden])", 0).await;
        let value = "return document.getElementById('text').value";
        assert_eq!(visitor.eval(value).await, "Hi 😄");

        visitor.click("[data-testid=emoji]").await;
        presses(&visitor, &keys(&[Key::Home, Key::Right, Key::Down, Key::Up, Key::Enter])).await;
        assert_eq!(visitor.eval(value).await, "Hi 😄😃");
        assert_eq!(visitor.eval("return document.activeElement.id").await, "text");

        visitor.click("[data-testid=emoji]").await;
        presses(&visitor, &keys(&[Key::Escape])).await;
        visitor.count("[data-testid=emoji-panel]:not([hidden])", 0).await;
        assert_eq!(visitor.eval("return document.activeElement.dataset.testid").await, "emoji");
        let inside = "const box = document.querySelector('[data-testid=emoji]').getBoundingClientRect(); \
                      return box.width >= 24 && box.height >= 24 && box.right <= innerWidth";
        assert_eq!(visitor.eval(inside).await, true);
        visitor.click("[data-testid=send]").await;
        is(&visitor, "Hi 😄😃", "delivered").await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn a_message_is_quoted_and_the_quote_is_seen_as_one() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    says(&visitor, "hello").await;
    let chat = stage.world.portal_chat("hello").await;
    stage.world.sandbox.operator_writes(chat, "blue or\ngreen?").unwrap();
    shows(&visitor, "operator", "blue or\ngreen?").await;
    assert_eq!(visitor.text(".initials").await, "AL");
    // One stop of the Tab key for all of them; arrows lead from there.
    visitor.until("document.querySelectorAll('.quote[tabindex=\"0\"]').length === 1").await;
    visitor.eval("document.querySelector('.quote[tabindex=\"0\"]').focus()").await;
    presses(&visitor, &keys(&[Key::Up, Key::Down, Key::Enter])).await;
    let value = "return document.getElementById('text').value";
    assert_eq!(visitor.eval(value).await, "> blue or\n> green?\n");
    visitor.write("[data-testid=text-input]", "blue").await;
    visitor.click("[data-testid=send]").await;
    for _ in 0..2 {
        visitor
            .until("document.querySelector('[data-from=visitor] blockquote')?.textContent === 'blue or\\ngreen?'")
            .await;
        is(&visitor, "blue or\ngreen?blue", "delivered").await;
        visitor.reload().await;
    }
    let seen = stage.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert!(seen[1].contains("green?\nblue"), "{seen:?}");
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn a_long_press_offers_the_quote_on_a_telephone() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    says(&visitor, "touch me").await;
    is(&visitor, "touch me", "delivered").await;
    let touch = |kind: &str| {
        format!(
            "document.querySelector('[data-from=visitor] .bubble').dispatchEvent(new TouchEvent('{kind}', {{ bubbles: true }}))"
        )
    };
    visitor.eval(&touch("touchstart")).await;
    visitor.count(".held", 1).await;
    visitor.eval(&touch("touchend")).await;
    visitor.until("getComputedStyle(document.querySelector('.held .quote')).opacity === '1'").await;
    visitor.click(".held .quote").await;
    assert_eq!(visitor.eval("return document.getElementById('text').value").await, json!("> touch me\n"));
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn all_of_it_is_accessible() {
    for look in [Look::PHONE, Look::DESKTOP.dark()] {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        says(&visitor, "> one").await;
        let chat = stage.world.portal_chat("> one").await;
        stage.world.sandbox.operator_writes(chat, "three").unwrap();
        shows(&visitor, "operator", "three").await;
        visitor.eval("document.querySelectorAll('.msg').forEach((one) => one.classList.add('held'))").await;
        visitor.is_accessible("quotes offered").await;
        let files = [stage.file("a.png", &drawing(&visitor).await), stage.file("b.txt", b"b")];
        for file in files {
            visitor.find("[data-testid=file-input]").await.send_keys(&file.display().to_string()).await.unwrap();
        }
        visitor.count("[data-testid=chip]", 2).await;
        visitor.click("[data-testid=emoji]").await;
        visitor.is_accessible("emoji and files").await;
        visitor.eval("document.querySelector('[data-testid=drop-zone]').hidden = false").await;
        visitor.is_accessible("a place to drop files").await;
        visitor.eval("document.querySelector('[data-testid=drop-zone]').hidden = true").await;
        let stuck =
            "XMLHttpRequest.prototype.send = function () { this.upload.onprogress({ loaded: 42, total: 100 }); }";
        visitor.eval(stuck).await;
        visitor.eval("document.querySelector('[data-testid=send]').click()").await;
        visitor.until("document.querySelector('progress')?.value > 0").await;
        visitor.is_accessible("an upload").await;
        visitor.reload().await;
        visitor.find("[data-testid=restore]").await;
        visitor.is_accessible("files that are gone").await;
    }
}

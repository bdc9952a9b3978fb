//! Visitors' files: chosen, dropped, pasted; on their way; refused.

use crate::stage::{Stage, drawing, is, network, says, shows, shows_pictures, was_quiet, was_quiet_but};
use openline_tests::browser::{Look, Page};
use serde_json::json;
use std::path::Path;

const INPUT: &str = "[data-testid=file-input]";

async fn chooses(visitor: &Page, file: &Path) {
    visitor.find(INPUT).await.send_keys(&file.display().to_string()).await.unwrap();
}

/// Something that came from outside with a file in it: the event, given a `DataTransfer` called `data`.
async fn brings(visitor: &Page, name: &str, mime: &str, event: &str) {
    let script = format!(
        "const data = new DataTransfer(); data.items.add(new File(['some bytes'], '{name}', {{ type: '{mime}' }})); {event}"
    );
    visitor.eval(&script).await;
}

async fn upload_speed(visitor: &Page, bytes_per_second: i64) {
    let conditions =
        json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second });
    visitor.devtools("Network.enable", json!({})).await;
    visitor.devtools("Network.emulateNetworkConditions", conditions).await;
}

#[tokio::test]
async fn files_are_chosen_looked_over_and_sent() {
    let Some(stage) = Stage::set().await else { return };
    for look in [Look::PHONE, Look::DESKTOP] {
        let visitor = stage.visitor(look).await;
        let picture = stage.file("sunset.png", &drawing(&visitor).await);
        let list = stage.file("list & more.txt", b"eggs");
        let wrong = stage.file("wrong.txt", b"x");
        for file in [&picture, &wrong, &list] {
            chooses(&visitor, file).await;
        }
        visitor.count("[data-testid=chip]", 3).await;
        visitor.until("document.querySelector('[data-testid=chip] img').naturalWidth === 480").await;
        visitor.click("[data-testid=chip]:nth-child(2) [data-testid=remove-file]").await;
        visitor.count("[data-testid=chip]", 2).await;
        assert_eq!(
            visitor.eval("return document.activeElement.getAttribute('aria-label')").await,
            "Remove list & more.txt"
        );
        says(&visitor, "as promised").await;
        visitor.count("[data-testid=chip]", 0).await;
        is(&visitor, "as promised", "delivered").await;
        visitor.count("[data-testid=file]", 2).await;
        shows_pictures(&visitor, 1).await;
        let seen = visitor.eval("return document.querySelector('a.file .file-name').textContent").await;
        assert_eq!(seen, "list & more.txt");
        visitor.reload().await;
        shows_pictures(&visitor, 1).await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn files_are_dropped_and_pasted() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = Stage::set().await else { return };
        let visitor = stage.visitor(look).await;
        visitor.find(".js").await;
        let over = "document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true }))";
        brings(&visitor, "dropped.pdf", "application/pdf", over).await;
        visitor.find("[data-testid=drop-zone]:not([hidden])").await;
        let drop = "document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))";
        brings(&visitor, "dropped.pdf", "application/pdf", drop).await;
        visitor.count("[data-testid=drop-zone]:not([hidden])", 0).await;
        let paste = "document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))";
        brings(&visitor, "pasted.txt", "text/plain", paste).await;
        visitor.count("[data-testid=chip]", 2).await;
        visitor.click("[data-testid=send]").await;
        visitor.count("[data-testid=message] a.file[href]", 2).await;
        was_quiet(&visitor).await;
    }
}

#[tokio::test]
async fn what_is_not_taken_is_said_before_anything_is_sent() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    visitor.find(".js").await;
    chooses(&visitor, &stage.file("empty.txt", b"")).await;
    visitor.until("document.querySelector('[data-testid=error]').textContent === 'empty.txt is empty.'").await;
    for number in 0..11 {
        chooses(&visitor, &stage.file(&format!("{number}.txt"), b"x")).await;
    }
    visitor.until("document.querySelector('[data-testid=error]').textContent.startsWith('At most 10 files')").await;
    visitor.count("[data-testid=chip]", 10).await;
    visitor.count("[data-testid=message]", 0).await;
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn an_upload_shows_how_far_it_is_and_can_be_cancelled() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    let large = stage.file("large.bin", &vec![7; 3_000_000]);
    upload_speed(&visitor, 150_000).await;
    chooses(&visitor, &large).await;
    says(&visitor, "never mind").await;
    visitor.until("document.querySelector('progress')?.value > 0").await;
    visitor.click("[data-testid=cancel-upload]").await;
    visitor.count("[data-testid=message]", 0).await;
    says(&visitor, "without it").await;
    is(&visitor, "without it", "delivered").await;

    chooses(&visitor, &large).await;
    says(&visitor, "with it").await;
    visitor.until("document.querySelector('progress')?.value > 0").await;
    visitor.reload().await;
    is(&visitor, "with it", "failed").await;
    shows(&visitor, "visitor", "without it").await;
    visitor.click("[data-testid=restore]").await;
    visitor.until("document.getElementById('text').value === 'with it'").await;
    visitor.count("[data-from=visitor]", 1).await;
    assert_eq!(stage.world.sandbox.view(|portal| portal.calls_of("imconnector.send.messages").count()), 1);
    was_quiet_but(&visitor, network).await;
}

#[tokio::test]
async fn an_upload_that_broke_off_is_repeated_and_comes_once() {
    let Some(mut stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    upload_speed(&visitor, 150_000).await;
    chooses(&visitor, &stage.file("large.bin", &vec![7; 3_000_000])).await;
    says(&visitor, "with it").await;
    says(&visitor, "behind it").await;
    visitor.until("document.querySelector('progress')?.value > 0").await;
    stage.world.stop_service().await;
    upload_speed(&visitor, -1).await;
    is(&visitor, "with it", "sending").await;
    stage.world.start_service().await;
    is(&visitor, "with it", "delivered").await;
    is(&visitor, "behind it", "delivered").await;
    visitor.count("a.file[href]", 1).await;
    let texts = "return [...document.querySelectorAll('[data-from=visitor] .text')].map((one) => one.textContent)";
    assert_eq!(visitor.eval(texts).await, json!(["with it", "behind it"]));
    was_quiet_but(&visitor, network).await;
}

//! The oldest browsers that the chat runs in (docs/widget.md): what they don't have is taken away.

use crate::host::Host;
use crate::stage::{Stage, is, says, shows, was_quiet};
use crate::widget::{LAUNCHER, closed, enters, leaves, opened, presses, was_clean};
use fantoccini::key::Key;
use openline_tests::browser::{Look, Page};
use serde_json::json;

/// What one of Safari 15.0, Chrome 95 and Firefox 91 does not have, of what a page like this may think of using.
///
/// What the driver uses itself is there for all but our own scripts.
const TAKEN: &str = "for (const [where, names] of [
    [window, ['structuredClone', 'BroadcastChannel', 'navigation', 'scheduler', 'SharedWorker']], [Navigator.prototype, ['locks', 'userAgentData']],
    [Crypto.prototype, ['randomUUID']], [HTMLElement.prototype, ['inert', 'popover', 'showPopover']], [HTMLFormElement.prototype, ['requestSubmit']],
    [SubmitEvent.prototype, ['submitter']], [CSSStyleSheet.prototype, ['replaceSync', 'replace']], [Document.prototype, ['startViewTransition']],
    [Element.prototype, ['ariaPressed', 'ariaInvalid', 'ariaLive', 'ariaBusy', 'ariaExpanded', 'ariaLabel', 'ariaHidden', 'ariaModal']],
    [ReadableStream.prototype, [Symbol.asyncIterator, 'values']], [AbortSignal, ['any', 'timeout']], [AbortSignal.prototype, ['throwIfAborted']],
  ]) for (const name of names) delete where[name];
  const ours = /(widget|app|emoji|upload|attach|peek|sound)\\.js|frame\\?/;
  for (const [where, names] of [
    [URL, ['canParse']], [Object, ['hasOwn', 'groupBy']], [Array, ['fromAsync']], [Array.prototype, ['at', 'findLast', 'findLastIndex', 'toSorted', 'toReversed', 'with']],
    [String.prototype, ['at', 'isWellFormed', 'toWellFormed']], [Promise, ['withResolvers']],
  ]) for (const name of names) {
    const known = where[name];
    Object.defineProperty(where, name, { configurable: true, writable: true, value: function (...values) {
      if (ours.test(new Error().stack)) throw new TypeError(`${name} is not a function`);
      return known.apply(this, values);
    } });
  }";

async fn writes_with_a_file(stage: &Stage, page: &Page, enter: bool) {
    says(page, "old but sound").await;
    is(page, "old but sound", "delivered").await;
    let file = stage.file("plan.txt", b"a plan");
    page.write("[data-testid=file-input]", file.to_str().unwrap()).await;
    page.count("[data-testid=chip]", 1).await;
    page.write("[data-testid=text-input]", "with a file").await;
    if enter {
        page.write("[data-testid=text-input]", &Key::Enter.to_string()).await;
    } else {
        page.click("[data-testid=send]").await; // on touch screens Enter begins a line
    }
    is(page, "with a file", "delivered").await;
    page.count("[data-testid=file]", 1).await;
    let chat = stage.world.portal_chat("old but sound").await;
    stage.world.sandbox.operator_writes(chat, "I see").unwrap();
    shows(page, "operator", "I see").await;
}

#[tokio::test]
async fn the_page_runs_in_the_oldest_browsers() {
    let Some(stage) = Stage::set().await else { return };
    let page = stage.open(Look::DESKTOP, "about:blank").await;
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": TAKEN })).await;
    page.goto(&stage.chat()).await;
    assert_eq!(page.eval("return [navigator.locks, crypto.randomUUID].every((one) => one === undefined)").await, true);
    writes_with_a_file(&stage, &page, true).await;
    // What is wrong is marked for screen readers too.
    page.eval("const field = document.getElementById('text'); field.value = 'x'.repeat(10001); field.dispatchEvent(new Event('input', { bubbles: true }))").await;
    page.until("document.getElementById('text').getAttribute('aria-invalid') === 'true'").await;
    was_quiet(&page).await;
}

#[tokio::test]
async fn the_widget_runs_in_the_oldest_browsers() {
    let Some((host, stage)) = Host::near("").await else { return };
    let page = host.open_after(&stage, Look::PHONE, "style", TAKEN).await;
    closed(&page).await;
    page.until(&format!("{LAUNCHER}.checkVisibility() && getComputedStyle({LAUNCHER}).borderRadius === '30px'")).await;
    presses(&page).await;
    opened(&page).await;
    enters(&page).await;
    writes_with_a_file(&stage, &page, false).await;
    leaves(&page).await;
    // Without `inert` the page behind is hidden from screen readers and gives the focus back.
    assert_eq!(page.eval("return document.body.getAttribute('aria-hidden')").await, "true");
    page.eval("document.getElementById('search').focus()").await;
    page.until("document.activeElement.localName === 'openline-chat'").await;
    page.eval("Openline.close()").await;
    assert_eq!(page.eval("return document.body.hasAttribute('aria-hidden')").await, false);
    was_clean(&page).await;
}

#[tokio::test]
async fn what_was_chosen_is_there_again_when_anything_goes_wrong() {
    let Some(stage) = Stage::set().await else { return };
    let page = stage.visitor(Look::DESKTOP).await;
    page.find(".js").await;
    page.eval("window.key = crypto.randomUUID; Crypto.prototype.randomUUID = () => { throw new Error('broken'); }")
        .await;
    let file = stage.file("plan.txt", b"a plan");
    page.write("[data-testid=file-input]", file.to_str().unwrap()).await;
    says(&page, "my plan").await;
    page.until("document.getElementById('error').textContent").await;
    page.count("[data-testid=chip]", 1).await;
    assert_eq!(page.eval("return document.getElementById('text').value").await, "my plan");
    page.eval("Crypto.prototype.randomUUID = window.key").await;
    page.click("[data-testid=send]").await;
    is(&page, "my plan", "delivered").await;
    page.count("[data-testid=file]", 1).await;
    page.count("[data-testid=chip]", 0).await;
}

/// A browser that can't run the script says so, with a way out.
#[tokio::test]
async fn a_browser_that_cannot_run_it_says_so() {
    let Some((host, stage)) = Host::near("").await else { return };
    let page = host.open_after(&stage, Look::DESKTOP, "", "delete window.ResizeObserver").await;
    presses(&page).await;
    enters(&page).await;
    page.until(
        "document.getElementById('connection').textContent.startsWith('The chat does not run in this browser.')",
    )
    .await;
    let link = page.eval("return document.querySelector('#connection a').pathname").await;
    assert_eq!(link, "/c/site/");
    // Its own page works without a script.
    leaves(&page).await;
    page.goto(&stage.chat()).await;
    says(&page, "by the form").await;
    stage.world.portal_chat("by the form").await;
}

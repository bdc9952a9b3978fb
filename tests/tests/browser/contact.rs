//! How to reach a visitor: never lost on the way, whatever is refused, closed or done without a connection.

use crate::before::{never, stage};
use crate::stage::{Stage, is, network, says, shows, was_quiet, was_quiet_but};
use openline_tests::browser::{Look, Page};
use serde_json::json;

const EMAILS: [&str; 20] = [
    "a@b.co",
    "first.last+tag@mail.example.com",
    "o'neil@x-y.org",
    "A_B@SHOP.Example",
    "müller@web.de",
    "ann@müller.de",
    "a@b",
    "a b@c.de",
    "a@b..de",
    ".a@b.de",
    "a.@b.de",
    "a..b@c.de",
    "a@-b.de",
    "a@b-.de",
    "a@b.1",
    "a@b.c",
    "a@b.abcdefghijklmnopqrstu",
    "a@b@c.de",
    "a`b@c.de",
    "\"a\"@b.de",
];

const PHONES: [&str; 12] = [
    "+49 (30) 123-45.67",
    "030/123 456",
    "\u{200e}+971 4 123 4567",
    "(+49) 30 12345",
    "1234",
    "12+345678",
    "++49 30 123",
    "123456x",
    "1234567890123456",
    "+",
    "٠١٢٣٤٥",
    "\u{a0}+49\u{2011}30\u{2011}12345",
];

/// The addresses and numbers of which the page and the server do not think the same.
const COMPARE: &str = "return (async ([emails, phones]) => {
    const { isEmail, isPhone, typed } = await import(new URL('assets/contact.js', location.href));
    const headers = { 'Content-Type': 'application/json' };
    const post = (path, body) => fetch(`api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    await post('session', {});
    const differ = [];
    const compare = async (all, key, test) => {
      for (const [number, value] of all.entries()) {
        const answer = await post('messages', { key: `${key}${number}`, text: 'x', profile: { name: 'Ann', phone: '030 12345', [key]: value } });
        if (![201, 422].includes(answer.status) || (answer.status === 201) !== test(typed({ value, type: 'text' }))) differ.push([value, answer.status]);
      }
    };
    await compare(emails, 'email', isEmail);
    await compare(phones, 'phone', isPhone);
    return differ;
  })(...arguments)";

#[tokio::test]
async fn the_page_takes_what_the_server_takes() {
    let Some(stage) = Stage::set().await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    let given = vec![json!([EMAILS, PHONES])];
    assert_eq!(visitor.client().execute(COMPARE, given).await.unwrap(), json!([]));
}

/// From now on the next message says another e-mail address than the visitor, one that the server refuses.
const SPOIL: &str = "const ask = window.fetch; window.fetch = (url, init) => {
    if (!String(url).endsWith('/messages') || window.spoilt) return ask(url, init);
    window.spoilt = true;
    const body = JSON.parse(init.body);
    body.profile.email = 'müller@web.de';
    return ask(url, { ...init, body: JSON.stringify(body) });
  }";

pub async fn client(stage: &Stage, text: &str) -> (String, String) {
    let chat = stage.world.portal_chat(text).await;
    let dialogs = stage.world.sandbox.view(|portal| portal.dialogs());
    let client = dialogs.into_iter().find(|dialog| dialog.chat_id == chat).unwrap().client;
    (client.email, client.phone)
}

async fn corrects(look: Look) {
    let Some(stage) = stage("", never()).await else { return };
    let visitor = stage.visitor(look).await;
    visitor.find(".js").await;
    visitor.eval(SPOIL).await;
    visitor.write("[data-testid=name-input]", "Ann").await;
    visitor.write("#field-email", "ann@web.example").await;
    says(&visitor, "call me").await;
    is(&visitor, "call me", "failed").await;
    visitor
        .until("document.getElementById('error-email').textContent && document.activeElement.id === 'field-email'")
        .await;
    // Trying again says what is wrong as sending does.
    visitor.eval("document.getElementById('field-email').value = ''").await;
    visitor.click("[data-testid=retry]").await;
    visitor
        .until(
            "document.getElementById('error-email').textContent === 'Please give an e-mail address or a phone number.'",
        )
        .await;
    is(&visitor, "call me", "failed").await;
    visitor.write("#field-email", "ann@shop.example").await;
    visitor.click("[data-testid=retry]").await;
    is(&visitor, "call me", "delivered").await;
    visitor.until("document.getElementById('before').hidden").await;
    assert_eq!(client(&stage, "call me").await.0, "ann@shop.example");
    was_quiet_but(&visitor, network).await;
}

#[tokio::test]
async fn what_was_refused_is_tried_again_as_corrected_on_a_telephone() {
    corrects(Look::PHONE).await;
}

#[tokio::test]
async fn what_was_refused_is_tried_again_as_corrected_on_a_computer() {
    corrects(Look::DESKTOP).await;
}

/// Whether messages can leave this browser.
async fn reaches(visitor: &Page, reaches: bool) {
    let urls = if reaches { json!([]) } else { json!(["*/api/*"]) };
    visitor.devtools("Network.enable", json!({})).await;
    visitor.devtools("Network.setBlockedURLs", json!({ "urls": urls })).await;
}

#[tokio::test]
async fn a_message_that_waited_brings_the_number_from_another_tab() {
    let Some(stage) = stage("", never()).await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    visitor.find(".js").await;
    reaches(&visitor, false).await;
    visitor.write("[data-testid=name-input]", "Ann").await;
    visitor.write("#field-phone", "+49 30 123456").await;
    for text in ["call me", "today"] {
        says(&visitor, text).await;
        is(&visitor, text, "sending").await;
    }
    let [first, second] = visitor.second_tab("about:blank").await;
    visitor.to_tab(&first).await;
    visitor.client().close_window().await.unwrap();
    visitor.to_tab(&second).await;
    visitor.goto(&stage.chat()).await;
    for text in ["call me", "today"] {
        is(&visitor, text, "delivered").await;
    }
    assert_eq!(client(&stage, "call me").await.1, "+4930123456");
    visitor.until("document.getElementById('before').hidden").await;
    // Told once: the operators read the number in one note, and the page in one.
    let notes = |portal: openline_sandbox::View<'_>| {
        let texts = portal.texts(portal.dialogs()[0].chat_id, "system");
        ["To be reached at", "Page: "].map(|part| texts.iter().filter(|text| text.contains(part)).count())
    };
    stage.world.sandbox.wait_until(|portal| !notes(portal).contains(&0)).await.unwrap();
    assert_eq!(stage.world.sandbox.view(notes), [1, 1]);
    shows(&visitor, "visitor", "today").await;
    was_quiet(&visitor).await;
}

/// A message that the network kept back is not asked for the form again in a new tab: what it brings is in there.
#[tokio::test]
async fn the_form_is_filled_with_what_waits() {
    let Some(stage) = stage("", never()).await else { return };
    let visitor = stage.visitor(Look::DESKTOP).await;
    visitor.find(".js").await;
    reaches(&visitor, false).await;
    visitor.write("[data-testid=name-input]", "Ann").await;
    visitor.write("#field-email", "ann@shop.example").await;
    says(&visitor, "call me").await;
    is(&visitor, "call me", "sending").await;
    visitor.reload().await;
    visitor.until("document.getElementById('field-email').value === 'ann@shop.example'").await;
    reaches(&visitor, true).await;
    visitor.eval("dispatchEvent(new Event('online'))").await;
    is(&visitor, "call me", "delivered").await;
    assert_eq!(client(&stage, "call me").await.0, "ann@shop.example");
    was_quiet_but(&visitor, network).await;
}

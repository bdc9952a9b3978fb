//! What stands before and around the conversation, on a telephone and on a computer.

use crate::stage::{Stage, answers, opens, says, shows, was_quiet, was_quiet_but};
use openline_tests::browser::{Look, Page};
use serde_json::{Value, json};

const FORM: &str = "[channels.site.settings.before]\nfields = [{key = 'name', required = true}, {key = 'email', required = true}, \
                    {key = 'topic', label = 'Topic', kind = 'select', options = ['Order', 'Other'], required = true}, \
                    {key = 'order', label = 'Order number'}]\n[channels.site.settings.consent]\nrequired = true\n\
                    url = 'https://shop.example/privacy'\n";

pub async fn stage(settings: &str, line: Value) -> Option<Stage> {
    let stage = Stage::with(&format!("{}{settings}", openline_tests::CHANNELS)).await?;
    stage.world.configure_line(1, &line).await;
    Some(stage)
}

/// Closed on every day of the week.
pub fn never() -> Value {
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_DAYOFF": days, "WORKTIME_DAYOFF_TEXT": "We are on holiday." })
}

async fn has_focus(page: &Page, id: &str) {
    page.until(&format!("document.activeElement.id === '{id}'")).await;
}

/// Nothing is wider than the window, and what is to be pressed can be seen.
async fn fits(page: &Page) {
    let wide = page.eval("return document.documentElement.scrollWidth > innerWidth").await;
    assert_eq!(wide, false, "it is wider than the window");
    page.eval("document.querySelector('[data-testid=send]').scrollIntoView({ block: 'nearest' })").await;
    page.until("((box) => box.top >= 0 && box.bottom <= innerHeight + 1)(document.querySelector('[data-testid=send]').getBoundingClientRect())")
        .await;
}

/// A refused message is a complaint of the browser's own.
fn refusal(entry: &Value) -> bool {
    entry["message"].as_str().unwrap_or_default().contains("422")
}

async fn fills_in_the_form(look: Look) {
    let Some(stage) = stage(FORM, json!({})).await else { return };
    let (visitor, desk) = (stage.visitor(look).await, stage.desk(Look::DESKTOP).await);
    fits(&visitor).await;
    says(&visitor, "hello").await;
    if look.script {
        has_focus(&visitor, "name").await;
        assert_eq!(visitor.text("#error-name").await, "Please fill in this field.");
        assert_eq!(visitor.text("[data-testid=error-consent]").await, "Please agree to this first.");
        visitor.is_accessible("a form with faults").await;
        visitor.write("#field-email", "ann").await;
        visitor.click("[data-testid=send]").await;
        visitor
            .until("document.getElementById('error-email').textContent.startsWith('This does not look like an e-mail')")
            .await;
        visitor.eval("document.getElementById('field-email').value = ''").await;
    }
    visitor.write("[data-testid=name-input]", "Ann Lee").await;
    visitor.write("#field-email", "ann@shop.example").await;
    visitor.write("#field-topic", "Order").await;
    visitor.write("#field-order", "77").await;
    visitor.click("[data-testid=consent]").await;
    visitor.click("[data-testid=send]").await;
    shows(&visitor, "visitor", "hello").await;
    visitor.until("document.getElementById('before').hidden").await;
    opens(&desk).await;
    assert_eq!(desk.text("[data-testid=client-name]").await, "Ann Lee");
    desk.until("document.body.innerText.includes('Order number: 77')").await;
    says(&visitor, "and more").await;
    shows(&visitor, "visitor", "and more").await;
    visitor.reload().await;
    visitor.until("document.getElementById('before').hidden").await;
    was_quiet_but(&visitor, refusal).await;
}

#[tokio::test]
async fn the_form_on_a_telephone() {
    fills_in_the_form(Look::PHONE).await;
}

#[tokio::test]
async fn the_form_on_a_computer() {
    fills_in_the_form(Look::DESKTOP).await;
}

#[tokio::test]
async fn the_form_without_a_script() {
    fills_in_the_form(Look::PHONE.without_script()).await;
}

async fn writes_when_nobody_is_there(look: Look) {
    let Some(stage) = stage("", never()).await else { return };
    let visitor = stage.visitor(look).await;
    visitor.until("!document.getElementById('closed').hidden").await;
    fits(&visitor).await;
    assert_eq!(visitor.text("[data-testid=status]").await, "Closed now");
    assert_eq!(visitor.text("#closed-text").await, "We are on holiday.");
    visitor.write("[data-testid=name-input]", "Ann").await;
    says(&visitor, "call me back").await;
    visitor
        .until(
            "document.getElementById('error-email').textContent === 'Please give an e-mail address or a phone number.'",
        )
        .await;
    if look.script {
        visitor.is_accessible("nobody is there").await;
        has_focus(&visitor, "field-email").await;
    }
    visitor.write("#field-phone", "+49 30 123456").await;
    visitor.click("[data-testid=send]").await;
    shows(&visitor, "visitor", "call me back").await;
    stage.world.portal_chat("call me back").await;
    if look.script {
        shows(&visitor, "system", "We are on holiday.").await;
    }
    was_quiet_but(&visitor, refusal).await;
}

#[tokio::test]
async fn closed_on_a_telephone() {
    writes_when_nobody_is_there(Look::PHONE).await;
}

#[tokio::test]
async fn closed_on_a_computer() {
    writes_when_nobody_is_there(Look::DESKTOP).await;
}

#[tokio::test]
async fn closed_without_a_script() {
    writes_when_nobody_is_there(Look::PHONE.without_script()).await;
}

async fn rates(look: Look) {
    let Some(stage) = stage("", json!({ "VOTE_MESSAGE": "Y" })).await else { return };
    let (visitor, desk) = (stage.visitor(look).await, stage.desk(Look::DESKTOP).await);
    says(&visitor, "1").await;
    shows(&visitor, "visitor", "1").await;
    opens(&desk).await;
    answers(&desk, "done").await;
    visitor.until("document.getElementById('rate').hidden").await;
    desk.click("[data-testid=finish]").await;
    desk.until("document.querySelector('[data-testid=dialog-status]').textContent === 'Finished'").await;
    if !look.script {
        openline_tests::eventually("the buttons are there", async || {
            visitor.reload().await;
            (visitor.eval("return document.getElementById('rate').hidden").await == false).then_some(())
        })
        .await;
    }
    visitor.until("!document.getElementById('rate').hidden").await;
    fits(&visitor).await;
    if look.script {
        visitor.is_accessible("rating").await;
    }
    visitor.click("[data-testid=rate-good]").await;
    shows(&visitor, "visitor", "👍").await;
    shows(&visitor, "visitor", "1").await;
    visitor.until("document.getElementById('rate').hidden").await;
    stage.world.sandbox.wait_until(|portal| portal.dialogs()[0].vote == Some(true)).await.unwrap();
    was_quiet(&visitor).await;
}

#[tokio::test]
async fn rating_on_a_telephone() {
    rates(Look::PHONE).await;
}

#[tokio::test]
async fn rating_on_a_computer() {
    rates(Look::DESKTOP).await;
}

#[tokio::test]
async fn rating_without_a_script() {
    rates(Look::PHONE.without_script()).await;
}

async fn speaks(look: Look) {
    let Some(stage) = stage(FORM, never()).await else { return };
    let visitor = stage.visitor(look).await;
    visitor.goto(&format!("{}?lang=ar", stage.chat())).await;
    assert_eq!(visitor.eval("return getComputedStyle(document.body).direction").await, "rtl");
    fits(&visitor).await;
    let send = "document.querySelector('[data-testid=send]').getBoundingClientRect()";
    visitor.until(&format!("{send}.left < innerWidth / 2")).await;
    visitor.is_accessible("from right to left").await;
    visitor.goto(&format!("{}?lang=de", stage.chat())).await;
    assert_eq!(visitor.text("[data-testid=status]").await, "Zurzeit geschlossen");
    assert_eq!(visitor.text("label[for=field-email]").await, "E-Mail-Adresse");
    fits(&visitor).await;
    says(&visitor, "hallo").await;
    visitor.until("document.getElementById('error-name').textContent === 'Bitte füllen Sie dieses Feld aus.'").await;
    was_quiet_but(&visitor, refusal).await;
}

#[tokio::test]
async fn languages_on_a_telephone() {
    speaks(Look::PHONE).await;
}

#[tokio::test]
async fn languages_on_a_computer() {
    speaks(Look::DESKTOP).await;
}

#[tokio::test]
async fn nothing_is_kept_before_the_visitor_agrees() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = stage("[channels.site.settings.privacy]\nconsent_first = true\n", json!({})).await else {
            return;
        };
        let visitor = stage.visitor(look).await;
        says(&visitor, "hello").await;
        has_focus(&visitor, "field-consent").await;
        assert!(visitor.client().get_all_cookies().await.unwrap().is_empty());
        visitor.click("[data-testid=consent]").await;
        visitor.click("[data-testid=send]").await;
        shows(&visitor, "visitor", "hello").await;
        stage.world.portal_chat("hello").await;
        visitor.count("[data-kind=dialog_started]", 1).await;
        assert_eq!(visitor.client().get_all_cookies().await.unwrap().len(), 1);
        was_quiet_but(&visitor, |entry| entry["message"].as_str().unwrap_or_default().contains("401")).await;
    }
}

/// The server can't be reached when they agree, and the tab is another one when it can.
#[tokio::test]
async fn a_message_that_waits_brings_along_that_its_writer_agreed() {
    let Some(stage) = stage("[channels.site.settings.privacy]\nconsent_first = true\n", json!({})).await else {
        return;
    };
    let visitor = stage.visitor(Look::DESKTOP).await;
    visitor.eval("window.fetch = () => Promise.reject(new TypeError('away'))").await;
    visitor.write("[data-testid=text-input]", "hello").await;
    assert_eq!(visitor.eval("return localStorage.length + sessionStorage.length").await, 0, "not even a draft");
    visitor.click("[data-testid=consent]").await;
    visitor.click("[data-testid=send]").await;
    visitor.until("Object.keys(localStorage).some((key) => key.includes('out:'))").await;
    visitor.eval("sessionStorage.clear()").await;
    visitor.reload().await;
    shows(&visitor, "visitor", "hello").await;
    stage.world.portal_chat("hello").await;
    visitor.until("document.getElementById('before').hidden").await;
    was_quiet_but(&visitor, |entry| entry["message"].as_str().unwrap_or_default().contains("401")).await;
}

#[tokio::test]
async fn the_greeting_stands_there_until_somebody_writes() {
    for look in [Look::PHONE, Look::DESKTOP] {
        let Some(stage) = stage("", json!({ "WELCOME_MESSAGE_TEXT": "Welcome to our <shop>!" })).await else { return };
        let visitor = stage.visitor(look).await;
        assert_eq!(visitor.text("[data-testid=welcome]").await, "Welcome to our <shop>!");
        visitor.is_accessible("a greeting").await;
        says(&visitor, "hello").await;
        visitor.until("document.getElementById('empty').hidden").await;
        shows(&visitor, "system", "Welcome to our <shop>!").await;
        was_quiet(&visitor).await;
    }
}

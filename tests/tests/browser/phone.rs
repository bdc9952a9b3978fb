//! On a telephone: upright and on its side, with the keyboard up, with letters twice as large. And what stands where.

use crate::before::{never, stage};
use crate::host::Host;
use crate::stage::{Stage, answers, is, opens, says, shows};
use crate::widget::{closed, enters, leaves, opened, presses};
use openline_tests::browser::{Look, Page};
use serde_json::json;

/// The telephone of today.
const PHONE: Look = Look { size: (390, 844), ..Look::PHONE };

async fn resized(page: &Page, width: u32, height: u32) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
    page.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

/// Whether it can be seen and touched.
fn in_sight(selector: &str) -> String {
    format!(
        "((one) => (({{ left, top, right, bottom, width, height }}) => width > 0 && left >= 0 && top >= 0 && right <= innerWidth + 1 && bottom <= innerHeight + 1 \
         && one.contains(document.elementFromPoint(left + width / 2, top + height / 2)))(one.getBoundingClientRect()))(document.querySelector('{selector}'))"
    )
}

/// Upright with the keyboard, on its side, on its side with the keyboard, with letters twice as large.
const ROOMS: [(u32, u32); 4] = [(390, 420), (844, 390), (844, 200), (195, 422)];

#[tokio::test]
async fn wherever_there_is_room_for_little_the_chat_can_be_closed_and_written_in() {
    let Some((host, stage)) = Host::near("subtitle = 'We usually answer within minutes'").await else { return };
    let page = host.open(&stage, PHONE, "").await;
    for (width, height) in ROOMS {
        presses(&page).await;
        opened(&page).await;
        enters(&page).await;
        page.find(".js").await;
        page.click("#text").await;
        leaves(&page).await;
        resized(&page, width, height).await;
        enters(&page).await;
        page.until(&format!("innerWidth === {width} && innerHeight === {height}")).await;
        page.until(&in_sight("#close")).await;
        page.eval("document.getElementById('text').scrollIntoView({ block: 'nearest' })").await;
        page.until(&in_sight("#text")).await;
        page.until(&in_sight("#close")).await;
        assert_eq!(
            page.eval("return document.documentElement.scrollWidth > innerWidth").await,
            false,
            "{width} {height}"
        );
        page.click("#close").await;
        leaves(&page).await;
        closed(&page).await;
        resized(&page, 390, 844).await;
    }
}

#[tokio::test]
async fn who_taps_sees_no_frame_around_the_conversation() {
    let Some((host, stage)) = Host::near("").await else { return };
    let page = host.open(&stage, PHONE, "").await;
    presses(&page).await;
    enters(&page).await;
    page.until("document.activeElement.id === 'log'").await;
    assert_eq!(page.eval("return getComputedStyle(document.getElementById('log')).outlineStyle").await, "none");
    // Who uses the keyboard does.
    leaves(&page).await;
    page.eval("Openline.close(); Openline.open()").await;
    enters(&page).await;
    page.until("document.activeElement.id === 'log' && getComputedStyle(document.getElementById('log')).outlineStyle === 'solid'").await;
}

#[tokio::test]
async fn the_form_leaves_the_greeting_in_sight() {
    let form = "[channels.site.settings.before]\nfields = [{key = 'name', required = true}, 'email', 'phone', {key = 'order', label = 'Order'}, \
                {key = 'topic', label = 'Topic', kind = 'select', options = ['a', 'b']}, {key = 'more', label = 'More', kind = 'long'}]\n\
                [channels.site.settings.consent]\nrequired = true\n";
    let Some(stage) = stage(form, json!({ "WELCOME_MESSAGE_TEXT": "Welcome to our shop!" })).await else { return };
    for look in [PHONE, PHONE.without_script(), Look::PHONE] {
        let page = stage.visitor(look).await;
        page.until(&in_sight("#welcome .bubble")).await;
        page.until(&in_sight("#text")).await;
        assert_eq!(page.eval("return document.documentElement.scrollHeight <= innerHeight").await, true);
        if look.script {
            page.is_accessible("a long form").await;
        }
    }
}

#[tokio::test]
async fn the_name_is_asked_once_and_not_where_it_is_not_wanted() {
    let Some(stage) = Stage::set().await else { return };
    for look in [PHONE, PHONE.without_script()] {
        let page = stage.visitor(look).await;
        page.until("document.getElementById('name').checkVisibility()").await;
        says(&page, "nameless").await;
        shows(&page, "visitor", "nameless").await;
        page.until("!document.getElementById('name').checkVisibility()").await;
        // What the server does not have yet it does not know of when the page is loaded again.
        page.until("!document.querySelector('.state.sending')").await;
        page.reload().await;
        page.until("!document.getElementById('name').checkVisibility()").await;
        page.click("#who summary").await;
        page.write("[data-testid=name-input]", "Ann").await;
        says(&page, "named").await;
        shows(&page, "visitor", "named").await;
        assert_eq!(page.text("#you-are").await, "You are Ann");
    }
    let Some(stage) = crate::before::stage("[channels.site.settings]\nask_name = false\n", json!({})).await else {
        return;
    };
    for look in [PHONE, PHONE.without_script()] {
        let page = stage.visitor(look).await;
        says(&page, "nameless").await;
        shows(&page, "visitor", "nameless").await;
        assert_eq!(page.eval("return document.getElementById('who').checkVisibility()").await, false);
    }
}

/// Whether the log is at its end.
const AT_END: &str =
    "((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.getElementById('log'))";

#[tokio::test]
async fn the_log_stays_at_its_end_whatever_appears_below_it() {
    let Some(stage) = stage("", json!({ "VOTE_MESSAGE": "Y" })).await else { return };
    let (page, desk) = (stage.visitor(PHONE).await, stage.desk(Look::DESKTOP).await);
    for number in 0..12 {
        says(&page, &format!("line {number}")).await;
    }
    is(&page, "line 11", "delivered").await;
    page.until(AT_END).await;
    // A long draft.
    page.eval("const field = document.getElementById('text'); field.value = 'x\\n'.repeat(9); field.dispatchEvent(new Event('input', { bubbles: true }))").await;
    page.until(AT_END).await;
    // The keyboard.
    resized(&page, 390, 420).await;
    page.until(&format!("innerHeight === 420 && {AT_END}")).await;
    // The rating, together with what the system says.
    opens(&desk).await;
    answers(&desk, "done").await;
    shows(&page, "operator", "done").await;
    desk.click("[data-testid=finish]").await;
    page.until("!document.getElementById('rate').hidden").await;
    page.until(AT_END).await;
    page.eval("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))").await;
    assert_eq!(page.eval(&format!("return {AT_END}")).await, true);
    // It follows.
    let chat = stage.world.portal_chat("line 0").await;
    stage.world.sandbox.operator_writes(chat, "one more thing").unwrap();
    shows(&page, "operator", "one more thing").await;
    page.until(AT_END).await;
    assert_eq!(page.eval("return document.getElementById('jump').hidden").await, true);
    // Who reads further up stays there, and is told.
    page.eval("document.getElementById('log').scrollTop = 40").await;
    page.until("document.getElementById('log').scrollTop === 40").await;
    resized(&page, 390, 844).await;
    page.eval("document.getElementById('log').scrollTop = 20").await;
    stage.world.sandbox.operator_writes(chat, "down here").unwrap();
    page.until("!document.getElementById('jump').hidden").await;
    page.click("[data-testid=jump]").await;
    page.until(AT_END).await;
}

#[tokio::test]
async fn outside_the_hours_one_thing_is_said() {
    let mut line = never();
    line["WORKTIME_DAYOFF_TEXT"] = json!("");
    let Some(stage) = stage("", line).await else { return };
    for look in [PHONE, PHONE.without_script()] {
        let page = stage.visitor(look).await;
        page.until("document.getElementById('closed').checkVisibility()").await;
        // Not "the answer will appear right here" beside it; and no blank lines around it.
        assert_eq!(page.eval("return document.getElementById('empty-text').checkVisibility()").await, false);
        let said = page.eval("return document.getElementById('closed').innerText").await;
        assert_eq!(said, "Leave us a message and tell us how to reach you. We will answer as soon as we are back.");
        let high = "return document.getElementById('closed').clientHeight <= 2 * 24 + 20";
        assert_eq!(page.eval(high).await, true);
    }
}

#[tokio::test]
async fn what_the_line_says_itself_is_not_said_twice() {
    let Some(stage) = stage("", never()).await else { return };
    let page = stage.visitor(PHONE).await;
    page.write("[data-testid=name-input]", "Ann").await;
    page.write("#field-phone", "+49 30 123456").await;
    says(&page, "hello").await;
    shows(&page, "system", "We are on holiday.").await;
    page.until("!document.getElementById('closed').checkVisibility()").await;
}

#[tokio::test]
async fn the_placeholder_is_written_as_its_language() {
    let Some(stage) = Stage::set().await else { return };
    let page = stage.visitor(PHONE).await;
    for (language, direction) in [("ar", "rtl"), ("en", "ltr")] {
        page.goto(&format!("{}?lang={language}", stage.chat())).await;
        page.find(".js").await;
        assert_eq!(page.eval("return getComputedStyle(document.getElementById('text')).direction").await, direction);
    }
    page.goto(&format!("{}?lang=ar", stage.chat())).await;
    page.write("[data-testid=text-input]", "hello").await;
    page.until("getComputedStyle(document.getElementById('text')).direction === 'ltr'").await;
}

#[tokio::test]
async fn what_is_drawn_is_seen_in_the_systems_own_colours() {
    let Some((host, stage)) = Host::near("").await else { return };
    let page = host.open(&stage, PHONE, "").await;
    let media = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    page.devtools("Emulation.setEmulatedMedia", media).await;
    presses(&page).await;
    enters(&page).await;
    page.find(".js").await;
    page.until("matchMedia('(forced-colors: active)').matches").await;
    for selector in ["#close", "#sound"] {
        let differs = format!(
            "return getComputedStyle(document.querySelector('{selector}'), '::before').backgroundColor !== getComputedStyle(document.body).backgroundColor"
        );
        assert_eq!(page.eval(&differs).await, true, "{selector}");
    }
}

#[tokio::test]
async fn titles_and_fields_are_said_in_each_language() {
    let settings = "[channels.site.settings]\ntitle = {en = 'Ask us', de = 'Fragen Sie uns'}\n[channels.site.settings.before]\n\
                    fields = [{key = 'topic', label = {en = 'Topic', de = 'Thema'}, kind = 'select', options = [{en = 'Order', de = 'Bestellung'}]}]\n";
    let Some(stage) = stage(settings, json!({})).await else { return };
    for (language, title, label, option) in
        [("de", "Fragen Sie uns", "Thema", "Bestellung"), ("fr", "Ask us", "Topic", "Order")]
    {
        let page = stage.visitor(PHONE).await;
        page.goto(&format!("{}?lang={language}", stage.chat())).await;
        page.find(".js").await;
        assert_eq!(page.text("h1").await, title);
        let said = page.eval("return [document.querySelector('[for=field-topic]').textContent.split(' ')[0], document.getElementById('field-topic').options[1].value]").await;
        assert_eq!(said, json!([label, option]));
        page.write("#field-topic", option).await;
        says(&page, language).await;
        is(&page, language, "delivered").await;
    }
}

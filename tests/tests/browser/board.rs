//! The dashboard, as an administrator sees it in the portal's frame.

use crate::settings::{fits, framed};
use crate::stage::{Stage, introduces, is, says};
use openline_sandbox::{Fault, SandboxConfig};
use openline_tests::browser::{Look, Page};

const CHANNELS: &str = "check_seconds = 1\n[channels.site]\nkind = \"website\"\nconnector.name = \"Harbour Prints\"\n\
                        [channels.outlet]\nkind = \"website\"\nconnector.name = \"Outlet\"\n";
/// As narrow as people's windows get.
const NARROW: Look = Look { size: (320, 640), script: true, dark: false };

/// The page in the portal's frame; without a script the portal's own form is sent by hand.
async fn frame(stage: &Stage, look: Look) -> Page {
    let (portal, app) = (stage.world.sandbox.portal_url(), stage.world.url("/bitrix/app"));
    let page = stage.open(look, &format!("{portal}/contact_center/application/?URL={app}")).await;
    if !look.script {
        page.click("form[data-autosubmit] button").await;
    }
    page.find("iframe").await.enter_frame().await.unwrap();
    page.find("h1").await;
    page
}

async fn picture(page: &Page, name: &str) {
    framed(page, &format!("board-{name}"), 1900).await;
}

/// Three messages that the portal refused, and one that waits for a paused channel.
#[tokio::test]
async fn an_administrator_mends_what_was_given_up_on_every_screen_and_without_a_script() {
    let mut portal = SandboxConfig::default().without_limits();
    portal.language = "en".to_owned();
    let Some(stage) = Stage::at(portal, CHANNELS).await else { return };
    let visitor = stage.visitor(Look::PHONE).await;
    introduces(&visitor, "Maria Silva", "Hello! Is my print 3127 ready?").await;
    is(&visitor, "Hello! Is my print 3127 ready?", "delivered").await;
    let refusal = Fault::error(400, "ERROR_ARGUMENT", "Argument 'MESSAGES' is null or empty");
    stage.world.sandbox.faults().add(refusal.on("imconnector.send.messages"));
    for text in
        ["Are you there?", "It is for a birthday, so it should be here on Friday.", "https://shop.example/orders/3127"]
    {
        says(&visitor, text).await;
        is(&visitor, text, "failed").await;
    }
    stage.world.sandbox.faults().clear();
    for (look, name) in [(Look::DESKTOP, "desktop"), (NARROW.dark(), "narrow")] {
        let page = frame(&stage, look).await;
        page.find("h1.bad").await;
        page.eval("document.querySelectorAll('details').forEach((one) => (one.open = true))").await;
        fits(&page, name).await;
        page.is_accessible(name).await;
        picture(&page, name).await;
    }
    let page = frame(&stage, Look::DESKTOP.without_script()).await;
    page.click("ul.cards summary").await;
    page.click("ul.cards details button").await;
    page.until("document.querySelector('.note').textContent === 'It is forgotten.'").await;
    page.click("ul.cards form button").await;
    page.until("document.querySelector('.note').textContent === 'It is on its way again.'").await;
    is(&visitor, "It is for a birthday, so it should be here on Friday.", "delivered").await;
    drop(page);
    let page = frame(&stage, NARROW).await;
    page.click("details:has(input[name=why]) summary").await;
    page.write("input[name=why]", "The bot moves to another server").await;
    page.click("details:has(input[name=why]) button").await;
    page.until("document.querySelector('.held')?.textContent.includes('The bot moves')").await;
    page.is_accessible("a paused channel").await;
    picture(&page, "paused").await;
    // The same from right to left.
    page.eval("for (const one of document.forms) one.action = one.action.replace('LANG=en', 'LANG=ar')").await;
    page.click("form button").await;
    page.until("document.dir === 'rtl'").await;
    fits(&page, "from right to left").await;
    page.is_accessible("from right to left").await;
    picture(&page, "rtl").await;
}

//! The page that an administrator sees in the portal's frame when they press "Connect" on a channel's tile.

use crate::stage::{Stage, network, was_quiet_but};
use openline_sandbox::SandboxConfig;
use openline_tests::World;
use openline_tests::browser::{Driver, Look, Page};
use serde_json::json;

const CHANNELS: &str = "check_seconds = 1\n[channels.site]\nkind = \"website\"\nconnector.name = \"Harbour Prints, orders and questions\"\n";

/// Smaller than any telephone: what a telephone shows of a page at 200 %.
const ZOOMED: Look = Look { size: (240, 480), script: true, dark: false };

/// A portal in that language with two lines, of which one is switched off, and a channel that is connected to both.
async fn stage(language: &str) -> Option<Stage> {
    let mut portal = SandboxConfig::default().without_limits();
    portal.language = language.to_owned();
    let stage = Stage::at(portal, CHANNELS).await?;
    let hours = json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_FROM": "9", "WORKTIME_TO": "18.30", "WORKTIME_DAYOFF": ["SA", "SU"] });
    stage.world.sandbox.configure_line(1, &hours);
    stage
        .world
        .sandbox
        .open_settings_page("openline_site", 2, &openline_sandbox::PageOptions::default())
        .await
        .unwrap();
    stage.world.sandbox.deactivate_line(2);
    stage.world.until_problem("is switched off in the portal", true).await;
    Some(stage)
}

/// The portal's page, and the frame in it.
async fn frame(stage: &Stage, look: Look, line: i64) -> Page {
    let address =
        format!("{}/contact_center/connector/?ID=openline_site&LINE={line}", stage.world.sandbox.portal_url());
    let page = stage.open(look, &address).await;
    if !look.script {
        page.click("form[data-autosubmit] button").await;
    }
    page.find("iframe").await.enter_frame().await.unwrap();
    page.find("h1.good").await;
    page
}

/// The stand-in portal has no icon, and the frame may not write to the clipboard by itself: it copies the old way then.
fn expected(entry: &serde_json::Value) -> bool {
    let said = entry["message"].as_str().unwrap_or_default();
    network(entry) || said.contains("settings.js") && said.contains("Clipboard")
}

/// Nothing has to be moved sideways to be read.
pub async fn fits(page: &Page, what: &str) {
    let [wide, seen] = ["scrollWidth", "clientWidth"].map(|key| format!("document.documentElement.{key}"));
    let fits = page.eval(&format!("return [{wide} <= {seen}, {wide}, {seen}]")).await;
    assert_eq!(fits[0], true, "{what}: {fits}");
}

/// For people to look at, where `OPENLINE_SHOTS` names a folder.
async fn picture(page: &Page, name: &str) {
    framed(page, &format!("settings-{name}"), 1250).await;
}

/// The same of any page in the portal's frame, which is made so high first.
pub async fn framed(page: &Page, name: &str, height: u32) {
    let Some(folder) = crate::pictures::folder() else { return };
    page.client().enter_parent_frame().await.unwrap();
    page.eval(&format!("document.querySelector('iframe').style.height = '{height}px'")).await;
    let clip = json!({ "captureBeyondViewport": true, "format": "png" });
    let shot = page.devtools("Page.captureScreenshot", clip).await;
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, shot["data"].as_str().unwrap());
    std::fs::write(folder.join(format!("{name}.png")), bytes.unwrap()).unwrap();
    page.find("iframe").await.enter_frame().await.unwrap();
}

#[tokio::test]
async fn an_administrator_sees_how_a_channel_stands() {
    let Some(stage) = stage("en").await else { return };
    let page = frame(&stage, Look::DESKTOP.dark(), 1).await;
    // The portal's frames are white, whatever the system prefers.
    let white = page.eval("return getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(white, "rgb(255, 255, 255)");
    let lines =
        page.eval("return [...document.querySelectorAll('.lines li')].map((one) => one.innerText.trim())").await;
    assert_eq!(lines, json!(["Support switched on", "Sales switched off"]));
    let said = page.text("main").await;
    for part in [
        "New conversations come here.",
        "is switched off in the portal",
        "09:00–18:30",
        "without Sat, Sun",
        "What next",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let code = page.eval("const { width, height } = document.querySelector('.qr').getBoundingClientRect(); return Math.min(width, height)").await;
    assert!(code.as_f64().unwrap() >= 100.0, "{code}");
    fits(&page, "a computer").await;
    page.is_accessible("a channel's settings").await;
    picture(&page, "desktop").await;
    page.click("[data-copy]").await;
    page.until("document.querySelector('[data-copy]').textContent === 'Copied'").await;
    let chat = page.eval("return document.querySelector('a.button').href").await;
    assert_eq!(chat, stage.chat());
    was_quiet_but(&page, expected).await;
    // The other line can have the new conversations by a button.
    let other = frame(&stage, Look::DESKTOP, 2).await;
    assert!(other.text("main").await.contains("New conversations go to “Support”."));
    other.click("form button").await;
    other.until("document.body.innerText.includes('New conversations go to “Sales” from now on.')").await;
    was_quiet_but(&other, expected).await;
}

#[tokio::test]
async fn a_channels_settings_can_be_read_on_every_screen() {
    let Some(stage) = stage("de").await else { return };
    for (look, name) in [(Look::PHONE, "phone"), (ZOOMED, "zoomed")] {
        let page = frame(&stage, look, 1).await;
        fits(&page, name).await;
        picture(&page, name).await;
    }
    let page = frame(&stage, Look::DESKTOP, 1).await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    page.devtools("Emulation.setEmulatedMedia", forced).await;
    page.until("matchMedia('(forced-colors: active)').matches").await;
    // What is switched on is told from what is off by more than by words; so is what a button is.
    let seen = "const ground = getComputedStyle(document.body).backgroundColor;
        const edge = (one) => { const { borderTopWidth, borderTopColor } = getComputedStyle(document.querySelector(one)); return parseFloat(borderTopWidth) > 0 && borderTopColor !== ground };
        return ['.dot.on', '.dot.off', 'a.button', '[data-copy]', '.problem'].filter((one) => !edge(one))";
    assert_eq!(page.eval(seen).await, json!([]));
    picture(&page, "forced").await;
}

#[tokio::test]
async fn a_channels_settings_are_read_from_the_right_where_that_is_the_way() {
    let Some(stage) = stage("ar").await else { return };
    for (look, name) in [(Look::DESKTOP, "rtl"), (Look::PHONE, "rtl-phone")] {
        let page = frame(&stage, look, 1).await;
        let ways = page.eval("const way = (one) => getComputedStyle(document.querySelector(one)).direction; return [way('main'), way('pre')]").await;
        assert_eq!(ways, json!(["rtl", "ltr"]));
        fits(&page, name).await;
        picture(&page, name).await;
    }
}

#[tokio::test]
async fn a_channels_settings_need_no_script() {
    let Some(stage) = stage("en").await else { return };
    let page = frame(&stage, Look::DESKTOP.without_script(), 2).await;
    assert_eq!(page.eval("return document.querySelector('[data-copy]').hidden").await, true);
    assert!(page.text("pre").await.contains("widget.js"));
    page.click("form button").await;
    page.until("document.body.innerText.includes('New conversations go to “Sales” from now on.')").await;
    picture(&page, "scriptless").await;
}

/// Stands for the vendor's script; nothing here can reach that.
const VENDOR: &str = "window.BX24 = { init: (ready) => ready(), installFinish: () => { window.finishes = true } }";

/// The installation's page in the portal's frame, in a browser that has the vendor's script or not.
async fn installing(vendor: bool) -> Option<(World, Driver, Page)> {
    let driver = Driver::start()?;
    let mut world = World::bare(SandboxConfig::default().without_limits(), openline_tests::CHANNELS).await;
    world.start_service().await;
    let page = driver.open(Look::PHONE, "about:blank").await;
    if vendor {
        page.devtools("Page.enable", json!({})).await;
        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": VENDOR })).await;
    }
    page.goto(&format!("{}/contact_center/", world.sandbox.portal_url())).await;
    page.write("input[name=url]", &world.url("/bitrix/install")).await;
    page.click("input[value=ui]").await;
    page.click("form.stack button").await;
    page.find("iframe").await.enter_frame().await.unwrap();
    page.find("#finishing").await;
    Some((world, driver, page))
}

#[tokio::test]
async fn the_installations_page_says_that_the_vendors_script_did_not_load() {
    let Some((world, _driver, page)) = installing(false).await else { return };
    page.until("!document.getElementById('no-script').hidden && document.getElementById('finishing').hidden").await;
    assert!(page.text("#no-script").await.contains("api.bitrix24.com"));
    page.until("!document.querySelector('h1.good')").await;
    fits(&page, "the installation").await;
    picture(&page, "no-script").await;
    drop(world);
}

#[tokio::test]
async fn the_installations_page_confirms_that_it_is_finished() {
    let Some((world, _driver, page)) = installing(true).await else { return };
    page.until("window.finishes").await;
    assert_eq!(
        page.eval("return document.getElementById('finished').hidden").await,
        true,
        "the portal has not said so"
    );
    assert!(world.sandbox.finish_install());
    page.until("!document.getElementById('finished').hidden && document.querySelector('h1.good')").await;
    picture(&page, "finished").await;
}

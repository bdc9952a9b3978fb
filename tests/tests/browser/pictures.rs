//! Pictures of both pages for people to look at, written to the folder that `OPENLINE_SHOTS` names.

use crate::answers::answers_richly;
use crate::host::Host;
use crate::stage::{Stage, answers, drawing, introduces, is, opens, says, shows, shows_pictures};
use crate::widget::{badge, closed, enters, leaves, presses};
use openline_sandbox::Fault;
use openline_tests::browser::{Look, Page};
use std::path::PathBuf;

const CHANNELS: &str = "[channels.site]\nkind = \"website\"\n[channels.site.settings]\ntitle = \"Harbour Prints\"\n\
                        subtitle = \"We usually answer within minutes\"\n";

/// The folder, when pictures are wanted.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("OPENLINE_SHOTS").map(PathBuf::from)?;
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

/// A conversation of some length, shown on both sides to its end.
async fn talk(stage: &Stage, visitor: &Page, desk: &Page) {
    introduces(visitor, "Maria Silva", "Hello! Is my print 3127 ready?").await;
    is(visitor, "Hello! Is my print 3127 ready?", "delivered").await;
    opens(desk).await;
    desk.until("document.querySelector('[data-testid=client-name]').textContent === 'Maria Silva'").await;
    answers_richly(stage, desk).await;
    shows_pictures(visitor, 1).await;
    says(visitor, "Oh, it is lovely. Thank you!").await;
    shows(desk, "client", "Oh, it is lovely. Thank you!").await;
    answers(desk, "You are welcome. We are open until [i]six[/i].").await;
    is(visitor, "Oh, it is lovely. Thank you!", "delivered").await;
    shows(visitor, "operator", "You are welcome. We are open until six.").await;
    desk.count("[data-from=operator][data-sending=false]", 2).await;
    shows_pictures(desk, 1).await;
}

#[tokio::test]
async fn both_pages_on_all_screens() {
    let Some(folder) = folder() else { return };
    for look in [Look::PHONE, Look::DESKTOP, Look::PHONE.dark(), Look::DESKTOP.dark()] {
        let Some(stage) = Stage::with(CHANNELS).await else { return };
        let size = if look.size == Look::PHONE.size { "phone" } else { "desktop" };
        let name = |what: &str| folder.join(format!("{what}-{size}-{}.png", if look.dark { "dark" } else { "light" }));
        let (visitor, desk) = (stage.visitor(look).await, stage.desk(look).await);
        let scriptless = stage.visitor(look.without_script()).await;
        visitor.picture(&name("visitor-empty")).await;
        desk.find("[data-testid=empty] li").await;
        desk.picture(&name("desk-empty")).await;

        introduces(&scriptless, "Omar Haddad", "Do you ship to Norway?").await;
        let chat = stage.world.portal_chat("Do you ship to Norway?").await;
        desk.count("[data-testid=dialog-item]", 1).await;
        desk.picture(&name("desk-list")).await;
        talk(&stage, &visitor, &desk).await;
        visitor.picture(&name("visitor")).await;
        desk.picture(&name("desk")).await;

        scriptless.reload().await;
        stage.world.sandbox.operator_writes(chat, "Yes, [b]all[/b] of it.").unwrap();
        scriptless.client().enter_frame(0).await.unwrap();
        shows(&scriptless, "operator", "Yes, all of it.").await;
        scriptless.client().enter_parent_frame().await.unwrap();
        scriptless.picture(&name("visitor-scriptless")).await;

        stage.world.sandbox.faults().add(Fault::error(400, "ERROR_ARGUMENT", "no"));
        says(&visitor, "One more thing…").await;
        is(&visitor, "One more thing…", "failed").await;
        visitor.picture(&name("visitor-failed")).await;
    }
}

/// The chat on another site's page: closed, with news, open.
#[tokio::test]
async fn the_widget_on_all_screens() {
    let Some(folder) = folder() else { return };
    let theme = "theme.accent = '#7c3aed'\ntheme.launcher = 'Questions?'\ntitle = 'Harbour Prints'\nsubtitle = 'We usually answer within minutes'";
    for (look, settings, rtl) in [
        (Look::DESKTOP, theme, ""),
        (Look::DESKTOP.dark(), "title = 'Harbour Prints'", ""),
        (Look::PHONE, "", ""),
        (Look::PHONE.dark(), "theme.accent = '#ffd54f'", "rtl"),
    ] {
        let Some((host, stage)) = Host::with_chat(settings).await else { return };
        let size = if look.size == Look::PHONE.size { "phone" } else { "desktop" };
        let name =
            |what: &str| folder.join(format!("widget-{what}-{size}-{}.png", if look.dark { "dark" } else { "light" }));
        let (page, desk) = (host.open(&stage, look, rtl).await, stage.desk(look).await);
        closed(&page).await;
        page.picture(&name("closed")).await;
        presses(&page).await;
        enters(&page).await;
        page.until("document.documentElement.classList.contains('js')").await;
        leaves(&page).await;
        page.picture(&name("empty")).await;
        enters(&page).await;
        introduces(&page, "Maria Silva", "Hello! Is my print 3127 ready?").await;
        is(&page, "Hello! Is my print 3127 ready?", "delivered").await;
        opens(&desk).await;
        answers(&desk, "It is. You can fetch it [b]today until six[/b], or we send it tomorrow.").await;
        shows(&page, "operator", "It is. You can fetch it today until six, or we send it tomorrow.").await;
        leaves(&page).await;
        page.picture(&name("open")).await;
        page.eval("Openline.close()").await;
        answers(&desk, "Anything else?").await;
        badge(&page, "1").await;
        page.picture(&name("unread")).await;
    }
}

/// The two halves of the picture in the README.
#[tokio::test]
async fn both_pages_side_by_side() {
    let Some(folder) = folder() else { return };
    let Some(stage) = Stage::with(CHANNELS).await else { return };
    let look = |width| Look { size: (width, 860), ..Look::DESKTOP };
    let (visitor, desk) = (stage.visitor(look(440)).await, stage.desk(look(1040)).await);
    let other = stage.visitor(look(440)).await;
    introduces(&other, "Omar Haddad", "Do you ship to Norway?").await;
    stage.world.portal_chat("Do you ship to Norway?").await;
    talk(&stage, &visitor, &desk).await;
    visitor.picture(&folder.join("demo-visitor.png")).await;
    desk.picture(&folder.join("demo-desk.png")).await;
}

/// What the script adds: files, emoji, quotes, the place to drop files.
#[tokio::test]
async fn the_composer_on_all_screens() {
    let Some(folder) = folder() else { return };
    for look in [Look::PHONE, Look::DESKTOP, Look::PHONE.dark(), Look::DESKTOP.dark()] {
        let Some(stage) = Stage::with(CHANNELS).await else { return };
        let size = if look.size == Look::PHONE.size { "phone" } else { "desktop" };
        let name = |what: &str| folder.join(format!("{what}-{size}-{}.png", if look.dark { "dark" } else { "light" }));
        let visitor = stage.visitor(look).await;
        introduces(&visitor, "Maria Silva", "Hello! Is my print 3127 ready?").await;
        let chat = stage.world.portal_chat("Hello! Is my print 3127 ready?").await;
        stage.world.sandbox.operator_writes(chat, "Nearly.\nMatte or glossy, and which size?").unwrap();
        stage.world.sandbox.operator_writes(chat, "The frame is free this week.").unwrap();
        shows(&visitor, "operator", "The frame is free this week.").await;
        visitor.eval("document.querySelectorAll('.msg').forEach((one) => one.classList.add('held'))").await;
        visitor.picture(&name("quote-offered")).await;
        visitor.eval("document.querySelectorAll('.operator [data-testid=quote]')[1].click()").await;
        visitor.write("[data-testid=text-input]", "Glossy, please.").await;
        let picture = stage.file("wall in the hall.png", &drawing(&visitor).await);
        let measures = stage.file("measures of the hall, second try.pdf", &vec![7; 70_000]);
        for file in [picture, measures] {
            visitor.find("[data-testid=file-input]").await.send_keys(&file.display().to_string()).await.unwrap();
        }
        visitor.count("[data-testid=chip]", 2).await;
        visitor.picture(&name("chips")).await;
        visitor.click("[data-testid=emoji]").await;
        visitor.picture(&name("emoji")).await;
        visitor.eval("document.querySelector('[data-testid=drop-zone]').hidden = false").await;
        visitor.picture(&name("drop")).await;
        visitor.eval("document.querySelector('[data-testid=drop-zone]').hidden = true").await;
        let stuck =
            "XMLHttpRequest.prototype.send = function () { this.upload.onprogress({ loaded: 42, total: 100 }); }";
        visitor.eval(stuck).await;
        visitor.eval("document.querySelector('[data-testid=send]').click()").await;
        visitor.until("document.querySelector('progress')?.value > 0").await;
        visitor.picture(&name("uploading")).await;
    }
}

//! Installation, registration, lines.

use openline_sandbox::{Fault, PageOptions, SandboxConfig, View};
use openline_tests::World;

const CHANNELS: &str = "[channels.site]\nkind = \"website\"\n";

async fn running() -> World {
    let mut world = World::bare(SandboxConfig::default().without_limits(), CHANNELS).await;
    world.start_service().await;
    world
}

#[tokio::test]
async fn flow_b_installs_with_newer_and_older_portals() {
    for older in [false, true] {
        let world = running().await;
        let page = world.sandbox.install_with_ui(&world.url("/bitrix/install"), older).await.unwrap();
        assert_eq!(page.status, 200);
        assert!(page.body.contains("openline is installed"), "{}", page.body);
        assert!(page.header("x-frame-options").is_none());
        assert!(world.sandbox.finish_install());
        world.connect("openline_site", 1).await;
        let visitor = world.visitor().await;
        visitor.send("hello").await;
        let chat = world.portal_chat("hello").await;
        world.sandbox.operator_writes(chat, "answer").unwrap();
        visitor.until(|items| items.iter().any(|item| item["text"] == "answer")).await;
    }
}

#[tokio::test]
async fn handlers_are_reconciled_over_restarts_and_stale_ones_unbound() {
    let mut world = World::start().await;
    let binds = |world: &World| world.sandbox.view(|portal| portal.calls_of("event.bind").count());
    let before = binds(&world);
    world.stop_service().await;
    world.start_service().await;
    let looked = |portal: View<'_>| {
        portal.calls_of("event.get").count() >= 2 && portal.calls_of("imconnector.status").count() >= 1
    };
    world.sandbox.wait_until(looked).await.unwrap();
    assert_eq!(binds(&world), before, "nothing is bound twice");
}

#[tokio::test]
async fn forged_settings_pages_connect_nothing() {
    let world = running().await;
    world.install().await;
    let forgeries = [
        PageOptions { forged_auth: true, ..PageOptions::default() },
        PageOptions { forged_application_token: true, ..PageOptions::default() },
        PageOptions { forged_auth: true, older_fields: true, ..PageOptions::default() },
    ];
    for options in forgeries {
        let page = world.sandbox.open_settings_page("openline_site", 1, &options).await.unwrap();
        assert!(page.body.contains("could not be connected"), "{options:?}: {}", page.body);
    }
    assert_eq!(world.sandbox.view(|portal| portal.calls_of("imconnector.activate").count()), 0);
    let older = PageOptions { older_fields: true, older_options: true, ..PageOptions::default() };
    let page = world.sandbox.open_settings_page("openline_site", 1, &older).await.unwrap();
    assert!(page.body.contains("Successfully connected"), "{}", page.body);
}

#[tokio::test]
async fn messages_wait_for_a_line_and_go_out_when_it_is_connected() {
    let world = running().await;
    world.install().await;
    let visitor = world.visitor().await;
    visitor.send("too early").await;
    world.connect("openline_site", 2).await;
    let chat = world.portal_chat("too early").await;
    assert_eq!(world.sandbox.view(|portal| portal.dialog(chat).unwrap().line), 2);
}

#[tokio::test]
async fn a_disconnected_line_keeps_its_messages_for_the_next_one() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("one").await;
    world.portal_chat("one").await;
    world.sandbox.disconnect("openline_site", 1);
    visitor.send("two").await;
    world.connect("openline_site", 2).await;
    let chat = world.portal_chat("two").await;
    assert_eq!(world.sandbox.view(|portal| portal.dialog(chat).unwrap().line), 2);
}

#[tokio::test]
async fn sixty_four_calls_with_an_expired_token_renew_it_once() {
    let world = World::start().await;
    let visitors = futures_util::future::join_all((0..64).map(|_| world.visitor())).await;
    let renewals = |world: &World| world.sandbox.view(|portal| portal.calls_of("oauth/token").count());
    let before = renewals(&world);
    world.sandbox.expire_access_tokens();
    futures_util::future::join_all(visitors.iter().map(|visitor| visitor.send("hello"))).await;
    let all = |portal: View<'_>| portal.all_messages().filter(|m| m.author.side() == "client").count() >= 64;
    world.sandbox.wait_until(all).await.unwrap();
    assert_eq!(renewals(&world) - before, 1);
}

#[tokio::test]
async fn a_renamed_portal_is_followed_and_remembered() {
    let mut world = World::start().await;
    world.sandbox.rename_portal().await.unwrap();
    let visitor = world.visitor().await;
    visitor.send("after the move").await;
    let chat = world.portal_chat("after the move").await;
    world.sandbox.operator_writes(chat, "welcome").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "welcome")).await;
    world.stop_service().await;
    world.start_service().await;
    visitor.send("and after a restart").await;
    world.portal_chat("and after a restart").await;
}

#[tokio::test]
async fn removal_stops_work_and_a_new_installation_takes_it_up() {
    let world = World::start().await;
    world.sandbox.uninstall(false);
    let told = |portal: View<'_>| portal.events_of("ONAPPUNINSTALL").any(|post| post.status == Some(200));
    world.sandbox.wait_until(told).await.unwrap();
    openline_tests::eventually("it is believed", async || is_removed(&world).then_some(())).await;
    let visitor = world.visitor().await;
    visitor.send("is anybody there?").await;
    world.sandbox.clear_record();
    world.install().await;
    world.connect("openline_site", 1).await;
    world.portal_chat("is anybody there?").await;
}

#[tokio::test]
async fn a_busy_portal_delays_and_loses_nothing() {
    let world = World::start().await;
    world.sandbox.faults().add(Fault::status(503).on("imconnector.send.messages").times(2));
    let visitor = world.visitor().await;
    for n in 0..5 {
        visitor.send(&format!("m{n}")).await;
    }
    let chat = world.portal_chat("m4").await;
    assert_eq!(world.sandbox.view(|portal| portal.texts(chat, "client")), ["m0", "m1", "m2", "m3", "m4"]);
}

#[tokio::test]
async fn credentials_are_not_readable_in_the_database() {
    let world = World::start().await;
    let tokens = world.sandbox.application_token();
    let files = std::fs::read_dir(world.folder()).unwrap().flatten();
    let is_one = |path: &std::path::Path| path.is_file() && path.to_string_lossy().contains("openline.db");
    for file in files.filter(|file| is_one(&file.path())) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(tokens.len()).any(|window| window == tokens.as_bytes()), "{:?}", file.path());
    }
}

fn is_removed(world: &World) -> bool {
    world.service.as_ref().unwrap().portal().member_id.is_none()
}

/// Every employee can forge it, and a true one may come late: it counts only when the tokens don't work any more.
#[tokio::test]
async fn a_removal_that_is_not_true_changes_nothing() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("before").await;
    world.portal_chat("before").await;
    let form = [
        ("event", "ONAPPUNINSTALL".to_owned()),
        ("data[CLEAN]", "1".to_owned()),
        ("auth[member_id]", world.sandbox.member_id()),
        ("auth[application_token]", world.sandbox.application_token()),
    ];
    let asked = |portal: View<'_>| portal.calls_of("app.info").filter(|call| call.server == "auth").count();
    let before = world.sandbox.view(asked);
    let answer = reqwest::Client::new().post(world.url("/bitrix/events")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    world.sandbox.wait_until(|portal| asked(portal) > before).await.unwrap();
    visitor.send("after").await;
    world.portal_chat("after").await;
    assert!(!is_removed(&world));
    assert!(visitor.get("/messages").await["items"].as_array().unwrap().len() >= 2);
}

#[tokio::test]
async fn whoever_removes_it_with_its_data_has_them_erased() {
    let world = World::start().await;
    let (delivered, waiting) = (world.visitor().await, world.visitor().await);
    delivered.send("delivered").await;
    world.portal_chat("delivered").await;
    world.sandbox.faults().add(Fault::status(503).on("imconnector.send.messages").times(1000));
    waiting.send("waiting").await;
    world.sandbox.uninstall(true);
    for visitor in [&delivered, &waiting] {
        let gone = async || {
            let items = visitor.get("/messages").await["items"].as_array().unwrap().len();
            (items == 0).then_some(())
        };
        openline_tests::eventually("its conversation is erased", gone).await;
    }
    assert!(is_removed(&world));
}

/// Forged claims from the same address as the true one, which is the worst case.
#[tokio::test]
async fn forged_installations_do_not_crowd_out_the_true_one() {
    let world = running().await;
    let http = reqwest::Client::new();
    let forged = |n: usize| {
        let form = [
            ("event", "ONAPPINSTALL".to_owned()),
            ("auth[access_token]", format!("made up {n}")),
            ("auth[refresh_token]", "made up".to_owned()),
            ("auth[member_id]", format!("{n:032x}")),
            ("auth[client_endpoint]", "https://evil.example/rest/".to_owned()),
        ];
        http.post(world.url("/bitrix/install")).form(&form).send()
    };
    let answers = futures_util::future::join_all((0..40).map(forged)).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    assert!(answers.iter().all(|status| matches!(status, 202 | 403)), "{answers:?}");
    assert!(answers.contains(&202), "the bucket is full");
    tokio::time::timeout(std::time::Duration::from_secs(10), world.install()).await.expect("installed within seconds");
    // From now on claims for another portal take no place and ask nobody.
    let asked = |portal: View<'_>| portal.calls_of("app.info").count();
    let before = world.sandbox.view(asked);
    assert_eq!(forged(41).await.unwrap().status(), 403);
    assert_eq!(world.sandbox.view(asked), before);
}

/// What the portal can't be asked about is kept over a restart.
#[tokio::test]
async fn an_undecided_claim_is_kept_over_a_restart() {
    let mut world = running().await;
    world.sandbox.faults().add(Fault::status(503).on("app.info").times(3));
    world.sandbox.install_script_only(&world.url("/bitrix/install"));
    let asked = |portal: View<'_>| portal.calls_of("app.info").count();
    world.sandbox.wait_until(|portal| asked(portal) >= 2).await.unwrap();
    world.stop_service().await;
    world.start_service().await;
    let bound = |portal: View<'_>| portal.calls_of("event.bind").count() >= 10;
    world.sandbox.wait_until(bound).await.unwrap();
}

#[tokio::test]
async fn an_authorization_counts_once_and_for_the_browser_that_began_it() {
    let world = World::start().await;
    world.sandbox.set_handler_url(&world.url("/bitrix/app"));
    let browser = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let location = |answer: &reqwest::Response| answer.headers()["location"].to_str().unwrap().to_owned();
    let begun = browser().get(world.url("/bitrix/authorize")).send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = browser().get(world.url("/bitrix/authorize")).send().await.unwrap();
    assert_ne!(location(&begun), location(&again), "no two are the same");
    let portal = browser().get(location(&begun)).send().await.unwrap();
    let back = location(&portal);
    let open = async |cookie: Option<&str>| {
        let mut request = browser().get(&back);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        request.send().await.unwrap().text().await.unwrap()
    };
    assert!(open(None).await.contains("could not be authorised"), "another browser");
    assert!(open(Some(&cookie)).await.contains("is authorised"));
    assert!(open(Some(&cookie)).await.contains("could not be authorised"), "used up");
}

//! `openline doctor` finds what is planted, each with its remedy, beside the running service; and mends what it can.

use crate::telegram::{Mode, TOKEN, channel};
use futures_util::future::join_all;
use openline::commands::doctor::{self, Options, Report};
use openline_core::Standing;
use openline_sandbox::telegram::{TelegramConfig, TelegramServer};
use openline_sandbox::{Fault, FaultKind, SandboxConfig};
use openline_tests::{CHANNELS, World};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What is planted, the check that finds it, words of what is found, words of the remedy.
const PLANTED: [(&str, &str, &str, &str); 20] = [
    ("the portal is away", "portal", "can't connect", "DNS, network and firewall"),
    ("another key", "code and key", "does not accept", "Copy portal.client_id and portal.client_secret"),
    ("the address is another program's", "public address", "not as openline does", "where the proxy leads"),
    ("nobody speaks https", "certificate", "no https is spoken there", "whole chain"),
    ("no folder for files", "files", "files.folder", "must be a folder"),
    ("the disk is full", "disk", "MB of room are left", "Delete what is not needed"),
    ("a secret is readable", "secrets", "everybody on this machine can read it", "chmod o-rwx"),
    ("too few descriptors", "open files", "limits.connections", "LimitNOFILE"),
    ("the portal shows an old name", "channels' data", "another name or address", "--fix"),
    ("the service is stopped", "service", "no good answer", "systemctl start openline"),
    ("the database is damaged", "store", "is damaged", "docs/troubleshooting.md"),
    ("not installed", "installation", "not installed in the portal", "from the portal's menu"),
    ("the installer was dismissed", "installer", "does not let openline in", "/bitrix/authorize"),
    ("a permission is missing", "application", "lacks permissions: im.", "Tick imopenlines"),
    ("the installation is not finished", "application", "not finished", "Open the application"),
    ("another host took the events", "events", "https://other.example/", "stop the other openline"),
    ("the portal's events are lost", "way back", "did not come to", "DNS, firewall, proxy"),
    ("the clocks differ", "clock", "ahead of ours", "NTP"),
    ("the line is off", "lines", "switched off", "Switch the line on"),
    ("no line is connected", "line of openline_site", "connected to no open line", "press Connect"),
];

/// A world's configuration in a file that nobody else can read, with something written wrongly.
fn written(world: &World, name: &str, mistake: (&str, &str)) -> PathBuf {
    let file = world.folder().join(format!("{}.toml", name.replace([' ', '\''], "-")));
    std::fs::write(&file, world.config_text().replacen(mistake.0, mistake.1, 1)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file
}

async fn look(file: PathBuf, fix: bool, patience: u64) -> Report {
    let options = Options { fix, patience, ..Options::usual(file) };
    doctor::run(&options).await.unwrap_or_else(|errors| panic!("{errors}"))
}

/// A world that one of the faults is of.
async fn afflicted(fault: &str) -> World {
    let mut portal = SandboxConfig::default().without_limits();
    if fault == "a permission is missing" {
        portal.scope = vec!["imopenlines".to_owned(), "imconnector".to_owned()];
    }
    let mut world = World::bare(portal, CHANNELS).await;
    world.start_service().await;
    match fault {
        "not installed" => return world,
        "the installation is not finished" => {
            world.sandbox.install_with_ui(&world.url("/bitrix/install"), false).await.unwrap();
        }
        _ => world.install().await,
    }
    if !["no line is connected", "the installation is not finished", "a permission is missing"].contains(&fault) {
        world.connect("openline_site", 1).await;
    }
    match fault {
        "the service is stopped" => world.stop_service().await,
        "the database is damaged" => {
            world.stop_service().await;
            let (file, mut bytes) = (world.folder().join("openline.db"), Vec::new());
            bytes.extend(std::fs::read(&file).unwrap());
            bytes[4096 * 2..4096 * 3].fill(0xff);
            std::fs::write(&file, bytes).unwrap();
        }
        "the installer was dismissed" => world.sandbox.dismiss(1),
        "another host took the events" => rebind(&world, &world.url("/bitrix/events"), "https://other.example/x").await,
        "the portal's events are lost" => world.sandbox.faults().add(Fault::new(FaultKind::DropEvent).on("ONAPPTEST")),
        "the clocks differ" => world.sandbox.advance(std::time::Duration::from_secs(600)),
        "the line is off" => assert!(world.sandbox.deactivate_line(1)),
        _ => {}
    }
    world
}

/// Another program of the same application takes the replies.
pub async fn rebind(world: &World, from: &str, to: &str) {
    for (method, handler) in [("event.unbind", from), ("event.bind", to)] {
        let auth = world.sandbox.admin_tokens().unwrap().access_token;
        let form = [("auth", auth.as_str()), ("event", "OnImConnectorMessageAdd"), ("handler", handler)];
        let url = format!("{}/rest/{method}", world.sandbox.portal_url());
        assert!(reqwest::Client::new().post(url).form(&form).send().await.unwrap().status().is_success());
    }
}

/// What a look finds when this is wrong: in the configuration of a running world, or in a world of its own.
async fn found(fault: &str, world: &World) -> Report {
    let portal = world.sandbox.portal_url();
    let folder = world.folder().display().to_string();
    let of_public = |to: &str| (format!("public_url = \"{}\"", world.url("")), format!("public_url = \"{to}\""));
    let mistake = match fault {
        "the portal is away" => (format!("url = \"{portal}\""), "url = \"http://127.0.0.1:9\"".to_owned()),
        "another key" => (world.sandbox.client_secret(), "pXw2fK9sQz7vLm4".to_owned()),
        "the address is another program's" => of_public(&portal),
        "nobody speaks https" => of_public(&world.url("").replace("http:", "https:")),
        "no folder for files" => ("[files]".to_owned(), format!("[files]\nfolder = \"{folder}/openline.db\"")),
        "the disk is full" => ("[files]".to_owned(), "[files]\nmin_free_megabytes = 99999999".to_owned()),
        "too few descriptors" => ("[limits]".to_owned(), "[limits]\nconnections = 10000000".to_owned()),
        "the portal shows an old name" => {
            ("[channels.site]".to_owned(), "[channels.site]\nconnector.name = \"Shop\"".to_owned())
        }
        "a secret is readable" => (String::new(), String::new()),
        _ => {
            let world = afflicted(fault).await;
            let patience = if fault == "the portal's events are lost" { 1 } else { 20 };
            return look(written(&world, "openline", ("", "")), false, patience).await;
        }
    };
    let file = written(world, fault, (&mistake.0, &mistake.1));
    if fault == "a secret is readable" {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    look(file, false, 20).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_planted_is_found_with_its_remedy() {
    let world = World::start().await;
    let well = look(written(&world, "openline", ("", "")), false, 20).await;
    assert!(!well.is_bad() && well.to_string().contains("nothing is broken"), "{well}");
    for what in [
        "service",
        "public address",
        "portal",
        "code and key",
        "installer",
        "clock",
        "events",
        "way back",
        "disk",
        "messages",
    ] {
        let is_it = |check: &&openline_core::Check| check.what == what;
        assert_eq!(well.0.iter().find(is_it).map(|check| check.standing), Some(Standing::Good), "{what} in {well}");
    }
    join_all(PLANTED.iter().map(async |(fault, what, words, remedy)| {
        let report = found(fault, &world).await;
        let told = report.0.iter().find(|check| check.what == *what && check.found.contains(words));
        let told = told.unwrap_or_else(|| panic!("{fault}: no {what} with {words:?} in\n{report}"));
        assert!(told.remedy.as_ref().is_some_and(|told| told.contains(remedy)), "{fault}: {report}");
        let is_doubtful = *what == "open files";
        assert_eq!(report.is_bad(), !is_doubtful, "{fault}: {report}");
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(
            (&json["ok"], json["checks"].as_array().unwrap().len()),
            (&(!report.is_bad()).into(), report.0.len())
        );
        assert!(!report.to_string().contains(&world.sandbox.client_secret()), "{report}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_mended_is_mended() {
    let telegram = TelegramServer::start(TelegramConfig::seeded(1)).await.unwrap();
    let bot = telegram.add_bot(TOKEN, "shop_bot");
    let channels = format!("{CHANNELS}{}", channel("tg", &telegram, TOKEN, Mode::Webhook));
    // The portal switches off what is unregistered: it is switched on again where the configuration wants it.
    let channels = channels.replace("[channels.tg]\n", "[channels.tg]\nconnector.line = 1\n");
    let world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    let ours = world.url("/c/tg/webhook");
    telegram.wait_until(|view| view.webhook(&bot).url == ours).await.unwrap();
    let file = written(&world, "openline", ("[channels.site]", "[channels.site]\nconnector.name = \"Shop\""));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    rebind(&world, &world.url("/bitrix/events"), "https://other.example/x").await;
    let auth = world.sandbox.admin_tokens().unwrap().access_token;
    let form = [("auth", auth.as_str()), ("ID", "openline_tg")];
    let away = format!("{}/rest/imconnector.unregister", world.sandbox.portal_url());
    assert!(reqwest::Client::new().post(away).form(&form).send().await.unwrap().status().is_success());
    let stolen = format!("{}/bot{TOKEN}/setWebhook", telegram.base_url());
    let form = [("url", "http://127.0.0.1:9/other")];
    assert!(reqwest::Client::new().post(stolen).form(&form).send().await.unwrap().status().is_success());

    let mended = ["secrets", "events", "connector openline_tg", "channels' data", "channel tg: webhook"];
    let all_are = |report: &Report, wanted: Standing| {
        for what in mended {
            let found = report.0.iter().find(|check| check.what == what).map(|check| check.standing);
            assert_eq!(found, Some(wanted), "{what} in {report}");
        }
    };
    let before = look(file.clone(), false, 20).await;
    all_are(&before, Standing::Bad);
    let fixed = look(file.clone(), true, 20).await;
    all_are(&fixed, Standing::Mended);
    let after = look(file, false, 20).await;
    all_are(&after, Standing::Good);
    assert!(!fixed.is_bad() && !after.is_bad(), "{fixed}\n{after}");
    assert_eq!(telegram.view(|view| view.webhook(&bot).url.clone()), ours);
    assert_eq!(world.sandbox.view(|portal| portal.connector_data("openline_site", 1)["NAME"].clone()), "Shop");
}

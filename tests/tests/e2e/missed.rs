//! Replies whose event never came.

use openline_sandbox::{Fault, FaultKind, SandboxConfig, View};
use openline_tests::{CHANNELS, Database, World};

#[tokio::test]
async fn replies_written_while_we_are_down_are_all_there_after_the_start_once_and_in_order() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    world.stop_service().await;
    let mut messages = Vec::new();
    for n in 0..5 {
        messages.push(world.sandbox.operator_writes(chat, &format!("[b]reply[/b] {n}")).unwrap());
    }
    let lost = |portal: View<'_>| {
        portal.events_of("ONIMCONNECTORMESSAGEADD").filter(|post| post.status.is_none()).count() >= 5
    };
    world.sandbox.wait_until(lost).await.unwrap();
    world.start_service().await;
    let all = |items: &[openline_tests::Item]| items.iter().filter(|item| item["from"] == "operator").count() >= 5;
    visitor.until(all).await;
    let expected: Vec<_> = (0..5).map(|n| format!("reply {n}")).collect();
    assert_eq!(visitor.texts("operator").await, expected);
    let confirmed = |portal: View<'_>| messages.iter().all(|id| portal.message(*id).is_some_and(|m| !m.sending));
    world.sandbox.wait_until(confirmed).await.unwrap();
}

#[tokio::test]
async fn replies_dropped_on_the_way_are_fetched() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent));
    for n in 0..3 {
        world.sandbox.operator_writes(chat, &format!("dropped {n}")).unwrap();
    }
    let all = |items: &[openline_tests::Item]| items.iter().filter(|item| item["from"] == "operator").count() >= 3;
    visitor.until(all).await;
    assert_eq!(visitor.texts("operator").await, ["dropped 0", "dropped 1", "dropped 2"]);
}

/// Its start and its finish are told, the last reply's event never comes, and nobody writes any more.
#[tokio::test]
async fn a_reply_dropped_before_its_dialog_was_finished_is_fetched_once_and_confirmed() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    let started = |items: &[openline_tests::Item]| items.iter().any(|item| item["kind"] == "dialog_started");
    visitor.until(started).await;
    // No round may find it while the dialog is open.
    world.sandbox.faults().add(Fault::status(500).on("imopenlines.session.history.get"));
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent).on("ONIMCONNECTORMESSAGEADD"));
    let last = world.sandbox.operator_writes(chat, "goodbye").unwrap();
    assert!(world.sandbox.operator_finishes(chat));
    visitor.until(|items| items.iter().any(|item| item["kind"] == "dialog_finished")).await;
    world.sandbox.faults().clear();
    let confirmed = |portal: View<'_>| portal.message(last).is_some_and(|message| !message.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
    let replies = visitor.texts("operator").await;
    assert_eq!(replies.iter().filter(|text| *text == "goodbye").count(), 1, "{replies:?}");
}

/// After a time of being away the visitor's own message opens the next dialog before the first one was read.
#[tokio::test]
async fn a_reply_missed_in_the_dialog_before_is_fetched() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["kind"] == "dialog_started")).await;
    world.sandbox.faults().add(Fault::status(500).on("imopenlines.session.history.get"));
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent));
    let missed = world.sandbox.operator_writes(chat, "goodbye").unwrap();
    assert!(world.sandbox.operator_finishes(chat));
    visitor.send("one more thing").await;
    let delivered = |item: &openline_tests::Item| item["state"] == "delivered";
    visitor.until(|items| items.iter().filter(|item| delivered(item) && item["from"] == "visitor").count() == 2).await;
    world.sandbox.faults().clear();
    let confirmed = |portal: View<'_>| portal.message(missed).is_some_and(|message| !message.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
    let replies = visitor.texts("operator").await;
    assert_eq!(replies.iter().filter(|text| *text == "goodbye").count(), 1, "{replies:?}");
}

/// The store is away while the event comes, so that it is refused; the next look on the timer would be late.
#[tokio::test]
async fn a_reply_that_could_not_be_stored_is_fetched_when_the_store_is_back() {
    let world = World::on(Database::Postgres, SandboxConfig::default().without_limits(), CHANNELS).await;
    let visitor = world.visitor().await;
    visitor.send("anybody?").await;
    let chat = world.portal_chat("anybody?").await;
    visitor.until(|items| items.iter().any(|item| item["kind"] == "dialog_started")).await;
    world.sql("ALTER TABLE messages RENAME TO elsewhere");
    world.sandbox.operator_writes(chat, "here I am").unwrap();
    let refused = |portal: View<'_>| {
        portal.events_of("ONIMCONNECTORMESSAGEADD").any(|post| post.status.is_some_and(|status| status == 503))
    };
    world.sandbox.wait_until(refused).await.unwrap();
    world.sql("ALTER TABLE elsewhere RENAME TO messages");
    visitor.until(|items| items.iter().any(|item| item["text"] == "here I am")).await;
}

/// Rounds go on, and nothing is read again of what was seen; a restart changes nothing about that.
#[tokio::test]
async fn quiet_dialogs_cost_no_history() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let mut world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let mut visitors = Vec::new();
    for n in 0..5 {
        let visitor = world.visitor().await;
        visitor.send(&format!("visitor {n}")).await;
        visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
        visitors.push(visitor);
    }
    let chat = world.portal_chat("visitor 3").await;
    let commands = |portal: View<'_>, wanted: &str| {
        portal
            .calls()
            .flat_map(|call| [&call.method].into_iter().chain(&call.commands))
            .filter(|name| *name == wanted)
            .count()
    };
    let asked = |portal: View<'_>| commands(portal, "imopenlines.dialog.get");
    // The first round after the last message may still read it.
    let rounds = world.sandbox.view(asked) + 30;
    world.sandbox.wait_until(|portal| asked(portal) >= rounds).await.unwrap();
    for restart in [false, true] {
        if restart {
            world.stop_service().await;
        }
        world.sandbox.clear_record();
        if restart {
            world.start_service().await;
        }
        world.sandbox.wait_until(|portal| asked(portal) >= 15).await.unwrap();
        let read = world.sandbox.view(|portal| commands(portal, "imopenlines.session.history.get"));
        assert_eq!(read, 0, "histories were read, restart: {restart}");
    }
    // Only the one with something new is read.
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent));
    world.sandbox.operator_writes(chat, "dropped").unwrap();
    visitors[3].until(|items| items.iter().any(|item| item["text"] == "dropped")).await;
    assert_eq!(world.sandbox.view(|portal| commands(portal, "imopenlines.session.history.get")), 1);
}

/// The history names no signature and has the files' addresses under other names than an event.
#[tokio::test]
async fn a_reply_with_two_files_whose_event_was_lost_has_both() {
    let rest = "reconcile_seconds = 1\n[channels.site]\nkind = \"website\"\n";
    let world = World::with(SandboxConfig::default().without_limits(), rest).await;
    let visitor = world.visitor().await;
    visitor.send("two files please").await;
    let chat = world.portal_chat("two files please").await;
    visitor.until(|items| items.iter().any(|item| item["state"] == "delivered")).await;
    world.sandbox.faults().add(Fault::new(FaultKind::DropEvent));
    let files = vec![("plan.txt", "text/plain", "the plan".into()), ("prices.csv", "text/csv", "a;1".into())];
    let message = world.sandbox.operator_writes_with_files(chat, "Here are [b]both[/b]", files).unwrap();
    let came = |item: &openline_tests::Item| item["from"] == "operator";
    let items = visitor.until(|items| items.iter().any(came)).await;
    let reply = items.iter().find(|item| came(item)).unwrap();
    assert_eq!(reply["text"], "Here are both");
    let names: Vec<_> = reply["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["plan.txt", "prices.csv"]);
    for (index, content) in ["the plan", "a;1"].into_iter().enumerate() {
        assert_eq!(visitor.file(reply, index).await.text().await.unwrap(), content);
    }
    let confirmed = |portal: View<'_>| portal.message(message).is_some_and(|message| !message.sending);
    world.sandbox.wait_until(confirmed).await.unwrap();
}

/// The portal's link answers with the page where people log in, and with status 200.
#[tokio::test]
async fn a_page_in_the_place_of_a_file_is_no_file() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("a photo please").await;
    let chat = world.portal_chat("a photo please").await;
    world.sandbox.switch(|switches| switches.file_links_need_login = true);
    world.sandbox.operator_writes_with_file(chat, "", "photo.jpg", "image/jpeg", vec![0xff, 0xd8, 0xff, 0xe0]).unwrap();
    let came = |item: &openline_tests::Item| item["from"] == "operator";
    let items = visitor.until(|items| items.iter().any(came)).await;
    let reply = items.iter().find(|item| came(item)).unwrap();
    let refused = visitor.file(reply, 0).await;
    assert_eq!(refused.status().as_u16(), 404, "the page is not given out as photo.jpg");
    let told = |portal: View<'_>| {
        let of_system = portal.all_messages().filter(|message| message.author.side() == "system");
        of_system.filter(|message| message.text.contains("photo.jpg")).count()
    };
    world.sandbox.wait_until(|portal| told(portal) > 0).await.unwrap();
    visitor.file(reply, 0).await;
    assert_eq!(world.sandbox.view(told), 1, "the operators are told once");
}

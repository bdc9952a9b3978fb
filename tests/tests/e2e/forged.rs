//! Events that are not the portal's change nothing.

use openline_sandbox::{Fault, Forgery, TOKEN_ENDPOINT, View};
use openline_tests::{Process, World};
use std::time::Duration;

#[tokio::test]
async fn forged_events_change_nothing() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("hello").await;
    let chat = world.portal_chat("hello").await;
    visitor.until(|items| items.len() >= 3).await;
    let before = visitor.get("/messages").await;
    let foreign = "fedcba9876543210fedcba9876543210".to_owned();
    let forgeries = [Forgery::WrongToken, Forgery::NoToken, Forgery::UnknownMember, Forgery::ForeignToken(foreign)];
    for forgery in &forgeries {
        world.sandbox.forge_event(forgery);
    }
    let refused = |portal: openline_sandbox::View<'_>| {
        portal.events().filter(|post| post.status == Some(403)).count() >= forgeries.len()
    };
    world.sandbox.wait_until(refused).await.unwrap();
    assert_eq!(visitor.get("/messages").await, before);
    // The genuine portal still gets through.
    world.sandbox.operator_writes(chat, "real").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "real")).await;
}

/// A genuine token of an employee who is no administrator proves nothing about an installation.
#[tokio::test]
async fn an_employees_token_installs_and_updates_nothing() {
    let world = World::start().await;
    let operator = world.sandbox.grant(&world.sandbox.client_id(), 27).expect("a token of the operator");
    for event in ["ONAPPINSTALL", "ONAPPUPDATE"] {
        for member in [world.sandbox.member_id(), "f".repeat(32)] {
            let form = [
                ("event", event),
                ("auth[access_token]", operator.access_token.as_str()),
                ("auth[refresh_token]", "made up"),
                ("auth[member_id]", member.as_str()),
                ("auth[application_token]", "chosen by the forger"),
                ("auth[client_endpoint]", "https://evil.example/rest/"),
            ];
            let answer = reqwest::Client::new().post(world.url("/bitrix/events")).form(&form).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{event} for {member}");
        }
    }
    let visitor = world.visitor().await;
    visitor.send("still ours?").await;
    let chat = world.portal_chat("still ours?").await;
    world.sandbox.operator_writes(chat, "yes").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "yes")).await;
}

#[tokio::test]
async fn a_slow_authorization_server_delays_no_event() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("one").await;
    let chat = world.portal_chat("one").await;
    world.sandbox.faults().add(Fault::latency(Duration::from_secs(8)).on(TOKEN_ENDPOINT));
    world.sandbox.expire_access_tokens();
    visitor.send("two").await;
    let asked = |portal: View<'_>| portal.calls_of(TOKEN_ENDPOINT).next().is_some();
    world.sandbox.wait_until(asked).await.unwrap();
    world.sandbox.operator_writes(chat, "meanwhile").unwrap();
    let shown = visitor.until(|items| items.iter().any(|item| item["text"] == "meanwhile"));
    tokio::time::timeout(Duration::from_secs(5), shown).await.expect("before the token is renewed");
}

/// What an employee can post who knows the portal's token: a reply by somebody, with a number.
async fn forge(world: &World, chat: i64, author: Option<&str>, remote: i64, text: &str) -> u16 {
    let visitor = world.sandbox.view(|portal| {
        portal.dialogs().iter().find(|dialog| dialog.chat_id == chat).map(|dialog| dialog.external_chat_id.clone())
    });
    let mut form = vec![
        ("event", "ONIMCONNECTORMESSAGEADD".to_owned()),
        ("data[CONNECTOR]", "openline_site".to_owned()),
        ("data[LINE]", "1".to_owned()),
        ("data[MESSAGES][0][im][chat_id]", chat.to_string()),
        ("data[MESSAGES][0][im][message_id]", remote.to_string()),
        ("data[MESSAGES][0][message][text]", text.to_owned()),
        ("data[MESSAGES][0][chat][id]", visitor.unwrap_or_else(|| "nobody".to_owned())),
        ("auth[member_id]", world.sandbox.member_id()),
        ("auth[application_token]", world.sandbox.application_token()),
    ];
    form.extend(author.map(|author| ("data[MESSAGES][0][message][user_id]", author.to_owned())));
    let answer = reqwest::Client::new().post(world.url("/bitrix/events")).form(&form).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_reply_that_the_portal_does_not_have_is_never_shown() {
    let (world, process, log) = Process::logged("warn,security=info").await;
    let (visitor, other) = (world.visitor().await, world.visitor().await);
    visitor.send("hello").await;
    other.send("me too").await;
    let (chat, others) = (world.portal_chat("hello").await, world.portal_chat("me too").await);
    let hello = world.sandbox.view(|portal| {
        portal.messages(chat).iter().find(|message| message.text == "hello").map(|message| message.id).unwrap()
    });
    for (author, remote) in [(Some("27"), 999_999), (Some("0"), 999_998), (None, 999_997), (Some("27"), hello)] {
        assert_eq!(forge(&world, chat, author, remote, "send me your card's number").await, 200);
    }
    // An honest one comes through, and so does what a look could not find at first; and opens no door for other numbers.
    world.sandbox.operator_writes(chat, "honest").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "honest")).await;
    let answered = world.sandbox.operator_writes(others, "for you").unwrap();
    other.until(|items| items.iter().any(|item| item["text"] == "for you")).await;
    assert_eq!(forge(&world, chat, Some("28"), answered, "of another dialog").await, 200);
    // Nor does it help to make the looks slow: from where forged ones came nothing is believed unseen.
    for method in ["imopenlines.session.history.get", "imopenlines.dialog.get"] {
        world.sandbox.faults().add(Fault::latency(Duration::from_secs(30)).on(method));
    }
    assert_eq!(forge(&world, chat, Some("29"), 999_996, "unseen").await, 200);
    let texts = visitor.texts("operator").await;
    assert_eq!(texts, ["honest"], "nothing else");
    let automatic = visitor.texts("system").await;
    assert!(!automatic.iter().any(|text| text.contains("card")), "{automatic:?}");
    let said = std::fs::read_to_string(&log).unwrap();
    let told = said.lines().filter(|line| line.contains("a reply that the portal does not have")).count();
    assert!(told >= 4 && !said.contains("card's number"), "{said}");
    process.kill();
}

#[tokio::test]
async fn where_the_portal_does_not_let_us_look_an_honest_reply_is_shown() {
    let world = World::start().await;
    let refuse = |method: &str| Fault::error(400, "ACCESS_DENIED", "no").on(method);
    let hang = |method: &str| Fault::latency(Duration::from_secs(30)).on(method);
    for (n, fault) in
        [refuse as fn(&str) -> Fault, hang, |method| Fault::status(500).on(method)].into_iter().enumerate()
    {
        for method in ["imopenlines.session.history.get", "imopenlines.dialog.get"] {
            world.sandbox.faults().add(fault(method));
        }
        let visitor = world.visitor().await;
        let (question, answer) = (format!("question {n}"), format!("answer {n}"));
        visitor.send(&question).await;
        let chat = world.portal_chat(&question).await;
        world.sandbox.operator_writes(chat, &answer).unwrap();
        let shown = visitor.until(|items| items.iter().any(|item| item["text"] == answer.as_str()));
        tokio::time::timeout(Duration::from_secs(10), shown).await.expect("it is not lost");
        world.sandbox.faults().clear();
    }
}

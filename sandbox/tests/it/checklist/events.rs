//! E1–E12, E16, E17: events and the operators who cause them.

use openline_sandbox::{Fault, FaultKind, Forgery, Sandbox, SandboxConfig};
use serde_json::json;

use super::support::{Received, Tenant, message, quiet};

const ADD: &str = "ONIMCONNECTORMESSAGEADD";
const UPDATE: &str = "ONIMCONNECTORMESSAGEUPDATE";
const DELETE: &str = "ONIMCONNECTORMESSAGEDELETE";

fn text(received: &Received) -> &str {
    received.field("data[MESSAGES][0][message][text]").unwrap_or_default()
}

fn texts(received: &[Received]) -> Vec<&str> {
    received.iter().map(text).collect()
}

#[tokio::test]
async fn e1_event_bind_unbind_get() {
    let tenant = Tenant::start(quiet()).await;
    let bind = |event: &str, handler: &str| json!({ "event": event, "handler": handler });
    let (event, url) = ("OnImConnectorMessageAdd", "http://app.example/events");
    assert_eq!(tenant.ok("event.bind", bind(event, url)).await, true);
    let (status, body) = tenant.call("event.bind", bind(event, url)).await;
    assert_eq!((status, &body["error"]), (400, &json!("ERROR_CORE")));
    assert_eq!(body["error_description"], "Unable to set event handler: Handler already binded");
    let refusals = [
        (bind("OnNothing", url), "ERROR_EVENT_NOT_FOUND"),
        (bind(event, "http://localhost/events"), "ERROR_WRONG_HANDLER_URL"),
        (bind(event, "ftp://app.example/"), "ERROR_UNSUPPORTED_PROTOCOL"),
        (bind("", url), "ERROR_ARGUMENT"),
        (json!({ "event": event }), "ERROR_ARGUMENT"),
        (json!({ "event": event, "handler": url, "event_type": "later" }), "ERROR_ARGUMENT"),
    ];
    for (params, code) in refusals {
        assert_eq!(tenant.refused("event.bind", params).await, (400, code.to_owned()));
    }
    assert_eq!(
        tenant.ok("event.bind", json!({ "event": event, "handler": url, "auth_type": 27 })).await,
        true,
        "a second handler"
    );
    let list = tenant.ok("event.get", json!({})).await;
    assert_eq!(list[0], json!({ "event": "ONIMCONNECTORMESSAGEADD", "handler": url, "auth_type": "0", "offline": 0 }));
    assert_eq!(tenant.ok("event.unbind", bind(event, url)).await, json!({ "count": 2 }));
    assert_eq!(tenant.ok("event.unbind", bind(event, url)).await, json!({ "count": 0 }));

    let operator = tenant.sandbox.grant(&tenant.sandbox.client_id(), 27).unwrap().access_token;
    let (status, body) =
        tenant.call_as(&operator, "event.bind", json!({ "event": event, "handler": url, "auth_type": 1 })).await;
    assert_eq!((status, &body["error"]), (403, &json!("ACCESS_DENIED")));
    tenant.sandbox.switch(|switches| switches.allow_dotless_handlers = true);
    assert_eq!(tenant.ok("event.bind", bind(event, "http://localhost/events")).await, true);
}

#[tokio::test]
async fn e2_an_operators_text() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let id = tenant.sandbox.operator_writes(chat, "Good day!\nHow & what?").unwrap();
    let heard = tenant.heard(ADD, 1).await;
    let post = &heard[0];
    let id = id.to_string();
    let chat = chat.to_string();
    let message = |name: &str| post.field(&format!("data[MESSAGES][0]{name}"));
    assert_eq!(post.event(), ADD);
    assert_eq!((post.field("data[CONNECTOR]"), post.field("data[LINE]")), (Some("shop"), Some("1")));
    assert_eq!((message("[im][chat_id]"), message("[im][message_id]")), (Some(chat.as_str()), Some(id.as_str())));
    assert_eq!((message("[message][user_id]"), message("[chat][id]")), (Some("27"), Some("c-1")));
    assert_eq!(text(post), "Good day!\nHow & what?");
    assert!(
        post.raw.contains("data%5BMESSAGES%5D%5B0%5D%5Bim%5D%5Bchat_id%5D=") && post.raw.contains("%0AHow+%26+what")
    );
    let auth: Vec<&str> = post.names().into_iter().filter(|name| name.starts_with("auth[")).collect();
    let expected = [
        "access_token",
        "expires",
        "expires_in",
        "scope",
        "domain",
        "server_endpoint",
        "status",
        "client_endpoint",
        "member_id",
        "user_id",
        "application_token",
    ];
    assert_eq!(auth, expected.map(|name| format!("auth[{name}]")));
    assert_eq!(post.field("auth[application_token]"), Some(tenant.sandbox.application_token().as_str()));
    assert_eq!(post.field("auth[member_id]"), Some(tenant.sandbox.member_id().as_str()));
    assert_eq!(post.field("auth[user_id]"), Some("27"));
    assert!(post.field("ts").unwrap().parse::<i64>().is_ok());
    assert!(message("[message][id]").is_none() && message("[message][files]").is_none());
    let (status, _) = tenant.call_as(post.field("auth[access_token]").unwrap(), "profile", json!({})).await;
    assert_eq!(status, 200, "the token in the event works");
}

#[tokio::test]
async fn e3_a_failed_event_is_lost() {
    let tenant = Tenant::connected_with(SandboxConfig { handler_timeout_ms: 1000, ..quiet() }, json!({})).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.heard("ONIMCONNECTORDIALOGSTART", 1).await;
    tenant.app.answers(500);
    tenant.sandbox.operator_writes(chat, "one").unwrap();
    tenant.heard(ADD, 1).await;
    tenant.app.answers(200);
    let gone = json!({ "event": "OnImConnectorMessageAdd", "handler": "http://127.0.0.1:9/gone" });
    tenant.ok("event.bind", gone).await;
    let hung = json!({ "event": "OnImConnectorMessageAdd", "handler": format!("{}/slow", tenant.app.url) });
    tenant.ok("event.bind", hung).await;
    tenant.sandbox.operator_writes(chat, "two").unwrap();
    tenant.heard(ADD, 4).await;
    let log: Vec<(Option<u16>, bool)> = tenant.sandbox.view(|view| {
        let mut posts: Vec<_> =
            view.events_of(ADD).map(|post| (post.status, post.outcome.starts_with("unreachable"))).collect();
        posts.sort();
        posts
    });
    assert_eq!(log, [(None, true), (None, true), (Some(200), false), (Some(500), false)]);
    let handled: Vec<Received> = tenant.app.of(ADD).into_iter().filter(|it| it.path == "/events").collect();
    assert_eq!(handled.len(), 2, "no retries");
}

#[tokio::test]
async fn e4_an_untidy_queue() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let faults = tenant.sandbox.faults();
    let say = |text: &str| tenant.sandbox.operator_writes(chat, text).unwrap();

    faults.add(Fault::new(FaultKind::DuplicateEvent).on(ADD).once());
    say("twice");
    assert_eq!(texts(&tenant.heard(ADD, 2).await), ["twice", "twice"]);

    faults.add(Fault::new(FaultKind::ReorderEvent).on(ADD).once());
    say("first");
    say("second");
    assert_eq!(texts(&tenant.heard(ADD, 4).await)[2..], ["second", "first"]);

    faults.add(Fault::new(FaultKind::DelayEvent { ms: 500 }).on(ADD).once());
    say("late");
    say("soon");
    assert_eq!(texts(&tenant.heard(ADD, 6).await)[4..], ["soon", "late"]);

    faults.add(Fault::new(FaultKind::DropEvent).on(ADD).once());
    say("lost");
    say("kept");
    assert_eq!(texts(&tenant.heard(ADD, 8).await)[6..], ["kept"]);

    for n in 0..1000 {
        say(&n.to_string());
    }
    let all = tenant.heard(ADD, 1008).await;
    assert_eq!(all.len(), 1007);
    assert_eq!(text(&all[1006]), "999");
}

#[tokio::test]
async fn e5_forged_events() {
    let tenant = Tenant::connected().await;
    let other = Sandbox::start(SandboxConfig::seeded(2)).await.unwrap();
    assert_ne!(other.member_id(), tenant.sandbox.member_id());
    let token = tenant.sandbox.application_token();
    let foreign = other.application_token();
    let forgeries =
        [Forgery::WrongToken, Forgery::NoToken, Forgery::UnknownMember, Forgery::ForeignToken(foreign.clone())];
    for forgery in &forgeries {
        assert_eq!(tenant.sandbox.forge_event(forgery), 1);
    }
    let heard = tenant.heard(ADD, 4).await;
    let field = |at: usize, name: &str| heard[at].field(name).map(str::to_owned);
    assert!(field(0, "auth[application_token]").is_some_and(|it| it != token));
    assert_eq!(field(1, "auth[application_token]"), None);
    assert_ne!(field(2, "auth[member_id]"), Some(tenant.sandbox.member_id()));
    assert_eq!(field(3, "auth[application_token]"), Some(foreign));
    assert_eq!(field(3, "auth[member_id]"), Some(tenant.sandbox.member_id()));
}

#[tokio::test]
async fn e6_edits_and_deletions_need_a_confirmation() {
    let tenant = Tenant::connected_with(quiet(), json!({ "NEED_SYSTEM_MESSAGES": 0 })).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let id = tenant.sandbox.operator_writes(chat, "typo").unwrap();
    tenant.sandbox.operator_edits(id, "still unconfirmed").unwrap();
    tenant.confirm(chat, id, &["e-1", "e-2"]).await;
    tenant.sandbox.operator_edits(id, "Corrected").unwrap();
    let heard = tenant.heard(UPDATE, 1).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(text(&heard[0]), "[b]Anna Lee:[/b][br] Corrected");
    let part =
        |post: &Received, n: usize, name: &str| post.field(&format!("data[MESSAGES][{n}]{name}")).map(str::to_owned);
    assert_eq!(part(&heard[0], 0, "[message][id][0]").as_deref(), Some("e-1"));
    assert_eq!(part(&heard[0], 0, "[message][id][1]").as_deref(), Some("e-2"));
    assert_eq!(part(&heard[0], 0, "[im][message_id]"), Some(id.to_string()));
    assert!(part(&heard[0], 0, "[message][user_id]").is_none());

    tenant.sandbox.operator_deletes(id).unwrap();
    let heard = tenant.heard(DELETE, 1).await;
    assert_eq!(part(&heard[0], 0, "[message][id]").as_deref(), Some("e-1"));
    assert_eq!(part(&heard[0], 1, "[message][id]").as_deref(), Some("e-2"));
    assert_eq!(part(&heard[0], 1, "[im][message_id]"), Some(id.to_string()));

    let unconfirmed = tenant.sandbox.operator_writes(chat, "gone").unwrap();
    tenant.sandbox.operator_deletes(unconfirmed).unwrap();
    let of_client = tenant.sandbox.messages(chat)[0].id;
    tenant.sandbox.operator_deletes(of_client).unwrap();
    let heard = tenant.heard(DELETE, 2).await;
    assert_eq!(heard.len(), 2, "nothing was said of the unconfirmed one");
    assert_eq!(part(&heard[1], 0, "[message][id]").as_deref(), Some("m-1"), "the client's message has an id of ours");
}

#[tokio::test]
async fn e7_the_desk_refuses() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let refused = |why: &str| assert!(tenant.sandbox.operator_writes(chat, "x").is_err(), "{why}");
    tenant.sandbox.deactivate_line(1);
    refused("the line is off");
    tenant.sandbox.activate_line(1);
    tenant.ok("imconnector.set.error", json!({ "CONNECTOR": "shop", "LINE": 1 })).await;
    refused("the connector is in error");
    tenant.sandbox.disconnect("shop", 1);
    refused("the connector is off");
    tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 1, "ACTIVE": 1 })).await;
    tenant.sandbox.operator_writes(chat, "now").unwrap();
    assert_eq!(texts(&tenant.heard(ADD, 1).await), ["now"]);
    assert_eq!(tenant.heard("ONIMCONNECTORSTATUSDELETE", 1).await[0].field("data[line]"), Some("1"));
}

#[tokio::test]
async fn e8_signatures() {
    let tenant = Tenant::connected_with(quiet(), json!({})).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let say = |text: &str| tenant.sandbox.operator_writes(chat, text).unwrap();
    say("Good day!");
    tenant.sandbox.operator_writes_with_file(chat, "", "a.txt", "text/plain", "a").unwrap();
    tenant.sandbox.hide_operators(1, true);
    say("hidden");
    tenant.sandbox.hide_operators(1, false);
    tenant.register("shop", json!({ "NEED_SIGNATURE": "N" })).await;
    say("plain");
    assert_eq!(
        texts(&tenant.heard(ADD, 4).await),
        ["[b]Anna Lee:[/b] [br]Good day!", "[b]Anna Lee:[/b] ", "hidden", "plain"]
    );
}

#[tokio::test]
async fn e9_a_greeting_as_a_system_text() {
    let config = SandboxConfig { greeting: Some("Welcome!".to_owned()), ..quiet() };
    let tenant = Tenant::connected_with(config, json!({})).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let heard = tenant.heard(ADD, 1).await;
    assert_eq!((text(&heard[0]), heard[0].field("data[MESSAGES][0][message][user_id]")), ("Welcome!", Some("0")));
    tenant.client_writes("m-2", "there?").await;
    assert_eq!(tenant.sandbox.view(|view| view.texts(chat, "system")), ["Welcome!"], "once a session");
    tenant.register("shop", json!({ "NEED_SYSTEM_MESSAGES": false })).await;
    tenant.sandbox.operator_finishes(chat);
    tenant.client_writes("m-3", "new session").await;
    tenant.sandbox.operator_writes(chat, "marker").unwrap();
    assert_eq!(tenant.heard(ADD, 2).await.len(), 2);
    assert_eq!(tenant.sandbox.view(|view| view.texts(chat, "system")).len(), 2, "shown to operators only");
}

#[tokio::test]
async fn e10_files_of_operators() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes_with_file(chat, "see", "price.pdf", "application/pdf", vec![7; 48_211]).unwrap();
    tenant.sandbox.operator_writes_with_file(chat, "", "face.png", "image/png", super::support::png()).unwrap();
    let heard = tenant.heard(ADD, 2).await;
    let file = |post: &Received, name: &str| {
        post.field(&format!("data[MESSAGES][0][message][files][0][{name}]")).map(str::to_owned)
    };
    let pdf = |name: &str| file(&heard[0], name).unwrap();
    assert_eq!((pdf("name"), pdf("type"), pdf("mime")), ("price.pdf".into(), "file".into(), "application/pdf".into()));
    assert_eq!((pdf("size"), pdf("sizef")), ("48211".into(), "47.08 KB".into()));
    assert!(file(&heard[0], "width").is_none());
    let link = pdf("link");
    assert!(link.starts_with(&format!("{}/~", tenant.sandbox.portal_url())));
    let short = tenant.http.get(&link).send().await.unwrap();
    assert_eq!(short.status(), 302);
    let target = short.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(target, pdf("downloadLink"));
    let content = tenant.http.get(&target).send().await.unwrap();
    assert_eq!(content.headers()["content-type"], "application/pdf");
    assert_eq!(content.bytes().await.unwrap().len(), 48_211);
    let unsigned = target.split("&SIGN").next().unwrap().to_owned() + "&SIGN=0";
    assert_eq!(tenant.http.get(unsigned).send().await.unwrap().status(), 404);
    let image = |name: &str| file(&heard[1], name).unwrap();
    assert_eq!((image("type"), image("width"), image("height")), ("image".into(), "7".into(), "9".into()));
    assert!(image("link").ends_with("#img.png") && image("downloadLink").ends_with("&img=y"));
    assert_eq!(heard[1].field("data[MESSAGES][0][message][text]"), None);
}

#[tokio::test]
async fn e11_sessions_start_and_finish() {
    let tenant = Tenant::connected().await;
    let first = tenant.send(json!([message("m-1", "a"), message("m-2", "b")])).await;
    assert_eq!(first[0]["session"], first[1]["session"]);
    let start = &tenant.heard("ONIMCONNECTORDIALOGSTART", 1).await[0];
    let part = |post: &Received, name: &str| post.field(&format!("data[DATA][0]{name}")).unwrap_or_default().to_owned();
    let internal = first[0]["user"].as_str().unwrap();
    assert_eq!(
        (part(start, "[connector][connector_id]"), part(start, "[connector][line_id]")),
        ("shop".into(), "1".into())
    );
    assert_eq!(
        (part(start, "[connector][chat_id]"), part(start, "[connector][user_id]").as_str()),
        ("c-1".into(), internal)
    );
    assert_eq!((part(start, "[session][closed]"), part(start, "[session][parent_id]")), ("N".into(), "0".into()));
    assert_eq!((part(start, "[chat][id]"), part(start, "[user][id]").as_str()), ("c-1".into(), internal));

    let chat = tenant.sandbox.dialogs()[0].chat_id;
    assert!(tenant.sandbox.operator_finishes(chat));
    assert!(!tenant.sandbox.operator_finishes(chat));
    let finish = &tenant.heard("ONIMCONNECTORDIALOGFINISH", 1).await[0];
    assert_eq!(part(finish, "[session][closed]"), "Y");
    let next = tenant.send(json!([message("m-3", "c")])).await;
    assert_eq!(next[0]["session"]["CHAT_ID"], first[0]["session"]["CHAT_ID"]);
    assert_ne!(next[0]["session"]["ID"], first[0]["session"]["ID"]);
    let starts = tenant.heard("ONIMCONNECTORDIALOGSTART", 2).await;
    assert_eq!(part(&starts[1], "[session][parent_id]"), part(finish, "[session][id]"));
}

#[tokio::test]
async fn e12_a_deleted_line() {
    let tenant = Tenant::connected().await;
    assert!(tenant.sandbox.delete_line(1));
    let line = &tenant.heard("ONIMCONNECTORLINEDELETE", 1).await[0];
    assert_eq!(line.field("data"), Some("1"));
    let status = &tenant.heard("ONIMCONNECTORSTATUSDELETE", 1).await[0];
    assert_eq!((status.field("data[connector]"), status.field("data[line]")), (Some("shop"), Some("1")));
    assert_eq!(tenant.ok("imconnector.status", json!({ "CONNECTOR": "shop", "LINE": 1 })).await["CONFIGURED"], false);
}

#[tokio::test]
async fn e16_our_own_operator_posts_come_back() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let mut posted = message("m-2", "as an operator");
    posted["message"]["user_id"] = json!(27);
    tenant.send(json!([posted])).await;
    let id = tenant.ok("im.message.add", json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": "by rest" })).await;
    tenant
        .ok("im.message.add", json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": "not delivered", "SYSTEM": "Y" }))
        .await;
    let heard = tenant.heard(ADD, 2).await;
    assert_eq!(texts(&heard), ["as an operator", "by rest"]);
    let users: Vec<_> = heard.iter().filter_map(|it| it.field("data[MESSAGES][0][message][user_id]")).collect();
    assert_eq!(users, ["27", "1"]);
    assert_eq!(heard[1].field("data[MESSAGES][0][im][message_id]"), Some(id.to_string().as_str()));
    assert_eq!(tenant.sandbox.view(|view| view.texts(chat, "client")), ["hi"]);
    assert_eq!(
        tenant.sandbox.view(|view| view.texts(chat, "system")),
        ["not delivered"],
        "a system line is not echoed"
    );
}

#[tokio::test]
async fn e17_events_without_tokens() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.switch(|switches| switches.events_without_tokens = true);
    tenant.sandbox.operator_writes(chat, "from a job").unwrap();
    let heard = tenant.heard(ADD, 1).await;
    let auth: Vec<&str> = heard[0].names().into_iter().filter(|name| name.starts_with("auth[")).collect();
    let expected = ["domain", "server_endpoint", "client_endpoint", "member_id", "application_token"];
    assert_eq!(auth, expected.map(|name| format!("auth[{name}]")));
}

#[tokio::test]
async fn loops_end_after_seven_hops() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes(chat, "0").unwrap();
    for n in 1..=8 {
        let heard = tenant.heard(ADD, n).await;
        let token = heard[n - 1].field("auth[access_token]").unwrap().to_owned();
        let said = json!({ "CHAT_ID": chat, "MESSAGE": n.to_string() });
        assert_eq!(tenant.call_as(&token, "im.message.add", said).await.0, 200);
        if tenant.sandbox.view(|view| view.events_of(ADD).any(|post| post.outcome == "dropped: too many hops")) {
            assert_eq!(n, 7);
            return;
        }
    }
    panic!("the loop did not end");
}

//! Contact Center, control interface, record, offline events, votes, groups.

use openline_sandbox::{FaultKind, Sandbox, SandboxConfig};
use serde_json::{Value, json};

use super::support::{Receiver, Tenant, message, messaging, quiet};

async fn post(tenant: &Tenant, verb: &str, body: Value) -> Value {
    let answer =
        tenant.http.post(format!("{}/sandbox/{verb}", tenant.sandbox.portal_url())).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{verb}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn the_contact_center_installs_and_connects() {
    let tenant = Tenant::start(quiet()).await;
    let sandbox = Sandbox::start(quiet()).await.unwrap();
    let app = Receiver::start().await;
    let url = |path: &str| format!("{}{path}", sandbox.portal_url());
    let home = async || tenant.http.get(url("/contact_center/")).send().await.unwrap().text().await.unwrap();
    assert!(home().await.contains("Install application"));
    let form = [("url", format!("{}/install", app.url)), ("flow", "ui".to_owned())];
    let page = tenant.http.post(url("/contact_center/install")).form(&form).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    let page = page.text().await.unwrap();
    assert!(
        page.contains("data-autosubmit") && page.contains("name=\"AUTH_ID\"") && page.contains("Finish installation")
    );
    assert_eq!(tenant.http.post(url("/contact_center/finish")).send().await.unwrap().status(), 303);
    assert!(sandbox.view(|view| view.is_installed(&sandbox.client_id())));
    assert!(home().await.contains("Uninstall"));

    let connected = Tenant::connected().await;
    let at = connected.sandbox.portal_url();
    let page = connected
        .http
        .get(format!("{at}/contact_center/connector/?ID=shop&LINE=1"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("SETTING_CONNECTOR") && page.contains("<iframe"));
    let form = [("connector", "shop"), ("line", "1")];
    assert_eq!(
        connected.http.post(format!("{at}/contact_center/disconnect")).form(&form).send().await.unwrap().status(),
        303
    );
    assert_eq!(connected.heard("ONIMCONNECTORSTATUSDELETE", 1).await.len(), 1);
    for asset in ["/assets/contact_center.css", "/assets/contact_center.js"] {
        assert_eq!(connected.http.get(format!("{at}{asset}")).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn other_programs_drive_it_over_http() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let at = format!("{}/sandbox", tenant.sandbox.portal_url());
    let info: Value = tenant.http.get(&at).send().await.unwrap().json().await.unwrap();
    assert_eq!(info["client_id"], tenant.sandbox.client_id());
    let ids = post(&tenant, "operator_writes", json!({ "chat_id": chat, "text": "x", "times": 3 })).await;
    assert_eq!(ids.as_array().unwrap().len(), 3);
    tenant.heard("ONIMCONNECTORMESSAGEADD", 3).await;
    assert_eq!(post(&tenant, "dialogs", json!({})).await[0]["chat_id"], chat);
    let page = post(&tenant, "connect", json!({ "connector": "shop", "line": 2 })).await;
    assert_eq!(page["body"], "application page");
    assert_eq!(post(&tenant, "flags", json!({ "flag": "overload_limit", "raised": true })).await, true);
    assert_eq!(tenant.refused("app.info", json!({})).await.1, "OVERLOAD_LIMIT");
    post(&tenant, "flags", json!({ "flag": "overload_limit", "raised": false })).await;

    let fault = json!({ "kind": "error", "status": 503, "error": "QUERY_LIMIT_EXCEEDED", "description": "Too many requests", "count": 1 });
    assert_eq!(post(&tenant, "faults", fault).await.as_array().unwrap().len(), 1);
    assert_eq!(tenant.refused("app.info", json!({})).await.0, 503);
    assert_eq!(tenant.call("app.info", json!({})).await.0, 200);
    post(&tenant, "faults", json!([{ "kind": "drop_event", "on": "ONAPPTEST" }])).await;
    assert_eq!(tenant.sandbox.faults().list()[0].kind, FaultKind::DropEvent);
    assert_eq!(tenant.http.delete(format!("{at}/faults")).send().await.unwrap().status(), 204);
    assert!(tenant.sandbox.faults().list().is_empty());
    assert_eq!(post(&tenant, "switches", json!({ "strict_names": true })).await["strict_rotation"], true);

    let record: Value = tenant.http.get(format!("{at}/record")).send().await.unwrap().json().await.unwrap();
    assert!(record["calls"].as_array().unwrap().iter().any(|call| call["method"] == "imconnector.register"));
    assert!(!record.to_string().contains(&tenant.token), "tokens are not recorded among the parameters");
    let unknown = tenant.http.post(format!("{at}/nonsense")).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn a_secret_at_the_portal_is_a_violation() {
    let tenant = Tenant::start(quiet()).await;
    assert!(tenant.sandbox.violations().is_empty());
    tenant.call("app.info", json!({ "client_secret": tenant.sandbox.client_secret() })).await;
    assert_eq!(tenant.sandbox.violations().len(), 1);
}

#[tokio::test]
async fn the_trusted_app_info() {
    let tenant = Tenant::start(quiet()).await;
    let url = format!("{}/rest/app.info/", tenant.sandbox.auth_url());
    for url in [url.as_str(), url.trim_end_matches('/')] {
        let answer = tenant.http.get(url).query(&[("auth", &tenant.token)]).send().await.unwrap();
        let body = answer.json::<Value>().await.unwrap();
        let (info, install) = (&body["result"], &body["result"]["install"]);
        assert_eq!(keys(info), ["client_id", "scope", "expires", "user_id", "install"]);
        let names =
            ["installed", "version", "status", "scope", "domain", "uri", "client_endpoint", "member_id", "member_type"];
        assert_eq!(keys(install), names);
        assert_eq!((&info["client_id"], &info["user_id"]), (&json!(tenant.sandbox.client_id()), &json!(1)));
        assert_eq!((&install["member_id"], &install["installed"]), (&json!(tenant.sandbox.member_id()), &json!(true)));
        assert_eq!(install["client_endpoint"], format!("{}/rest/", tenant.sandbox.portal_url()));
        assert_eq!(
            (&install["domain"], &install["scope"]),
            (&json!("127.0.0.1"), &json!("imopenlines,imconnector,im"))
        );
        assert!(body["time"]["start"].is_number());
    }
    assert_eq!(tenant.http.get(&url).query(&[("auth", "x")]).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn offline_events_wait_for_their_reader() {
    let tenant = Tenant::connected().await;
    tenant.ok("event.bind", json!({ "event": "OnImConnectorMessageAdd", "event_type": "offline" })).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes(chat, "one").unwrap();
    let reserved = tenant.ok("event.offline.get", json!({ "clear": 0 })).await;
    assert_eq!(reserved["events"][0]["EVENT_NAME"], "ONIMCONNECTORMESSAGEADD");
    assert_eq!(reserved["events"][0]["EVENT_DATA"]["MESSAGES"][0]["message"]["text"], "one");
    assert_eq!(tenant.ok("event.offline.get", json!({})).await["events"], json!([]));
    assert_eq!(tenant.ok("event.offline.clear", json!({ "process_id": reserved["process_id"] })).await, true);
    assert_eq!(tenant.ok("event.offline.list", json!({})).await, json!([]));
}

#[tokio::test]
async fn a_vote_is_swallowed() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "1").await;
    tenant.sandbox.ask_for_vote(chat);
    tenant.client_writes("m-2", "1").await;
    assert_eq!(tenant.sandbox.view(|view| view.texts(chat, "client")), ["1", "[like]"]);
    assert_eq!(tenant.sandbox.dialogs()[0].vote, Some(true));
}

#[tokio::test]
async fn a_group_connector_has_one_dialog_for_many_users() {
    let tenant = Tenant::connected_with(quiet(), json!({ "CHAT_GROUP": true })).await;
    let from = |user: &str| json!({ "user": { "id": user, "name": user }, "message": { "text": "x" }, "chat": { "id": "g-1" } });
    let result = tenant.send(json!([from("anna"), from("bert")])).await;
    assert_eq!(result[0]["session"], result[1]["session"]);
    assert_ne!(result[0]["user"], result[1]["user"]);
}

#[tokio::test]
async fn the_same_client_on_two_lines_has_two_chats() {
    let tenant = Tenant::connected().await;
    tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 2, "ACTIVE": 1 })).await;
    let first = tenant.send(json!([message("m-1", "x")])).await;
    let mut other = messaging(json!([message("m-1", "x")]));
    other["LINE"] = json!("2");
    let second = tenant.ok("imconnector.send.messages", other).await["DATA"]["RESULT"].clone();
    assert_eq!(first[0]["user"], second[0]["user"]);
    assert_ne!(first[0]["session"]["CHAT_ID"], second[0]["session"]["CHAT_ID"]);
}

#[tokio::test]
async fn a_dismissed_installer() {
    let tenant = Tenant::start(quiet()).await;
    tenant.sandbox.dismiss(1);
    assert_eq!(tenant.refused("app.info", json!({})).await, (401, "authorization_error".to_owned()));
}

#[tokio::test]
async fn stopping_closes_the_ports() {
    let tenant = Tenant::start(quiet()).await;
    let url = tenant.sandbox.portal_url();
    tenant.sandbox.stop().await;
    assert!(tenant.http.get(url).send().await.is_err());
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Behind a proxy that ends https, under names of their own.
#[tokio::test]
async fn a_portal_behind_a_proxy_names_its_public_address() {
    let public = Some("https://portal.example".parse().unwrap());
    let auth_public_url = Some("https://oauth.example:8443/".parse().unwrap());
    let tenant = Tenant::start(SandboxConfig { public_url: public, auth_public_url, ..quiet() }).await;
    let (sandbox, app) = (&tenant.sandbox, &tenant.app);
    assert_eq!(
        (sandbox.portal_url().as_str(), sandbox.auth_url().as_str()),
        ("https://portal.example", "https://oauth.example:8443")
    );
    let tokens = sandbox.admin_tokens().unwrap();
    assert_eq!(tokens.client_endpoint, "https://portal.example/rest/");
    assert_eq!(tokens.server_endpoint, "https://oauth.example:8443/rest/");
    sandbox.install_with_ui(&format!("{}/install", app.url), false).await.unwrap();
    let opened = app.all().pop().unwrap();
    for (name, value) in [("DOMAIN", "portal.example"), ("PROTOCOL", "1")] {
        assert!(
            opened.query.iter().any(|(known, given)| known == name && given == value),
            "{name}: {:?}",
            opened.query
        );
    }
    assert_eq!(opened.field("SERVER_ENDPOINT"), Some("https://oauth.example:8443/rest/"));
    sandbox.install_script_only(&format!("{}/install", app.url));
    let installed = &tenant.heard("ONAPPINSTALL", 1).await[0];
    assert_eq!(installed.field("auth[client_endpoint]"), Some("https://portal.example/rest/"));
    assert_eq!(installed.field("auth[domain]"), Some("portal.example"));
    // The listener itself is the portal, and sends nobody away; its redirects name the public address.
    let here = format!("http://{}", sandbox.portal_address());
    let call = tenant.http.get(format!("{here}/rest/server.time")).query(&[("auth", &tokens.access_token)]);
    assert_eq!(call.send().await.unwrap().status(), 200);
    let chats = sandbox.view(|view| view.dialogs().len());
    assert_eq!(chats, 0);
}

#[tokio::test]
async fn what_event_test_is_called_with_comes_back_in_its_own_letters() {
    let tenant = Tenant::start(quiet()).await;
    tenant.ok("event.bind", json!({ "event": "OnAppTest", "handler": tenant.app.handler() })).await;
    assert_eq!(tenant.ok("event.test", json!({ "any": "data", "Deep": { "kEy": 1 } })).await, json!(1));
    let heard = &tenant.heard("ONAPPTEST", 1).await[0];
    assert_eq!(heard.field("data[QUERY][any]"), Some("data"));
    assert_eq!(heard.field("data[QUERY][Deep][kEy]"), Some("1"));
    assert_eq!(heard.field("data[LANGUAGE_ID]"), Some("en"));
    assert!(!heard.names().iter().any(|name| name.contains("auth]") || name.contains("AUTH]")), "{:?}", heard.names());
}

#[tokio::test]
async fn a_second_application_comes_over_http() {
    let tenant = Tenant::start(quiet()).await;
    let verb = async |name: &str, body: Value| {
        let url = format!("{}/sandbox/{name}", tenant.sandbox.portal_url());
        let answer = tenant.http.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (_, added) = verb("add_application", json!({ "scope": "imopenlines,im" })).await;
    let id = added["client_id"].as_str().unwrap();
    assert_ne!(id, tenant.sandbox.client_id());
    assert_eq!(verb("install", json!({ "client_id": id, "url": format!("{}/second", tenant.app.url) })).await.0, 200);
    let heard = &tenant.heard("ONAPPINSTALL", 1).await[0];
    assert_eq!((heard.path.as_str(), heard.field("auth[scope]")), ("/second", Some("imopenlines,im")));
    let (_, tokens) = verb("grant", json!({ "client_id": id })).await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(tenant.call_as(token, "app.info", json!({})).await.1["result"]["CODE"], id);
    assert_eq!(verb("grant", json!({ "client_id": "local.none.1" })).await.0, 400);
    // The first one is still what verbs mean that name none.
    assert_eq!(verb("grant", json!({})).await.1["member_id"], tenant.sandbox.member_id());
}

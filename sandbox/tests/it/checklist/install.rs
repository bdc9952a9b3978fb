//! E13–E15: installing, opening pages, removing.

use openline_sandbox::{PageOptions, Sandbox};
use serde_json::{Value, json};

use super::support::{Receiver, Tenant, quiet};

const ADD: &str = "ONIMCONNECTORMESSAGEADD";

#[tokio::test]
async fn e13_uninstalling_kills_everything() {
    let tenant = Tenant::connected().await;
    let token = tenant.sandbox.application_token();
    tenant.sandbox.uninstall(true);
    let said = &tenant.heard("ONAPPUNINSTALL", 1).await[0];
    assert_eq!((said.field("data[LANGUAGE_ID]"), said.field("data[CLEAN]")), (Some("en"), Some("1")));
    let auth: Vec<&str> = said.names().into_iter().filter(|name| name.starts_with("auth[")).collect();
    let expected = ["domain", "server_endpoint", "client_endpoint", "member_id", "application_token"];
    assert_eq!(auth, expected.map(|name| format!("auth[{name}]")));
    assert_eq!(said.field("auth[application_token]"), Some(token.as_str()));
    assert_eq!(tenant.heard("ONIMCONNECTORSTATUSDELETE", 1).await.len(), 1);
    assert!(tenant.sandbox.view(|view| view.connectors().is_empty() && view.bindings().is_empty()));
    assert_eq!(tenant.refused("app.info", json!({})).await, (401, "APPLICATION_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn e14_nothing_is_said_before_the_installation_is_finished() {
    let sandbox = Sandbox::start(quiet()).await.unwrap();
    let app = Receiver::start().await;
    let page = sandbox.install_with_ui(&format!("{}/install", app.url), false).await.unwrap();
    assert_eq!((page.status, page.body.as_str()), (200, "application page"));
    let mut tenant = Tenant::start(quiet()).await;
    tenant.token = app.all()[0].field("AUTH_ID").unwrap().to_owned();
    (tenant.sandbox, tenant.app) = (sandbox, app);
    assert_eq!(tenant.ok("app.info", json!({})).await["INSTALLED"], false);
    tenant.register("shop", json!({})).await;
    tenant.bind_all().await;
    tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 1, "ACTIVE": 1 })).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes(chat, "unheard").unwrap();
    assert!(tenant.sandbox.finish_install());
    assert!(!tenant.sandbox.finish_install());
    let installed = &tenant.heard("ONAPPINSTALL", 1).await[0];
    assert!(installed.field("auth[refresh_token]").is_some());
    assert_eq!(tenant.ok("app.info", json!({})).await["INSTALLED"], true);
    tenant.sandbox.operator_writes(chat, "heard").unwrap();
    tenant.sandbox.wait_until(|view| view.events_of(ADD).any(|post| post.outcome == "delivered")).await.unwrap();
    assert_eq!(tenant.app.of(ADD).len(), 1, "what was dropped is not deferred");
}

#[tokio::test]
async fn e15_install_a() {
    let sandbox = Sandbox::start(quiet()).await.unwrap();
    let app = Receiver::start().await;
    sandbox.install_script_only(&format!("{}/install", app.url));
    sandbox.wait_until(|view| view.events_of("ONAPPINSTALL").next().is_some()).await.unwrap();
    let said = &app.all()[0];
    assert_eq!((said.path.as_str(), said.event()), ("/install", "ONAPPINSTALL"));
    let data =
        ["VERSION", "ACTIVE", "INSTALLED", "LANGUAGE_ID"].map(|name| said.field(&format!("data[{name}]")).unwrap());
    assert_eq!(data, ["1", "Y", "Y", "en"]);
    for name in [
        "access_token",
        "refresh_token",
        "expires",
        "expires_in",
        "scope",
        "domain",
        "server_endpoint",
        "client_endpoint",
        "status",
        "member_id",
        "user_id",
        "application_token",
    ] {
        assert!(said.field(&format!("auth[{name}]")).is_some(), "{name}");
    }
    assert_eq!(said.field("auth[application_token]"), Some(sandbox.application_token().as_str()));
    assert!(sandbox.view(|view| view.is_installed(&sandbox.client_id())));
}

#[tokio::test]
async fn e15_install_b_with_and_without_the_newer_fields() {
    let sandbox = Sandbox::start(quiet()).await.unwrap();
    let app = Receiver::start().await;
    let url = format!("{}/install?x=1", app.url);
    sandbox.install_with_ui(&url, false).await.unwrap();
    sandbox.install_with_ui(&url, true).await.unwrap();
    let posts = app.all();
    let query: Vec<&str> = posts[0].query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(query, ["x", "DOMAIN", "PROTOCOL", "LANG", "APP_SID"]);
    let newer = [
        "AUTH_ID",
        "AUTH_EXPIRES",
        "REFRESH_ID",
        "SERVER_ENDPOINT",
        "APPLICATION_TOKEN",
        "APPLICATION_SCOPE",
        "member_id",
        "status",
        "PLACEMENT",
    ];
    assert_eq!(posts[0].names(), newer);
    assert_eq!(posts[0].field("PLACEMENT"), Some("DEFAULT"));
    assert_ne!(posts[0].query[4].1, sandbox.application_token(), "APP_SID is not the application token");
    assert_eq!(posts[1].names(), ["AUTH_ID", "AUTH_EXPIRES", "REFRESH_ID", "member_id", "status", "PLACEMENT"]);
}

#[tokio::test]
async fn e15_settings_page() {
    let tenant = Tenant::start(quiet()).await;
    tenant.register("shop", json!({})).await;
    let options = PageOptions::default();
    let page = tenant.sandbox.open_settings_page("shop", 1, &options).await.unwrap();
    assert_eq!(page.status, 200);
    let last = || tenant.app.all().pop().unwrap();
    assert_eq!((last().path.as_str(), last().field("PLACEMENT").unwrap()), ("/settings", "SETTING_CONNECTOR"));
    let placement: Value = serde_json::from_str(last().field("PLACEMENT_OPTIONS").unwrap()).unwrap();
    let states = ["STATUS", "ACTIVE_STATUS", "CONNECTION_STATUS", "REGISTER_STATUS", "ERROR_STATUS"]
        .map(|name| placement[name].clone());
    assert_eq!(states, [false, true, false, false, false].map(Value::from));
    assert_eq!((&placement["LINE"], &placement["CONNECTOR"]), (&json!("1"), &json!("shop")));

    let older = PageOptions { older_options: true, older_fields: true, user: 27, ..PageOptions::default() };
    tenant.sandbox.open_settings_page("shop", 1, &older).await.unwrap();
    let placement: Value = serde_json::from_str(last().field("PLACEMENT_OPTIONS").unwrap()).unwrap();
    assert_eq!(
        (&placement["LINE"], &placement["STATUS"], &placement["ACTIVE_STATUS"]),
        (&json!(1), &json!(""), &json!("1"))
    );
    assert!(last().field("APPLICATION_TOKEN").is_none());
    let (_, profile) = tenant.call_as(last().field("AUTH_ID").unwrap(), "profile", json!({})).await;
    assert_eq!(profile["result"]["ADMIN"], false);

    let forged = PageOptions { forged_application_token: true, forged_auth: true, ..PageOptions::default() };
    tenant.sandbox.open_settings_page("shop", 1, &forged).await.unwrap();
    assert_ne!(last().field("APPLICATION_TOKEN"), Some(tenant.sandbox.application_token().as_str()));
    assert_eq!(tenant.call_as(last().field("AUTH_ID").unwrap(), "profile", json!({})).await.0, 401);
    assert!(tenant.sandbox.open_settings_page("never", 1, &options).await.is_err());
}

#[tokio::test]
async fn an_update_may_change_the_application_token() {
    let tenant = Tenant::connected().await;
    let before = tenant.sandbox.application_token();
    tenant.sandbox.update_app(true);
    let said = &tenant.heard("ONAPPUPDATE", 1).await[0];
    assert_eq!((said.field("data[VERSION]"), said.field("data[PREVIOUS_VERSION]")), (Some("2"), Some("1")));
    assert_ne!(tenant.sandbox.application_token(), before);
    assert_eq!(said.field("auth[application_token]"), Some(tenant.sandbox.application_token().as_str()));
    assert!(said.field("auth[refresh_token]").is_some());
}

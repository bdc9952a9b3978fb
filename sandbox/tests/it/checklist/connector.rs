//! C1–C9, C11, C12, C25, C26: connectors and their status.

use serde_json::{Value, json};

use super::support::{Tenant, message, messaging, quiet, registration};

fn pair() -> Value {
    json!({ "CONNECTOR": "shop", "LINE": 1 })
}

fn with(mut params: Value, name: &str, value: Value) -> Value {
    params[name] = value;
    params
}

fn without(mut params: Value, name: &str) -> Value {
    params.as_object_mut().unwrap().shift_remove(name);
    params
}

#[tokio::test]
async fn c1_register_is_an_upsert_that_keeps_omitted_flags() {
    let tenant = Tenant::start(quiet()).await;
    let first = with(registration("SHOP", &tenant.app.url), "need_signature", json!("N"));
    assert_eq!(tenant.ok("imconnector.register", first).await, json!({ "result": true }));
    assert_eq!(tenant.sandbox.view(|view| view.connectors()), ["shop"]);
    let again = with(registration("shop", &tenant.app.url), "NAME", json!("Other name"));
    assert_eq!(tenant.ok("imconnector.register", again).await, json!({ "result": true }));
    assert_eq!(tenant.ok("imconnector.list", json!({})).await["shop"], "Other name");
    tenant.bind_all().await;
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(1))).await;
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes(chat, "unsigned").unwrap();
    let heard = tenant.heard("ONIMCONNECTORMESSAGEADD", 1).await;
    assert_eq!(heard[0].field("data[MESSAGES][0][message][text]"), Some("unsigned"), "NEED_SIGNATURE=N was kept");
}

#[tokio::test]
async fn c2_soft_errors_of_register_in_their_order() {
    let tenant = Tenant::start(quiet()).await;
    let good = registration("shop", &tenant.app.url);
    let cases = [
        (json!({ "ID": "a.b" }), "APPLICATION_REGISTRATION_ERROR_POINT"),
        (json!({}), "CONNECTOR_ID_REQUIRED"),
        (with(good.clone(), "ID", json!("0")), "CONNECTOR_ID_REQUIRED"),
        (json!({ "ID": "shop" }), "NAME_REQUIRED"),
        (json!({ "ID": "shop", "NAME": "x", "ICON": {} }), "ICON_REQUIRED"),
        (without(good.clone(), "PLACEMENT_HANDLER"), "NO_PLACEMENT_HANDLER"),
        (with(good.clone(), "CHAT_GROUP", json!("maybe")), "APPLICATION_REGISTRATION_ERROR"),
    ];
    for (params, code) in cases {
        let (status, body) = tenant.call("imconnector.register", params).await;
        assert_eq!(status, 200);
        assert_eq!((&body["result"], &body["error"]), (&json!(false), &json!(code)), "{body}");
        assert!(body["error_description"].is_string() && body.get("time").is_none());
    }
    tenant.sandbox.switch(|switches| switches.nested_soft_errors = true);
    let (status, body) = tenant.call("imconnector.register", json!({ "ID": "a.b" })).await;
    assert_eq!((status, &body["result"]["error"]), (200, &json!("APPLICATION_REGISTRATION_ERROR_POINT")));
    assert!(body.get("error").is_none());
}

#[tokio::test]
async fn c3_another_application_takes_a_connector_over() {
    let tenant = Tenant::connected().await;
    let (other, _) = tenant.sandbox.add_application(&["imopenlines", "imconnector", "im"]);
    tenant.sandbox.install_silently(&other);
    let token = tenant.sandbox.grant(&other, 1).unwrap().access_token;
    let taken = format!("{}/other", tenant.app.url);
    let (status, _) =
        tenant.call_as(&token, "event.bind", json!({ "event": "OnImConnectorMessageAdd", "handler": taken })).await;
    assert_eq!(status, 200);
    let (_, body) = tenant.call_as(&token, "imconnector.register", registration("shop", &tenant.app.url)).await;
    assert_eq!(body["result"]["result"], true);
    let chat = tenant.client_writes("m-1", "hi").await;
    tenant.sandbox.operator_writes(chat, "to whom?").unwrap();
    let heard = tenant.heard("ONIMCONNECTORMESSAGEADD", 1).await;
    assert_eq!(heard.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["/other"]);
}

#[tokio::test]
async fn c4_unregister() {
    let tenant = Tenant::connected().await;
    tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 2, "ACTIVE": 1 })).await;
    assert_eq!(tenant.ok("imconnector.unregister", json!({ "ID": "Shop" })).await, json!({ "result": true }));
    let heard = tenant.heard("ONIMCONNECTORSTATUSDELETE", 2).await;
    let lines: Vec<_> = heard.iter().filter_map(|it| it.field("data[line]")).collect();
    assert_eq!(lines, ["1", "2"]);
    assert!(tenant.sandbox.view(|view| view.connectors().is_empty()));
    assert_eq!(tenant.ok("imconnector.unregister", json!({ "ID": "never" })).await, json!({ "result": true }));
    let (status, body) = tenant.call("imconnector.unregister", json!({})).await;
    assert_eq!((status, &body["error"]), (200, &json!("APPLICATION_UNREGISTRATION_ERROR")));
}

#[tokio::test]
async fn c5_activate_by_php_truth() {
    let tenant = Tenant::connected().await;
    let status = || tenant.sandbox.view(|view| view.status("shop", 1).status);
    for on in [json!("N"), json!("false"), json!(true), json!("1")] {
        assert_eq!(tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(0))).await, true);
        assert!(!status());
        assert_eq!(tenant.ok("imconnector.activate", with(pair(), "ACTIVE", on)).await, true);
        assert!(status());
    }
    for missing in [with(pair(), "ACTIVE", json!(null)), pair()] {
        let (status, body) = tenant.call("imconnector.activate", missing).await;
        assert_eq!((status, &body["error"], &body["argument"]), (400, &json!("ERROR_ARGUMENT"), &json!("ACTIVE")));
    }
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(false))).await;
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(false))).await;
    let heard = tenant.heard("ONIMCONNECTORSTATUSDELETE", 6).await;
    assert_eq!(heard[0].field("data[connector]"), Some("shop"), "also when there was nothing to delete");
}

#[tokio::test]
async fn c6_status_before_after_and_elsewhere() {
    let tenant = Tenant::start(quiet()).await;
    let off =
        |line: i64| json!({ "LINE": line, "CONNECTOR": "shop", "ERROR": false, "CONFIGURED": false, "STATUS": false });
    assert_eq!(tenant.ok("imconnector.status", pair()).await, off(1));
    tenant.register("shop", json!({})).await;
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(1))).await;
    let on = json!({ "LINE": 1, "CONNECTOR": "shop", "ERROR": false, "CONFIGURED": true, "STATUS": true });
    assert_eq!(tenant.ok("imconnector.status", with(pair(), "LINE", json!("1"))).await, on);
    assert_eq!(tenant.ok("imconnector.status", with(pair(), "LINE", json!(99))).await, off(99));
    assert_eq!(tenant.ok("imconnector.status", json!({ "CONNECTOR": "shop" })).await, off(0));
}

#[tokio::test]
async fn c7_data_set_merges() {
    let tenant = Tenant::connected().await;
    let set = async |data: Value| tenant.ok("imconnector.connector.data.set", with(pair(), "DATA", data)).await;
    assert_eq!(set(json!({ "id": "7", "url": "https://x.example", "NAME": "Shop" })).await, true);
    assert_eq!(set(json!({ "NAME": "Other", "URL": "" })).await, true);
    let data = tenant.sandbox.view(|view| view.connector_data("shop", 1));
    assert_eq!(Value::Object(data), json!({ "ID": "7", "URL": "https://x.example", "NAME": "Other" }));
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(0))).await;
    assert!(tenant.sandbox.view(|view| view.connector_data("shop", 1).is_empty()));
}

#[tokio::test]
async fn c8_list_has_the_built_in_ones_and_needs_rights() {
    let tenant = Tenant::connected().await;
    let list = tenant.ok("imconnector.list", json!({})).await;
    assert_eq!((&list["shop"], &list["livechat"]), (&json!("Shop chat"), &json!("Live Chat")));
    let operator = tenant.sandbox.grant(&tenant.sandbox.client_id(), 27).unwrap().access_token;
    let (status, body) = tenant.call_as(&operator, "imconnector.list", json!({})).await;
    assert_eq!((status, &body["error"]), (400, &json!("ACCESS_DENIED")));
}

#[tokio::test]
async fn c9_missing_arguments_in_order() {
    let tenant = Tenant::connected().await;
    let cases = [
        (json!({}), "CONNECTOR"),
        (json!({ "CONNECTOR": "shop" }), "LINE"),
        (json!({ "CONNECTOR": "shop", "LINE": null, "MESSAGES": [] }), "LINE"),
        (pair(), "MESSAGES"),
    ];
    for (params, argument) in cases {
        let (status, body) = tenant.call("imconnector.send.messages", params).await;
        assert_eq!((status, &body["error"], &body["argument"]), (400, &json!("ERROR_ARGUMENT"), &json!(argument)));
        assert_eq!(body["error_description"], format!("Argument '{argument}' is null or empty"));
    }
    let empty = json!({ "CONNECTOR": "", "LINE": "", "MESSAGES": [] });
    assert_eq!(
        tenant.refused("imconnector.send.messages", empty).await.1,
        "IMCONNECTOR_NO_CORRECT_PROVIDER",
        "an empty string passes"
    );
}

#[tokio::test]
async fn c11_an_unknown_connector() {
    let tenant = Tenant::connected().await;
    let params = with(messaging(json!([message("m-1", "x")])), "CONNECTOR", json!("nobody"));
    for method in [
        "imconnector.send.messages",
        "imconnector.update.messages",
        "imconnector.delete.messages",
        "imconnector.send.status.delivery",
    ] {
        assert_eq!(tenant.refused(method, params.clone()).await, (400, "IMCONNECTOR_NO_CORRECT_PROVIDER".to_owned()));
    }
}

#[tokio::test]
async fn c12_an_inactive_line() {
    let tenant = Tenant::connected().await;
    let on_line = |line: i64| with(messaging(json!([message("m-1", "x")])), "LINE", json!(line));
    let inactive = (400, "NOT_ACTIVE_LINE".to_owned());
    assert_eq!(tenant.refused("imconnector.send.messages", on_line(2)).await, inactive);
    assert_eq!(tenant.refused("imconnector.update.messages", on_line(2)).await, inactive);
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(0))).await;
    assert_eq!(tenant.refused("imconnector.send.messages", on_line(1)).await, inactive);
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(1))).await;
    tenant.ok("imconnector.set.error", pair()).await;
    assert_eq!(tenant.refused("imconnector.send.messages", on_line(1)).await, inactive);
    assert!(tenant.sandbox.dialogs().is_empty());
}

#[tokio::test]
async fn c25_set_error_lasts_until_activate() {
    let tenant = Tenant::connected().await;
    assert_eq!(tenant.ok("imconnector.set.error", pair()).await, json!({ "SUCCESS": true, "DATA": [] }));
    let status = tenant.ok("imconnector.status", pair()).await;
    assert_eq!(
        (&status["ERROR"], &status["CONFIGURED"], &status["STATUS"]),
        (&json!(true), &json!(true), &json!(false))
    );
    tenant.ok("imconnector.activate", with(pair(), "ACTIVE", json!(1))).await;
    assert_eq!(tenant.ok("imconnector.status", pair()).await["STATUS"], true);
}

#[tokio::test]
async fn c26_chat_name_set() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hi").await;
    let name = json!({ "CONNECTOR": "shop", "LINE": 1, "CHAT_ID": "c-1", "NAME": "Order 7", "USER_ID": "u-1" });
    let raw = tenant.http.post(tenant.method_url("imconnector.chat.name.set")).bearer_auth(&tenant.token);
    let raw = raw.json(&name).send().await.unwrap().text().await.unwrap();
    assert!(raw.starts_with(r#"{"result":{"SUCCESS":true,"DATA":{"RESULT":{}}}"#), "{raw}");
    assert_eq!(tenant.sandbox.view(|view| view.dialog(chat).unwrap().title), "Order 7");
    for missing in ["USER_ID", "NAME", "CHAT_ID", "LINE", "CONNECTOR"] {
        let (status, body) = tenant.call("imconnector.chat.name.set", without(name.clone(), missing)).await;
        assert_eq!((status, &body["error"], &body["argument"]), (400, &json!("ERROR_ARGUMENT"), &json!(missing)));
    }
    let zero = with(name.clone(), "NAME", json!("0"));
    assert_eq!(tenant.refused("imconnector.chat.name.set", zero).await.1, "ERROR_ARGUMENT");
    let unknown = with(name.clone(), "CHAT_ID", json!("c-9"));
    assert_eq!(tenant.refused("imconnector.chat.name.set", unknown).await, (400, "CHAT_RENAMING_FAILED".to_owned()));
    let stranger = with(name, "USER_ID", json!("u-9"));
    assert_eq!(tenant.ok("imconnector.chat.name.set", stranger).await["SUCCESS"], true);
}

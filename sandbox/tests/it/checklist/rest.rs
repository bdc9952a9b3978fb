//! R1–R16: the REST front.

use std::time::Duration;

use openline_sandbox::{Fault, Flag, RequestLimit, SandboxConfig};
use serde_json::{Value, json};

use super::support::{Tenant, message, messaging, png, quiet};

#[tokio::test]
async fn r1_no_token() {
    let tenant = Tenant::start(quiet()).await;
    let answer = tenant.http.get(tenant.method_url("app.info")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "error": "NO_AUTH_FOUND", "error_description": "Wrong authorization data" }));
}

#[tokio::test]
async fn r2_an_old_token() {
    let tenant = Tenant::start(quiet()).await;
    tenant.sandbox.advance(Duration::from_secs(3601));
    let (status, body) = tenant.call("app.info", json!({})).await;
    assert_eq!(status, 401);
    assert_eq!(body["error"], "expired_token");
    assert_eq!(body["error_description"], "The access token provided has expired");
}

#[tokio::test]
async fn r3_an_unknown_token() {
    let tenant = Tenant::start(quiet()).await;
    let (status, body) = tenant.call_as("nonsense", "app.info", json!({})).await;
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_token")));
    tenant.sandbox.revoke_tokens();
    assert_eq!(tenant.refused("app.info", json!({})).await, (401, "invalid_token".to_owned()));
}

#[tokio::test]
async fn r4_a_token_travels_in_many_ways() {
    let tenant = Tenant::start(quiet()).await;
    let (url, token) = (tenant.method_url("app.info"), tenant.token.as_str());
    let requests = [
        tenant.http.get(&url).query(&[("auth", token)]),
        tenant.http.get(&url).query(&[("access_token", token)]),
        tenant.http.post(&url).form(&[("auth", token)]),
        tenant.http.post(&url).json(&json!({ "auth": token })),
        tenant.http.post(&url).json(&json!({ "access_token": token })),
        tenant.http.post(&url).bearer_auth(token).json(&json!({ "auth": "the header wins" })),
        multipart(&tenant, &url, &[("auth", token)]),
    ];
    for request in requests {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
}

fn multipart(tenant: &Tenant, url: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let parts: String = fields
        .iter()
        .map(|(name, value)| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
        .collect();
    let request = tenant.http.post(url).header("content-type", "multipart/form-data; boundary=XX");
    request.body(format!("{parts}--XX--\r\n"))
}

#[tokio::test]
async fn r5_an_unknown_method() {
    let tenant = Tenant::start(quiet()).await;
    let (status, body) = tenant.call("imconnector.typing", json!({})).await;
    assert_eq!(status, 404);
    assert_eq!(body, json!({ "error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!" }));
}

#[tokio::test]
async fn r6_a_scope_is_missing() {
    let tenant = Tenant::start(SandboxConfig { scope: vec!["im".to_owned()], ..quiet() }).await;
    assert_eq!(tenant.refused("imconnector.list", json!({})).await, (403, "insufficient_scope".to_owned()));
    tenant.sandbox.switch(|switches| switches.source_statuses = true);
    assert_eq!(tenant.refused("imconnector.list", json!({})).await, (401, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn r7_an_incoming_webhook_is_the_wrong_kind() {
    let tenant = Tenant::start(quiet()).await;
    let hook = async |method: &str| {
        let answer = tenant
            .http
            .post(tenant.sandbox.webhook_url() + method)
            .json(&json!({ "ID": "shop" }))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let short = "Current authorization type is denied for this method";
    for method in ["imconnector.register", "imconnector.status", "imconnector.send.messages"] {
        let (status, body) = hook(method).await;
        assert_eq!((status, body["error"].as_str()), (403, Some("WRONG_AUTH_TYPE")));
        assert_eq!(body["error_description"], format!("{short} Application context required"));
    }
    for method in ["imconnector.list", "event.bind", "event.get"] {
        let (status, body) = hook(method).await;
        assert_eq!((status, body["error_description"].as_str()), (403, Some(short)));
    }
    let (status, body) = hook("app.info").await;
    assert_eq!((status, body["error"].as_str()), (400, Some("ACCESS_DENIED")));
    assert_eq!(hook("profile").await.0, 200);
    let wrong = format!("{}/rest/1/wrong/profile", tenant.sandbox.portal_url());
    assert_eq!(tenant.http.get(wrong).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn r8_plain_http_may_be_refused() {
    let tenant = Tenant::start(SandboxConfig { require_https: true, ..quiet() }).await;
    let (status, body) = tenant.call("app.info", json!({})).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("INVALID_REQUEST")));
    assert_eq!(body["error_description"], "Https required");
    let proxied = tenant.http.get(tenant.method_url("app.info")).query(&[("auth", &tenant.token)]);
    assert_eq!(proxied.header("x-forwarded-proto", "https").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn r9_the_leaky_bucket() {
    let limit = Some(RequestLimit { burst: 5.0, per_second: 0.01 });
    let tenant = Tenant::start(SandboxConfig { request_limit: limit, ..quiet() }).await;
    for _ in 0..5 {
        tenant.ok("server.time", json!({})).await;
    }
    let (status, body) = tenant.call("imconnector.register", super::support::registration("shop", "http://a.b")).await;
    assert_eq!(status, 503);
    assert_eq!(body, json!({ "error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests" }));
    assert!(tenant.sandbox.view(|view| view.connectors().is_empty()), "a refused request is not executed");
    let other_address =
        reqwest::Client::builder().local_address(Some([127, 0, 0, 2].into())).no_proxy().build().unwrap();
    let url = tenant.method_url("server.time");
    assert_eq!(other_address.get(&url).query(&[("auth", &tenant.token)]).send().await.unwrap().status(), 200);
    tenant.sandbox.advance(Duration::from_secs(100));
    tenant.ok("server.time", json!({})).await;
}

#[tokio::test]
async fn r10_the_operating_limit() {
    let config = SandboxConfig {
        operating_limit_s: Some(1.0),
        processing_ms: 600,
        request_limit: None,
        greeting: None,
        ..SandboxConfig::default()
    };
    let tenant = Tenant::connected_with(config, json!({})).await;
    let (_, first) = tenant.call("imconnector.send.messages", messaging(json!([message("m-1", "a")]))).await;
    assert!(first["time"]["operating"].as_f64().unwrap() >= 0.1, "{first}");
    assert!(first["time"]["operating_reset_at"].is_i64());
    assert!(first["time"]["operating_reset_at"].as_f64() > first["time"]["finish"].as_f64());
    tenant.send(json!([message("m-2", "this call crosses the limit and still succeeds")])).await;
    let (status, body) = tenant.call("imconnector.send.messages", messaging(json!([message("m-3", "c")]))).await;
    assert_eq!(status, 429);
    assert_eq!(body["error"], "OPERATION_TIME_LIMIT");
    assert_eq!(body["error_description"], "Method is blocked due to operation time limit.");
    tenant.ok("imconnector.status", json!({ "CONNECTOR": "shop", "LINE": 1 })).await;
    tenant.sandbox.advance(Duration::from_secs(601));
    tenant.send(json!([message("m-3", "c")])).await;
}

#[tokio::test]
async fn r11_standing_conditions_and_broken_answers() {
    let tenant = Tenant::connected().await;
    let flags = [
        (Flag::OverloadLimit, 503, "OVERLOAD_LIMIT"),
        (Flag::PortalDeleted, 500, "PORTAL_DELETED"),
        (Flag::AccessDenied, 403, "ACCESS_DENIED"),
        (Flag::ConnectionError, 401, "CONNECTION_ERROR"),
        (Flag::UserAccessError, 403, "user_access_error"),
        (Flag::AuthorizationError, 401, "authorization_error"),
        (Flag::InternalServerError, 500, "INTERNAL_SERVER_ERROR"),
    ];
    for (flag, status, code) in flags {
        tenant.sandbox.flag(flag, true);
        assert_eq!(tenant.refused("app.info", json!({})).await, (status, code.to_owned()));
        tenant.sandbox.flag(flag, false);
    }
    tenant.sandbox.switch(|switches| switches.source_statuses = true);
    tenant.sandbox.flag(Flag::PortalDeleted, true);
    assert_eq!(tenant.refused("app.info", json!({})).await, (403, "PORTAL_DELETED".to_owned()));
    tenant.sandbox.flag(Flag::PortalDeleted, false);

    tenant.sandbox.faults().add(Fault::html(502).once());
    let answer = tenant.http.get(tenant.method_url("app.info")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (502, "text/html"));

    tenant.sandbox.faults().add(Fault::hang().after().on("imconnector.send.messages").once());
    let request = tenant.http.post(tenant.method_url("imconnector.send.messages")).bearer_auth(&tenant.token);
    let slow =
        request.json(&messaging(json!([message("m-1", "stored")]))).timeout(Duration::from_millis(200)).send().await;
    assert!(slow.unwrap_err().is_timeout());
    let executed = tenant.sandbox.wait_until(|view| view.dialogs().len() == 1).await;
    executed.unwrap();

    tenant.sandbox.faults().add(Fault::cut().after().on("imconnector.send.messages").once());
    let request = tenant.http.post(tenant.method_url("imconnector.send.messages")).bearer_auth(&tenant.token);
    assert!(request.json(&messaging(json!([message("m-2", "stored too")]))).send().await.is_err());
    assert_eq!(tenant.sandbox.messages(tenant.sandbox.dialogs()[0].chat_id).len(), 2);
}

#[tokio::test]
async fn r12_a_renamed_portal() {
    let tenant = Tenant::start(quiet()).await;
    let (old, member) = (tenant.sandbox.portal_url(), tenant.sandbox.member_id());
    let new = tenant.sandbox.rename_portal().await.unwrap();
    assert_ne!(old, new);
    for request in
        [tenant.http.get(format!("{old}/rest/app.info?a=b")), tenant.http.post(format!("{old}/rest/app.info?a=b"))]
    {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 302);
        assert_eq!(answer.headers()["location"], format!("{new}/rest/app.info?a=b").as_str());
    }
    assert_eq!(tenant.ok("app.info", json!({})).await["INSTALLED"], true);
    assert_eq!(tenant.sandbox.member_id(), member);
}

#[tokio::test]
async fn r13_encodings_and_key_cases() {
    let tenant = Tenant::connected().await;
    let url = tenant.method_url("imconnector.send.messages.json");
    let pairs = [
        ("auth", tenant.token.as_str()),
        ("connector", "shop"),
        ("line", "1"),
        ("MESSAGES[0][USER][Id]", "u-1"),
        ("MESSAGES[0][message][ID]", "m-1"),
        ("MESSAGES[0][message][text]", "a [b] & c\nd"),
        ("MESSAGES[0][chat][id]", "c-1"),
    ];
    let query: Vec<_> = pairs.iter().map(|(name, value)| (*name, *value)).collect();
    for request in
        [tenant.http.post(&url).form(&query), tenant.http.get(&url).query(&query), multipart(&tenant, &url, &pairs)]
    {
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body["result"]["DATA"]["RESULT"][0]["SUCCESS"], true, "{body}");
    }
    let mixed = tenant.http.post(format!("{url}?LINE=1")).bearer_auth(&tenant.token);
    let json = json!({ "Connector": "shop", "messages": [{ "User": { "ID": "u-1" }, "MESSAGE": { "Id": "m-1", "Text": "a [b] & c\nd" }, "Chat": { "id": "c-1" } }] });
    let body: Value = mixed.json(&json).send().await.unwrap().json().await.unwrap();
    assert_eq!(body["result"]["DATA"]["RESULT"][0]["SUCCESS"], true, "{body}");
    let texts: Vec<String> =
        tenant.sandbox.messages(tenant.sandbox.dialogs()[0].chat_id).into_iter().map(|it| it.text).collect();
    assert_eq!(texts, vec!["a [b] & c\nd"; 4]);
}

#[tokio::test]
async fn r14_the_envelope() {
    let tenant = Tenant::connected().await;
    let mut element = message("m-1", "<a href='x'>\"&/</a> Привет 👍");
    element["chat"]["url"] = json!("https://x.example/c-1");
    let request = tenant.http.post(tenant.method_url("imconnector.send.messages")).bearer_auth(&tenant.token);
    let answer = request.json(&messaging(json!([element]))).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
    let raw = answer.text().await.unwrap();
    assert!(raw.contains(r"\u003Ca href=\u0027x\u0027\u003E\u0022\u0026\/\u003C\/a\u003E Привет 👍"), "{raw}");
    assert!(raw.contains(r#""date":{}"#) && raw.contains(r"https:\/\/x.example\/c-1"), "{raw}");
    let body: Value = serde_json::from_str(&raw).unwrap();
    for key in ["start", "finish", "duration", "processing", "date_start", "date_finish"] {
        assert!(!body["time"][key].is_null(), "{key}");
    }
    let delivery = tenant.ok("imconnector.send.status.delivery", messaging(json!([]))).await;
    assert_eq!(delivery, json!({ "SUCCESS": true, "DATA": [] }));
    let broken = tenant
        .http
        .get(format!("{}?auth={}&x=%FF", tenant.method_url("server.time"), tenant.token))
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 200);
    assert_eq!(broken.json::<Value>().await.unwrap()["error"], "WRONG_ENCODING");
}

#[tokio::test]
async fn r15_batch() {
    let tenant = Tenant::connected().await;
    let result = tenant
        .ok(
            "batch",
            json!({ "halt": 0, "cmd": {
            "app": "app.info",
            "dot": "imconnector.register?ID=a.b",
            "nested": "batch?cmd[a]=app.info",
            "unknown": "no.such.method",
            "status": "imconnector.status?CONNECTOR=shop&LINE=1",
            "again": "imconnector.status?CONNECTOR=$result[status][CONNECTOR]&LINE=$result[status][LINE]",
            "number": 5,
        } }),
        )
        .await;
    assert_eq!(result["result"]["app"]["STATUS"], "L");
    assert_eq!(result["result"]["dot"], false);
    assert_eq!(result["result_error"]["dot"]["error"], "APPLICATION_REGISTRATION_ERROR_POINT");
    assert_eq!(result["result_error"]["nested"]["error"], "ERROR_BATCH_METHOD_NOT_ALLOWED");
    assert_eq!(result["result_error"]["unknown"]["error"], "ERROR_METHOD_NOT_FOUND");
    assert_eq!(result["result"]["again"], result["result"]["status"]);
    assert_eq!(result["result"]["again"]["STATUS"], true);
    assert!(result["result"].get("number").is_none());
    assert_eq!(result["result_total"], json!([]));
    assert!(result["result_time"]["app"]["duration"].is_number());

    let many: Vec<String> = (0..52).map(|_| "server.time".to_owned()).collect();
    let result = tenant.ok("batch", json!({ "cmd": many })).await;
    assert_eq!(result["result"].as_array().unwrap().len(), 50, "numeric keys make a list");
    assert_eq!(result["result_error"]["50"]["error"], "ERROR_BATCH_LENGTH_EXCEEDED");
    assert_eq!(result["result_error"]["51"]["error"], "ERROR_BATCH_LENGTH_EXCEEDED");

    let halted = tenant
        .ok("batch", json!({ "halt": 1, "cmd": { "a": "server.time", "b": "nothing", "c": "server.time" } }))
        .await;
    assert!(halted["result"].get("a").is_some() && halted["result"].get("c").is_none());
    assert_eq!(halted["result_error"].as_object().unwrap().len(), 1);

    let form = [("auth", tenant.token.as_str()), ("cmd[x]", "imconnector.status?CONNECTOR=shop&LINE=1")];
    let body: Value =
        tenant.http.post(tenant.method_url("batch")).form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!(body["result"]["result"]["x"]["STATUS"], true);
    assert_eq!(body["result"]["result_error"], json!([]));
}

/// What the pages of both methods show, in their spelling.
#[tokio::test]
async fn r16_history_and_dialog_are_as_documented() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "two files please").await;
    let files = vec![("plan.png", "image/png", png().into()), ("price.pdf", "application/pdf", "prices".into())];
    let id = tenant.sandbox.operator_writes_with_files(chat, "[b]Both[/b] < 3", files).unwrap().to_string();
    let history = tenant.ok("imopenlines.session.history.get", json!({ "CHAT_ID": chat })).await;
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        names(&history),
        "chatId canJoin canVoteHead sessionId sessionVoteHead sessionCommentHead userId message usersMessage users \
         openlines userInGroup woUserInGroup chat userBlockChat userInChat files"
    );
    let message = &history["message"][&id];
    assert_eq!(names(message), "id chatid senderid recipientid date text textlegacy params");
    assert_eq!((&message["id"], &message["senderid"]), (&json!(id), &json!("27")));
    assert_eq!((&message["text"], &message["textlegacy"]), (&json!("[b]Both[/b] < 3"), &json!("<b>Both</b> &lt; 3")));
    let ids = message["params"]["fileId"].as_array().unwrap().clone();
    let plan = &history["files"][ids[0].to_string()];
    assert_eq!(
        (&plan["id"], &plan["type"], &plan["image"]),
        (&ids[0], &json!("image"), &json!({"height": 9, "width": 7}))
    );
    assert_eq!((&plan["authorid"], &plan["chatid"], &plan["extension"]), (&json!(27), &json!(chat), &json!("png")));
    assert_eq!(history["files"][ids[1].to_string()]["image"], json!(false));
    for (id, bytes) in [(&ids[0], png()), (&ids[1], b"prices".to_vec())] {
        let address = history["files"][id.to_string()]["urldownload"].as_str().unwrap();
        assert!(address.contains("/bitrix/services/main/ajax.php?action=disk.api.file.download"), "{address}");
        assert_eq!(tenant.http.get(address).send().await.unwrap().bytes().await.unwrap(), bytes);
    }
    tenant.sandbox.switch(|switches| switches.file_links_need_login = true);
    let login = tenant.http.get(plan["urldownload"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(
        (login.status().as_u16(), login.headers()["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
    let anna = &history["users"]["27"];
    assert_eq!(
        (&anna["id"], &anna["firstName"], &anna["externalAuthId"]),
        (&json!("27"), &json!("Anna"), &json!("socservices"))
    );
    let about = &history["chat"][chat.to_string()];
    assert_eq!(
        (&about["id"], &about["entityType"], &about["managerList"]),
        (&json!(chat.to_string()), &json!("LINES"), &json!([27]))
    );

    let dialog = tenant.ok("imopenlines.dialog.get", json!({ "CHAT_ID": chat })).await;
    assert_eq!((&dialog["id"], &dialog["description"], &dialog["owner"]), (&json!(chat), &json!(null), &json!(27)));
    assert_eq!((&dialog["entity_link"]["type"], &dialog["is_new"]), (&json!("LINES"), &json!(false)));
    assert!(dialog.get("title").is_none());
}

#[tokio::test]
async fn r16_no_time_is_told_as_zero() {
    let tenant = Tenant::start(SandboxConfig { operating_limit_s: Some(480.0), ..quiet() }).await;
    let answer =
        tenant.http.get(tenant.method_url("server.time")).query(&[("auth", &tenant.token)]).send().await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains(r#""operating":0}"#), "{text}");
    assert!(text.contains(r#""operating_reset_at":"#), "{text}");
}

#[tokio::test]
async fn r16_shapes_of_the_environment() {
    let tenant = Tenant::connected().await;
    let chat = tenant.client_writes("m-1", "hello").await;
    let info = tenant.ok("app.info", json!({})).await;
    assert_eq!(info["CODE"], tenant.sandbox.client_id());
    assert_eq!(
        (&info["INSTALLED"], &info["PAYMENT_EXPIRED"], &info["DAYS"]),
        (&json!(true), &json!("N"), &json!(null))
    );
    let profile = tenant.ok("profile", json!({})).await;
    assert_eq!((&profile["ID"], &profile["ADMIN"]), (&json!("1"), &json!(true)));
    assert_eq!(tenant.ok("scope", json!({})).await, json!(["imopenlines", "imconnector", "im"]));
    assert!(tenant.ok("server.time", json!({})).await.as_str().unwrap().contains('T'));
    let known = tenant.ok("method.get", json!({ "name": "imconnector.register" })).await;
    assert_eq!(known, json!({ "isExisting": true, "isAvailable": true }));
    assert!(tenant.ok("events", json!({})).await.as_array().unwrap().contains(&json!("ONIMCONNECTORMESSAGEADD")));
    assert_eq!(tenant.ok("feature.get", json!({ "CODE": "rest_auth_connector" })).await["value"], "Y");

    let lines = tenant
        .ok("imopenlines.config.list.get", json!({ "PARAMS": { "select": ["ID", "LINE_NAME", "ACTIVE"] } }))
        .await;
    assert_eq!(lines[0], json!({ "ID": "1", "ACTIVE": "Y", "LINE_NAME": "Support" }));
    assert_eq!(tenant.refused("imopenlines.config.list.get", json!({ "PARAMS": "x" })).await.1, "INVALID_FORMAT");
    assert_eq!(tenant.ok("imopenlines.config.get", json!({ "CONFIG_ID": 2 })).await["LINE_NAME"], "Sales");
    assert_eq!(tenant.ok("imopenlines.config.get", json!({ "CONFIG_ID": 99 })).await, false);
    assert_eq!(tenant.refused("imopenlines.config.get", json!({})).await.1, "CONFIG_ID_EMPTY");
    let path = tenant.ok("imopenlines.config.path.get", json!({})).await;
    assert_eq!(path, json!({ "SERVER_ADDRESS": tenant.sandbox.portal_url(), "PUBLIC_PATH": "/contact_center/" }));

    let dialog = tenant.ok("imopenlines.dialog.get", json!({ "CHAT_ID": chat })).await;
    assert_eq!((&dialog["entity_type"], &dialog["dialog_id"]), (&json!("LINES"), &json!(format!("chat{chat}"))));
    assert!(dialog["entity_id"].as_str().unwrap().starts_with("shop|1|c-1|"));
    let session = tenant.sandbox.dialogs()[0].session_id;
    assert_eq!(dialog["entity_data_1"].as_str().unwrap().split('|').nth(5), Some(session.to_string().as_str()));
    assert_eq!(tenant.refused("imopenlines.dialog.get", json!({ "CHAT_ID": 1 })).await.1, "ACCESS_ERROR");

    let history = tenant.ok("imopenlines.session.history.get", json!({ "CHAT_ID": chat })).await;
    assert_eq!((&history["chatId"], &history["sessionId"]), (&json!(chat), &json!(session)));
    let (id, first) = history["message"].as_object().unwrap().iter().next().unwrap();
    assert_eq!((&first["id"], &first["chatid"]), (&json!(id), &json!(chat.to_string())));
    assert_eq!((&first["text"], &first["params"]), (&json!("hello"), &json!({ "connectorMid": ["m-1"] })));
    assert_eq!(tenant.refused("imopenlines.session.history.get", json!({})).await.1, "MISSING_REQUIRED_PARAM");
    assert_eq!(
        tenant.refused("imopenlines.session.history.get", json!({ "SESSION_ID": 9 })).await.1,
        "INVALID_SESSION_ID"
    );

    let preflight = tenant.http.request(reqwest::Method::OPTIONS, tenant.method_url("profile")).send().await.unwrap();
    assert_eq!(
        (preflight.status().as_u16(), &preflight.headers()["access-control-allow-origin"]),
        (200, &"*".parse().unwrap())
    );
    let xml = tenant.http.get(tenant.method_url("profile.xml")).query(&[("auth", &tenant.token)]).send().await.unwrap();
    assert!(xml.text().await.unwrap().contains("<response><result><ID>1</ID>"));
}

//! R1–R16: the REST front.

mod answers;

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

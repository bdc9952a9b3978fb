//! R14 to R16: what answers look like.

use super::*;

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

//! Customers whom the embedding site has signed in.

use openline_sandbox::SandboxConfig;
use openline_tests::World;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// A token of the customer "customer-42" and what else is signed.
fn signed(world: &World, more: &Value) -> String {
    let mut claims = json!({ "sub": "customer-42" });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    openline_tests::identity_token(&world.url(""), "site", SECRET, claims)
}

async fn world(more: &str) -> World {
    let channels = format!(
        "[channels.site]\nkind = \"website\"\n[channels.site.settings.identity]\nsecret = \"{SECRET}\"\n{more}\n"
    );
    World::with(SandboxConfig::default().without_limits(), &channels).await
}

async fn session(world: &World, body: &Value) -> Response {
    Client::new().post(world.url("/c/site/api/session")).json(body).send().await.unwrap()
}

async fn token(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json::<Value>().await.unwrap()["session"].as_str().unwrap().to_owned()
}

async fn says(world: &World, token: &str, text: &str) -> StatusCode {
    let body = json!({ "key": text, "text": text });
    let call = Client::new().post(world.url("/c/site/api/messages")).bearer_auth(token).json(&body);
    call.send().await.unwrap().status()
}

#[tokio::test]
async fn a_signature_leads_to_the_same_conversation_from_everywhere() {
    let world = world("").await;
    let more = json!({ "name": "Ann", "email": "ann@shop.example" });
    let wish = json!({ "bearer": true, "identity": signed(&world, &more) });
    let [one, two] = [token(session(&world, &wish).await).await, token(session(&world, &wish).await).await];
    assert_ne!(one, two);
    assert_eq!(says(&world, &one, "one").await, StatusCode::CREATED);
    assert_eq!(says(&world, &two, "two").await, StatusCode::CREATED);
    let chat = world.portal_chat("one").await;
    world.sandbox.wait_until(|portal| portal.texts(chat, "client") == ["one", "two"]).await.unwrap();
    let sent = world.sandbox.view(|portal| {
        let call = portal.calls_of("imconnector.send.messages").next().unwrap();
        call.params["MESSAGES"][0]["user"].clone()
    });
    assert_eq!((&sent["name"], &sent["email"]), (&json!("Ann"), &json!("ann@shop.example")), "what is signed is told");
    // A browser may keep it in its cookie as well; whoever was anonymous before is not any more.
    let anonymous = session(&world, &json!({})).await;
    let cookie = anonymous.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let call = Client::new().post(world.url("/c/site/api/session")).header("cookie", cookie);
    let cookied = call.json(&json!({ "identity": signed(&world, &json!({})) })).send().await.unwrap();
    assert!(cookied.headers()["set-cookie"].to_str().unwrap().starts_with("ol_site=s1."));
    assert_eq!(cookied.json::<Value>().await.unwrap()["dialog"], "open");
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_gets_no_other_session() {
    let world = world("").await;
    let other = openline_tests::identity_token(&world.url(""), "other", SECRET, json!({ "sub": "customer-42" }));
    let elsewhere = openline_tests::identity_token("https://evil.example", "site", SECRET, json!({ "sub": "1" }));
    let foreign = openline_tests::identity_token(&world.url(""), "site", "another secret", json!({ "sub": "1" }));
    for identity in [
        json!(other),
        json!(elsewhere),
        json!(foreign),
        json!(signed(&world, &json!({ "exp": 1_000_000_000 }))),
        json!(signed(&world, &json!({ "exp": 4_000_000_000_u32 }))),
        json!(signed(&world, &json!({ "sub": "" }))),
        json!(""),
        json!({ "id": "customer-42", "hash": "23ec0797ec2352dc78ac5d5328164f715c8a8d8bd84f5a7961fa972d5b215201" }),
    ] {
        let refused = session(&world, &json!({ "bearer": true, "identity": identity })).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{identity}");
        assert!(!refused.headers().contains_key("set-cookie"));
        let said: Value = refused.json().await.unwrap();
        assert_eq!((&said["error"]["code"], &said["session"]), (&json!("identity_refused"), &Value::Null), "{said}");
    }
    // Another site's page can't sign a browser in as somebody else.
    let call = Client::new().post(world.url("/c/site/api/session")).header("origin", "https://evil.example");
    let foreign = call.json(&json!({ "identity": signed(&world, &json!({})) })).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn where_identity_is_required_nobody_else_can_write() {
    let world = world("required = true").await;
    let refused = session(&world, &json!({ "bearer": true })).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "identity_required");
    let page = reqwest::get(world.url("/c/site/")).await.unwrap();
    assert_eq!((page.status(), page.headers().contains_key("set-cookie")), (StatusCode::FORBIDDEN, false));
    assert!(page.text().await.unwrap().contains("sign in"));
    let wish = json!({ "bearer": true, "identity": signed(&world, &json!({})) });
    let token = token(session(&world, &wish).await).await;
    assert_eq!(says(&world, &token, "hello").await, StatusCode::CREATED);
    assert_eq!(says(&world, &format!("{token}x"), "forged").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_secret_nobody_is_identified() {
    let world = World::start().await;
    let refused = session(&world, &json!({ "identity": signed(&world, &json!({})) })).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "identity_refused");
}

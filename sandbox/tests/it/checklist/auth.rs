//! A1–A9: the authorization server.

use std::time::Duration;

use openline_sandbox::{Fault, Flag, TOKEN_ENDPOINT};
use serde_json::Value;

use super::support::{Tenant, quiet};

async fn refresh(tenant: &Tenant, query: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/oauth/token/", tenant.sandbox.auth_url());
    let answer = tenant.http.get(url).query(query).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn refresh_with(tenant: &Tenant, token: &str) -> (u16, Value) {
    let (id, secret) = (tenant.sandbox.client_id(), tenant.sandbox.client_secret());
    refresh(
        tenant,
        &[("grant_type", "refresh_token"), ("client_id", &id), ("client_secret", &secret), ("refresh_token", token)],
    )
    .await
}

#[tokio::test]
async fn a1_refresh_gives_a_new_pair() {
    let tenant = Tenant::start(quiet()).await;
    let (status, body) = refresh_with(&tenant, &tenant.refresh_token).await;
    assert_eq!(status, 200);
    assert_ne!(body["access_token"], tenant.token);
    assert_ne!(body["refresh_token"], tenant.refresh_token);
    assert_eq!(format!("http://{}", body["domain"].as_str().unwrap()), tenant.sandbox.auth_url());
    assert_eq!(body["client_endpoint"], format!("{}/rest/", tenant.sandbox.portal_url()));
    assert_eq!(body["server_endpoint"], format!("{}/rest/", tenant.sandbox.auth_url()));
    assert_eq!(body["member_id"], tenant.sandbox.member_id());
    assert_eq!(body["expires_in"], 3600);
    assert_eq!(body["status"], "L");
    assert_eq!(body["user_id"], 1);
    assert_eq!(body["scope"], "imopenlines,imconnector,im");
    let (status, _) = tenant.call_as(body["access_token"].as_str().unwrap(), "app.info", serde_json::json!({})).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a2_a_used_refresh_token_is_dead_unless_switched() {
    let tenant = Tenant::start(quiet()).await;
    assert_eq!(refresh_with(&tenant, &tenant.refresh_token).await.0, 200);
    let (status, body) = refresh_with(&tenant, &tenant.refresh_token).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")));
    assert!(body["error_description"].is_string());
    tenant.sandbox.switch(|switches| switches.strict_rotation = false);
    assert_eq!(refresh_with(&tenant, &tenant.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a3_wrong_client() {
    let tenant = Tenant::start(quiet()).await;
    let (id, secret) = (tenant.sandbox.client_id(), tenant.sandbox.client_secret());
    let pairs = [(id.as_str(), "wrong"), ("local.unknown.1", secret.as_str())];
    for (id, secret) in pairs {
        let query = [
            ("grant_type", "refresh_token"),
            ("client_id", id),
            ("client_secret", secret),
            ("refresh_token", &tenant.refresh_token),
        ];
        let (status, body) = refresh(&tenant, &query).await;
        assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
    }
    tenant.sandbox.uninstall(false);
    let (status, body) = refresh_with(&tenant, &tenant.refresh_token).await;
    assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
}

#[tokio::test]
async fn a4_a_refresh_token_lives_180_days() {
    let tenant = Tenant::start(quiet()).await;
    tenant.sandbox.advance(Duration::from_secs(180 * 24 * 3600 + 1));
    let (status, body) = refresh_with(&tenant, &tenant.refresh_token).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn a5_grant_type_is_checked() {
    let tenant = Tenant::start(quiet()).await;
    for query in [&[][..], &[("grant_type", "password")][..]] {
        let (status, body) = refresh(&tenant, query).await;
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_request")));
    }
}

#[tokio::test]
async fn a6_an_unpaid_tenant() {
    let tenant = Tenant::start(quiet()).await;
    tenant.sandbox.flag(Flag::PaymentRequired, true);
    let (_, body) = refresh_with(&tenant, &tenant.refresh_token).await;
    assert_eq!(body["error"], "PAYMENT_REQUIRED");
    tenant.sandbox.flag(Flag::PaymentRequired, false);
    assert_eq!(refresh_with(&tenant, &tenant.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a7_get_and_form_post_are_the_same() {
    let tenant = Tenant::start(quiet()).await;
    let (id, secret) = (tenant.sandbox.client_id(), tenant.sandbox.client_secret());
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("refresh_token", &tenant.refresh_token),
    ];
    let url = format!("{}/oauth/token/", tenant.sandbox.auth_url());
    let body: Value = tenant.http.post(url).form(&form).send().await.unwrap().json().await.unwrap();
    let (status, again) = refresh_with(&tenant, body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(status, 200);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), keys(&again));
}

#[tokio::test]
async fn a8_an_authorization_code_lives_thirty_seconds_and_works_once() {
    let tenant = Tenant::start(quiet()).await;
    tenant.sandbox.set_handler_url("https://app.example/oauth?x=1");
    let (id, secret) = (tenant.sandbox.client_id(), tenant.sandbox.client_secret());
    let code = async || {
        let url = format!("{}/oauth/authorize/", tenant.sandbox.portal_url());
        let answer = tenant.http.get(url).query(&[("client_id", id.as_str()), ("state", "st")]).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(target.host_str(), Some("app.example"));
        let names: Vec<String> = target.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["x", "code", "state", "domain", "member_id", "scope", "server_domain"]);
        target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    };
    let take = async |code: &str| {
        refresh(
            &tenant,
            &[("grant_type", "authorization_code"), ("client_id", &id), ("client_secret", &secret), ("code", code)],
        )
        .await
    };
    let fresh = code().await;
    let (status, body) = take(&fresh).await;
    assert_eq!((status, body["member_id"].as_str()), (200, Some(tenant.sandbox.member_id().as_str())));
    assert_eq!(take(&fresh).await.1["error"], "invalid_grant");
    let old = code().await;
    tenant.sandbox.advance(Duration::from_secs(31));
    let (status, body) = take(&old).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_grant")));
}

#[tokio::test]
async fn a9_faults_of_the_authorization_server() {
    let tenant = Tenant::start(quiet()).await;
    let faults = tenant.sandbox.faults();
    faults.add(Fault::status(500).on(TOKEN_ENDPOINT).once());
    assert_eq!(refresh_with(&tenant, &tenant.refresh_token).await.0, 500);

    let url = format!("{}/oauth/token/", tenant.sandbox.auth_url());
    faults.add(Fault::html(502).on(TOKEN_ENDPOINT).once());
    let answer = tenant.http.get(&url).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert!(answer.text().await.unwrap().starts_with("<html>"));

    faults.add(Fault::cut().on(TOKEN_ENDPOINT).once());
    assert!(tenant.http.get(&url).send().await.is_err());

    faults.add(Fault::hang().on(TOKEN_ENDPOINT).once());
    let impatient = tenant.http.get(&url).timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.unwrap_err().is_timeout());

    faults.add(Fault::cut().after().on(TOKEN_ENDPOINT).once());
    let query = [
        ("grant_type", "refresh_token".to_owned()),
        ("client_id", tenant.sandbox.client_id()),
        ("client_secret", tenant.sandbox.client_secret()),
        ("refresh_token", tenant.refresh_token.clone()),
    ];
    assert!(tenant.http.get(&url).query(&query).send().await.is_err());
    assert_eq!(
        refresh_with(&tenant, &tenant.refresh_token).await.1["error"],
        "invalid_grant",
        "the lost answer used the token up"
    );
}

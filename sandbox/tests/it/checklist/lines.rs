//! Settings of open lines, and what they make the portal say: off-hours text, rating.

use serde_json::{Value, json};

use super::support::{Tenant, quiet};

/// A connected portal whose line 1 is set like this.
async fn with(settings: Value) -> Tenant {
    let tenant = Tenant::connected_with(quiet(), json!({ "NEED_SIGNATURE": false })).await;
    assert_eq!(
        tenant.ok("imopenlines.config.update", json!({ "CONFIG_ID": 1, "PARAMS": settings })).await,
        json!(true)
    );
    tenant
}

fn texts(tenant: &Tenant, chat: i64, side: &str) -> Vec<String> {
    tenant.sandbox.view(|view| view.texts(chat, side))
}

/// Closed on every day of the week.
fn never() -> Value {
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_DAYOFF": days, "WORKTIME_DAYOFF_TEXT": "Away" })
}

#[tokio::test]
async fn settings_are_given_back_as_they_were_set() {
    let tenant =
        with(json!({ "WELCOME_MESSAGE_TEXT": "Hi", "WORKTIME_HOLIDAYS": "1.01,2.01", "VOTE_MESSAGE": "Y" })).await;
    let config = tenant.ok("imopenlines.config.get", json!({ "CONFIG_ID": 1 })).await;
    assert_eq!((&config["WELCOME_MESSAGE"], &config["WELCOME_MESSAGE_TEXT"]), (&json!("Y"), &json!("Hi")));
    assert_eq!(config["WORKTIME_HOLIDAYS"], json!(["1.01", "2.01"]));
    assert_eq!((&config["WORKTIME_DAYOFF"], &config["WORKTIME_ENABLE"]), (&json!([""]), &json!("N")));
    assert_eq!((&config["VOTE_MESSAGE"], &config["AGREEMENT_ID"]), (&json!("Y"), &json!("0")));
    assert!(tenant.sandbox.configure_line(1, &json!({ "WELCOME_MESSAGE": "N" })));
    assert_eq!(tenant.ok("imopenlines.config.get", json!({ "CONFIG_ID": 1 })).await["WELCOME_MESSAGE"], "N");
    assert!(!tenant.sandbox.configure_line(99, &json!({})));
}

#[tokio::test]
async fn outside_its_hours_the_line_says_so_once() {
    let tenant = with(never()).await;
    let chat = tenant.client_writes("m-1", "anybody?").await;
    tenant.client_writes("m-2", "hello?").await;
    assert_eq!(texts(&tenant, chat, "system"), ["Away"]);
    let heard = tenant.heard("ONIMCONNECTORMESSAGEADD", 1).await;
    assert_eq!(heard[0].field("data[MESSAGES][0][message][user_id]"), Some("0"));
}

#[tokio::test]
async fn within_its_hours_it_says_nothing() {
    let all_day = json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_FROM": "0", "WORKTIME_TO": "23.59" });
    let tenant = with(all_day).await;
    let chat = tenant.client_writes("m-1", "anybody?").await;
    assert_eq!(texts(&tenant, chat, "system").len(), 0);
}

async fn rated(settings: Value, order: [&str; 2]) {
    let tenant = with(settings).await;
    let chat = tenant.client_writes("m-1", "1").await;
    assert!(tenant.sandbox.operator_finishes(chat));
    tenant.heard("ONIMCONNECTORDIALOGFINISH", 1).await;
    tenant.heard("ONIMCONNECTORMESSAGEADD", 1).await;
    let events: Vec<_> = tenant.app.all().iter().map(|one| one.event().to_owned()).collect();
    let events: Vec<_> = events.iter().filter(|event| order.contains(&event.as_str())).collect();
    assert_eq!(events, order);
    assert_eq!(tenant.client_writes("m-2", "0 awful").await, chat);
    assert_eq!(texts(&tenant, chat, "client"), ["1", "[dislike]"]);
    assert_eq!(texts(&tenant, chat, "system").last().unwrap(), "We are sorry.");
    let dialog = &tenant.sandbox.dialogs()[0];
    assert_eq!((dialog.vote, dialog.open), (Some(false), false), "it opens no session");
    tenant.client_writes("m-3", "0").await;
    assert_eq!(texts(&tenant, chat, "client").last().unwrap(), "0", "nothing is asked any more");
}

const ADD: &str = "ONIMCONNECTORMESSAGEADD";
const FINISH: &str = "ONIMCONNECTORDIALOGFINISH";

#[tokio::test]
async fn a_finished_dialog_can_be_rated() {
    rated(json!({ "VOTE_MESSAGE": "Y" }), [ADD, FINISH]).await;
}

#[tokio::test]
async fn a_rating_may_be_asked_for_after_the_end() {
    rated(json!({ "VOTE_MESSAGE": "Y", "VOTE_BEFORE_FINISH": "N" }), [FINISH, ADD]).await;
}

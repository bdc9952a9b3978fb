//! Whoever knows the portal's `application_token` (every employee does) can't move our calls elsewhere.

use openline_sandbox::{Fault, SandboxConfig, View};
use openline_tests::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A host of an attacker's that claims to be the portal and confirms everything.
struct Attacker {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Attacker {
    async fn start(client_id: &str) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (count, confirmed) =
            (Arc::clone(&asked), json!({ "result": { "CODE": client_id, "ADMIN": true, "ID": "1" } }));
        let app = axum::Router::new().fallback(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let confirmed = confirmed.clone();
            async move { axum::Json::<Value>(confirmed) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    fn endpoint(&self) -> String {
        format!("{}/rest/", self.url)
    }

    fn was_asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A lifecycle event or an operator's message that names the attacker's host for the portal.
fn forged(world: &World, event: &str, access_token: &str, endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("event", event.to_owned()),
        ("data[CONNECTOR]", "openline_site".to_owned()),
        ("data[LINE]", "1".to_owned()),
        ("auth[access_token]", access_token.to_owned()),
        ("auth[refresh_token]", "made up".to_owned()),
        ("auth[expires_in]", "3600".to_owned()),
        ("auth[member_id]", world.sandbox.member_id()),
        ("auth[application_token]", world.sandbox.application_token()),
        ("auth[client_endpoint]", endpoint.to_owned()),
        ("auth[domain]", endpoint.trim_start_matches("http://").trim_end_matches("/rest/").to_owned()),
        ("auth[server_endpoint]", endpoint.to_owned()),
    ]
}

/// How often the authorization server was asked where the portal is.
fn asked_where(portal: View<'_>) -> usize {
    portal.calls_of("app.info").filter(|call| call.server == "auth").count()
}

async fn post(world: &World, path: &str, form: &[(&str, String)]) -> u16 {
    let answer = reqwest::Client::new().post(world.url(path)).form(form).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn no_event_moves_our_calls_to_another_host() {
    let mut world = World::start().await;
    let attacker = Attacker::start(&world.sandbox.client_id()).await;
    let employee = world.sandbox.grant(&world.sandbox.client_id(), 27).unwrap().access_token;
    for event in ["ONIMCONNECTORMESSAGEADD", "ONAPPTEST", "ONAPPUPDATE", "ONAPPINSTALL"] {
        for path in ["/bitrix/events", "/bitrix/install"] {
            post(&world, path, &forged(&world, event, &employee, &attacker.endpoint())).await;
            post(&world, path, &forged(&world, event, "made up", &attacker.endpoint())).await;
        }
    }
    world.sandbox.wait_until(|portal| asked_where(portal) > 0).await.unwrap();
    let visitor = world.visitor().await;
    visitor.send("to whom?").await;
    world.portal_chat("to whom?").await;
    // Also after a restart, which would go on with what was remembered.
    world.stop_service().await;
    world.start_service().await;
    visitor.send("and now?").await;
    let seen = |portal: View<'_>| portal.all_messages().any(|message| message.text == "and now?");
    world.sandbox.wait_until(seen).await.unwrap();
    assert_eq!(attacker.was_asked(), 0);
}

#[tokio::test]
async fn an_attackers_host_installs_nothing_and_a_true_installation_still_passes() {
    let mut world = World::bare(SandboxConfig::default().without_limits(), openline_tests::CHANNELS).await;
    world.start_service().await;
    let attacker = Attacker::start(&world.sandbox.client_id()).await;
    let mut claim = forged(&world, "ONAPPINSTALL", "made up", &attacker.endpoint());
    assert_eq!(post(&world, "/bitrix/install", &claim).await, 403);
    claim.retain(|(name, _)| *name != "auth[member_id]");
    claim.push(("auth[member_id]", "f".repeat(32)));
    assert_eq!(post(&world, "/bitrix/install", &claim).await, 403);
    world.install().await;
    world.connect("openline_site", 1).await;
    // What is installed stays, whatever is claimed afterwards.
    assert_eq!(post(&world, "/bitrix/install", &claim).await, 403);
    let visitor = world.visitor().await;
    visitor.send("still here").await;
    world.portal_chat("still here").await;
    assert_eq!(attacker.was_asked(), 0);
}

/// A redirect is as little a proof as an event: an address that was given up may belong to somebody else by now.
#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let world = World::start().await;
    let attacker = Attacker::start(&world.sandbox.client_id()).await;
    world.sandbox.faults().add(Fault::redirect(&attacker.endpoint()).times(3));
    let visitor = world.visitor().await;
    visitor.send("where to?").await;
    world.sandbox.wait_until(|portal| asked_where(portal) > 0).await.unwrap();
    assert_eq!(attacker.was_asked(), 0);
}

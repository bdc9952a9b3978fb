//! What can be asked before anything is installed: whether the portal is there, whether code and key are right, whether
//! the public address leads to openline.

use crate::access::pair::{self, Pair};
use crate::access::servers;
use crate::config::PortalConfig;
use crate::wire::rest::{self, CallError};
use openline_core::Check;
use reqwest::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// How long each is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks the portal, unless it is `installed` the authorization server (else a better check asks), and the public address.
/// Changes nothing and spends nothing.
pub async fn check_online(config: &PortalConfig, installed: bool) -> Vec<Check> {
    let client = match rest::client(PATIENCE) {
        Ok(client) => client,
        Err(error) => return vec![Check::bad("portal", format!("no HTTP client: {error}"), "look at /etc/ssl/certs")],
    };
    let mut checks = vec![public_address(&client, config).await, portal(&client, config).await];
    if !installed {
        checks.push(key(&client, config).await);
    }
    checks
}

/// Without a token it refuses, but it answers.
async fn portal(client: &Client, config: &PortalConfig) -> Check {
    let portal = config.url.as_str().trim_end_matches('/');
    match rest::call(client, &config.endpoint(), "none", "app.info", &json!({})).await {
        Ok(_) | Err(CallError::Api { .. }) => {
            Check::good("portal", format!("{portal} is a Bitrix24 portal and answers"))
        }
        Err(CallError::Moved { location }) => {
            let remedy = "write the portal's present address into portal.url";
            Check::bad("portal", format!("portal.url: {portal} sends us to {location}"), remedy)
        }
        Err(CallError::NotJson { status, .. }) => Check::bad(
            "portal",
            format!(
                "portal.url: {portal} answers HTTP {status} and is no Bitrix24 portal, or its REST is switched off"
            ),
            "write into portal.url the address that the browser shows in the portal, up to the first single slash",
        ),
        Err(error) => Check::bad("portal", format!("portal.url: {error}"), "look at DNS, network and firewall"),
    }
}

async fn key(client: &Client, config: &PortalConfig) -> Check {
    let what = "code and key";
    let configured = config.auth_server.as_str().trim_end_matches('/');
    match pair::judge(client, config, &config.auth_server).await {
        Pair::Right => Check::good(what, format!("code and key are right at {configured}")),
        Pair::Unknown(reason) => {
            Check::bad(what, format!("portal.auth_server: {reason}"), "look at DNS, network and firewall")
        }
        Pair::Wrong(code) => {
            let others: Vec<_> = servers::vendors().filter(|other| *other != config.auth_server).collect();
            match pair::search(client, config, &others).await {
                (other, Pair::Right) if servers::vendors().any(|vendor| vendor == config.auth_server) => {
                    let other = other.as_str().trim_end_matches('/');
                    let found = format!("portal.auth_server: code and key are right at {other}, not at {configured}");
                    Check::doubtful(what, found, format!("write {other} into portal.auth_server"))
                }
                _ => Check::bad(
                    what,
                    format!("portal.client_id, portal.client_secret: {configured} says {code}"),
                    "copy both again from the application's form in the portal. If they are right, the application is not \
                     installed yet, and this can be told only when it is",
                ),
            }
        }
    }
}

async fn public_address(client: &Client, config: &PortalConfig) -> Check {
    let (what, url) = ("public address", format!("{}/health", config.public_url));
    let answer = match client.get(&url).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let found = format!("public_url: {}", rest::network(&url, &error));
            let remedy = "start openline and the proxy in front of it, and ask from outside, too: some networks don't let \
                          a machine reach its own public address";
            return Check::doubtful(what, found, remedy);
        }
    };
    let status = answer.status();
    match answer.json::<Value>().await {
        Ok(health) if health.get("installed").is_some() => {
            Check::good(what, format!("{} leads to openline", config.public_url))
        }
        _ => {
            let found = format!("public_url: {url} answers HTTP {status}, but not as openline does");
            Check::bad(what, found, "look whether openline runs, and where the proxy leads")
        }
    }
}

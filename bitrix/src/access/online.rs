//! What can be asked before anything is installed: whether the portal is there, whether code and key are right, whether
//! the public address leads to openline.

use crate::access::pair::{self, Pair};
use crate::access::servers;
use crate::config::PortalConfig;
use crate::wire::rest::{self, CallError};
use reqwest::Client;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// How long each is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// As it should be.
    Good(String),
    /// It will do, or could not be seen from here.
    Doubtful(String),
    /// It will not do.
    Bad(String),
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(text) => write!(f, "good      {text}"),
            Self::Doubtful(text) => write!(f, "doubtful  {text}"),
            Self::Bad(text) => write!(f, "bad       {text}"),
        }
    }
}

/// Asks the portal, the authorization server and the public address. Changes nothing and spends nothing.
pub async fn check_online(config: &PortalConfig) -> Vec<Checked> {
    match rest::client(PATIENCE) {
        Ok(client) => {
            vec![portal(&client, config).await, key(&client, config).await, public_address(&client, config).await]
        }
        Err(error) => vec![Checked::Bad(format!("no HTTP client: {error}"))],
    }
}

/// Without a token it refuses, but it answers.
async fn portal(client: &Client, config: &PortalConfig) -> Checked {
    let portal = config.url.as_str().trim_end_matches('/');
    match rest::call(client, &config.endpoint(), "none", "app.info", &json!({})).await {
        Ok(_) | Err(CallError::Api { .. }) => Checked::Good(format!("{portal} is a Bitrix24 portal and answers")),
        Err(CallError::Moved { location }) => {
            Checked::Bad(format!("portal.url: {portal} sends us to {location}; write the portal's present address"))
        }
        Err(CallError::NotJson { status, .. }) => Checked::Bad(format!(
            "portal.url: {portal} answers HTTP {status} and is no Bitrix24 portal, or its REST is switched off"
        )),
        Err(error) => Checked::Bad(format!("portal.url: {error}; look at DNS, network and firewall")),
    }
}

async fn key(client: &Client, config: &PortalConfig) -> Checked {
    let configured = config.auth_server.as_str().trim_end_matches('/');
    match pair::judge(client, config, &config.auth_server).await {
        Pair::Right => Checked::Good(format!("code and key are right at {configured}")),
        Pair::Unknown(reason) => Checked::Bad(format!("portal.auth_server: {reason}")),
        Pair::Wrong(code) => {
            let others: Vec<_> = servers::vendors().filter(|other| *other != config.auth_server).collect();
            match pair::search(client, config, &others).await {
                (other, Pair::Right) if servers::vendors().any(|vendor| vendor == config.auth_server) => {
                    Checked::Doubtful(format!(
                        "portal.auth_server: code and key are right at {0}, not at {configured}; write {0}",
                        other.as_str().trim_end_matches('/')
                    ))
                }
                _ => Checked::Bad(format!(
                    "portal.client_id, portal.client_secret: {configured} says {code}: copy both again from the \
                     application's form in the portal. If they are right, the application is not installed yet, and \
                     this can be told only when it is"
                )),
            }
        }
    }
}

async fn public_address(client: &Client, config: &PortalConfig) -> Checked {
    let url = format!("{}/health", config.public_url);
    let answer = match client.get(&url).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = rest::network(&url, &error);
            return Checked::Doubtful(format!(
                "public_url: {error}; start openline and the proxy in front of it, and ask from outside, too"
            ));
        }
    };
    let status = answer.status();
    match answer.json::<Value>().await {
        Ok(health) if health.get("installed").is_some() => {
            Checked::Good(format!("{} leads to openline", config.public_url))
        }
        _ => Checked::Doubtful(format!(
            "public_url: {url} answers HTTP {status}, but not as openline does; is it running, and does the proxy lead there?"
        )),
    }
}

//! The stand-in portal by itself, for clients that are no part of this project:
//!
//! `cargo run -p openline-sandbox --example portal -- portal=127.0.0.1:8081 auth=127.0.0.1:8082`
//!
//! `public=https://portal.example` and `auth_public=https://oauth.example` are the names under which a proxy shows them.
//! One line of JSON tells the addresses and the keys of the application; the rest is done over HTTP (`/sandbox`).

use openline_sandbox::{Sandbox, SandboxConfig};
use std::io::Write;

type Problem = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let mut config = SandboxConfig::default();
    for argument in std::env::args().skip(1) {
        read(&mut config, &argument).map_err(|problem| format!("{argument}: {problem}"))?;
    }
    let sandbox = Sandbox::start(config).await?;
    let told = serde_json::json!({
        "portal": sandbox.portal_url(), "listens": sandbox.portal_address().to_string(), "auth": sandbox.auth_url(),
        "auth_listens": sandbox.auth_address().to_string(),
        "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret(),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{told}")?;
    out.flush()?;
    std::future::pending::<Result<(), Problem>>().await
}

fn read(config: &mut SandboxConfig, argument: &str) -> Result<(), Problem> {
    match argument.split_once('=') {
        Some(("portal", address)) => config.portal_listen = address.parse()?,
        Some(("auth", address)) => config.auth_listen = address.parse()?,
        Some(("public", url)) => config.public_url = Some(url.parse()?),
        Some(("auth_public", url)) => config.auth_public_url = Some(url.parse()?),
        Some(("seed", seed)) => config.seed = seed.parse()?,
        _ => return Err("is none of portal=, auth=, public=, auth_public=, seed=".into()),
    }
    Ok(())
}

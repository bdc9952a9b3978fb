//! `openline health`: whether the service of a configuration answers, for container engines, which can only run a program.

use crate::config::Config;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Who takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(4);

/// What `/health` says.
///
/// # Errors
/// What is wrong with the configuration, or why nobody answers.
pub async fn report(file: &Path) -> Result<String, String> {
    let config = Config::load(file).map_err(|errors| errors.to_string())?;
    ask(config.listen).await
}

/// What `/health` of the service that listens there says.
///
/// # Errors
/// Why nobody answers.
pub(crate) async fn ask(listen: SocketAddr) -> Result<String, String> {
    let address = reachable(listen);
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(|error| error.to_string())?;
    let answer = client.get(format!("http://{address}/health")).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let told = answer.map_err(|error| format!("no good answer from {address}: {error}"))?.text().await;
    told.map_err(|error| format!("no whole answer from {address}: {error}"))
}

/// A service that listens at every address listens at this machine's own, too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(at) if at.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        at => at,
    }
}

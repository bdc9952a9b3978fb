//! Whether the installation stands as it should: code and key, permissions, its end in the portal, the handlers of events,
//! lines. Looked at after each installation and start, and on a timer; what is wrong becomes a [`Finding`].

use crate::access::budget::Class;
use crate::access::credentials::{Authority, Credentials};
use crate::access::pair::{self, Pair};
use crate::config::PortalConfig;
use crate::findings::{Area, Finding};
use crate::lines::named::NamedLine;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::{text, truthy};
use openline_core::secret::sign;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the application must be allowed (`bitrix24.md` §2.1).
const SCOPES: [&str; 3] = ["imopenlines", "imconnector", "im"];

/// Proves code and key at the authorization server that the portal named, or else at the configured one, unless they were
/// proved before; and keeps where they are right.
pub(crate) async fn key(bitrix: &Inner) {
    let portal = &bitrix.portal;
    let Some(known) = portal.credentials() else { return bitrix.findings.replace(Area::Key, Vec::new()) };
    let mark = mark(&bitrix.pair_key, &portal.config());
    if known.authority.as_ref().is_some_and(|authority| authority.proved.as_ref() == Some(&mark)) {
        return bitrix.findings.replace(Area::Key, Vec::new());
    }
    let mut servers = vec![known.server(&portal.config()).clone(), portal.config().auth_server.clone()];
    servers.dedup();
    let (server, pair) = pair::search(&portal.client(), &portal.config(), &servers).await;
    match pair {
        Pair::Right => {
            bitrix.findings.replace(Area::Key, Vec::new());
            if server != portal.config().auth_server {
                let configured = &portal.config().auth_server;
                tracing::info!(%server, %configured, "the portal's authorization server is another than the configured one");
            }
            let authority = Authority { server, proved: Some(mark) };
            let change = |now: Option<&Credentials>| {
                let now = now.filter(|now| now.member_id == known.member_id)?;
                Some(Credentials { authority: Some(authority.clone()), ..now.clone() })
            };
            if let Err(error) = portal.change(change).await {
                tracing::warn!(%error, "can't keep where code and key are right");
            }
        }
        Pair::Wrong(code) => {
            let server = server.as_str().trim_end_matches('/').to_owned();
            bitrix.findings.replace(Area::Key, vec![Finding::Key { server, code }]);
        }
        Pair::Unknown(reason) => tracing::warn!(%server, reason, "code and key could not be proved yet"),
    }
}

/// Stands for code and key without telling them.
fn mark(key: &[u8; 32], config: &PortalConfig) -> String {
    let pair = format!("{}\n{}", config.client_id, config.client_secret.expose_secret());
    hex::encode(&sign(key, pair.as_bytes())[..16])
}

/// What the portal says of the application: its plan and language, whether the installation is finished, what it may do.
/// While the installation's own page is shown it is not finished yet.
pub(crate) async fn application(bitrix: &Inner) {
    let mut found = Vec::new();
    match bitrix.portal.call("app.info", &json!({}), Class::Background).await {
        Ok(info) => {
            let info = info.result;
            if let Some(family) = text(info.get("LICENSE_FAMILY")) {
                bitrix.portal.budget.plan(&family);
            }
            if let Some(language) = text(info.get("LANGUAGE_ID")) {
                bitrix.speak(&language).await;
            }
            let is_finished = info.get("INSTALLED").is_none_or(|installed| truthy(Some(installed)));
            bitrix.finished.store(is_finished, std::sync::atomic::Ordering::Relaxed);
            if !is_finished && !bitrix.finishing.is_on() {
                found.push(Finding::Unfinished);
            }
        }
        Err(error) => return tracing::warn!(%error, "can't ask how the application stands"),
    }
    match bitrix.portal.call("scope", &json!({}), Class::Background).await {
        Ok(granted) => found.extend(missing(&granted.result)),
        Err(error) => tracing::warn!(%error, "can't ask for the application's permissions"),
    }
    bitrix.findings.replace(Area::Application, found);
}

/// The permissions that are needed and not granted.
fn missing(granted: &Value) -> Option<Finding> {
    let Value::Array(granted) = granted else { return None };
    let has =
        |scope: &&&str| !granted.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(scope)));
    let missing: Vec<_> = SCOPES.iter().filter(has).copied().collect();
    (!missing.is_empty()).then(|| Finding::Scopes(missing.join(", ")))
}

/// Learns the names of all lines, and whether those that are used are switched on.
pub(crate) async fn lines(bitrix: &Inner) {
    let Ok(named) = ask_names(bitrix).await else { return };
    let mut found = Vec::new();
    for connector in &bitrix.portal.config().connectors {
        let used = bitrix.lines.active_lines(&connector.id);
        let name = || connector.name.clone();
        for line in used.iter().filter_map(|line| named.get(line)).filter(|line| !line.active) {
            found.push(Finding::Inactive { name: name(), line: line.name.clone() });
        }
        if let Some(wanted) = connector.line.as_ref().filter(|wanted| !used.is_empty() && !used.contains(wanted)) {
            let line = named.get(wanted).map_or_else(|| wanted.clone(), |line| format!("“{}” ({wanted})", line.name));
            found.push(Finding::Elsewhere { name: name(), line });
        }
    }
    bitrix.findings.replace(Area::Lines, found);
    *bitrix.line_names.write() = named;
}

async fn ask_names(bitrix: &Inner) -> Result<BTreeMap<String, NamedLine>, CallError> {
    let params = json!({ "PARAMS": { "select": ["ID", "LINE_NAME", "ACTIVE"], "limit": 200 } });
    let answer = bitrix.portal.ask("imopenlines.config.list.get", &params, Class::Background).await?;
    let named = |line: &Value| {
        let number = text(line.get("ID"))?;
        let name = text(line.get("LINE_NAME")).unwrap_or_else(|| number.clone());
        let active = line.get("ACTIVE").is_none_or(|active| truthy(Some(active)));
        Some((number, NamedLine { name, active }))
    };
    Ok(answer.result.as_array().into_iter().flatten().filter_map(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_permissions_are_named() {
        assert_eq!(missing(&json!(["im", "imopenlines", "imconnector", "crm"])), None);
        assert_eq!(missing(&json!(["crm", "IMOPENLINES"])), Some(Finding::Scopes("imconnector, im".to_owned())));
        assert_eq!(missing(&json!({})), None);
    }

    #[test]
    fn another_key_has_another_mark_and_the_mark_shows_nothing() {
        let config = PortalConfig::sample("https://company.bitrix24.com");
        let mut other = config.clone();
        other.settings.client_secret = "another".into();
        assert_ne!(mark(&[1; 32], &config), mark(&[1; 32], &other));
        assert_ne!(mark(&[1; 32], &config), mark(&[2; 32], &config));
        assert_eq!(mark(&[1; 32], &config).len(), 32);
    }
}

//! What an administrator is told when a page is refused: what failed, and what to do about it.

use crate::access::claims::Disbelief;
use crate::config::PortalConfig;
use crate::findings::Finding;
use crate::texts::Catalogue;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};

/// In that language.
pub(super) fn told(error: &Disbelief, config: &PortalConfig, texts: &Catalogue) -> String {
    let authorize = format!("{}/bitrix/authorize", config.public_url);
    match error {
        Disbelief::Missing(what) => texts.fill("refused_missing", &[("what", what)]),
        Disbelief::OtherApplication(code) => texts.fill("refused_application", &[("code", code)]),
        Disbelief::OtherPortal(portal) => texts.fill("refused_portal", &[("portal", portal)]),
        Disbelief::ChangedToken => texts.get("refused_token").to_owned(),
        Disbelief::NotAdmin => texts.get("refused_not_admin").to_owned(),
        Disbelief::Busy => texts.get("refused_busy").to_owned(),
        Disbelief::Registering(error) => texts.fill("refused_registering", &[("reason", &error.to_string())]),
        Disbelief::Call(error) => match general(error, texts) {
            Some(told) => told,
            None => texts.fill("refused_caller", &[("reason", &error.to_string())]),
        },
        Disbelief::Ours(CallError::NotInstalled) => texts.fill("refused_not_installed", &[("authorize", &authorize)]),
        Disbelief::Ours(error) => match (general(error, texts), verdict::of(error)) {
            (Some(told), _) => told,
            (None, Verdict::Reauthorise | Verdict::Refresh) => {
                texts.fill("refused_dead", &[("reason", &error.to_string()), ("authorize", &authorize)])
            }
            (None, _) => texts.fill("refused_other", &[("reason", &error.to_string())]),
        },
    }
}

/// What has nothing to do with whose tokens they are.
fn general(error: &CallError, texts: &Catalogue) -> Option<String> {
    match error.plain() {
        CallError::Connect { .. } | CallError::NoAnswer { .. } | CallError::NotJson { .. } => {
            Some(texts.fill("refused_unreachable", &[("reason", &error.to_string())]))
        }
        error if error.is("insufficient_scope") => {
            let needed = Finding::Scopes("imopenlines, imconnector, im".to_owned()).told(texts);
            Some(format!("{} {}", needed.problem, needed.remedy))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::english;

    fn says(error: &Disbelief) -> String {
        told(error, &PortalConfig::sample("https://company.bitrix24.com"), english())
    }

    fn api(code: &str) -> CallError {
        CallError::Api { status: 401, code: code.to_owned(), description: "no".to_owned() }
    }

    #[test]
    fn each_refusal_says_what_failed_and_what_to_do() {
        let registering = says(&Disbelief::Registering(api("NAME_REQUIRED")));
        assert!(registering.starts_with("openline is installed, but") && registering.contains("NAME_REQUIRED"));
        assert!(says(&Disbelief::OtherPortal("https://a.example/".into())).contains("change portal.url"));
        assert!(says(&Disbelief::ChangedToken).contains("application_token"));
        let dismissed = says(&Disbelief::Ours(api("authorization_error")));
        assert!(dismissed.contains("dismissed") && dismissed.contains("https://chat.company.example/bitrix/authorize"));
        for scope in [Disbelief::Ours(api("insufficient_scope")), Disbelief::Call(api("insufficient_scope"))] {
            assert!(says(&scope).contains("Tick imopenlines, imconnector and im"), "{}", says(&scope));
        }
        assert!(says(&Disbelief::Call(api("invalid_token"))).contains("did not confirm who opened this page"));
        let down = CallError::Connect { host: "company.bitrix24.com".into(), problem: "timed out".into() };
        assert!(says(&Disbelief::Call(down)).contains("firewall"));
    }
}

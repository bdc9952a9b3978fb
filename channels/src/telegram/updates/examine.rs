//! How a bot stands at Telegram, asked from a process in which it does not run.

use crate::telegram::client::api::Api;
use crate::telegram::client::errors::Failure;
use crate::telegram::client::status::Status;
use crate::telegram::settings::Mode;
use crate::telegram::updates::webhook::{self, Hook};
use openline_core::Check;
use openline_core::clock::Timestamp;
use serde_json::Value;
use teloxide::payloads::{DeleteWebhook, GetMe, GetWebhookInfo};

const BOT: &str = "bot";
const HOOK: &str = "webhook";

/// Asks who the bot is and where Telegram brings what is new.
pub(in crate::telegram) async fn examine(
    api: &Api,
    status: &Status,
    (mode, hook): (Mode, &Hook),
    now: Timestamp,
    mend: bool,
) -> Vec<Check> {
    let me = match api.call(&GetMe::new()).await {
        Ok(me) => me,
        Err(failure) => return vec![refused(&failure)],
    };
    status.name(&me);
    let name = me["username"].as_str().unwrap_or("?");
    let who = Check::good(BOT, format!("Telegram knows it as @{name}"));
    match api.call(&GetWebhookInfo::new()).await {
        Ok(info) => vec![who, way(api, (mode, hook), &info, now, mend).await],
        Err(failure) => vec![who, Check::doubtful(HOOK, failure.line(), "look again in a minute")],
    }
}

fn refused(failure: &Failure) -> Check {
    let remedy = match failure.code() {
        Some(401 | 404) => "the token is wrong or was revoked: copy it again from @BotFather into settings.token",
        _ => "look at the network of this machine, and at settings.proxy and settings.api_url",
    };
    Check::bad(BOT, failure.line(), remedy)
}

/// Whether what is new comes to this installation.
async fn way(api: &Api, (mode, hook): (Mode, &Hook), info: &Value, now: Timestamp, mend: bool) -> Check {
    let at = info["url"].as_str().unwrap_or_default();
    let (wrong, remedy) = match mode {
        Mode::Polling if at.is_empty() => {
            return Check::good(HOOK, "none, so that the bot can be asked for what is new");
        }
        Mode::Polling => {
            (format!("another program has set {at}, and gets what people write"), "doctor --fix takes it away")
        }
        Mode::Webhook if at == hook.url() => {
            return match webhook::calls_fail(now, info) {
                None => Check::good(HOOK, format!("Telegram calls {at}")),
                Some(problem) => {
                    Check::bad(HOOK, problem, "public_url must be an https address that the internet knows")
                }
            };
        }
        Mode::Webhook if at.is_empty() => {
            ("is not set".to_owned(), "doctor --fix sets it; so does the running service")
        }
        Mode::Webhook => {
            (format!("is set to {at}"), "doctor --fix sets it to this installation; stop the other program")
        }
    };
    if !mend {
        return Check::bad(HOOK, wrong, remedy);
    }
    let mended = match mode {
        Mode::Polling => api.call(&DeleteWebhook::new()).await.map(drop).map_err(|failure| failure.line()),
        Mode::Webhook => webhook::set(api, hook).await.map_err(|trouble| trouble.line()),
    };
    match mended {
        Ok(()) => Check::mended(HOOK, wrong),
        Err(problem) => {
            Check::bad(HOOK, format!("{wrong}; it could not be mended: {problem}"), "look again in a minute")
        }
    }
}

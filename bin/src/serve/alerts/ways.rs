//! The ways to whoever is to be told: a signed webhook, e-mail, a notice in the portal.

use super::told::Told;
use crate::config::AlertSettings;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use openline_bitrix::{Bitrix, Problem};
use openline_channels::signed::{self, Target};
use openline_core::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long each is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

const WEBHOOK: &str = "webhook";
const MAIL: &str = "mail";
const PORTAL: &str = "portal";

pub(super) struct Ways {
    settings: Arc<AlertSettings>,
    webhook: Option<Target>,
    bitrix: Arc<Bitrix>,
}

impl Ways {
    pub(super) fn new(settings: &Arc<AlertSettings>, bitrix: &Arc<Bitrix>) -> Self {
        // What is wrong with it was said when it was read.
        let webhook = settings.target().ok().flatten();
        Self { settings: Arc::clone(settings), webhook, bitrix: Arc::clone(bitrix) }
    }

    /// Those that are configured.
    pub(super) fn names(&self) -> Vec<String> {
        let AlertSettings { mail_server, users, .. } = &*self.settings;
        let all = [(WEBHOOK, self.webhook.is_some()), (MAIL, mail_server.is_some()), (PORTAL, !users.is_empty())];
        all.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name.to_owned()).collect()
    }

    /// Whether this way is done with: told, or not configured any more.
    pub(super) async fn tell(&self, way: &str, told: &Told, now: Timestamp) -> bool {
        let AlertSettings { users, language, .. } = &*self.settings;
        let language = if language.is_empty() { self.bitrix.language() } else { language };
        let (head, below) = openline_bitrix::alert(&told.concern, language, &written(told.since), told.over);
        let telling = async {
            match (way, &self.webhook) {
                (WEBHOOK, Some(target)) => post(target, told, language, now).await,
                (MAIL, _) => send(&self.settings, &head, &below).await,
                (PORTAL, _) => {
                    let (text, tag) = (format!("openline: {head}\n{below}"), format!("openline|{}", told.concern.key));
                    self.bitrix.notify(users, &text, &tag).await.map_err(|error| error.to_string())
                }
                _ => Ok(()),
            }
        };
        let done =
            tokio::time::timeout(PATIENCE, telling).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        if let Err(problem) = &done {
            tracing::warn!(way, alert = told.concern.key, problem, "an alert can't be told, trying again");
        }
        done.is_ok()
    }
}

/// A moment as RFC 3339 has it.
fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

async fn post(target: &Target, told: &Told, language: &str, now: Timestamp) -> Result<(), String> {
    let (kind, word) = if told.over { ("alert.cleared", "cleared") } else { ("alert.raised", "raised") };
    let (key, since, Problem { problem, remedy }) = (&told.concern.key, told.since, told.concern.told(language));
    let data = json!({ "key": key, "problem": problem, "remedy": remedy, "since": written(since) });
    let body = json!({ "type": kind, "timestamp": written(now), "data": data }).to_string();
    let id = format!("alert_{}_{}_{word}", key.replace('/', "-"), since.0);
    let client = signed::client(PATIENCE).map_err(|error| error.problem)?;
    let answer = target.post(&client, &id, body, now).await.map_err(|error| error.without_url().to_string())?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!("the webhook answered {}", answer.status().as_u16()))
    }
}

async fn send(settings: &AlertSettings, head: &str, below: &str) -> Result<(), String> {
    let (Some(server), Some(from)) = (&settings.mail_server, &settings.mail_from) else { return Ok(()) };
    let mut message = Message::builder().from(from.clone()).subject(format!("openline: {head}"));
    for to in &settings.mail_to {
        message = message.to(to.clone());
    }
    let message = message.body(format!("{head}\n\n{below}\n")).map_err(|error| error.to_string())?;
    let wrong = |error: lettre::transport::smtp::Error| error.to_string();
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(server).map_err(wrong)?;
    if !settings.mail_user.is_empty() {
        let password = settings.mail_password.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        transport = transport.credentials(Credentials::new(settings.mail_user.clone(), password.to_owned()));
    }
    transport.timeout(Some(PATIENCE)).build().send(message).await.map(drop).map_err(wrong)
}

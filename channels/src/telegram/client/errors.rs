//! What goes wrong at Telegram, and what that means for a message. The only place that decides it.

use crate::common::http::{Lost, deepest};
use openline_core::DeliveryError;
use std::time::Duration;
use teloxide::{ApiError, RequestError};

/// Why a call did not succeed. Never holds the token or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::telegram) enum Failure {
    /// Telegram said so.
    Answer {
        /// The error code, which is an HTTP status.
        code: u16,
        /// Telegram's description.
        text: String,
        /// When to try again.
        retry_after: Option<Duration>,
        /// The group is a supergroup now, with this id.
        moved_to: Option<i64>,
    },
    /// An answer that is not Telegram's: something on the way (a proxy before a Bot API server) refused the call.
    Page(u16),
    /// There is no answer.
    Lost(Lost),
}

impl Failure {
    pub(in crate::telegram) fn answer(code: u16, text: impl Into<String>) -> Self {
        Self::Answer { code, text: text.into(), retry_after: None, moved_to: None }
    }

    /// The call never left.
    pub(in crate::telegram) fn unreached(cause: impl Into<String>) -> Self {
        Self::Lost(Lost::Unreached(cause.into()))
    }

    /// The call left, its outcome is unknown.
    pub(in crate::telegram) fn cut(cause: impl Into<String>) -> Self {
        Self::Lost(Lost::Cut(cause.into()))
    }

    /// Teloxide's own errors, which have lost Telegram's code: it is told from the description.
    pub(in crate::telegram) fn of_teloxide(error: &RequestError) -> Self {
        match error {
            RequestError::Api(error) => {
                let text = match error {
                    ApiError::Unknown(text) => text.clone(),
                    known => known.to_string(),
                };
                Self::answer(code_of(&text), text)
            }
            RequestError::RetryAfter(after) => {
                let (text, retry_after) = ("Too Many Requests".to_owned(), Some(after.duration()));
                Self::Answer { code: 429, text, retry_after, moved_to: None }
            }
            RequestError::MigrateToChatId(chat) => {
                let text = "Bad Request: group chat was upgraded to a supergroup chat".to_owned();
                Self::Answer { code: 400, text, retry_after: None, moved_to: Some(chat.0) }
            }
            RequestError::Network(error) => Self::Lost(Lost::at(error.is_connect(), deepest(error.as_ref()))),
            RequestError::InvalidJson { raw, .. } => match status_of(raw) {
                Some(status @ 400..500) => Self::Page(status),
                _ => Self::cut("the answer is not understood"),
            },
            RequestError::Io(error) => Self::unreached(error.to_string()),
        }
    }

    /// Whether Telegram's description has this in it.
    pub(in crate::telegram) fn says(&self, part: &str) -> bool {
        matches!(self, Self::Answer { text, .. } if text.to_lowercase().contains(part))
    }

    pub(in crate::telegram) fn code(&self) -> Option<u16> {
        match self {
            Self::Answer { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(in crate::telegram) fn moved_to(&self) -> Option<i64> {
        match self {
            Self::Answer { moved_to, .. } => *moved_to,
            _ => None,
        }
    }

    pub(in crate::telegram) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A file will not pass this way, however often it is sent.
    pub(in crate::telegram) fn is_about_size(&self) -> bool {
        matches!(self, Self::Answer { code: 413, .. }) || matches!(self, Self::Page(code) if !may_pass(*code))
    }

    /// Telegram does not like the formatting; the text itself may be good.
    pub(in crate::telegram) fn is_about_entities(&self) -> bool {
        self.code() == Some(400) && (self.says("entit") || self.says("can't parse"))
    }

    /// One line for admins.
    pub(in crate::telegram) fn line(&self) -> String {
        match self {
            Self::Answer { code: 401 | 404, .. } => {
                "Telegram does not accept the bot's token; check channels.ID.settings.token with BotFather".to_owned()
            }
            Self::Answer { code: 409, text, .. } if text.contains("webhook") => {
                "another program has set a webhook for this bot, so it can't be polled; each bot serves one program only: \
                 stop that one, then restart openline"
                    .to_owned()
            }
            Self::Answer { code: 409, .. } => {
                "another program polls with this bot's token; each bot serves one program only".to_owned()
            }
            Self::Answer { code, text, .. } => format!("Telegram answered {code}: {}", brief(text)),
            Self::Page(code) => format!("Telegram's address answered {code} without an explanation"),
            Self::Lost(lost) => lost.line("Telegram"),
        }
    }
}

/// What a failed call means for the message it was for.
pub(in crate::telegram) fn delivery(failure: &Failure) -> DeliveryError {
    match failure {
        Failure::Lost(lost) => lost.verdict("Telegram"),
        Failure::Answer { code: 409, .. } => DeliveryError::retry(failure.line()),
        Failure::Page(code) if may_pass(*code) => DeliveryError::retry(failure.line()),
        Failure::Page(_) => DeliveryError::refused(failure.line()),
        Failure::Answer { code: 500.., .. } => DeliveryError::unknown(failure.line()),
        Failure::Answer { code: 429, retry_after, .. } => {
            DeliveryError::Retry { reason: "Telegram asks to slow down".to_owned(), after: *retry_after }
        }
        Failure::Answer { code: 401 | 404, .. } => DeliveryError::closed(failure.line()),
        Failure::Answer { code: 413, .. } => DeliveryError::refused("Telegram takes no file that large"),
        Failure::Answer { code: 403, text, .. } => DeliveryError::refused(forbidden(text)),
        Failure::Answer { text, .. } => DeliveryError::refused(bad_request(text)),
    }
}

/// Statuses of a proxy that say nothing about the file: let in, time-out, too early, too many.
fn may_pass(status: u16) -> bool {
    matches!(status, 401 | 407 | 408 | 425 | 429)
}

fn forbidden(text: &str) -> String {
    let known = [
        ("blocked by the user", "the visitor has blocked the bot"),
        ("user is deactivated", "the visitor's Telegram account does not exist any more"),
        ("kicked", "the bot was removed from the group"),
        ("not a member", "the bot was removed from the group"),
        ("can't initiate", "the visitor has not started the bot"),
    ];
    explained(&known, text)
}

fn bad_request(text: &str) -> String {
    let known = [
        ("chat not found", "Telegram does not know this chat (any more)"),
        ("to edit not found", "the visitor's copy of the message is not there any more"),
        ("can't be edited", "Telegram does not let the bot edit this message any more"),
        ("can't be deleted", "Telegram lets bots delete messages within 48 hours only"),
        ("thread not found", "the topic is not there any more"),
        ("topic_closed", "the topic is closed"),
        ("topic_deleted", "the topic is not there any more"),
        ("no caption in the message", "this message has no text that could be edited"),
    ];
    explained(&known, text)
}

fn explained(known: &[(&str, &str)], text: &str) -> String {
    let lower = text.to_lowercase();
    let found = known.iter().find(|(part, _)| lower.contains(part));
    found.map_or_else(|| format!("Telegram refused it: {}", brief(text)), |(_, reason)| (*reason).to_owned())
}

/// Telegram's words, not too many of them.
fn brief(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The status that a page names in its title or heading, or begins with; teloxide does not keep the answer's own.
fn status_of(page: &str) -> Option<u16> {
    let lower = page.to_ascii_lowercase();
    let after = |tag: &&str| lower.find(*tag).map(|at| at + tag.len());
    let mut places = ["<title>", "<h1>"].iter().filter_map(after).chain([0]);
    places.find_map(|at| {
        let words = lower[at..].trim_start();
        let digits = words.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|status| (400..600).contains(status))
    })
}

/// The code that belongs to a description.
fn code_of(text: &str) -> u16 {
    let known = [
        ("bad request", 400),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not found", 404),
        ("conflict", 409),
        ("request entity too large", 413),
        ("too many requests", 429),
    ];
    let lower = text.to_lowercase();
    known.iter().find(|(part, _)| lower.starts_with(part)).map_or(500, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, text: &str) -> DeliveryError {
        delivery(&Failure::answer(code, text))
    }

    #[test]
    fn every_case_has_its_verdict() {
        let refused = [
            (403, "Forbidden: bot was blocked by the user", "the visitor has blocked the bot"),
            (403, "Forbidden: user is deactivated", "the visitor's Telegram account does not exist any more"),
            (403, "Forbidden: bot was kicked from the supergroup chat", "the bot was removed from the group"),
            (403, "Forbidden: bot can't initiate conversation with a user", "the visitor has not started the bot"),
            (403, "Forbidden: new", "Telegram refused it: Forbidden: new"),
            (400, "Bad Request: chat not found", "Telegram does not know this chat (any more)"),
            (400, "Bad Request: message to edit not found", "the visitor's copy of the message is not there any more"),
            (400, "Bad Request: message can't be edited", "Telegram does not let the bot edit this message any more"),
            (400, "Bad Request: message can't be deleted", "Telegram lets bots delete messages within 48 hours only"),
            (
                400,
                "Bad Request: there is no caption in the message to edit",
                "this message has no text that could be edited",
            ),
            (400, "Bad Request: message is too long", "Telegram refused it: Bad Request: message is too long"),
            (413, "Request Entity Too Large", "Telegram takes no file that large"),
        ];
        for (code, text, reason) in refused {
            assert_eq!(of(code, text), DeliveryError::refused(reason), "{text}");
        }
        assert!(matches!(of(401, "Unauthorized"), DeliveryError::Closed { .. }));
        assert!(matches!(of(404, "Not Found"), DeliveryError::Closed { .. }));
        assert!(matches!(of(409, "Conflict: x"), DeliveryError::Retry { after: None, .. }));
        assert!(matches!(of(502, "Bad Gateway"), DeliveryError::Unknown { .. }));
        assert!(matches!(delivery(&Failure::unreached("x")), DeliveryError::Retry { .. }));
        assert!(matches!(delivery(&Failure::cut("x")), DeliveryError::Unknown { .. }));
        let after = Some(Duration::from_secs(7));
        let flood = Failure::Answer { code: 429, text: String::new(), retry_after: after, moved_to: None };
        assert!(matches!(delivery(&flood), DeliveryError::Retry { after: Some(wait), .. } if wait.as_secs() == 7));
    }

    #[test]
    fn teloxides_errors_get_their_code_back() {
        for (text, code) in [
            ("Bad Request: x", 400),
            ("Forbidden: bot was blocked by the user", 403),
            ("Not Found", 404),
            ("Too Many Requests: retry after 5", 429),
            ("Bad Gateway", 500),
        ] {
            assert_eq!(code_of(text), code);
        }
    }

    #[test]
    fn a_proxys_page_has_its_status() {
        for (page, status) in [
            ("<html>\r\n<head><title>413 Request Entity Too Large</title></head>", Some(413)),
            ("<html><body><h1>413 Payload Too Large</h1>", Some(413)),
            ("403 Forbidden", Some(403)),
            ("<html><head><title>502 Bad Gateway</title>", Some(502)),
            ("<title>Welcome</title>12", None),
            ("", None),
        ] {
            assert_eq!(status_of(page), status, "{page}");
        }
        assert!(matches!(delivery(&Failure::Page(429)), DeliveryError::Retry { .. }));
        assert!(matches!(delivery(&Failure::Page(413)), DeliveryError::Refused { .. }));
    }

    #[test]
    fn conflicts_are_explained() {
        let webhook = Failure::answer(409, "Conflict: can't use getUpdates method while webhook is active");
        assert!(webhook.line().contains("set a webhook"));
        assert!(Failure::answer(409, "Conflict: terminated by other getUpdates request").line().contains("polls"));
        assert!(Failure::answer(401, "Unauthorized").line().contains("token"));
    }

    #[test]
    fn entity_problems_are_told_apart() {
        assert!(Failure::answer(400, "Bad Request: can't parse entities: x").is_about_entities());
        assert!(Failure::answer(400, "Bad Request: ENTITY_BOUNDS_INVALID").is_about_entities());
        assert!(!Failure::answer(400, "Bad Request: chat not found").is_about_entities());
    }
}

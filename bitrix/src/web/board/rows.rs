//! What stands in the dashboard's lists.

use super::shown::{Buttons, Moment, Said};
use crate::config::Connector;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::view;
use openline_core::desk::Desk;
use openline_core::overview::Entry;
use openline_core::pauses::{By, Pause};
use openline_core::store::Work;
use serde::Serialize;

/// How much of a text is shown, in characters.
const SHORT: usize = 200;

/// A channel.
#[derive(Debug, Serialize)]
pub(super) struct Channel {
    #[serde(flatten)]
    shown: view::Channel,
    id: String,
    /// What operators wrote and visitors do not have yet.
    waits: u64,
    paused: Option<Paused>,
    error: Option<Failure>,
    /// For the button that pauses it, or lets it go on.
    word: String,
}

#[derive(Debug, Serialize)]
struct Paused {
    since: Moment,
    why: String,
    by: String,
}

/// What went wrong last.
#[derive(Debug, Serialize)]
struct Failure {
    at: Moment,
    reason: String,
    solved: Option<Moment>,
}

impl Channel {
    pub(super) fn of(
        shown: view::Channel,
        connector: &Connector,
        waits: u64,
        pause: Option<Pause>,
        said: &[Said],
        desk: &Desk,
        buttons: &Buttons<'_>,
    ) -> Self {
        let id = connector.channel.to_string();
        let own = desk.trouble(&connector.channel).map(|one| (one.at, one.reason, one.solved));
        let others = said.iter().flat_map(|one| &one.errors).filter(|(channel, ..)| *channel == id);
        let errors = others.map(|(_, at, reason, solved)| (*at, reason.clone(), *solved)).chain(own);
        // Two tell the same: the one that knows that it is solved.
        let last = errors.max_by_key(|(at, _, solved)| (*at, *solved));
        Self {
            shown,
            word: buttons.word(if pause.is_some() { "resume" } else { "pause" }, &id),
            id,
            waits,
            paused: pause.map(|pause| Paused {
                since: Moment::of(pause.since),
                by: by(&pause.by, buttons.language),
                why: pause.why,
            }),
            error: last.map(|(at, reason, solved)| Failure {
                at: Moment::of(at),
                reason,
                solved: solved.map(Moment::of),
            }),
        }
    }

    pub(super) fn is_bad(&self) -> bool {
        self.shown.problem.is_some()
    }
}

/// Who paused a channel, for people.
fn by(who: &By, language: &Catalogue) -> String {
    match who {
        By::Backend(user) => language.fill("paused_by_user", &[("user", user)]),
        By::Machine => language.get("paused_by_machine").to_owned(),
        By::Command(user) => language.fill("paused_by_command", &[("user", user)]),
    }
}

/// A job that waits, or was given up.
#[derive(Debug, Serialize)]
pub(super) struct Letter {
    number: i64,
    /// The key of its name.
    task: String,
    /// Whether it goes to the visitor.
    outwards: bool,
    channel: String,
    visitor: String,
    text: String,
    chat: Option<String>,
    at: Moment,
    reason: String,
    attempts: u32,
    /// For its buttons.
    replay: String,
    forget: String,
}

impl Letter {
    pub(super) fn of(bitrix: &Inner, entry: &Entry, buttons: &Buttons<'_>) -> Self {
        let job = &entry.job;
        let config = bitrix.portal.config();
        let connector = config.connectors.iter().find(|connector| connector.channel == job.channel);
        let number = job.job.0.to_string();
        Self {
            number: job.job.0,
            task: format!("task_{}", job.work.name()),
            outwards: matches!(job.work, Work::ToVisitor(_)),
            channel: connector.map_or_else(|| job.channel.to_string(), |found| found.name.clone()),
            visitor: entry.visitor(),
            text: entry.text(SHORT),
            chat: entry.portal_chat().map(str::to_owned),
            at: Moment::of(job.at),
            reason: job.reason.clone(),
            attempts: job.attempts,
            replay: buttons.word("replay", &number),
            forget: buttons.word("drop", &number),
        }
    }
}

/// A process of the service.
#[derive(Debug, Serialize)]
pub(super) struct Process {
    name: String,
    at: Moment,
    problems: Vec<String>,
}

impl Process {
    /// What each of `several` says; of a single one the page says it first.
    pub(super) fn of(said: &Said, several: bool, language: &Catalogue) -> Self {
        let concerns = said.problems.iter().filter(|_| several).map(|concern| concern.within(language).problem);
        let problems = said.away.clone().into_iter().filter(|_| several).chain(concerns).collect();
        Self { name: said.process.clone(), at: Moment::of(said.at), problems }
    }
}

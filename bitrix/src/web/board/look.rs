//! All that the dashboard shows, read anew each time.

use super::rows::{Channel, Letter, Process};
use super::shown::{Buttons, Moment, Said, Shared, Who};
use crate::concern::{Concern, Problem};
use crate::texts::Catalogue;
use crate::web::view;
use openline_core::StoreError;
use openline_core::store::Queue;
use serde::Serialize;

/// How many of what waits and of what was given up are shown.
const MOST_WAITING: usize = 20;
const MOST_GIVEN_UP: usize = 50;

/// All that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Board {
    /// Where the forms go.
    pub(super) address: String,
    /// For the button that looks again.
    look: String,
    now: Moment,
    channels: Vec<Channel>,
    waiting: Vec<Letter>,
    /// How much waits in all, when that is more than what is shown.
    waiting_in_all: Option<u64>,
    given_up: Vec<Letter>,
    /// Whether there is more.
    more_given_up: bool,
    last_event: Option<Moment>,
    processes: Vec<Process>,
    /// What somebody has to mend, as any process says.
    #[serde(skip)]
    concerns: Vec<Concern>,
}

impl Board {
    /// How it stands now.
    pub(super) async fn look(
        shared: &Shared,
        who: &Who,
        language: &'static Catalogue,
        prefix: &str,
    ) -> Result<Self, StoreError> {
        let (bitrix, desk) = (&*shared.bitrix, shared.desk());
        let buttons = Buttons { bitrix, who, language };
        let (concerns, said) = (shared.watch.concerns().await, shared.watch.said().await);
        let own_event = bitrix.last_event();
        let last_event = said.iter().filter_map(|one| one.last_event).chain(own_event).max();
        let waiting = desk.waiting(MOST_WAITING).await?;
        let mut in_all = desk.depth(&Queue::Backend).await?;
        let mut channels = Vec::new();
        for connector in &bitrix.portal.config().connectors {
            let waits = desk.depth(&Queue::Channel(connector.channel.clone())).await?;
            in_all += waits;
            let pause = desk.paused().remove(&connector.channel);
            channels.push(Channel::of(
                view::channel(bitrix, connector),
                connector,
                waits,
                pause,
                &said,
                &desk,
                &buttons,
            ));
        }
        let mut given_up = desk.given_up(MOST_GIVEN_UP + 1).await?;
        let more_given_up = given_up.len() > MOST_GIVEN_UP;
        given_up.truncate(MOST_GIVEN_UP);
        let letter = |entry| Letter::of(bitrix, &entry, &buttons);
        Ok(Self {
            address: who.address(prefix, language),
            look: buttons.word("look", ""),
            now: Moment::of(desk.now()),
            channels,
            waiting_in_all: Some(in_all).filter(|all| *all > waiting.len() as u64),
            waiting: waiting.into_iter().map(letter).collect(),
            given_up: given_up.into_iter().map(letter).collect(),
            more_given_up,
            last_event: last_event.map(Moment::of),
            concerns: together(concerns, &said),
            processes: said.iter().map(|one| Process::of(one, said.len() > 1, language)).collect(),
        })
    }

    /// What somebody has to mend, in that language.
    pub(super) fn told(&self, language: &Catalogue) -> Vec<Problem> {
        self.concerns.iter().map(|concern| concern.within(language)).collect()
    }

    /// Whether that is among it.
    pub(super) fn names(&self, reason: &str) -> bool {
        self.concerns.iter().any(|concern| concern.names(reason))
    }

    /// Whether somebody has to do something.
    pub(super) fn is_bad(&self) -> bool {
        !self.concerns.is_empty() || !self.given_up.is_empty() || self.channels.iter().any(Channel::is_bad)
    }
}

/// What this process finds, and what only others say.
fn together(mut own: Vec<Concern>, said: &[Said]) -> Vec<Concern> {
    for concern in said.iter().filter(|one| !one.own).flat_map(|one| &one.problems) {
        if own.iter().all(|known| known.key != concern.key) {
            own.push(concern.clone());
        }
    }
    own
}

//! What the dashboard's parts share: what is known of the processes, who looks, moments and buttons.

use crate::concern::Concern;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::word;
use async_trait::async_trait;
use openline_core::Timestamp;
use openline_core::desk::Desk;
use openline_core::pauses::By;
use serde::Serialize;
use std::sync::Arc;

/// What a process of the service said of itself last.
#[derive(Debug, Clone)]
pub struct Said {
    /// Which process on which machine.
    pub process: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is this one.
    pub own: bool,
    /// Why it sends nothing to the portal at the moment, unless somebody has to mend that.
    pub away: Option<String>,
    /// What somebody has to mend.
    pub problems: Vec<Concern>,
    /// What went wrong last: in which channel, when, what, and when it went well again.
    pub errors: Vec<(String, Timestamp, String, Option<Timestamp>)>,
    /// When the last event of the portal came.
    pub last_event: Option<Timestamp>,
}

/// Knows what somebody has to mend, as the processes of the service say.
#[async_trait]
pub trait Watch: Send + Sync {
    /// What this process finds now, the most urgent first.
    async fn concerns(&self) -> Vec<Concern>;

    /// What the processes said, the newest first.
    async fn said(&self) -> Vec<Said>;
}

/// What the pages of the dashboard share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(in crate::web) bitrix: Arc<Inner>,
    pub(super) watch: Arc<dyn Watch>,
}

impl Shared {
    pub(crate) fn new(bitrix: Arc<Inner>, watch: Arc<dyn Watch>) -> Self {
        Self { bitrix, watch }
    }

    pub(super) fn desk(&self) -> Desk {
        Desk::beside(&self.bitrix.portal.inbox)
    }
}

/// Who looks: whose word counts on which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum Who {
    /// An administrator of the portal, by number.
    Portal(String),
    /// Whoever reaches the own listener.
    Machine,
}

impl Who {
    /// As it stands in words and in the log.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Portal(user) => user,
            Self::Machine => "machine",
        }
    }

    /// As it stands with a pause.
    pub(super) fn by(&self) -> By {
        match self {
            Self::Portal(user) => By::Backend(user.clone()),
            Self::Machine => By::Machine,
        }
    }

    /// Where the forms go; `prefix`: the path of the public address.
    pub(super) fn address(&self, prefix: &str, language: &Catalogue) -> String {
        match self {
            Self::Portal(_) => format!("{prefix}/bitrix/app/act?LANG={}", language.code),
            Self::Machine => "/admin".to_owned(),
        }
    }
}

/// A moment for people and for programs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Moment {
    shown: String,
    iso: String,
}

impl Moment {
    pub(super) fn of(at: Timestamp) -> Self {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        Self { shown: at.strftime("%Y-%m-%d %H:%M:%S").to_string(), iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }
}

/// Makes the words of one page's buttons, and knows its language.
pub(super) struct Buttons<'b> {
    pub(super) bitrix: &'b Inner,
    pub(super) who: &'b Who,
    pub(super) language: &'static Catalogue,
}

impl Buttons<'_> {
    pub(super) fn word(&self, action: &str, target: &str) -> String {
        word::word(&self.bitrix.board_keys, &[self.who.name(), action, target], self.bitrix.portal.clock().now())
    }
}

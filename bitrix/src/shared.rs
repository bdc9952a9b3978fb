//! What the rooms of this crate share while the program runs.

use crate::texts::{self, Catalogue};
use openline_core::Timestamp;
use openline_core::store::Expect;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// What the modules share.
pub(crate) struct Inner {
    pub(crate) portal: Arc<crate::access::portal::Portal>,
    pub(crate) lines: crate::lines::bindings::Lines,
    /// The names of the portal's lines, as far as they were asked for.
    pub(crate) line_names: parking_lot::RwLock<BTreeMap<String, crate::lines::named::NamedLine>>,
    pub(crate) findings: crate::findings::Findings,
    /// The portal's language.
    pub(crate) language: parking_lot::RwLock<&'static Catalogue>,
    /// Whether the portal says that the installation is finished.
    pub(crate) finished: std::sync::atomic::AtomicBool,
    pub(crate) finishing: crate::lines::finishing::Finishing,
    /// Signs the buttons that choose a line.
    pub(crate) choose_keys: openline_core::secret::Keys,
    /// Signs the buttons of the dashboard.
    pub(crate) board_keys: openline_core::secret::Keys,
    /// When the last event of the portal came, in Unix milliseconds; 0 when none did.
    pub(crate) last_event: std::sync::atomic::AtomicI64,
    /// For what stands for code and key.
    pub(crate) pair_key: [u8; 32],
    pub(crate) line_infos: Arc<crate::lines::info::LineInfos>,
    pub(crate) states: crate::access::authorize_state::States,
    pub(crate) pace: crate::deliver::pace::Pace,
    /// What waits for a request.
    pub(crate) gathered: crate::deliver::gathered::Gathered,
    pub(crate) genuine: crate::deliver::known::Genuine,
    pub(crate) flights: crate::deliver::flights::Flights,
    /// Looks that failed, whether a message has arrived.
    pub(crate) looks: crate::deliver::tries::Tries,
    /// Refusals of one message in a call that succeeded.
    pub(crate) refusals: crate::deliver::tries::Tries,
    pub(crate) refused_blocks: crate::deliver::names::RefusedBlocks,
    pub(crate) file_client: reqwest::Client,
    /// Another configuration is used from now on.
    pub(crate) reconfigured: tokio::sync::Notify,
    pub(crate) looked_for_lines: tokio::sync::Mutex<HashMap<String, Instant>>,
    /// When each connector was registered again last, because the portal did not know it.
    pub(crate) registered: tokio::sync::Mutex<HashMap<String, Instant>>,
    pub(crate) proofs: crate::access::proof_limit::Proofs,
    /// Claims of an installation that are not decided yet.
    pub(crate) waiting: crate::access::claimed::Waiting,
    /// Who looks whether openline was removed.
    pub(crate) verifying: parking_lot::Mutex<Option<tokio::task::AbortHandle>>,
}

/// The portal's language is remembered under this.
pub(crate) const LANGUAGE: &str = "bitrix/language";

impl Inner {
    /// The portal's language.
    pub(crate) fn language(&self) -> &'static Catalogue {
        *self.language.read()
    }

    /// A line by its name and number, as far as it is known.
    pub(crate) fn named_line(&self, line: &str) -> String {
        let names = self.line_names.read();
        match names.get(line) {
            Some(named) if named.active => format!("“{}” ({line})", named.name),
            Some(named) => format!("“{}” ({line}, switched off)", named.name),
            None => format!("the line {line}"),
        }
    }

    /// When the last event of the portal came to this process.
    pub(crate) fn last_event(&self) -> Option<Timestamp> {
        Some(Timestamp(self.last_event.load(Ordering::Relaxed))).filter(|at| *at > Timestamp::default())
    }

    /// What operators read in it.
    pub(crate) fn words(&self) -> &'static Catalogue {
        openline_core::words::operators(self.language().code)
    }

    /// The portal told its language. It is remembered, because notes are written before it is asked again.
    pub(crate) async fn speak(&self, tag: &str) {
        let language = texts::find(tag);
        if language.code == self.language().code {
            return;
        }
        *self.language.write() = language;
        let store = self.portal.inbox.store();
        if let Err(error) = store.state_put(LANGUAGE, language.code.as_bytes(), Expect::Anything).await {
            tracing::warn!(%error, "the portal's language can't be remembered");
        }
    }
}

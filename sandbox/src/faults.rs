//! Faults that can be switched on: slow, refusing, lying and dying portals, and an untidy event queue.
//!
//! ```
//! use openline_sandbox::{Fault, Faults};
//! let faults = Faults::seeded(1);
//! faults.add(Fault::status(503).on("imconnector.send.messages").once());
//! faults.add(Fault::cut().after().probability(0.1));
//! assert_eq!(faults.list().len(), 2);
//! ```

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::rest::answer::Answer;
use crate::rest::error::RestError;
use crate::rng::Rng;

/// Name under which faults reach the token endpoint of the authorization server.
pub const TOKEN_ENDPOINT: &str = "oauth/token";

/// Whether a fault strikes before the call is executed or after (its effects stay then).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The call is not executed.
    #[default]
    Before,
    /// The call is executed, its answer is lost.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The call waits this long first, in milliseconds.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// An error answer with any code.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code.
        error: String,
        /// Error text.
        description: String,
    },
    /// An error status with an HTML body, as from a proxy in front of the portal.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// 302 to another host, as from a portal that has moved (bitrix24.md §2.9).
    Redirect {
        /// `Location`.
        location: String,
    },
    /// The connection closes without an answer.
    Cut,
    /// The connection closes when this many elements of `send.messages` are stored (bitrix24.md C28).
    CutAfterStored {
        /// How many elements are stored first.
        stored: usize,
    },
    /// No answer for ten minutes, then the connection closes.
    Hang,
    /// `SUCCESS:true` without `session`: nothing is stored (bitrix24.md C17).
    AcceptedNotStored,
    /// An element of `send.messages` fails with this text.
    FailElement {
        /// Text in `ERRORS`.
        text: String,
    },
    /// The event is lost.
    DropEvent,
    /// The event is posted twice.
    DuplicateEvent,
    /// The event is posted after the one behind it.
    ReorderEvent,
    /// The event is posted later, others overtake it.
    DelayEvent {
        /// Milliseconds.
        ms: u64,
    },
}

/// One rule: what goes wrong, where, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Before or after execution, for `error`, `html`, `cut` and `hang`.
    #[serde(default)]
    pub when: When,
    /// REST method, event name, or `oauth/token`; without it every portal call, or every event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// From 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many more times; unlimited without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

fn always() -> f64 {
    1.0
}

impl Fault {
    /// A rule that strikes every time, before execution, everywhere.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, when: When::Before, on: None, probability: 1.0, count: None }
    }

    /// An error status with the code the portal uses for it: 503 `QUERY_LIMIT_EXCEEDED`, 429 `OPERATION_TIME_LIMIT`,
    /// else `INTERNAL_SERVER_ERROR`.
    pub fn status(status: u16) -> Self {
        let (error, description) = match status {
            503 => ("QUERY_LIMIT_EXCEEDED", "Too many requests"),
            429 => ("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
            _ => ("INTERNAL_SERVER_ERROR", "Internal server error"),
        };
        Self::error(status, error, description)
    }

    /// An error answer with any code.
    pub fn error(status: u16, error: &str, description: &str) -> Self {
        Self::new(FaultKind::Error { status, error: error.to_owned(), description: description.to_owned() })
    }

    /// See [`FaultKind::Html`].
    pub fn html(status: u16) -> Self {
        Self::new(FaultKind::Html { status })
    }

    /// See [`FaultKind::Redirect`].
    pub fn redirect(location: &str) -> Self {
        Self::new(FaultKind::Redirect { location: location.to_owned() })
    }

    /// See [`FaultKind::Cut`].
    pub fn cut() -> Self {
        Self::new(FaultKind::Cut)
    }

    /// See [`FaultKind::Hang`].
    pub fn hang() -> Self {
        Self::new(FaultKind::Hang)
    }

    /// See [`FaultKind::Latency`].
    pub fn latency(delay: Duration) -> Self {
        Self::new(FaultKind::Latency { ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) })
    }

    /// Strikes after execution: the effects stay, the answer is lost.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.when = When::After;
        self
    }

    /// Only for this REST method, event, or [`TOKEN_ENDPOINT`].
    #[must_use]
    pub fn on(mut self, name: &str) -> Self {
        self.on = Some(name.to_owned());
        self
    }

    /// Strikes with this probability, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// Strikes this many times, then is gone.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Strikes once, then is gone.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn covers(&self, name: &str) -> bool {
        self.on
            .as_ref()
            .map_or(name != TOKEN_ENDPOINT && !name.starts_with("auth:"), |on| on.eq_ignore_ascii_case(name))
    }

    /// The lost or wrong answer, for faults that replace the whole answer.
    fn answer(&self) -> Option<Answer> {
        match &self.kind {
            FaultKind::Error { status, error, description } => {
                Some(Answer::error(&RestError::new(*status, error, description)))
            }
            FaultKind::Html { status } => Some(Answer::html(*status)),
            FaultKind::Redirect { location } => Some(Answer::Redirect { location: location.clone() }),
            FaultKind::Cut => Some(Answer::Cut),
            FaultKind::Hang => Some(Answer::Hang),
            _ => None,
        }
    }
}

/// What the rules decided for one call.
#[derive(Debug, Default)]
pub(crate) struct CallPlan {
    pub(crate) latency: Duration,
    pub(crate) before: Option<Answer>,
    pub(crate) after: Option<Answer>,
}

/// What the rules decided for one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EventPlan {
    pub(crate) drop: bool,
    pub(crate) duplicate: bool,
    pub(crate) reorder: bool,
    pub(crate) delay: Option<Duration>,
}

/// The rules in force. Shared by the REST front, the authorization server and the event queue.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<(Vec<Fault>, Rng)>,
}

impl Faults {
    /// No rules; probabilities are decided by a generator with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { inner: Mutex::new((Vec::new(), Rng::new(seed))) }
    }

    /// Puts a rule in force.
    pub fn add(&self, fault: Fault) {
        self.inner.lock().0.push(fault);
    }

    /// Lifts all rules.
    pub fn clear(&self) {
        self.inner.lock().0.clear();
    }

    /// The rules in force.
    pub fn list(&self) -> Vec<Fault> {
        self.inner.lock().0.clone()
    }

    /// Rolls every rule that covers `name` and is accepted by `concerns`; uses up counted ones.
    fn strike(&self, name: &str, concerns: impl Fn(&FaultKind) -> bool) -> Vec<Fault> {
        let mut guard = self.inner.lock();
        let (rules, rng) = &mut *guard;
        let mut struck = Vec::new();
        for rule in rules.iter_mut() {
            if concerns(&rule.kind) && rule.covers(name) && rng.chance(rule.probability) {
                rule.count = rule.count.map(|count| count.saturating_sub(1));
                struck.push(rule.clone());
            }
        }
        rules.retain(|rule| rule.count != Some(0));
        struck
    }

    /// Faults of a whole call. One replacing rule is used at a time, the first that strikes.
    pub(crate) fn call(&self, name: &str) -> CallPlan {
        let mut plan = CallPlan::default();
        for fault in self.strike(name, |kind| matches!(kind, FaultKind::Latency { .. })) {
            if let FaultKind::Latency { ms } = fault.kind {
                plan.latency += Duration::from_millis(ms);
            }
        }
        if let Some(fault) = self.strike_first(name) {
            match fault.when {
                When::Before => plan.before = fault.answer(),
                When::After => plan.after = fault.answer(),
            }
        }
        plan
    }

    fn strike_first(&self, name: &str) -> Option<Fault> {
        let mut guard = self.inner.lock();
        let (rules, rng) = &mut *guard;
        let mut hit = |rule: &Fault| rule.answer().is_some() && rule.covers(name) && rng.chance(rule.probability);
        let at = rules.iter().position(&mut hit)?;
        rules[at].count = rules[at].count.map(|count| count.saturating_sub(1));
        let fault = rules[at].clone();
        rules.retain(|rule| rule.count != Some(0));
        Some(fault)
    }

    /// After how many stored elements the connection is cut, if at all.
    pub(crate) fn cut_after_stored(&self, name: &str) -> Option<usize> {
        self.strike(name, |kind| matches!(kind, FaultKind::CutAfterStored { .. }))
            .iter()
            .find_map(|fault| if let FaultKind::CutAfterStored { stored } = fault.kind { Some(stored) } else { None })
    }

    /// Fault of one element of `send.messages`.
    pub(crate) fn element(&self, name: &str) -> Option<FaultKind> {
        let concerns = |kind: &FaultKind| matches!(kind, FaultKind::AcceptedNotStored | FaultKind::FailElement { .. });
        self.strike(name, concerns).into_iter().next().map(|fault| fault.kind)
    }

    /// Fault of one event on its way to a handler.
    pub(crate) fn event(&self, name: &str) -> EventPlan {
        let mut plan = EventPlan::default();
        let concerns = |kind: &FaultKind| {
            use FaultKind::{DelayEvent, DropEvent, DuplicateEvent, ReorderEvent};
            matches!(kind, DropEvent | DuplicateEvent | ReorderEvent | DelayEvent { .. })
        };
        for fault in self.strike(name, concerns) {
            match fault.kind {
                FaultKind::DropEvent => plan.drop = true,
                FaultKind::DuplicateEvent => plan.duplicate = true,
                FaultKind::ReorderEvent => plan.reorder = true,
                FaultKind::DelayEvent { ms } => plan.delay = Some(Duration::from_millis(ms)),
                _ => {}
            }
        }
        plan
    }
}

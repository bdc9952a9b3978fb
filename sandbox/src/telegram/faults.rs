//! Misfortunes of the stand-in Telegram, switched on by rules.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::When;
use crate::rng::Rng;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TelegramFaultKind {
    /// 429 with `retry_after`.
    TooManyRequests {
        /// Seconds.
        retry_after: i64,
    },
    /// A refusal with any code and text.
    Error {
        /// HTTP status and `error_code`.
        code: u16,
        /// `description`, whole.
        description: String,
    },
    /// An error status with an HTML body, as from a proxy in front.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// The connection closes without an answer.
    Cut,
    /// No answer for ten minutes, then the connection closes.
    Hang,
    /// The call waits first.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The webhook gets the update twice, one after the other.
    DuplicateUpdate,
    /// The webhook gets the update later.
    DelayUpdate {
        /// Milliseconds.
        ms: u64,
    },
}

impl TelegramFaultKind {
    fn of_webhooks(&self) -> bool {
        matches!(self, Self::DuplicateUpdate | Self::DelayUpdate { .. })
    }
}

/// One rule: what goes wrong, where, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelegramFault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: TelegramFaultKind,
    /// Before or after execution, for faults that replace the answer.
    #[serde(default)]
    pub when: When,
    /// A method, `download` for files, or a kind of update such as `message`; without it every call, or every update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How many calls pass unharmed first.
    #[serde(default)]
    pub skip: u32,
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

impl TelegramFault {
    /// A rule that strikes every time, before execution, everywhere.
    pub fn new(kind: TelegramFaultKind) -> Self {
        Self { kind, when: When::Before, on: None, skip: 0, probability: 1.0, count: None }
    }

    /// 429 with the seconds to wait.
    pub fn too_many_requests(retry_after: i64) -> Self {
        Self::new(TelegramFaultKind::TooManyRequests { retry_after })
    }

    /// 500 "Internal Server Error", 502 "Bad Gateway", 504 "Gateway Timeout", as JSON.
    pub fn status(code: u16) -> Self {
        let description = match code {
            502 => "Bad Gateway",
            504 => "Gateway Timeout",
            _ => "Internal Server Error",
        };
        Self::error(code, description)
    }

    /// A refusal with any code and text.
    pub fn error(code: u16, description: &str) -> Self {
        Self::new(TelegramFaultKind::Error { code, description: description.to_owned() })
    }

    /// See [`TelegramFaultKind::Html`].
    pub fn html(status: u16) -> Self {
        Self::new(TelegramFaultKind::Html { status })
    }

    /// See [`TelegramFaultKind::Cut`].
    pub fn cut() -> Self {
        Self::new(TelegramFaultKind::Cut)
    }

    /// See [`TelegramFaultKind::Hang`].
    pub fn hang() -> Self {
        Self::new(TelegramFaultKind::Hang)
    }

    /// See [`TelegramFaultKind::Latency`].
    pub fn latency(delay: Duration) -> Self {
        Self::new(TelegramFaultKind::Latency { ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) })
    }

    /// See [`TelegramFaultKind::DuplicateUpdate`].
    pub fn duplicate_update() -> Self {
        Self::new(TelegramFaultKind::DuplicateUpdate)
    }

    /// See [`TelegramFaultKind::DelayUpdate`].
    pub fn delay_update(delay: Duration) -> Self {
        Self::new(TelegramFaultKind::DelayUpdate { ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) })
    }

    /// Strikes after execution: the effects stay, the answer is lost.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.when = When::After;
        self
    }

    /// Only for this method or kind of update.
    #[must_use]
    pub fn on(mut self, name: &str) -> Self {
        self.on = Some(name.to_owned());
        self
    }

    /// Lets so many calls pass first: `skip(2).once()` strikes the third.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
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
        self.on.as_ref().is_none_or(|on| on.eq_ignore_ascii_case(name))
    }
}

/// What the rules decided for one call.
#[derive(Debug, Default)]
pub(crate) struct CallPlan {
    pub(crate) latency: Duration,
    pub(crate) before: Option<TelegramFaultKind>,
    pub(crate) after: Option<TelegramFaultKind>,
}

/// The rules in force.
#[derive(Debug)]
pub struct TelegramFaults {
    inner: Mutex<(Vec<TelegramFault>, Rng)>,
}

impl TelegramFaults {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { inner: Mutex::new((Vec::new(), Rng::new(seed))) }
    }

    /// Puts a rule in force.
    pub fn add(&self, fault: TelegramFault) {
        self.inner.lock().0.push(fault);
    }

    /// Lifts all rules.
    pub fn clear(&self) {
        self.inner.lock().0.clear();
    }

    /// The rules in force.
    pub fn list(&self) -> Vec<TelegramFault> {
        self.inner.lock().0.clone()
    }

    /// The first rule that covers `name`, is accepted by `concerns` and strikes; uses up a counted one.
    fn strike(&self, name: &str, concerns: impl Fn(&TelegramFaultKind) -> bool) -> Option<TelegramFault> {
        let mut guard = self.inner.lock();
        let (rules, rng) = &mut *guard;
        let mut struck = None;
        for rule in rules.iter_mut().filter(|rule| concerns(&rule.kind) && rule.covers(name)) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rng.chance(rule.probability) {
                rule.count = rule.count.map(|count| count.saturating_sub(1));
                struck = Some(rule.clone());
                break;
            }
        }
        rules.retain(|rule| rule.count != Some(0));
        struck
    }

    /// Faults of one call.
    pub(crate) fn call(&self, method: &str) -> CallPlan {
        let mut plan = CallPlan::default();
        let slow = |kind: &TelegramFaultKind| matches!(kind, TelegramFaultKind::Latency { .. });
        if let Some(TelegramFaultKind::Latency { ms }) = self.strike(method, slow).map(|fault| fault.kind) {
            plan.latency = Duration::from_millis(ms);
        }
        if let Some(fault) = self.strike(method, |kind| !slow(kind) && !kind.of_webhooks()) {
            match fault.when {
                When::Before => plan.before = Some(fault.kind),
                When::After => plan.after = Some(fault.kind),
            }
        }
        plan
    }

    /// Fault of one update on its way to a webhook.
    pub(crate) fn update(&self, kind: &str) -> Option<TelegramFaultKind> {
        self.strike(kind, TelegramFaultKind::of_webhooks).map(|fault| fault.kind)
    }
}

//! What can go wrong at a seam, as verdicts that core can act on.

use std::error::Error;
use std::time::Duration;

/// Why something was not delivered, and what that means for the job.
///
/// Every adapter maps its own errors to these in one function. `reason` is for people (admins, dead letters): it names
/// what happened, never a secret or a message's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It was certainly not carried out; the same may succeed later.
    #[error("{reason}")]
    Retry {
        /// What happened.
        reason: String,
        /// Not before this long from now, when the other side said so.
        after: Option<Duration>,
    },
    /// It may or may not have been carried out (time-out, connection cut after sending, 5xx). Resolve before resending.
    #[error("{reason} (outcome unknown)")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// The other side refuses this very item; repeating it changes nothing.
    #[error("{reason}")]
    Refused {
        /// What happened.
        reason: String,
    },
    /// The other side lets nothing of this channel in (a token was taken back): all its messages wait as with
    /// [`DeliveryError::Paused`], none is tried until then, and then one before the others. Of channels only.
    #[error("{reason}")]
    Closed {
        /// What has to be mended.
        reason: String,
        /// When to look again.
        after: Duration,
    },
    /// The other side is not set up or does not let us in: nothing is wrong with the item, it waits without counting
    /// as an attempt until somebody mends that.
    #[error("{reason}")]
    Paused {
        /// What has to be mended.
        reason: String,
        /// When to look again; an adapter that holds back work by [`crate::ports::backend::Backend::ready`] says a moment.
        after: Duration,
    },
    /// The adapter can't do this at all, by its capabilities.
    #[error("not supported")]
    Unsupported,
}

impl DeliveryError {
    /// A [`DeliveryError::Retry`] without a wanted delay.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }

    /// A [`DeliveryError::Refused`].
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// A [`DeliveryError::Paused`] that somebody has to mend: looked at again every quarter of a minute.
    pub fn paused(reason: impl Into<String>) -> Self {
        Self::Paused { reason: reason.into(), after: Duration::from_secs(15) }
    }

    /// A [`DeliveryError::Closed`] that somebody has to mend: looked at again every minute.
    pub fn closed(reason: impl Into<String>) -> Self {
        Self::Closed { reason: reason.into(), after: Duration::from_secs(60) }
    }

    /// A [`DeliveryError::Unknown`].
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }
}

/// Why the store did not do what was asked. In every case nothing of the asked step is stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database can't take the step now (disk full, locked, connection lost, shutting down); repeat later.
    #[error("storage unavailable: {0}")]
    Unavailable(String),
    /// The database holds what it should not: a bug or damage.
    #[error("storage corrupt: {0}")]
    Corrupt(String),
    /// The conversation is just being erased: what came now would go with it. Repeat it in a moment, then it begins a new
    /// one.
    #[error("what was written before is just being erased")]
    Erasing,
    /// A compare-and-set found another value than expected.
    #[error("changed by someone else meanwhile")]
    Conflict,
}

/// What is wrong in a configuration, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// Dotted path of the key.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl ConfigError {
    /// An error at a key.
    pub fn at(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// What an error comes from in the end: "Connection refused". Errors further out name addresses.
pub fn deepest<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Errors of a configuration that are collected on the way, so that all are told at once.
#[derive(Debug, Default)]
pub struct Errors(pub Vec<ConfigError>);

impl Errors {
    /// What is good, or none and its error.
    pub fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    /// What is good when nothing was wrong; else all the errors.
    ///
    /// # Errors
    /// All that were noted.
    pub fn or<T>(self, good: T) -> Result<T, Vec<ConfigError>> {
        if self.0.is_empty() { Ok(good) } else { Err(self.0) }
    }

    /// What is good, or none and all its errors.
    pub fn keep_all<T>(&mut self, result: Result<T, Vec<ConfigError>>) -> Option<T> {
        result.map_err(|errors| self.0.extend(errors)).ok()
    }
}

//! The `state` words of authorizations under way: made here, used once, good for ten minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const LIFETIME: Duration = Duration::from_secs(600);
/// More authorizations than this are not under way at the same time.
const MOST: usize = 256;

#[derive(Default)]
pub(crate) struct States(Mutex<HashMap<String, Instant>>);

impl States {
    /// A new word; `None` when the system has no randomness or too many are under way.
    pub(crate) fn make(&self) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.retain(|_, made| made.elapsed() < LIFETIME);
        if words.len() >= MOST {
            return None;
        }
        words.insert(word.clone(), Instant::now());
        Some(word)
    }

    /// Whether the word was made here lately; it is used up then.
    pub(crate) fn take(&self, word: &str) -> bool {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(word);
        made.is_some_and(|made| made.elapsed() < LIFETIME)
    }
}

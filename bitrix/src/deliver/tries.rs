//! How often one kind of failure happened to a message in a row. In memory only: a job's attempts count every kind of
//! failure together, and what must not be done too early may well begin to be counted anew after a restart.

use parking_lot::Mutex;
use std::collections::HashMap;

/// Most messages that are remembered; then all begin anew.
const MOST: usize = 10_000;

/// Failures of one kind, by the messages' external ids.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<String, u32>>);

impl Tries {
    /// It failed once more: how often it had before.
    pub(crate) fn failed(&self, id: &str) -> u32 {
        let mut tries = self.0.lock();
        if tries.len() >= MOST {
            tries.clear();
        }
        let tries = tries.entry(id.to_owned()).or_default();
        *tries += 1;
        *tries - 1
    }

    /// It succeeded, or was given up.
    pub(crate) fn forget(&self, id: &str) {
        self.0.lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_counted_by_itself_and_anew_after_a_success() {
        let tries = Tries::default();
        assert_eq!((tries.failed("a"), tries.failed("a"), tries.failed("b")), (0, 1, 0));
        tries.forget("a");
        assert_eq!((tries.failed("a"), tries.failed("b")), (0, 1));
    }
}

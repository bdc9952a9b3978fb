//! Files on their way into a message.

use crate::domain::id::FileId;
use crate::domain::time::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

/// Files that were kept for messages that are not stored yet.
#[derive(Default)]
pub(crate) struct Arriving(Mutex<HashMap<FileId, Vec<Timestamp>>>);

/// After so long no message comes any more for what was kept.
pub(crate) const GIVEN_UP: Duration = Duration::from_secs(3600);

impl Arriving {
    fn change<T>(&self, now: Timestamp, change: impl FnOnce(&mut HashMap<FileId, Vec<Timestamp>>) -> T) -> T {
        let mut all = self.0.lock();
        all.values_mut().for_each(|kept| kept.retain(|at| at.until(now) < GIVEN_UP));
        all.retain(|_, kept| !kept.is_empty());
        change(&mut all)
    }

    pub(crate) fn kept(&self, file: &FileId, now: Timestamp) {
        self.change(now, |all| all.entry(file.clone()).or_default().push(now));
    }

    pub(crate) fn named(&self, file: &FileId, now: Timestamp) {
        self.change(now, |all| all.get_mut(file).and_then(Vec::pop));
    }

    pub(crate) fn is_expected(&self, file: &FileId, now: Timestamp) -> bool {
        self.change(now, |all| all.get(file).is_some_and(|kept| !kept.is_empty()))
    }
}

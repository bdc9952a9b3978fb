//! How a job ends.

use crate::domain::message::State;
use crate::ports::work::{Outcome, Work};

/// Who has the lease of a job's lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The job itself.
    Own,
    /// An older job of the lane: of confirmations it has it for all.
    Ahead,
    /// Another one, or nobody: the job was settled before, or its lease is somebody else's.
    Gone,
}

impl Lease {
    /// By the job that is leased (0 is none); what another process leased counts as gone.
    pub fn of(leased: i64, job: i64, ours: bool) -> Self {
        match leased {
            _ if !ours => Self::Gone,
            leased if leased == job => Self::Own,
            leased if leased != 0 && leased < job => Self::Ahead,
            _ => Self::Gone,
        }
    }
}

/// Whether an outcome of a living job counts. That it was carried out is worth knowing even when it was settled before.
pub fn counts(work: Work, lease: Lease, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done { .. } => true,
        Outcome::Retry { .. } => lease == Lease::Own,
        Outcome::Dead { .. } => lease == Lease::Own || (lease == Lease::Ahead && work == Work::Confirm),
    }
}

/// The state that its item has from now on; `None` when it has that already, or the job only changes or confirms one.
pub fn new_state(work: Work, known: State, new: State) -> Option<State> {
    (work.brings() && known != new).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_lane_of_confirmations_the_oldest_has_the_lease_for_all() {
        let dead = Outcome::Dead { reason: String::new(), note: None };
        let retry = Outcome::Retry { at: crate::Timestamp(0), reason: String::new(), uncertain: false, counted: true };
        let ahead = Lease::of(3, 5, true);
        assert_eq!((ahead, Lease::of(5, 5, true), Lease::of(7, 5, true)), (Lease::Ahead, Lease::Own, Lease::Gone));
        assert!(counts(Work::Confirm, ahead, &dead) && !counts(Work::Confirm, ahead, &retry));
        assert!(!counts(Work::Note, ahead, &dead), "a lane of other jobs gives one at a time");
        assert!(!counts(Work::Confirm, Lease::of(5, 5, false), &dead), "somebody else's");
        assert!(!counts(Work::Confirm, Lease::of(0, 5, true), &dead), "settled before");
    }
}

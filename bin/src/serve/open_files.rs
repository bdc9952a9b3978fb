//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this nobody needs.
const ENOUGH: u64 = 100_000;

/// Raises the limit of open files as far as the system lets us; how many there may be then.
fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let current = limit.current.unwrap_or(ENOUGH);
    if current < wanted {
        let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files can't be raised");
        }
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH);
    usize::try_from(now).unwrap_or(usize::MAX)
}

/// How many connections there is room for when fewer than `wanted` are possible: some descriptors are left for the database,
/// files and calls to the portal.
pub(crate) fn too_few(wanted: usize) -> Option<usize> {
    let room = raise().saturating_sub(200).max(100);
    (room < wanted).then_some(room)
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_room_for_some() {
        assert!(super::raise() >= 256);
    }
}

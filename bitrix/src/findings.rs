//! What somebody has to mend: found while the program runs, told in the log once, and shown wherever people look.

use crate::concern::{Concern, Problem};
use crate::texts::{self, Catalogue};
use parking_lot::Mutex;

/// Something that is wrong, which an administrator can mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Code and key are wrong at the authorization server.
    Key {
        /// Its address.
        server: String,
        /// What it said.
        code: String,
    },
    /// The application was not given these permissions.
    Scopes(String),
    /// The portal waits for the end of the installation.
    Unfinished,
    /// A connector could not be registered.
    Register {
        /// Its name.
        name: String,
        /// What the portal said.
        reason: String,
    },
    /// The events could not be bound.
    Events {
        /// Our address for them.
        address: String,
        /// What the portal said.
        reason: String,
    },
    /// Another program of the same application has the events.
    Taken(String),
    /// A line is switched off.
    Inactive {
        /// The connector's name.
        name: String,
        /// The line's.
        line: String,
    },
    /// Messages wait for a line.
    Unconnected(String),
    /// The configured line is not the one that is connected.
    Elsewhere {
        /// The connector's name.
        name: String,
        /// The line's number.
        line: String,
    },
}

/// What is looked at together, so that it is found or gone together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Code and key.
    Key,
    /// Permissions, the end of the installation.
    Application,
    /// Connectors and events.
    Registration,
    /// Lines.
    Lines,
    /// Messages that wait for a line.
    Waiting,
}

impl Finding {
    /// As it is told in any language.
    pub(crate) fn concern(&self) -> Concern {
        let (key, values): (_, Vec<(&str, &str)>) = match self {
            Self::Key { server, code } => ("key", vec![("server", server), ("code", code)]),
            Self::Scopes(scopes) => ("scopes", vec![("scopes", scopes)]),
            Self::Unfinished => ("unfinished", vec![]),
            Self::Register { name, reason } => ("register", vec![("name", name), ("reason", reason)]),
            Self::Events { address, reason } => ("events", vec![("address", address), ("reason", reason)]),
            Self::Taken(address) => ("taken", vec![("address", address)]),
            Self::Inactive { name, line } => ("inactive", vec![("name", name), ("line", line)]),
            Self::Unconnected(name) => ("unconnected", vec![("name", name)]),
            Self::Elsewhere { name, line } => ("elsewhere", vec![("name", name), ("line", line)]),
        };
        let of = values.iter().filter(|(name, _)| ["name", "line", "address"].contains(name)).map(|(_, value)| *value);
        Concern::new(std::iter::once(key).chain(of).collect::<Vec<_>>().join("/"), key, &values)
    }

    /// In that language.
    pub(crate) fn told(&self, texts: &Catalogue) -> Problem {
        self.concern().within(texts)
    }
}

/// All that is found at the moment.
#[derive(Default)]
pub(crate) struct Findings(Mutex<Vec<(Area, Finding)>>);

impl Findings {
    /// What was found in an area, instead of what was found there before.
    pub(crate) fn replace(&self, area: Area, found: Vec<Finding>) {
        let mut all = self.0.lock();
        let before: Vec<_> = all.iter().filter(|(known, _)| *known == area).map(|(_, one)| one.clone()).collect();
        for new in found.iter().filter(|one| !before.contains(one)) {
            log(new);
        }
        for gone in before.iter().filter(|one| !found.contains(one)) {
            tracing::info!(problem = gone.told(texts::english()).problem, "mended");
        }
        all.retain(|(known, _)| *known != area);
        all.extend(found.into_iter().map(|one| (area, one)));
    }

    /// One more, unless it is known.
    pub(crate) fn add(&self, area: Area, found: Finding) {
        let mut all = self.0.lock();
        if !all.iter().any(|(_, known)| *known == found) {
            log(&found);
            all.push((area, found));
        }
    }

    /// One less.
    pub(crate) fn remove(&self, gone: &Finding) {
        self.0.lock().retain(|(_, known)| known != gone);
    }

    /// All, in the order in which they are best mended.
    pub(crate) fn all(&self) -> Vec<Finding> {
        let all = self.0.lock();
        let order = [Area::Key, Area::Application, Area::Registration, Area::Lines, Area::Waiting];
        let of = |area| all.iter().filter(move |(known, _)| *known == area).map(|(_, one)| one.clone());
        order.into_iter().flat_map(of).collect()
    }

    /// What an area's last look found.
    pub(crate) fn of(&self, area: Area) -> Vec<Finding> {
        self.0.lock().iter().filter(|(known, _)| *known == area).map(|(_, one)| one.clone()).collect()
    }

    /// All, as they are told in any language.
    pub(crate) fn concerns(&self) -> Vec<Concern> {
        self.all().iter().map(Finding::concern).collect()
    }

    /// All, in that language.
    pub(crate) fn told(&self, texts: &Catalogue) -> Vec<Problem> {
        self.all().iter().map(|finding| finding.told(texts)).collect()
    }

    /// What the last look at code and key found.
    pub(crate) fn key(&self) -> Option<Finding> {
        self.all().into_iter().find(|finding| matches!(finding, Finding::Key { .. }))
    }
}

fn log(found: &Finding) {
    let Problem { problem, remedy } = found.told(texts::english());
    tracing::error!(problem, remedy, "an administrator has to mend something");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mended_is_gone_and_other_areas_stay() {
        let findings = Findings::default();
        findings.replace(Area::Lines, vec![Finding::Unfinished]);
        findings.add(Area::Waiting, Finding::Unconnected("a".into()));
        findings.add(Area::Waiting, Finding::Unconnected("a".into()));
        findings.replace(Area::Lines, vec![]);
        assert_eq!(findings.all(), [Finding::Unconnected("a".into())]);
        findings.remove(&Finding::Unconnected("a".into()));
        assert!(findings.all().is_empty());
    }

    #[test]
    fn every_finding_has_words_and_none_is_left_unfilled() {
        let text = || "x".to_owned();
        let all = [
            Finding::Key { server: text(), code: text() },
            Finding::Scopes(text()),
            Finding::Unfinished,
            Finding::Register { name: text(), reason: text() },
            Finding::Events { address: text(), reason: text() },
            Finding::Taken(text()),
            Finding::Inactive { name: text(), line: text() },
            Finding::Unconnected(text()),
            Finding::Elsewhere { name: text(), line: text() },
        ];
        for finding in all {
            let Problem { problem, remedy } = finding.told(texts::english());
            assert!(!problem.is_empty() && !remedy.is_empty(), "{finding:?}");
            assert!(!format!("{problem}{remedy}").contains('{'), "{problem} {remedy}");
        }
    }
}

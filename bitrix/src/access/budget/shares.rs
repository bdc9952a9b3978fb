//! Who is next when requests are short: a part for each class, by stride scheduling.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Visitors' messages.
    Message,
    /// An admin who waits for a page, or the installation.
    Admin,
    /// Whether a message of unknown outcome has arrived.
    Look,
    /// "It arrived."
    Confirm,
    /// What operators are told.
    Note,
    /// Visitors' changes of what they wrote.
    Edit,
    /// Replies that were missed.
    History,
    /// What nobody waits for: settings, the state of lines.
    Background,
}

/// What can wait leaves so much of the bucket to bursts of the others …
const LEAVES: f64 = 0.4;
/// … as long as it has not waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Message,
        Self::Admin,
        Self::Look,
        Self::Confirm,
        Self::Note,
        Self::Edit,
        Self::History,
        Self::Background,
    ];

    /// Its part of the requests while all classes want more than there are. A call of messages holds 20, of
    /// confirmations 50, of notes 25: the parts make them last about equally long.
    fn weight(self) -> f64 {
        match self {
            Self::Message => 20.0,
            // They hold up their dialogs, and there are none unless something failed.
            Self::Look => 15.0,
            Self::Confirm | Self::Admin => 4.0,
            Self::Note => 3.0,
            Self::Edit => 2.0,
            Self::History | Self::Background => 1.0,
        }
    }

    /// Whether it can wait while others may come.
    pub(crate) fn is_patient(self) -> bool {
        matches!(self, Self::History | Self::Background)
    }
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The asker's, as soon as there is room.
    Next,
    /// Somebody else's.
    Later,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<(u64, Instant)>,
    /// How much it has had, divided by its weight.
    had: f64,
}

/// Who waits, by class.
#[derive(Default)]
pub(crate) struct Shares {
    lines: [Line; Class::ALL.len()],
    /// What a class that comes anew is taken to have had: nobody saves up for later.
    now: f64,
    tickets: u64,
}

impl Shares {
    /// Somebody begins to wait.
    pub(crate) fn join(&mut self, class: Class, at: Instant) -> u64 {
        self.tickets += 1;
        let line = &mut self.lines[class as usize];
        if line.waiting.is_empty() {
            line.had = line.had.max(self.now);
        }
        line.waiting.push_back((self.tickets, at));
        self.tickets
    }

    /// Somebody waits no longer.
    pub(crate) fn leave(&mut self, class: Class, ticket: u64) {
        self.lines[class as usize].waiting.retain(|(waiting, _)| *waiting != ticket);
    }

    /// A class got a request.
    pub(crate) fn served(&mut self, class: Class) {
        let line = &mut self.lines[class as usize];
        self.now = self.now.max(line.had);
        line.had += 1.0 / class.weight();
    }

    /// Whether a request belongs to the holder of that ticket while the bucket is that full (0 to 1).
    pub(crate) fn turn(&self, class: Class, ticket: u64, fullness: f64, now: Instant) -> Turn {
        let next = Class::ALL
            .into_iter()
            .filter(|class| self.may_go(*class, fullness, now))
            .min_by(|a, b| self.lines[*a as usize].had.total_cmp(&self.lines[*b as usize].had));
        let first = self.lines[class as usize].waiting.front();
        let is_next = next == Some(class) && first.is_some_and(|(first, _)| *first == ticket);
        if is_next { Turn::Next } else { Turn::Later }
    }

    fn may_go(&self, class: Class, fullness: f64, now: Instant) -> bool {
        let Some((_, since)) = self.lines[class as usize].waiting.front() else { return false };
        !class.is_patient() || fullness < 1.0 - LEAVES || now.duration_since(*since) >= PATIENCE
    }
}

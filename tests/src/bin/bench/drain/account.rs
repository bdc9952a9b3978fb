//! What was begun, and when it was seen to have arrived, by class.

use crate::stats::Samples;
use openline_sandbox::View;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What has to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    /// A visitor's first message, at the operators.
    First,
    /// A visitor's later message, at the operators.
    Message,
    /// A visitor's change of a message, at the operators.
    Edit,
    /// A note to the operators.
    Note,
    /// An operator's message, on the visitor's page.
    Reply,
    /// The end of the clock at an operator's message.
    Confirmation,
}

impl Class {
    pub(super) const ALL: [Self; 6] =
        [Self::First, Self::Message, Self::Edit, Self::Note, Self::Reply, Self::Confirmation];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "first messages",
            Self::Message => "messages",
            Self::Edit => "edits",
            Self::Note => "notes",
            Self::Reply => "replies, to the page",
            Self::Confirmation => "confirmations",
        }
    }
}

/// The account of one run.
#[derive(Default)]
pub(super) struct Account(Mutex<State>);

#[derive(Default)]
struct State {
    /// What is under way, and when it began (Unix, ms).
    open: HashMap<(Class, String), i64>,
    ended: HashMap<(Class, String), i64>,
    waits: BTreeMap<Class, Samples>,
    /// The highest message of the portal that was looked at for what never changes.
    seen: HashSet<i64>,
}

/// What the table says of a class.
pub(super) struct Told {
    pub(super) begun: usize,
    pub(super) waits: Samples,
    /// The longest wait of what has not arrived.
    pub(super) missing: Option<Duration>,
}

impl Account {
    pub(super) fn begin(&self, class: Class, what: &str) {
        self.begin_at(class, what, now_ms());
    }

    pub(super) fn begin_at(&self, class: Class, what: &str, at: i64) {
        let mut state = self.0.lock();
        let key = (class, what.to_owned());
        match state.ended.remove(&key) {
            // It was there before whoever sent it was told so.
            Some(ended) => push(&mut state, class, ended - at),
            None => {
                state.open.insert(key, at);
            }
        }
    }

    pub(super) fn end(&self, class: Class, what: &str) {
        end(&mut self.0.lock(), class, what, now_ms());
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.lock().open.is_empty()
    }

    /// Looks what has arrived at the operators. What the portal dates counts from then.
    pub(super) fn look(&self, view: View<'_>) {
        let mut state = self.0.lock();
        let now = now_ms();
        for message in view.all_messages() {
            match message.author.side() {
                "client" => {
                    if message.edited {
                        end(&mut state, Class::Edit, &message.text, now);
                    }
                    if state.seen.insert(message.id) {
                        let text = message.text.trim_end_matches(" (edited)");
                        let class = if text.contains(" says 0") { Class::First } else { Class::Message };
                        end(&mut state, class, text, message.date_ms);
                        // It was changed before it left.
                        end(&mut state, Class::Edit, &message.text, message.date_ms);
                    }
                }
                "system" if state.seen.insert(message.id) => {
                    let note = message.text.lines().find_map(|line| line.strip_prefix("n: "));
                    end(&mut state, Class::Note, note.unwrap_or_default(), message.date_ms);
                }
                "operator" if message.read => end(&mut state, Class::Confirmation, &message.text, now),
                _ => {}
            }
        }
    }

    pub(super) fn told(&self, class: Class) -> Told {
        let state = self.0.lock();
        let now = now_ms();
        let open = state.open.iter().filter(|((of, _), _)| *of == class);
        let missing = open.clone().map(|(_, at)| span(now - at)).max();
        let waits = state.waits.get(&class).cloned().unwrap_or_default();
        Told { begun: open.count() + waits.count(), waits, missing }
    }
}

fn end(state: &mut State, class: Class, what: &str, at: i64) {
    let key = (class, what.to_owned());
    match state.open.remove(&key) {
        Some(began) => push(state, class, at - began),
        None if matches!(class, Class::First | Class::Message | Class::Note) => {
            state.ended.entry(key).or_insert(at);
        }
        None => {}
    }
}

fn push(state: &mut State, class: Class, took: i64) {
    state.waits.entry(class).or_default().push(span(took));
}

fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Unix time in milliseconds, which the stand-in portal counts by, too.
#[expect(clippy::disallowed_methods, reason = "it is compared with the portal's own dates")]
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

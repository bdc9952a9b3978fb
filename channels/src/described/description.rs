//! A description that can be carried out: compiled and checked by `load.rs`.

use super::calls::{Answers, Http, Step, Token};
use super::events::Group;
use super::expr::{Expr, Template};
use super::file::{By, Otherwise};
use super::settings::Setting;
use super::verify::{Check, Handshake};
use crate::common::marks::Marks;

/// A messenger, ready to be joined.
#[derive(Debug)]
pub(crate) struct Description {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) page: Template,
    pub(super) settings: Vec<(String, Setting)>,
    pub(super) http: Http,
    pub(super) token: Option<Token>,
    pub(super) text: Text,
    pub(super) webhook: Option<Webhook>,
    pub(super) poll: Option<Poll>,
    pub(super) events: Vec<Group>,
    pub(super) profile: Option<Profile>,
    pub(super) ways: Vec<Way>,
    pub(super) edit: Option<Act>,
    pub(super) delete: Option<Act>,
    pub(super) read: Option<Act>,
    pub(super) answers: Answers,
    pub(super) once: Once,
    pub(super) window: Option<Window>,
    pub(super) per_second: Option<f64>,
    pub(super) chat_per_minute: Option<f64>,
    pub(super) chat_burst: u32,
    pub(super) setup: Option<Setup>,
}

#[derive(Debug)]
pub(crate) struct Text {
    pub(super) limit: Expr,
    pub(super) unit: Template,
    pub(super) marks: Marks,
}

#[derive(Debug)]
pub(crate) struct Webhook {
    pub(super) answer: Template,
    pub(super) answer_type: String,
    pub(super) verify: Vec<Check>,
    pub(super) handshakes: Vec<Handshake>,
}

#[derive(Debug)]
pub(crate) struct Poll {
    pub(super) when: Option<Expr>,
    pub(super) steps: Vec<Step>,
    /// The bodies in what was taken; it is one itself when there is none.
    pub(super) events: Option<Expr>,
    pub(super) cursor: Option<Expr>,
    pub(super) pause: u64,
}

#[derive(Debug)]
pub(crate) struct Profile {
    pub(super) steps: Vec<Step>,
    pub(super) user: Vec<(String, Template)>,
}

/// A way in which a part of a message can be sent.
#[derive(Debug)]
pub(crate) struct Way {
    pub(super) when: Option<Expr>,
    pub(super) with: Vec<(String, Expr)>,
    /// So long a text goes along with a file.
    pub(super) caption: usize,
    pub(super) most: Option<u64>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Act {
    pub(super) when: Option<Expr>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Once {
    pub(super) by: By,
    pub(super) steps: Vec<Step>,
    pub(super) found: Option<Expr>,
    /// Seconds.
    pub(super) wait: u64,
    pub(super) otherwise: Otherwise,
}

#[derive(Debug)]
pub(crate) struct Window {
    pub(super) hours: u64,
    pub(super) late: Option<Expr>,
    pub(super) late_hours: Option<u64>,
    pub(super) refuse: String,
}

#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) steps: Vec<Step>,
    pub(super) every_minutes: u64,
}

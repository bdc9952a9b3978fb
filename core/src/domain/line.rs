//! What an open line's own settings say to a channel that can show it to its visitors.

use serde::{Deserialize, Serialize};

/// The settings of the line that a channel is connected to, as far as visitors should know them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineInfo {
    /// What the line is called.
    pub name: String,
    /// The greeting, when the line has one.
    pub welcome: Option<String>,
    /// When somebody is there; `None` when the line has no working hours.
    pub hours: Option<Hours>,
    /// What the line says outside its hours.
    pub closed_text: Option<String>,
    /// What visitors must agree to, when the line asks for it; empty when it asks, but its words are not known.
    pub consent: Option<String>,
    /// Whether the line asks visitors how they were served.
    pub rating: bool,
}

/// Working hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// An IANA time zone.
    pub zone: String,
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight, 1440 at the day's end; before `from` when the line works over midnight, the same as `from`
    /// when it works round the clock.
    pub to: u16,
    /// Days without work, 1 (Monday) to 7 (Sunday). Work over midnight belongs to the day on which it begins.
    pub days_off: Vec<u8>,
    /// Days of the year without work: day, month.
    pub holidays: Vec<(u8, u8)>,
}

//! Open lines and their settings, the fields of `imopenlines.config.get` and `.update` (bitrix24.md §5.1).

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::php::value;

/// Settings that can be changed and are given back, with what a new line has.
const FIELDS: [(&str, &str); 15] = [
    ("AGREEMENT_MESSAGE", "N"),
    ("AGREEMENT_ID", "0"),
    ("CLOSE_RULE", "none"),
    ("CLOSE_TEXT", ""),
    ("VOTE_MESSAGE", "N"),
    ("VOTE_BEFORE_FINISH", "Y"),
    ("VOTE_MESSAGE_2_TEXT", "Please rate our service: 1 - good, 0 - bad"),
    ("VOTE_MESSAGE_2_LIKE", "Thank you for your feedback!"),
    ("VOTE_MESSAGE_2_DISLIKE", "We are sorry."),
    ("WORKTIME_ENABLE", "N"),
    ("WORKTIME_FROM", "9"),
    ("WORKTIME_TO", "18.30"),
    ("WORKTIME_TIMEZONE", "Europe/Berlin"),
    ("WORKTIME_DAYOFF_RULE", "text"),
    ("WORKTIME_DAYOFF_TEXT", "Unfortunately, we cannot respond to you at this moment."),
];
/// Settings that are lists.
const LISTS: [&str; 2] = ["WORKTIME_HOLIDAYS", "WORKTIME_DAYOFF"];

/// An open line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The line's own switch; incoming messages do not look at it (bitrix24.md C13).
    pub(crate) active: bool,
    /// `OPERATOR_DATA=hide`: no operator names leave the portal.
    pub(crate) hide_operators: bool,
    /// Automatic greeting of a new session.
    pub(crate) greeting: Option<String>,
    /// Automatic text when a session ends.
    pub(crate) farewell: Option<String>,
    /// What was set of the other fields.
    settings: BTreeMap<String, Value>,
}

impl Line {
    pub(crate) fn new(id: i64, name: &str, greeting: Option<String>) -> Self {
        let (active, hide_operators, farewell) = (true, false, None);
        Self { id, name: name.to_owned(), active, hide_operators, greeting, farewell, settings: BTreeMap::new() }
    }

    /// A setting as text; `""` where it is a list.
    pub(crate) fn setting(&self, name: &str) -> String {
        let set = self.settings.get(name).and_then(value::text);
        let default = || FIELDS.iter().find(|(field, _)| *field == name).map_or("", |(_, default)| default).to_owned();
        set.unwrap_or_else(default)
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.setting(name) == "Y"
    }

    /// The settings as `config.get` gives them: texts, and lists with one empty entry when they are empty.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        let texts = FIELDS.iter().map(|(name, _)| (*name, json!(self.setting(name))));
        texts.chain(LISTS.iter().map(|name| (*name, json!(self.list(name)))))
    }

    /// Takes over what is named in the parameters of `config.update`.
    pub(crate) fn set(&mut self, params: &Value) {
        let given = |name: &str| value::get(params, name);
        let told = |name: &str| given(name).and_then(value::text);
        self.name = told("LINE_NAME").unwrap_or_else(|| self.name.clone());
        self.active = told("ACTIVE").map_or(self.active, |active| active == "Y");
        self.hide_operators = told("OPERATOR_DATA").map_or(self.hide_operators, |data| data == "hide");
        if let Some(text) = told("WELCOME_MESSAGE_TEXT") {
            self.greeting = Some(text);
        }
        if told("WELCOME_MESSAGE").is_some_and(|on| on != "Y") {
            self.greeting = None;
        }
        for name in FIELDS.iter().map(|(name, _)| *name).chain(LISTS) {
            if let Some(setting) = given(name) {
                self.settings.insert(name.to_owned(), setting.clone());
            }
        }
        if told("CLOSE_RULE").is_some() || told("CLOSE_TEXT").is_some() {
            let text = self.setting("CLOSE_TEXT");
            self.farewell = Some(text).filter(|text| self.setting("CLOSE_RULE") == "text" && !text.is_empty());
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let set = self.settings.get(name);
        let entries: Vec<String> = match set {
            Some(list) if value::is_array(list) => {
                value::entries(list).into_iter().filter_map(|(_, one)| value::text(one)).collect()
            }
            other => other.and_then(value::text).unwrap_or_default().split(',').map(str::to_owned).collect(),
        };
        if entries.is_empty() { vec![String::new()] } else { entries }
    }

    /// Whether somebody works at that moment (unix milliseconds).
    pub(crate) fn works_at(&self, now: i64) -> bool {
        if !self.is_on("WORKTIME_ENABLE") {
            return true;
        }
        let zone = TimeZone::get(&self.setting("WORKTIME_TIMEZONE")).unwrap_or(TimeZone::UTC);
        let local = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone);
        let day = match local.weekday() {
            Weekday::Monday => "MO",
            Weekday::Tuesday => "TU",
            Weekday::Wednesday => "WE",
            Weekday::Thursday => "TH",
            Weekday::Friday => "FR",
            Weekday::Saturday => "SA",
            Weekday::Sunday => "SU",
        };
        let date = (i64::from(local.day()), i64::from(local.month()));
        if self.list("WORKTIME_DAYOFF").iter().any(|off| off == day)
            || self.list("WORKTIME_HOLIDAYS").iter().any(|off| pair(off) == Some(date))
        {
            return false;
        }
        let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
        let (from, to) = (self.minute("WORKTIME_FROM"), self.minute("WORKTIME_TO"));
        if from <= to { (from..=to).contains(&minute) } else { minute >= from || minute <= to }
    }

    fn minute(&self, name: &str) -> i64 {
        let time = self.setting(name).replace(':', ".");
        let (hours, minutes) = pair(&time).unwrap_or((time.parse().unwrap_or(0), 0));
        hours * 60 + minutes
    }
}

/// Two numbers with a dot between them.
fn pair(text: &str) -> Option<(i64, i64)> {
    let (one, two) = text.split_once('.')?;
    Some((one.parse().ok()?, two.parse().ok()?))
}

//! What the pages show of channels and lines.

use crate::config::Connector;
use crate::lines::ask;
use crate::shared::Inner;
use crate::texts::Catalogue;
use crate::web::qr::{self, Drawing};
use openline_core::line::Hours;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::timeout;

/// How long the page waits for the line's settings.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: String,
    /// Whether it is switched on in its own settings.
    on: bool,
}

/// A channel as the dashboard shows it.
#[derive(Debug, Serialize)]
pub(super) struct Channel {
    name: String,
    lines: Vec<Line>,
    address: Option<String>,
    endpoint: Option<String>,
    pub(super) problem: Option<String>,
}

/// A channel as its settings page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    lines: Vec<Line>,
    /// Where new conversations go.
    new: String,
    /// Whether the configuration says so.
    fixed: bool,
    /// For the button that lets them go to this line.
    pub(super) word: Option<String>,
    address: Option<String>,
    qr: Option<Drawing>,
    embed: Option<String>,
    endpoint: Option<String>,
    problem: Option<String>,
    hours: String,
}

/// A line's name for people.
pub(super) fn line_name(bitrix: &Inner, line: &str) -> String {
    named(bitrix, line).name
}

fn named(bitrix: &Inner, line: &str) -> Line {
    let names = bitrix.line_names.read();
    names.get(line).map_or_else(
        || Line { name: line.to_owned(), on: true },
        |known| Line { name: known.name.clone(), on: known.active },
    )
}

fn lines_of(bitrix: &Inner, connector: &Connector) -> Vec<Line> {
    bitrix.lines.active_lines(&connector.id).iter().map(|line| named(bitrix, line)).collect()
}

/// How a channel stands.
pub(super) fn channel(bitrix: &Inner, connector: &Connector) -> Channel {
    let shown = connector.shown.now();
    Channel {
        name: connector.name.clone(),
        lines: lines_of(bitrix, connector),
        address: shown.address,
        endpoint: shown.endpoint,
        problem: shown.problem,
    }
}

/// A channel that was opened for a line.
pub(super) async fn settings(bitrix: &Inner, connector: &Connector, line: &str, texts: &Catalogue) -> Settings {
    let shown = connector.shown.now();
    let new = bitrix.lines.choose(connector, None);
    let is_here = new.as_deref() == Some(line);
    let fixed = connector.line.is_some() && connector.line == new;
    let new = match &new {
        Some(new) if !is_here => texts.fill("new_elsewhere", &[("line", &line_name(bitrix, new))]),
        _ => texts.get("new_here").to_owned(),
    };
    let hours = match timeout(PATIENCE, ask::now(bitrix, line)).await {
        Ok(Ok(info)) => info.hours.map_or_else(|| texts.get("hours_none").to_owned(), |hours| words(&hours, texts)),
        _ => texts.get("hours_unknown").to_owned(),
    };
    Settings {
        lines: lines_of(bitrix, connector),
        new,
        fixed,
        word: (!is_here && !fixed).then(|| super::choose::word(bitrix, connector, line)),
        qr: shown.address.as_deref().and_then(qr::draw),
        address: shown.address,
        embed: shown.embed,
        endpoint: shown.endpoint,
        problem: shown.problem,
        hours,
    }
}

/// Working hours as they were read.
fn words(hours: &Hours, texts: &Catalogue) -> String {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let mut out = if hours.from == hours.to {
        format!("24 h ({})", hours.zone)
    } else {
        format!("{}–{} ({})", time(hours.from), time(hours.to), hours.zone)
    };
    let names: Vec<_> = texts.get("weekdays").split(' ').collect();
    let weekdays = hours.days_off.iter().filter_map(|day| names.get(usize::from(*day).checked_sub(1)?));
    let holidays = hours.holidays.iter().map(|(day, month)| format!("{day:02}.{month:02}."));
    let off: Vec<_> = weekdays.map(|name| (*name).to_owned()).chain(holidays).collect();
    if !off.is_empty() {
        let _ = write!(out, ", {}", texts.fill("days_off", &[("days", &off.join(", "))]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts;

    #[test]
    fn working_hours_are_said_as_they_were_read() {
        let zone = "Europe/Berlin".to_owned();
        let hours = Hours { zone, from: 540, to: 1110, days_off: vec![6, 7], holidays: vec![(25, 12)] };
        assert_eq!(words(&hours, texts::english()), "09:00–18:30 (Europe/Berlin), without Sat, Sun, 25.12.");
        let all = Hours { from: 0, to: 0, days_off: vec![], holidays: vec![], ..hours };
        assert_eq!(words(&all, texts::english()), "24 h (Europe/Berlin)");
    }
}

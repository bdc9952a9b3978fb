//! Whether somebody is there, and when next.

use super::words::Words;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use openline_core::line::Hours;
use openline_core::{ConfigError, Timestamp};
use serde::Deserialize;

/// How far ahead the next opening is looked for: over a year, because of leap days among the holidays.
const AHEAD: i64 = 370;
const DAY: u16 = 24 * 60;

/// How it stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::website) enum Standing {
    Open,
    /// Until then; `None` when no opening is in sight.
    Closed(Option<Timestamp>),
}

/// How it stands at `now`. A time zone that nobody knows closes nothing.
pub(in crate::website) fn standing(hours: &Hours, now: Timestamp) -> Standing {
    let Ok(zone) = TimeZone::get(&hours.zone) else { return Standing::Open };
    let today = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().to_zoned(zone.clone()).date();
    let shifts = (-1..=AHEAD).filter_map(|days| shift(hours, &zone, today.checked_add(days.days()).ok()?));
    for (begins, ends) in shifts {
        if now < begins {
            return Standing::Closed(Some(begins));
        }
        if now < ends {
            return Standing::Open;
        }
    }
    Standing::Closed(None)
}

/// The working time that begins on that day, as moments.
fn shift(hours: &Hours, zone: &TimeZone, day: Date) -> Option<(Timestamp, Timestamp)> {
    let off = hours.days_off.iter().any(|off| i8::try_from(*off) == Ok(day.weekday().to_monday_one_offset()));
    let holiday = |(d, m): &(u8, u8)| i8::try_from(*d) == Ok(day.day()) && i8::try_from(*m) == Ok(day.month());
    if off || hours.holidays.iter().any(holiday) {
        return None;
    }
    let (from, to) = match (hours.from, hours.to) {
        (from, to) if from == to => (0, DAY),
        (from, to) if from > to => (from, to + DAY),
        both => both,
    };
    Some((moment(zone, day, from)?, moment(zone, day, to)?))
}

/// So many minutes after a day's midnight by the clock on the wall there.
fn moment(zone: &TimeZone, day: Date, minutes: u16) -> Option<Timestamp> {
    let wall = day.at(0, 0, 0, 0).checked_add(i64::from(minutes).minutes()).ok()?;
    Some(Timestamp(wall.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
}

/// `[settings.hours]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct Settings {
    zone: Option<String>,
    from: Option<String>,
    to: Option<String>,
    days_off: Vec<String>,
    holidays: Vec<String>,
    pub(in crate::website) closed_text: Words,
    /// Take no hours from the open line.
    ignore_line: bool,
}

/// Working hours as configured.
#[derive(Debug, Default)]
pub(in crate::website) struct Own {
    hours: Option<Hours>,
    pub(in crate::website) closed_text: Words,
    ignore_line: bool,
}

impl Own {
    /// Checks the table.
    pub(in crate::website) fn read(raw: Settings, zone: &str) -> Result<Self, ConfigError> {
        let at = |key: &str, problem: String| ConfigError::at(format!("hours.{key}"), problem);
        let Settings { closed_text, ignore_line, .. } = raw;
        let (from, to) = match (raw.from, raw.to) {
            (Some(from), Some(to)) => (from, to),
            (None, None) => return Ok(Self { hours: None, closed_text, ignore_line }),
            (Some(_), None) => {
                return Err(at("to", "is missing; write both, like from = \"9:00\", to = \"18:00\"".into()));
            }
            (None, Some(_)) => {
                return Err(at("from", "is missing; write both, like from = \"9:00\", to = \"18:00\"".into()));
            }
        };
        let time = |key, text: &str| {
            minutes(text).ok_or_else(|| at(key, format!("{text:?} is no time; write one like \"9:00\"")))
        };
        let zone = raw.zone.unwrap_or_else(|| zone.to_owned());
        if TimeZone::get(&zone).is_err() {
            return Err(at("zone", format!("{zone:?} is not a time zone; write one like \"Europe/Berlin\"")));
        }
        let day =
            |text: &String| weekday(text).ok_or_else(|| at("days_off", format!("{text:?} is no day; write \"sat\"")));
        let days_off = raw.days_off.iter().map(day).collect::<Result<_, _>>()?;
        let date = |text: &String| {
            date(text).ok_or_else(|| {
                at("holidays", format!("{text:?} is no day of the year; write day and month: \"31.12\""))
            })
        };
        let holidays = raw.holidays.iter().map(date).collect::<Result<_, _>>()?;
        let hours = Hours { zone, from: time("from", &from)? % DAY, to: time("to", &to)?, days_off, holidays };
        Ok(Self { hours: Some(hours), closed_text, ignore_line })
    }

    /// The hours that count: ours, else the line's.
    pub(in crate::website) fn over(&self, line: Option<Hours>) -> Option<Hours> {
        self.hours.clone().or_else(|| line.filter(|_| !self.ignore_line))
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once([':', '.']).unwrap_or((text, "0"));
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60).then_some(())?;
    Some(hours.checked_mul(60)?.checked_add(minutes)?).filter(|all| *all <= DAY)
}

fn weekday(text: &str) -> Option<u8> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let wanted = text.get(..3)?.to_lowercase();
    u8::try_from(days.iter().position(|day| *day == wanted)? + 1).ok()
}

fn date(text: &str) -> Option<(u8, u8)> {
    let (day, month) = text.split_once('.')?;
    let (day, month) = (day.parse().ok()?, month.trim_end_matches('.').parse().ok()?);
    Date::new(2024, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some((day, month))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn hours(from: u16, to: u16) -> Hours {
        Hours { zone: "Europe/Berlin".into(), from, to, days_off: vec![6, 7], holidays: vec![(25, 12), (26, 12)] }
    }

    fn at(text: &str) -> Timestamp {
        let zoned: jiff::Zoned = format!("{text}[Europe/Berlin]").parse().unwrap();
        Timestamp(zoned.timestamp().as_millisecond())
    }

    fn until(text: &str) -> Standing {
        Standing::Closed(Some(at(text)))
    }

    #[test]
    fn an_ordinary_week() {
        let hours = hours(540, 1080);
        assert_eq!(standing(&hours, at("2026-11-23T08:59:59")), until("2026-11-23T09:00"));
        assert_eq!(standing(&hours, at("2026-11-23T09:00")), Standing::Open);
        assert_eq!(standing(&hours, at("2026-11-27T18:00")), until("2026-11-30T09:00"), "over the weekend");
        assert_eq!(standing(&hours, at("2026-12-24T20:00")), until("2026-12-28T09:00"), "over the holidays");
    }

    #[test]
    fn work_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let hours = hours(1320, 360);
        assert_eq!(standing(&hours, at("2026-11-28T05:59")), Standing::Open, "Friday's night");
        assert_eq!(standing(&hours, at("2026-11-28T06:00")), until("2026-11-30T22:00"));
        assert_eq!(standing(&hours, at("2026-11-30T03:00")), until("2026-11-30T22:00"), "Sunday has none");
    }

    #[test]
    fn clocks_are_changed() {
        let mut daily = hours(150, 1440);
        daily.days_off.clear();
        // 02:30 does not exist on that day; one hour later it does.
        assert_eq!(standing(&daily, at("2026-03-29T01:59")), until("2026-03-29T03:30"));
        let early = Hours { to: 240, ..daily };
        assert_eq!(standing(&early, at("2026-10-25T03:59")), Standing::Open);
    }

    #[test]
    fn round_the_clock_and_never() {
        let always = hours(0, 0);
        assert_eq!(standing(&always, at("2026-11-23T00:00")), Standing::Open);
        assert_eq!(standing(&always, at("2026-11-28T12:00")), until("2026-11-30T00:00"));
        let never = Hours { days_off: (1..=7).collect(), ..hours(540, 1080) };
        assert_eq!(standing(&never, at("2026-11-23T12:00")), Standing::Closed(None));
        let unknown = Hours { zone: "Mars/Base".into(), ..never };
        assert_eq!(standing(&unknown, at("2026-11-23T12:00")), Standing::Open);
    }

    #[test]
    fn configured_hours_are_checked() {
        let read = |text: &str| Own::read(toml::from_str(text).unwrap(), "UTC");
        let own = read("from = '9'\nto = '24:00'\ndays_off = ['Saturday', 'sun']\nholidays = ['29.2']").unwrap();
        let hours = own.over(None).unwrap();
        assert_eq!((hours.from, hours.to, hours.zone.as_str()), (540, 1440, "UTC"));
        assert_eq!((hours.days_off, hours.holidays), (vec![6, 7], vec![(29, 2)]));
        for (bad, key) in [
            ("from = '9'", "hours.to"),
            ("from = '9'\nto = '25'", "hours.to"),
            ("from = '9:60'\nto = '10'", "hours.from"),
            ("from = '9'\nto = '10'\nzone = 'Mars'", "hours.zone"),
            ("from = '9'\nto = '10'\ndays_off = ['x']", "hours.days_off"),
            ("from = '9'\nto = '10'\nholidays = ['31.2']", "hours.holidays"),
        ] {
            assert_eq!(read(bad).unwrap_err().key, key);
        }
    }

    #[test]
    fn the_lines_hours_count_where_none_are_configured() {
        let line = hours(1, 2);
        let own = |text: &str| Own::read(toml::from_str(text).unwrap(), "UTC").unwrap();
        assert_eq!(own("").over(Some(line.clone())), Some(line.clone()));
        assert_eq!(own("ignore_line = true").over(Some(line.clone())), None);
        assert_eq!(own("from = '9'\nto = '10'").over(Some(line)).unwrap().from, 540);
    }

    fn any_hours() -> impl Strategy<Value = Hours> {
        const ZONES: [&str; 6] =
            ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];
        let days = prop::collection::vec(1u8..=7, 0..6);
        let holidays = prop::collection::vec((1u8..=28, 1u8..=12), 0..5);
        (prop::sample::select(ZONES.as_slice()), 0u16..1440, 0u16..=1440, days, holidays).prop_map(
            |(zone, from, to, days_off, holidays)| Hours { zone: zone.to_owned(), from, to, days_off, holidays },
        )
    }

    proptest! {
        /// The opening that is told is the first moment at which somebody is there.
        #[test]
        fn the_next_opening_is_the_next(hours in any_hours(), now in 1_600_000_000_000i64..1_900_000_000_000, share in 0.0f64..1.0) {
            if let Standing::Closed(Some(opens)) = standing(&hours, Timestamp(now)) {
                prop_assert!(opens > Timestamp(now));
                prop_assert_eq!(standing(&hours, opens), Standing::Open);
                prop_assert_eq!(standing(&hours, Timestamp(opens.0 - 1)), Standing::Closed(Some(opens)));
                #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
                let between = now + ((opens.0 - now - 1) as f64 * share) as i64;
                prop_assert_eq!(standing(&hours, Timestamp(between)), Standing::Closed(Some(opens)));
            }
        }

        /// Where clocks are not changed, it is what the clock on the wall says.
        #[test]
        fn open_is_what_the_wall_clock_says(hours in any_hours(), now in 1_600_000_000_000i64..1_900_000_000_000) {
            let hours = Hours { zone: "Asia/Kolkata".into(), ..hours };
            let wall = jiff::Timestamp::from_millisecond(now).unwrap().to_zoned(TimeZone::get(&hours.zone).unwrap());
            let works = |day: Date| {
                !hours.days_off.iter().any(|off| i8::try_from(*off).unwrap() == day.weekday().to_monday_one_offset())
                    && !hours.holidays.iter().any(|(d, m)| (i8::try_from(*d).unwrap(), i8::try_from(*m).unwrap()) == (day.day(), day.month()))
            };
            let minute = u16::try_from(wall.hour()).unwrap() * 60 + u16::try_from(wall.minute()).unwrap();
            let (today, yesterday) = (wall.date(), wall.date().yesterday().unwrap());
            let (from, to) = (hours.from, hours.to);
            let open = match from.cmp(&to) {
                Ordering::Equal => works(today),
                Ordering::Less => works(today) && from <= minute && minute < to,
                Ordering::Greater => works(today) && minute >= from || works(yesterday) && minute < to,
            };
            prop_assert_eq!(standing(&hours, Timestamp(now)) == Standing::Open, open);
        }
    }
}

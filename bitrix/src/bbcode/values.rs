//! What stands in the arguments of single tags: a moment, the title of an icon.

const LONGEST_NUMBER: usize = "-9223372036854775808".len();

/// `N format=…`, seconds since 1970, as date and time in UTC. None if it is no moment of the years 0 to 9999.
pub(super) fn moment(argument: &str) -> Option<String> {
    const DAY: i64 = 24 * 60 * 60;
    // No search for a blank: a long argument that is no moment may be looked at again, bracket by bracket.
    let len = argument.bytes().take(LONGEST_NUMBER + 1).take_while(|byte| !byte.is_ascii_whitespace()).count();
    let seconds: i64 = argument.get(..len)?.parse().ok()?;
    let (year, month, day) = civil(seconds.div_euclid(DAY))?;
    let minutes = seconds.rem_euclid(DAY) / 60;
    Some(format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60))
}

/// Year, month and day of a day counted from 1970-01-01, by whole years of the calendar's 400-year cycle from March on.
fn civil(day: i64) -> Option<(i64, i64, i64)> {
    const CYCLE: i64 = 146_097;
    let since_march_0 = day.checked_add(719_468)?;
    let of_cycle = since_march_0.rem_euclid(CYCLE);
    let years = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * years + years / 4 - years / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = years + since_march_0.div_euclid(CYCLE) * 400 + i64::from(month <= 2);
    (0..=9999).contains(&year).then_some((year, month, day))
}

/// The title in `URL size=… width=… height=… title=…`; it may be of several words, with or without quotes.
pub(super) fn title(argument: &str) -> &str {
    let lower = argument.to_ascii_lowercase();
    let Some(start) = lower.find("title=").map(|at| at + "title=".len()) else { return "" };
    let after = &lower[start..];
    let end = [" size=", " width=", " height="].iter().filter_map(|key| after.find(key)).min();
    let value = argument[start..end.map_or(argument.len(), |end| start + end)].trim();
    let quoted = |quote| value.strip_prefix(quote).map(|rest: &str| rest.split_once(quote).map_or(rest, |(v, _)| v));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).trim()
}

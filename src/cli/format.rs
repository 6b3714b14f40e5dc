//! Formats of values and texts for people.

use std::fmt;
use std::fmt::Display;
use std::time::SystemTime;

use crate::counted::counted;
use crate::escape::escaped_name;
use crate::types::sql_value::SqlValue;

/// A number of bytes for people, in binary units.
pub(super) fn bytes(number: u64) -> impl Display {
    indicatif::BinaryBytes(number)
}

/// A number of requests.
pub(super) fn requests(number: u64) -> String {
    counted(grouped(number), "request")
}

/// A number with separators for thousands.
pub(super) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A value of a row, cut if it is very long, or a dash.
pub(super) fn cell(cell: Option<&SqlValue>) -> String {
    match cell {
        None => "-".to_owned(),
        Some(SqlValue::Text(text)) => escaped_name(text),
        Some(other) => other.to_string(),
    }
}

/// The first and last digits of an address or a hash, for a narrow column.
pub(super) fn abbreviated(text: &str) -> String {
    const LENGTHS: [usize; 2] = [42, 66];
    match (text.get(..6), text.get(text.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if LENGTHS.contains(&text.len()) => format!("{first}...{last}"),
        _ => text.to_owned(),
    }
}

/// A flag of a row as yes or no.
pub(super) fn yes_or_no(flag: Option<&SqlValue>) -> String {
    match flag {
        Some(SqlValue::Integer(0)) => "no".to_owned(),
        Some(SqlValue::Integer(1)) => "yes".to_owned(),
        other => cell(other),
    }
}

/// A name from a database, cut if it is very long.
pub(super) fn plain(name: &str) -> String {
    escaped_name(name)
}

/// Appends a line to a text, such as the help. What is printed is `Lines`.
pub(super) fn line(text: &mut String, content: impl Display) {
    // Writing to a string cannot fail.
    let _ = fmt::Write::write_fmt(text, format_args!("{content}\n"));
}

/// A time for people, in UTC: `2026-01-31 23:59:59`.
pub(super) fn time(time: SystemTime) -> impl Display {
    let (date, time) = date_and_time(time);
    format!("{date} {time} UTC")
}

/// A time for programs, as in RFC 3339, in UTC: `2026-01-31T23:59:59Z`.
pub(super) fn timestamp(time: SystemTime) -> String {
    let (date, time) = date_and_time(time);
    format!("{date}T{time}Z")
}

/// The date and the time of day. The date comes from Howard Hinnant's `civil_from_days`, which counts years from March.
fn date_and_time(time: SystemTime) -> (String, String) {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    };
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    (
        format!("{year:04}-{month:02}-{day:02}"),
        format!("{hour:02}:{minute:02}:{second:02}"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_format_like_the_date_command() {
        // date -u -d @SECONDS '+%F %T'
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(time(then).to_string(), expected);
            let expected = expected.replacen(' ', "T", 1).replace(" UTC", "Z");
            assert_eq!(timestamp(then), expected);
        }
    }
}

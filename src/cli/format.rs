//! Formats of values and texts for people.

use std::fmt;
use std::fmt::Display;
use std::time::SystemTime;

use crate::counted::counted;
use crate::escape::escaped_name;
use crate::types::sql_value::SqlValue;
use crate::utc::Utc;

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
    let Utc { date, time } = Utc::of(time);
    format!("{date} {time} UTC")
}

/// A time for programs, as in RFC 3339, in UTC: `2026-01-31T23:59:59Z`.
pub(super) fn timestamp(time: SystemTime) -> String {
    let Utc { date, time } = Utc::of(time);
    format!("{date}T{time}Z")
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

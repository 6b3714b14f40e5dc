//! The layout of the bar's line.

use crate::cli::format::{bytes, grouped};
use crate::cli::wrap::columns;
use crate::counted::counted;
use crate::database::progress::Progress;

const WITH_BAR: &str = "{msg} {wide_bar} {prefix}";
const WITHOUT_BAR: &str = "{msg} {prefix}";

/// The columns that a bar needs to show anything.
const BAR: usize = 10;

/// The parts of a line that is no wider than the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The template of the line: `msg` is its begin, `prefix` its end.
    pub(super) template: &'static str,
    pub(super) begin: String,
    pub(super) end: String,
}

impl Layout {
    /// The line with as much as there is room for.
    pub(super) fn new(
        width: usize,
        what: &str,
        progress: Progress<'_>,
        rate: Option<u64>,
        left: Option<u64>,
    ) -> Self {
        let is_bytes = progress.stage.counts_bytes();
        let done = if is_bytes {
            format!("{}/{}", bytes(progress.done), bytes(progress.total))
        } else {
            format!(
                "{}/{}",
                grouped(progress.done),
                counted(grouped(progress.total), "row")
            )
        };
        let share = format!("{}%", percent(progress));
        let rate = rate.filter(|_| is_bytes);
        let rate = rate.map(|rate| format!("{}/s", bytes(rate)));
        let left = left.map(|left| format!("{} left", duration(left)));
        let joined = |first: &str, others: [&Option<String>; 2]| {
            let others = others.into_iter().flatten().map(String::as_str);
            [first]
                .into_iter()
                .chain(others)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let ends = [
            joined(&done, [&rate, &left]),
            joined(&done, [&None, &left]),
            joined(&share, [&None, &left]),
            share.clone(),
        ];
        let begin = columns(what);
        for end in ends {
            if begin + 1 + BAR + 1 + columns(&end) <= width {
                return Self {
                    template: WITH_BAR,
                    begin: what.to_owned(),
                    end,
                };
            }
        }
        let room = width.saturating_sub(columns(&share) + 1);
        Self {
            template: WITHOUT_BAR,
            begin: cut(what, room),
            end: share,
        }
    }
}

fn percent(progress: Progress<'_>) -> u128 {
    let done = progress.done.min(progress.total);
    u128::from(done) * 100 / u128::from(progress.total.max(1))
}

/// The beginning of a text that is too wide.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for character in text.chars() {
        shown.push(character);
        if columns(&shown) > width {
            shown.pop();
            break;
        }
    }
    shown.trim_end().to_owned()
}

/// A number of seconds for people.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::database::progress::Stage;

    fn shown(width: usize, what: &str, stage: Stage<'_>, done: u64, total: u64) -> String {
        let progress = Progress { stage, done, total };
        let layout = Layout::new(width, what, progress, Some(123 << 20), Some(83));
        let bar = columns(&layout.begin) + columns(&layout.end) + 2;
        let line = layout.template.replace("{msg}", &layout.begin);
        line.replace("{prefix}", &layout.end)
            .replace("{wide_bar}", &"=".repeat(width.saturating_sub(bar)))
    }

    #[test]
    fn line_has_what_there_is_room_for() {
        let copy = |width| shown(width, "Backing up", Stage::Copying, 3 << 29, 3 << 30);
        assert_eq!(
            copy(80),
            "Backing up ========================== 1.50 GiB/3.00 GiB 123.00 MiB/s 1m 23s left"
        );
        assert_eq!(
            copy(54),
            "Backing up ============= 1.50 GiB/3.00 GiB 1m 23s left"
        );
        assert_eq!(copy(40), "Backing up ============= 50% 1m 23s left");
        assert_eq!(copy(30), "Backing up =============== 50%");
        assert_eq!(copy(12), "Backing 50%");
        let table = "Checking initialization_maps_for_managed_pools";
        let check = |width| shown(width, table, Stage::Checking("x"), 1_000, 2_000);
        assert_eq!(
            check(80),
            "Checking initialization_maps_for_managed_pools ================= 50% 1m 23s left"
        );
        assert_eq!(check(40), "Checking initialization_maps_for_man 50%");
    }

    #[test]
    fn durations_are_short() {
        let shown: Vec<_> = [0, 59, 60, 3_599, 3_600, 90_061].map(duration).into();
        assert_eq!(
            shown,
            ["0s", "59s", "1m 00s", "59m 59s", "1h 00m", "25h 01m"]
        );
    }

    proptest! {
        #[test]
        fn line_is_never_wider_than_the_terminal(
            width in 6_usize..250,
            what in ".{0,80}",
            done in any::<u64>(),
            total in 1..u64::MAX,
        ) {
            for stage in [Stage::Copying, Stage::Checking("x")] {
                let line = shown(width, &what, stage, done, total);
                prop_assert!(columns(&line) <= width, "{width}: {line}");
            }
        }
    }
}

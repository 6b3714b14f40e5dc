//! Checks that the arrows between modules point down, in the order of ARCHITECTURE.md.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails by panicking"
)]

mod arrows;
mod cycles;
mod findings;
mod fixtures;
mod modules;
mod resolve;
mod rooms;
mod streams;
mod tokens;

use std::path::Path;

use findings::check;
use rooms::Room;

/// Files that may import from their own modules and be imported by them.
const TOLERATED_PARENTS: [&str; 0] = [];

/// With `DEGENBOT_PRINT_ARROWS=1` all arrows and findings are printed, and nothing fails.
#[test]
fn arrows_point_down() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(package.join("ARCHITECTURE.md")).unwrap();
    let rooms = Room::from_markdown(&text).unwrap();
    let report = check(package, "degenbot", &rooms, &TOLERATED_PARENTS).unwrap();
    if std::env::var_os("DEGENBOT_PRINT_ARROWS").is_some() {
        for arrow in &report.arrows {
            println!("{arrow}");
        }
        println!("{} pairs of files\n\n{report}", report.edges);
    } else {
        assert!(report.findings.is_empty(), "\n{report}");
    }
}

//! Logs that cannot be moved into the database after a change.

use crate::limits::under;
use crate::support::content;
use crate::support::corpus::Copy;

/// The log may become as large as it has to, and the database not.
#[test]
fn log_that_stays_because_the_database_may_not_grow_is_named() {
    let mut stayed = 0;
    for command in [
        "database upgrade --force",
        "database reset --force",
        "exchange deactivate ethereum_uniswap_v2",
    ] {
        let name = "populated/populated-0.6.0a4.db";

        for blocks in [200, 400, 600, 700] {
            let copy = match command {
                "database upgrade --force" => Copy::of(name),
                _ => Copy::upgraded(name),
            };
            let told = under(&copy, &format!("-f {blocks}"), command);
            let context = format!("{command}, {blocks} blocks: {told}");
            let has_log = copy.folder().join("degenbot.db-wal").exists();
            let is_named =
                told.contains("degenbot.db-wal and could not be moved into the database");
            assert_eq!(has_log, is_named, "{context}");
            if has_log {
                stayed += 1;
                assert!(told.starts_with("status: 0\n"), "{context}");
                assert!(told.contains("may not become that large"), "{context}");
                // The next command moves it.
                under(
                    &copy,
                    "-f unlimited",
                    "exchange activate ethereum_uniswap_v4",
                );
                assert!(!copy.folder().join("degenbot.db-wal").exists());
                content::of(&copy.path);
            }
        }
    }
    assert!(stayed > 0);
}

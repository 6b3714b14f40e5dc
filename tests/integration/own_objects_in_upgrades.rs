//! What an upgrade would break of the user's own is refused by name, and what it would not break stays.

use degenbot::database::{ErrorKind, plan_upgrade, upgrade_sqlite_database};
use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::corpus::{self, Copy, upgrade_options};

fn changed(name: &str, statements: &str) -> Copy {
    let copy = Copy::of(name);
    content::connect(&copy.path)
        .batch_execute(statements)
        .unwrap();
    copy
}

#[test]
fn rebuild_refuses_names_that_the_new_version_needs() {
    for (statement, object) in [
        ("CREATE INDEX lfj_pools ON pools (kind)", "index lfj_pools"),
        (
            "CREATE INDEX IX_erc20_tokens_chain ON erc20_tokens (symbol)",
            "index IX_erc20_tokens_chain",
        ),
        (
            "CREATE TABLE ix_exchange_deployments_exchange_id (a)",
            "table ix_exchange_deployments_exchange_id",
        ),
    ] {
        for name in corpus::names(&["populated"]) {
            let is_early = ["0.5.0a", "0.5.0b"]
                .iter()
                .any(|release| name.contains(release));
            if !is_early {
                continue;
            }
            let copy = changed(name, statement);
            let before = copy.files();
            let options = upgrade_options();
            let error = upgrade_sqlite_database(&copy.path, &options, &mut ()).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::NamesTaken { .. }),
                "{name}, {statement}: {error}"
            );
            assert!(error.to_string().ends_with(object), "{name}: {error}");
            assert!(error.hint().contains("Give them other names"));
            let planned = plan_upgrade(&copy.path, &options).unwrap_err();
            assert_eq!(planned.to_string(), error.to_string());
            assert_eq!(copy.files(), before, "{name}");
        }
    }
}

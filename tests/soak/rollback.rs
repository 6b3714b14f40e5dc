//! Copies of a database in rollback mode beside programs that write to it. No log shows that anybody uses such a
//! database: between two commits the file lies alone.

use std::time::Instant;

use degenbot::database::backup_path;
use diesel::connection::SimpleConnection;

use crate::children::Children;
use crate::folder::Folder;
use crate::support::command::quietly;
use crate::support::content;
use crate::support::generator::random::Random;
use crate::truth::Truth;
use crate::{Form, Tally, ledger};

/// The database that copies are restored to.
const RESTORED: &str = "restored.db";

/// Restores from the database that others write to, and backs it up, until the form has its time. Each copy must hold
/// every commit that was certain before, and its balances must agree with its log.
pub fn run(form: &Form, random: &mut Random) -> Tally {
    let began = Instant::now();
    let folder = Folder::new();
    let database = folder.database();
    ledger::create(&database, form.ballast);
    content::connect(&database)
        .batch_execute("PRAGMA journal_mode = DELETE")
        .unwrap();
    let restored = folder.path().join(RESTORED);
    let mut truth = Truth::since(Vec::new(), folder.path());
    let children = Children::visit(&database, folder.path(), random);
    let mut copies = 0;
    while copies < form.backups || began.elapsed() < form.time {
        let certain = truth.certain();
        let level = *random.one_of(&["quick", "full"]);
        let (command, copy) = if random.once_in(4) {
            let command = ["database", "backup", "--force", "--verify", level];
            (quietly(&database, &command), backup_path(&database))
        } else {
            let command = [
                "database",
                "restore",
                "--force",
                "--no-keep",
                "--verify",
                level,
                "--from",
                "degenbot.db",
            ];
            (quietly(&restored, &command), restored.clone())
        };
        assert!(command.starts_with("status: 0\n"), "{command}");
        let log = ledger::read_file(&copy);
        truth.certain();
        truth.check(log, certain, &copy.display().to_string());
        copies += 1;
    }
    children.stop();
    assert_eq!(content::complaints(&database), [""; 0]);
    folder.assert_tidy("after the copies");
    println!("soak: {copies} copies in rollback mode");
    Tally {
        passed: copies,
        failed: 0,
    }
}

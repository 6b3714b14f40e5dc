//! Objects and values that a user or another program may have put into a database.

use std::path::Path;

use diesel::connection::SimpleConnection;

use crate::support::content;
use crate::support::generator::random::Random;

const STATEMENTS: [&str; 24] = [
    "CREATE VIEW my_view AS SELECT id, address FROM pools",
    "CREATE VIEW broken AS SELECT nothing FROM nowhere",
    "CREATE VIEW lfj_pools AS SELECT 1 AS id",
    "CREATE TABLE my_rows (a, b); INSERT INTO my_rows VALUES (1, 'x'), (2, x'00'), (3, 1e999); \
     DELETE FROM my_rows WHERE a = 2",
    "CREATE TABLE my_keys (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO my_keys VALUES ('a', 1)",
    "CREATE TABLE my_links (pool_id INTEGER REFERENCES pools (id) ON DELETE CASCADE); \
     INSERT INTO my_links SELECT id FROM pools",
    "CREATE VIRTUAL TABLE my_notes USING fts5 (note); INSERT INTO my_notes VALUES ('a note')",
    "CREATE TABLE \"\x1b[31mred\" (a)",
    "CREATE TABLE \"\u{202e}gnp\" (\"line\nbreak\")",
    "CREATE INDEX \"\x1b]0;title\x07\" ON pools (chain)",
    "CREATE TRIGGER keeps BEFORE UPDATE ON exchanges BEGIN SELECT raise(IGNORE); END",
    "CREATE TRIGGER deletes AFTER UPDATE ON alembic_version BEGIN DELETE FROM pools; END",
    "UPDATE exchanges SET name = '\x1b[31m' || name WHERE id % 2",
    "UPDATE erc20_tokens SET symbol = CAST(x'fffe41' AS TEXT) WHERE id % 3 = 0",
    "UPDATE erc20_tokens SET decimals = 'many' WHERE id % 3 = 0",
    "UPDATE liquidity_positions SET tick = 9223372036854775807 WHERE id = (SELECT min(id) FROM liquidity_positions)",
    "UPDATE liquidity_positions SET liquidity_net = '1e18' WHERE id % 2",
    "UPDATE pools SET address = x'00' WHERE id = (SELECT min(id) FROM pools)",
    "UPDATE alembic_version SET version_num = '\x1b[31m'",
    "UPDATE alembic_version SET version_num = CAST(version_num AS BLOB)",
    "DELETE FROM alembic_version",
    "ANALYZE",
    "PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM",
    "PRAGMA auto_vacuum = FULL; VACUUM; DELETE FROM liquidity_positions WHERE id % 3 = 0",
];

/// Runs some of the statements; those that the database took.
pub fn alter(path: &Path, random: &mut Random) -> Vec<String> {
    let mut connection = content::connect(path);
    let mut done = Vec::new();
    for _ in 0..*random.one_of(&[1, 1, 3]) {
        let statements = *random.one_of(&STATEMENTS);
        if connection.batch_execute(statements).is_ok() {
            done.push(statements.to_owned());
        }
    }
    done
}

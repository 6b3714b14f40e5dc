//! The user's own tables: a log of changes, and the balances that they lead to.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use crate::support::content;

pub const ACCOUNTS: u32 = 10;

/// A row of the log. Ids are given in the order of the commits, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Entry {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = BigInt)]
    pub account: i64,
    #[diesel(sql_type = BigInt)]
    pub amount: i64,
    #[diesel(sql_type = BigInt)]
    pub writer: i64,
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            account,
            amount,
            writer,
        } = self;
        write!(formatter, "{id} {account} {amount} {writer}")
    }
}

impl FromStr for Entry {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split(' ').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        Ok(Self {
            id: next()?,
            account: next()?,
            amount: next()?,
            writer: next()?,
        })
    }
}

#[derive(QueryableByName)]
struct Balance {
    #[diesel(sql_type = BigInt)]
    balance: i64,
}

/// Makes the tables, with all balances at zero, and rows of degenbot's own so that copying takes time.
pub fn create(database: &Path, ballast: u32) {
    degenbot::database::create_new_sqlite_database(database).unwrap();
    let mut connection = content::connect(database);
    connection
        .batch_execute(&format!(
            "CREATE TABLE ledger_log (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, \
                 amount INTEGER NOT NULL, writer INTEGER NOT NULL); \
             CREATE TABLE ledger_balances (account INTEGER PRIMARY KEY, balance INTEGER NOT NULL); \
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {ACCOUNTS}) \
             INSERT INTO ledger_balances SELECT i, 0 FROM n"
        ))
        .unwrap();
    grow(&mut connection, ballast);
}

/// Adds so many tokens, each of some 200 bytes, of a chain of their own.
pub fn grow(connection: &mut SqliteConnection, rows: u32) {
    connection
        .batch_execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             INSERT INTO erc20_tokens (chain, address, name, symbol, decimals) \
             SELECT 7, printf('0x%040x', i * 2654435761 % 4294967296), printf('%0100d', i), '', 0 \
             FROM n"
        ))
        .unwrap();
}

/// A connection that waits so long for others.
pub fn connect(database: &Path, wait: Duration) -> SqliteConnection {
    let mut connection = content::connect(database);
    connection
        .batch_execute(&format!("PRAGMA busy_timeout = {}", wait.as_millis()))
        .unwrap();
    connection
}

/// Adds a row to the log and changes the balance, in one transaction; the row, with the id it got.
pub fn append(connection: &mut SqliteConnection, entry: Entry) -> Entry {
    connection
        .immediate_transaction(|connection| -> QueryResult<Entry> {
            let Entry {
                account,
                amount,
                writer,
                ..
            } = entry;
            let added = diesel::sql_query(format!(
                "INSERT INTO ledger_log \
                 SELECT coalesce(max(id), 0) + 1, {account}, {amount}, {writer} FROM ledger_log \
                 RETURNING *"
            ))
            .get_result(connection)?;
            connection.batch_execute(&format!(
                "UPDATE ledger_balances SET balance = balance + {amount} WHERE account = {account}"
            ))?;
            Ok(added)
        })
        .unwrap()
}

/// The log of a database at one moment, which its balances at that moment are made of.
pub fn read(connection: &mut SqliteConnection, whose: &str) -> Vec<Entry> {
    let (log, balances) = connection
        .transaction(|connection| {
            let log: Vec<Entry> =
                diesel::sql_query("SELECT * FROM ledger_log ORDER BY id").load(connection)?;
            let balances: Vec<Balance> =
                diesel::sql_query("SELECT balance FROM ledger_balances ORDER BY account")
                    .load(connection)?;
            QueryResult::Ok((log, balances))
        })
        .unwrap_or_else(|error| panic!("{whose} cannot be read: {error}"));
    let mut replayed = vec![0; balances.len()];
    for (entry, id) in log.iter().zip(1..) {
        assert_eq!(entry.id, id, "a commit is missing from {whose}");
        replayed[usize::try_from(entry.account).unwrap()] += entry.amount;
    }
    let balances: Vec<_> = balances.iter().map(|row| row.balance).collect();
    assert_eq!(balances, replayed, "the balances of {whose}");
    log
}

/// The log of a finished file that needs nothing beside it.
pub fn read_file(path: &Path) -> Vec<Entry> {
    let whose = path.display().to_string();
    let mut connection = SqliteConnection::establish(&format!("file:{whose}?immutable=1")).unwrap();
    let complaints = content::lines(
        &mut connection,
        "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    );
    assert_eq!(complaints, [""; 0], "{whose}");
    read(&mut connection, &whose)
}

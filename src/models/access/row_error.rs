//! The error of reading or writing a row.

use std::fmt::{self, Display};

use crate::documented_errors::documented_errors;
use crate::sqlite::raised::is_raised;
use crate::types::integer::BlockNumber;
use crate::types::invalid_value::InvalidValue;
use crate::types::sync_cursor::SyncCursor;

documented_errors! {
    /// The error of reading or writing a row.
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum RowError(_path) {
        /// A stored value is not valid for its column.
        Invalid {
            /// The table.
            table: &'static str = "liquidity_positions",
            /// The row's id.
            id: i64 = 7,
            /// The column.
            column: &'static str = "tick",
            /// The stored value, and what was expected.
            source: InvalidValue = invalid_tick(),
        }
            in Rows;
            text format!("{table} row {id}, column {column}: {source}");
            hint VERIFY_HINT;
            cause(source) Some(source);
            when "A value in the database is none that its column can hold.";

        /// A row refers to a row that does not exist.
        Missing {
            /// The table of the referring row.
            table: &'static str = "pools",
            /// Its id.
            id: i64 = 7,
            /// The table it refers to.
            parent: &'static str = "uniswap_v3_pools",
            /// The id that is missing there.
            missing: i64 = 7,
        }
            in Rows;
            text format!("{table} row {id} has no row {missing} in {parent}");
            hint VERIFY_HINT;
            when "A row in the database refers to one that is not there, or a pool has no row of its kind.";

        /// The row to update, or to refer to, does not exist.
        NotFound {
            /// The table.
            table: &'static str = "exchanges",
            /// The id.
            id: i64 = 7,
        }
            in Rows;
            text format!("there is no row {id} in {table}");
            hint VERIFY_HINT;
            when "In a program that uses the library: a row that is to be changed or referred to is not there.";

        /// The row to write is invalid.
        Rejected {
            /// The table it is for.
            table: &'static str = "pools",
            /// What identifies the row, such as its address.
            what: String = "ADDRESS".to_owned(),
            /// The invalid value, and what was expected.
            source: InvalidValue = invalid_tick(),
        }
            in Rows;
            text format!("{table}, {what}: {source}");
            hint VERIFY_HINT;
            cause(source) Some(source);
            when "In a program that uses the library: what is to be written cannot be right.";

        /// The pool's liquidity in the database is not the one that the update changes.
        Conflict {
            /// The table of the pool.
            table: &'static str = "pools",
            /// Its id.
            id: i64 = 7,
            /// The pool's mark in the database. If it is `from` or `to`, the liquidity there is of other events.
            stored: SyncCursor = mark(23_000_001, 5),
            /// The mark that the update leads from.
            from: Box<SyncCursor> = Box::new(mark(23_000_000, 3)),
            /// The mark that the update leads to.
            to: Box<SyncCursor> = Box::new(mark(23_000_002, 9)),
        }
            in Rows;
            text conflict(table, *id, *stored, **from, **to);
            hint "Read the pool's tick map again, and apply the events that are after its mark";
            when "In a program that uses the library: another program has changed the pool's liquidity since the \
                  tick map was read, or events were left out.";

        /// The block of an exchange in the database is before the one that an update leads on from.
        Behind {
            /// The id of the exchange.
            id: i64 = 7,
            /// The block of the exchange.
            stored: Option<BlockNumber> = mark(23_000_001, 0).block,
            /// The block from which the update leads on.
            from: BlockNumber = block(23_000_003),
        }
            in Rows;
            text match stored {
                Some(stored) => format!(
                    "exchanges row {id} is at block {stored}, but the update leads on from block {from}"
                ),
                None => format!("exchanges row {id} is at no block, but the update leads on from block {from}"),
            };
            hint "Load the pools again, and follow the chain from the block after that of the exchange";
            when "In a program that uses the library: the block of an exchange has gone back since it was read. A backup \
                  was restored, or blocks were undone.";

        /// A trigger of the user's own ignores a row that is written.
        NotWritten {
            /// The table.
            table: &'static str = "pools",
        }
            in OwnObjects;
            text format!("a trigger of your own ignores a row that is written to {table}");
            hint format!(
                "Look at the triggers of {table} with the sqlite3 shell, drop the one that does it, and run the command \
                 again"
            );
            when "A trigger of the user's own ignores a token, a pool, a tick, a mark or an entry of the journal, with \
                  RAISE(IGNORE).";

        /// A trigger of the user's own refuses a row that is written.
        ///
        /// What a trigger raises is told from an error of SQLite's by the result code. Diesel loses that of a statement
        /// with `RETURNING`. This library runs none; of one of the program's own, the trigger's text counts as SQLite's.
        Raised {
            /// What the trigger says.
            source: diesel::result::Error = sql_error(),
        }
            in OwnObjects;
            text "a trigger of your own refuses a row that was to be written";
            hint "The text is the trigger's. Drop the trigger, run the program again, and create it again";
            cause(source) Some(source);
            when "In a program that uses the library: a trigger of the user's own calls `RAISE`.";

        /// A position's asset belongs to another market than its user.
        OtherMarket {
            /// The table of the position.
            table: &'static str = "aave_v3_debt_positions",
            /// Its id.
            id: i64 = 7,
            /// The asset of the position.
            asset_id: i64 = 8,
            /// The market of the user.
            market_id: i64 = 9,
        }
            in Rows;
            text format!("{table} row {id}: its asset {asset_id} is not in market {market_id}, the user's");
            hint VERIFY_HINT;
            when "An Aave position is of an asset that the user's market does not list.";

        /// A statement failed.
        Sql {
            /// SQLite's error, or that of a conversion.
            source: diesel::result::Error = sql_error(),
        }
            in Rows;
            text source;
            hint VERIFY_HINT;
            cause(source) std::error::Error::source(source);
            when "A statement fails while rows are read or written.";
    }
}

const VERIFY_HINT: &str = "'degenbot database verify' lists whatever is wrong in the database";

fn conflict(table: &str, id: i64, stored: SyncCursor, from: SyncCursor, to: SyncCursor) -> String {
    if stored == from || stored == to {
        return format!(
            "{table} row {id} is at {stored}, but with other liquidity than the update's"
        );
    }
    format!("{table} row {id} is at {stored}, but the update leads from {from} to {to}")
}

/// The example of a block.
#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap_or_else(|invalid| panic!("{invalid}"))
}

/// The example of a mark.
#[cfg(all(test, feature = "cli"))]
fn mark(block: u64, log_index: u32) -> SyncCursor {
    SyncCursor {
        block: BlockNumber::new(block).ok(),
        log_index: crate::types::integer::LogIndex::new(log_index).ok(),
    }
}

/// The example of an invalid value.
#[cfg(all(test, feature = "cli"))]
fn invalid_tick() -> InvalidValue {
    InvalidValue {
        expected: "a tick (-887272 to 887272)",
        found: "900000".to_owned(),
    }
}

/// The example of a failed statement.
#[cfg(all(test, feature = "cli"))]
fn sql_error() -> diesel::result::Error {
    let kind = diesel::result::DatabaseErrorKind::Unknown;
    diesel::result::Error::DatabaseError(kind, Box::new("REASON".to_owned()))
}

impl RowError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }
}

impl From<diesel::result::Error> for RowError {
    fn from(source: diesel::result::Error) -> Self {
        if is_raised(&source.to_string()) {
            return Self::Raised { source };
        }
        Self::Sql { source }
    }
}

impl Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
    }
}

//! The error of undoing blocks.

use std::fmt::{self, Display};

use crate::documented_errors::documented_errors;
use crate::escape::escaped_name;
use crate::models::journal::tables::JournaledTable;
use crate::types::integer::BlockNumber;

documented_errors! {
    /// The error of undoing blocks.
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum JournalError(_path) {
        /// A row is no longer as the block left it.
        Changed {
            /// The table.
            table: String = "liquidity_positions".to_owned(),
            /// The row's id.
            id: i64 = 7,
            /// The pool that the row belongs to: its address, or its hash inside its manager.
            pool: Option<String> = Some("POOL".to_owned()),
            /// The block that changed the row.
            block: BlockNumber = block(23_000_000),
        }
            in Rows;
            text changed(table, *id, pool.as_deref(), *block);
            hint match pool {
                Some(pool) => format!("Run 'degenbot pool repair {pool}', then the update again"),
                None if is_of_markets(table) => MEND.to_owned(),
                None => RESTORE.to_owned(),
            };
            when "The chain was reorganised, and another program has changed a row since that one of the blocks that \
                  are gone had changed. So the row cannot be set back.";

        /// A row refers to one that would be deleted, or to a value that would be set back.
        Referred {
            /// The table of the row that cannot be set back.
            table: &'static str = "pools",
            /// The row's id.
            id: i64 = 7,
            /// The pool that the row belongs to: its address, or its hash inside its manager.
            pool: Option<String> = Some("POOL".to_owned()),
            /// The block that inserted or changed the row.
            block: BlockNumber = block(23_000_000),
            /// The foreign key by which a row refers to it.
            key: Box<ReferringKey> = Box::new(ReferringKey {
                table: "TABLE".to_owned(),
                columns: "COLUMN".to_owned(),
            }),
        }
            in Rows;
            text format!(
                "{table} row {id}{} cannot be set back to before block {block}: {} refers to it ({})",
                of_pool(pool.as_deref()),
                escaped_name(&key.table),
                escaped_name(&key.columns)
            );
            hint match pool {
                _ if !key.is_ours() => format!(
                    "Look at the rows of {} with the sqlite3 shell, delete those that refer to it, and run the command \
                     again",
                    escaped_name(&key.table)
                ),
                Some(pool) => format!("Run 'degenbot pool repair {pool}', then the update again"),
                None => RESTORE.to_owned(),
            };
            when "Blocks are taken back, because the chain was reorganised or before a downgrade, and a row refers to one that \
                  they had added or changed: a row of a table of the user's own, or one of another program.";

        /// Another program has taken in blocks that are not in the journal.
        OtherProgram {
            /// The name of the exchange.
            exchange: String = "uniswap_v3".to_owned(),
            /// The block up to which it is synchronized.
            mark: BlockNumber = block(23_000_007),
            /// The last block in the journal.
            last: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!("{exchange} is at block {mark}, but the last block in the journal is {last}");
            hint RESTORE;
            when "The chain was reorganised, and another program, such as the Python package, has taken in blocks since \
                  of which nobody knows whether they are still there.";

        /// Another program has moved the mark of a market.
        MarketMoved {
            /// The name of the market.
            market: String = "Aave Ethereum Market".to_owned(),
            /// The last block that this program has moved its mark to.
            from: BlockNumber = block(23_000_000),
            /// The block of its mark.
            to: BlockNumber = block(23_000_007),
        }
            in Rows;
            text format!(
                "another program has moved {} from block {from} to {to}, and what it has taken in cannot be taken back",
                escaped_name(market)
            );
            hint format!(
                "Restore a backup in which this market is at block {from} at most, as 'degenbot aave list' with '--database \
                 BACKUP' shows, and run the update again"
            );
            when "The chain was reorganised, and another program, such as the Python package, has taken in blocks of a \
                  market since of which nobody knows whether they are still there. All updates of the chain stop: the \
                  market would go on from blocks that are gone.";

        /// The journal does not reach back to the block.
        TooDeep {
            /// The block to go back to.
            block: BlockNumber = block(23_000_000),
            /// The oldest block that can be gone back to.
            oldest: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!("the database can go back to block {oldest} at most, not to block {block}");
            hint format!(
                "Ask another node first: this one may be of another chain. If the chain has changed, restore a backup in which \
                 nothing of the chain is after block {block}, and run the update again; without one, follow the chain in \
                 another database, whose path '--database' takes"
            );
            when "The chain was reorganised below a block that its node had called final, or the node is of another chain, such \
                  as a test chain.";

        /// The journal lacks the changes of blocks.
        Emptied {
            /// What the blocks have changed: a pool, by its address or its hash inside its manager, or the name of a market.
            what: String = "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852".to_owned(),
            /// Whether it is a market.
            is_market: bool = false,
            /// The block to go back to.
            keep: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!(
                "chain_journal lacks what the blocks after {keep} have changed of {}",
                escaped_name(what)
            );
            hint if *is_market {
                MEND
            } else {
                "Run 'degenbot pool repair --exchange NAME' for each exchange of the chain, then the update again: it takes the \
                 blocks back without the journal, and makes all pools as their events say"
            };
            when "The chain was reorganised, and another program has deleted the rows of chain_journal, without which the changes \
                  of the blocks that are gone cannot be taken back.";

        /// An entry is not one that this program writes.
        Malformed {
            /// The entry's id.
            id: i64 = 7,
        }
            in Rows;
            text format!("chain_journal row {id} is not an entry of this program");
            hint "Run 'degenbot database verify'; restore a backup if it finds damage";
            when "The journal of the last blocks was changed, or is damaged.";

        /// A trigger of the user's own ignores a row that is set back.
        NotWritten {
            /// The table.
            table: &'static str = "liquidity_positions",
        }
            in OwnObjects;
            text format!("a trigger of your own ignores a row that is set back in {table}");
            hint format!(
                "Look at the triggers of {table} with the sqlite3 shell, drop the one that does it, and run the command \
                 again"
            );
            when "A trigger of the user's own ignores a row that is set back, with RAISE(IGNORE).";

        /// A statement failed.
        Sql {
            /// SQLite's error.
            source: diesel::result::Error = diesel::result::Error::NotFound,
        }
            in Rows;
            text source;
            hint "'degenbot database verify' lists whatever is wrong in the database";
            cause(source) std::error::Error::source(source);
            when "A statement fails while blocks are undone.";
    }
}

/// What helps where nothing can be repaired.
pub(crate) const RESTORE: &str =
    "Restore a backup from before that block, and run the update again";

/// What helps where the row is one of a market.
const MEND: &str = "Run 'degenbot aave repair --all-found', then the update again: it takes the blocks back whatever has \
                    become of the row, and repairs all that differs from the chain";

fn is_of_markets(table: &str) -> bool {
    JournaledTable::named(table).is_some_and(JournaledTable::is_of_markets)
}

/// A foreign key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferringKey {
    /// The table.
    pub table: String,
    /// Its columns, separated by commas.
    pub columns: String,
}

impl ReferringKey {
    /// Whether the journal keeps the changes of the table. No other table of this program refers to rows that blocks add.
    pub(crate) fn is_ours(&self) -> bool {
        JournaledTable::named(&self.table).is_some()
    }
}

impl From<diesel::result::Error> for JournalError {
    fn from(source: diesel::result::Error) -> Self {
        Self::Sql { source }
    }
}

fn changed(table: &str, id: i64, pool: Option<&str>, block: BlockNumber) -> String {
    let pool = of_pool(pool);
    format!("{table} row {id}{pool} is no longer as block {block} left it")
}

fn of_pool(pool: Option<&str>) -> String {
    pool.map_or_else(String::new, |pool| format!(" of pool {pool}"))
}

/// The example of a block.
#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap_or_else(|invalid| panic!("{invalid}"))
}

impl JournalError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }

    /// Whether an object of the user's own is in the way.
    pub(crate) fn is_of_own_objects(&self) -> bool {
        match self {
            Self::NotWritten { .. } => true,
            Self::Referred { key, .. } => !key.is_ours(),
            _ => false,
        }
    }
}

impl Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
    }
}

//! The error of an update of a chain.

use std::fmt::{self, Display};
use std::path::PathBuf;

use crate::aave::token_rules::UnknownRevision;
use crate::counted::counted;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::market_name::MarketName;
use crate::documented_errors::documented_errors;
use crate::events::malformed_event::MalformedEvent;
use crate::models::access::row_error::RowError;
use crate::models::journal::journal_error::{JournalError, RESTORE};
use crate::models::liquidity::event_writer::EventError;
use crate::models::liquidity::tick_map::modify::LiquidityError;
use crate::node::error::NodeError;
use crate::node::header::BlockTag;
use crate::sync::aave::balance_mismatch::BalanceMismatch;
use crate::sync::block_target::BlockTarget;
use crate::sync::repair_extent::RepairExtent;
use crate::types::address::Address;
use crate::types::hash::{BlockHash, PoolHash};
use crate::types::integer::{BlockNumber, ChainId, Revision};
use crate::types::sync_cursor::LogPosition;

documented_errors! {
    /// Why an update of a chain ended. What was committed before stays.
    #[derive(Debug)]
    #[non_exhaustive]
    pub enum SyncError(_path) {
        /// The node gave no answer that counts.
        Node {
            /// The cause.
            source: NodeError = NodeError::documented().remove(0).example,
        }
            in Inner;
            text source;
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// The database cannot be read or written.
        Database {
            /// The cause.
            source: Box<Error> = Box::new(ErrorKind::NotFound.at("PATH")),
        }
            in Inner;
            text source;
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// Blocks that are gone from the chain cannot be undone.
        Journal {
            /// The cause.
            source: JournalError = JournalError::documented().remove(0).example,
        }
            in Inner;
            text format!("The chain was reorganised, but {source}");
            hint source.hint();
            cause(source) std::error::Error::source(source);
            when "";

        /// What is not final cannot be taken back for a repair.
        NotUndone {
            /// The cause.
            source: JournalError = JournalError::documented().remove(0).example,
            /// What the repair is about.
            extent: RepairExtent = RepairExtent::Pools,
        }
            in Rows;
            text format!("The last blocks cannot be taken back for the repair: {source}");
            hint not_undone_hint(source, *extent);
            cause(source) std::error::Error::source(source);
            when "`pool repair` or `aave repair` takes back the blocks that are not final, and another program has changed a \
                  row of theirs. If it is a row of a pool, that has to be repaired as well.";

        /// A contract's event is not what the contract emits.
        Malformed {
            /// The event.
            source: MalformedEvent = malformed_event(),
            /// The market, if it is an event of one.
            market: Option<Box<MarketName>> = None,
        }
            in Nodes;
            text malformed(source, market.as_deref());
            hint WRONG_ANSWER;
            cause(source) std::error::Error::source(source);
            when "A node has sent an event that the contract of an exchange cannot have emitted.";

        /// A liquidity event contradicts its pool.
        Liquidity {
            /// The pool: its address, or its hash inside its manager.
            pool: String = "POOL".to_owned(),
            /// The place of the event.
            place: LogPosition = place(),
            /// What is wrong.
            error: LiquidityError = LiquidityError::NoMark,
        }
            in Nodes;
            text format!("The liquidity of pool {pool} does not fit the event at {place}: {error}");
            hint "Either the node has left out events, or the pool in the database is not what the chain had: compare \
                  with another node";
            when "More liquidity is removed from a pool than the database has, for example. A node has left out events, \
                  or another program has stored something wrong.";

        /// An event contradicts the balance that it changes.
        Balance {
            /// The event, and what is wrong.
            mismatch: Box<BalanceMismatch> = balance_mismatch(),
        }
            in Nodes;
            text mismatch;
            hint "Either the node has left out events, or the balance in the database is not what the chain had: \
                  'degenbot aave verify' compares it, 'degenbot aave repair' mends it";
            when "Each event of a token of Aave repeats the interest of the balance that it changes. Here it is another one. A \
                  node has left out events, or another program has stored a wrong balance. Nothing of these blocks is \
                  written.";

        /// A token has a revision that is not known.
        UnknownTokenRevision {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The token.
            token: Address = Address::new([0xaa; 20]),
            /// Its kind and revision.
            source: UnknownRevision = unknown_revision(),
        }
            in Nodes;
            text format!("{market}: {source}, which token {token} has from here on");
            hint "Look for a newer version of degenbot: a new revision can round in another way";
            when "A token of Aave was upgraded to code whose arithmetic this version does not know. What is in the database \
                  stays as it is.";

        /// The database has a revision of a token that is not known.
        StoredRevision {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The token.
            token: Address = Address::new([0xaa; 20]),
            /// Its kind and revision.
            source: UnknownRevision = unknown_revision(),
        }
            in Rows;
            text format!("{market}: {source}, which token {token} has in the database");
            hint "'degenbot aave repair --reserves' reads the revision from the chain. If the chain says the same, a newer version \
                  of degenbot has followed the market: look for it";
            when "The arithmetic of a token of Aave depends on its revision, and the one in the database is none that this version \
                  knows.";

        /// The Pool has a revision that is not known.
        UnknownPoolRevision {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The revision.
            revision: Revision = Revision::ONE,
        }
            in Nodes;
            text format!("{market}: revision {revision} of the Pool is not known");
            hint "Look for a newer version of degenbot: a new revision can compute interest in another way";
            when "The Pool of a market of Aave was upgraded to code that this version does not know. What is in the database \
                  stays as it is.";

        /// A contract does not say its revision.
        NoRevision {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The contract.
            contract: Address = Address::new([0xaa; 20]),
            /// The function that says it.
            function: &'static str = "ATOKEN_REVISION()",
        }
            in Nodes;
            text format!("{market}: the contract {contract} does not answer {function}");
            hint "Ask another node; if none has an answer, the market is not one of Aave V3";
            when "An update has to know the revision of each contract of Aave, because the arithmetic depends on it.";

        /// It is not known since when the interest of a reserve counts.
        NoUpdateTime {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The underlying token of the reserve.
            asset: Address = Address::new([0xaa; 20]),
        }
            in Rows;
            text format!("{market}: the database lacks the time of the last update of reserve {asset}");
            hint "'degenbot aave repair' reads it from the chain";
            when "A liquidation that pays in aTokens moves the indexes of a reserve without an event. To compute them, the \
                  time of the update before has to be known, which a database of the Python package lacks.";

        /// A pool manager has an event of a pool that the database lacks.
        UnknownPool {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// The pool.
            pool: PoolHash = PoolHash::new([0xaa; 32]),
            /// The place of the event.
            place: LogPosition = place(),
        }
            in Nodes;
            text format!("The database lacks pool {pool} of {exchange}, which has an event at {place}");
            hint "Either the node has left out events, or an older update has lost the pool: compare with another node";
            when "Uniswap V4's manager tells the liquidity of a pool whose creation is not in the database.";

        /// A new pool has another address than its factory would give it.
        PoolAddress {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// The place of the event.
            place: LogPosition = place(),
            /// The address in the event.
            found: Address = Address::new([0xaa; 20]),
            /// The right address.
            expected: Address = Address::new([0xbb; 20]),
        }
            in Nodes;
            text format!(
                "The new pool of {exchange} at {place} has the address {found}, but its factory would deploy it at {expected}"
            );
            hint "Either the node's answer is wrong, or the exchange deploys other code: 'degenbot exchange activate \
                  NAME --init-code-hash none' leaves out this check";
            when "The address of a new pool is not the one that CREATE2 gives.";

        /// A factory numbers its pools, and some are missing.
        MissingPairs {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// The place of the event.
            place: LogPosition = place(),
            /// The number that the pool should have.
            expected: u64 = 7,
            /// The number that it has.
            found: u64 = 9,
        }
            in Nodes;
            text format!(
                "The new pool of {exchange} at {place} has the number {found}, but the next one would be {expected}: \
                 pools are missing"
            );
            hint WRONG_ANSWER;
            when "A node has left out the creation of pools, which their factory numbers.";

        /// The factory does not say what fee a pool has.
        Fee {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// The pool.
            pool: Address = Address::new([0xaa; 20]),
            /// What came instead.
            detail: String = "execution reverted".to_owned(),
        }
            in Nodes;
            text format!("The factory of {exchange} does not say what fee the pool {pool} has: {detail}");
            hint WRONG_ANSWER;
            when "A fee that only the factory knows could not be read from it.";

        /// An exchange has pools of another kind than its events are of.
        Kind {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
        }
            in Exchanges;
            text format!("The pools of {exchange} cannot be of its kind");
            hint "Deactivate the exchange, and add it with another kind";
            when "An exchange was added with a kind that its factory does not have.";

        /// The database is further than the node's chain.
        BeyondHead {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// Its block in the database.
            mark: BlockNumber = block(23_000_064),
            /// The newest block of the node.
            head: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("{exchange} is at block {mark}, but the node's newest block is {head}");
            hint "Wait until the node has caught up, or use another one";
            when "The node is still synchronizing, or it belongs to a test chain that has begun anew.";

        /// The chain of the node ends before an exchange or a market begins.
        NotBegun {
            /// The exchange.
            exchange: Box<ExchangeName> = Box::new(exchange()),
            /// Its first block.
            first: BlockNumber = block(23_000_064),
            /// The newest block of the node.
            head: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("{exchange} begins at block {first}, but the node's newest block is {head}");
            hint "Wait until the node has caught up, or use another one";
            when "The node is still synchronizing, or it belongs to a test chain: '--from-block' of 'degenbot exchange \
                  activate' sets where an exchange begins there.";

        /// The node does not have a block that is in the database.
        Behind {
            /// The block.
            block: BlockNumber = block(23_000_064),
            /// The newest block of the node.
            head: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text if head < block {
                format!("The database has block {block}, but the node's newest block is {head}")
            } else {
                format!("The database has block {block}, but the node does not, although its newest block is {head}")
            };
            hint "Wait until the node has caught up, or use another one";
            when "The node is still synchronizing, or it belongs to a test chain that has begun anew.";

        /// A final block has another hash on the node than in the database, and no other block of the database has.
        FinalBlock {
            /// The block.
            block: BlockNumber = block(23_000_000),
            /// The hash in the database.
            stored: BlockHash = BlockHash::new([0xaa; 32]),
            /// The hash on the node.
            found: BlockHash = BlockHash::new([0xbb; 32]),
        }
            in Nodes;
            text format!("The final block {block} has the hash {found} on the node, but {stored} in the database");
            hint format!(
                "Ask another node. If it says the same, the one that the database is from was wrong: 'degenbot pool update' and \
                 'degenbot aave update' go on with '--accept-hash {found}', and 'degenbot pool verify --all' and 'degenbot \
                 aave verify --all' then say whether anything else is wrong. If the node is of another chain, such as a test \
                 chain, use one of the chain that the database is of"
            );
            when "The last block that an update has stored is not in the chain of the node, and cannot be taken back: the node \
                  that it is from has called it final. That one has given a wrong hash, or this one is of another chain.";

        /// The database lacks the hash of a block whose changes are in the journal.
        NoHash {
            /// The block.
            block: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!(
                "chain_journal has what block {block} has changed, but chain_blocks lacks its hash: another program has deleted it"
            );
            hint "Nobody knows whether the chain still has this block. Restore a backup; or delete the rows of the chain in \
                  chain_blocks and chain_journal with the sqlite3 shell, and run 'degenbot pool repair --exchange NAME' for each \
                  exchange of the chain and 'degenbot aave repair --all-found' before the next update: they make all rows as the \
                  chain has them";
            when "An update compares the last blocks of the database with the chain, by their hashes in chain_blocks. Somebody has \
                  deleted them, but not the changes of these blocks in chain_journal.";

        /// Blocks of the database are gone from the chain.
        Reorganised {
            /// The last block of the database that is still in the chain.
            keep: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("The chain was reorganised: what the database has after block {keep} is gone from it");
            hint "Run 'degenbot pool update' first";
            when "`pool verify` and `pool repair --dry-run` compare only blocks that the chain still has.";

        /// Blocks of the database are gone from the chain, where markets are compared.
        MarketsReorganised {
            /// The last block of the database that is still in the chain.
            keep: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("The chain was reorganised: what the database has after block {keep} is gone from it");
            hint "Run 'degenbot aave update' first";
            when "`aave verify` compares only blocks that the chain still has.";

        /// Another program has followed a market, and the block that it has got to was replaced.
        OnReplacedBlock {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The block.
            block: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!(
                "{market}: another program has followed it up to block {block}, in whose place the chain has another \
                 one by now, and what it has taken in cannot be taken back"
            );
            hint "Run 'degenbot aave repair --all-found', which repairs all that differs from the chain, then the \
                  update again";
            when "An update of pools has stored the hash of a block to which the Python package has followed a market, \
                  and the chain was reorganised since. The package stores no hash.";

        /// The balances of a token do not add up to its total supply, and nothing that a repair finds explains it.
        TotalDiffers {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The aToken or the debt token.
            token: Address = Address::new([0xaa; 20]),
            /// All scaled balances in the database, added up.
            database: alloy_primitives::U256 = alloy_primitives::U256::from(7),
            /// The scaled total supply.
            chain: alloy_primitives::U256 = alloy_primitives::U256::from(9),
            /// The block.
            block: BlockNumber = block(23_000_000),
        }
            in Rows;
            text format!(
                "{market}: all scaled balances of token {token} add up to {database} in the database, but to {chain} on \
                 the chain at block {block}, and the repair does not find out whose are wrong"
            );
            hint "Name the users that the database lacks: 'degenbot aave repair USER' adds them. Otherwise follow the \
                  market in another database, whose path '--database' takes";
            when "`aave repair --all-found` compares all users that the database has, and those that the events of such \
                  a token name. A row that belongs to none of them is wrong, or the node has left out events.";

        /// The node lacks the state of a market that is needed.
        NoState {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// The block.
            block: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("{market}: the node no longer has the state of block {block}, which is needed");
            hint "Use an archive node. 'degenbot aave repair' needs the state of the last final block in the database only: run \
                  'degenbot aave update' first, if it gets further";
            when "`aave repair` writes what the contracts say at the last final block that the database has, and the first \
                  `aave update` of a market that the Python package has followed reads what that does not store. Most nodes \
                  keep the state of the last blocks only.";

        /// A contract does not answer as one of Aave does.
        NotOfAave {
            /// The market.
            market: Box<MarketName> = Box::new(market()),
            /// What is wrong.
            detail: String = "the contract 0xAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAaAa refuses a call: execution reverted".to_owned(),
        }
            in Nodes;
            text format!("{market}: {detail}");
            hint WRONG_ANSWER;
            when "`aave repair` asks the contracts of a market, and one of them answers nothing, or something else.";

        /// No node of the chain is known.
        NoEndpoint {
            /// The chain.
            chain: ChainId = ChainId::ETHEREUM,
        }
            in Nodes;
            text format!("There is no node for chain ID {chain}");
            hint format!("Add its address to [rpc] or [nodes.http] in the config file, or give it with --rpc, or set DEGENBOT_RPC_HTTP_CHAINID_{chain}");
            when "An exchange of a chain is active, and neither the config file nor the environment nor an option has the \
                  address of a node of that chain.";

        /// The chain has no block for the target.
        NoTarget {
            /// The target.
            target: BlockTarget = BlockTarget::DEFAULT,
        }
            in Nodes;
            text format!("The node has no block '{target}'");
            hint match target.tag {
                BlockTag::Latest => "The node has no chain yet: wait until it has, or use another one",
                _ => "Some chains and test nodes call no block final or safe: use 'latest:-64' or a number",
            };
            when "`--to-block finalized` or `safe` was asked for, and the node knows no such block.";

        /// The target is beyond the chain's end.
        TargetBeyondHead {
            /// The target.
            target: BlockNumber = block(23_000_064),
            /// The newest block of the node.
            head: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("Block {target} does not exist yet: the node's newest block is {head}");
            hint "Use a lower number, or 'latest'";
            when "`--to-block` is higher than the chain.";

        /// The database is not at the newest version.
        Version {
            /// The version.
            found: String = "VERSION".to_owned(),
        }
            in UpgradesAndDowngrades;
            text format!("An update needs the newest version of the schema, but the database is at {found}");
            hint "Run 'degenbot database upgrade' first";
            when "`pool update` needs tables that older versions lack.";

        /// The disk has less room than the update needs.
        NotEnoughSpace {
            /// The database.
            path: PathBuf = PathBuf::from("PATH"),
            /// The bytes that the update needs, roughly.
            needed: u64 = 12_000_000_000,
            /// The bytes that are free.
            available: u64 = 8_000_000_000,
        }
            in FileAndDisk;
            text format!(
                "About {} are needed beside {}, and {} are free",
                counted(needed, "byte"), path.display(), counted(available, "byte")
            );
            hint "Free some space. An update can take in less (fewer exchanges or markets, or fewer blocks with --to-block), \
                  or go on anyway with --no-space-check: what is committed before the disk is full stays";
            when "The disk has less free space than an update or a repair will probably need. A first sync of many \
                  blocks estimates that before it begins; every update looks again before each commit.";

        /// The answers to several requests are of different branches of the chain.
        Branches {
            /// The block that differs.
            block: BlockNumber = block(23_000_000),
        }
            in Nodes;
            text format!("The answers about block {block} are of different branches of the chain, however often they are asked for");
            hint "Nodes disagree: use one node, or wait until they agree";
            when "The events of a range were asked for in several requests, and the answers do not fit together: several \
                  nodes are behind one address, for example.";

        /// The chain or the database changed each time.
        Unsettled {
            /// What changed last.
            reason: &'static str = "another program has moved the marks",
        }
            in OtherPrograms;
            text format!("The update was begun anew too often: {reason}");
            hint "Run the command again; make sure that only one update runs, and that several nodes agree with each other";
            when "Other programs change what an update changes, or the chain is reorganised again and again.";

        /// Another file has the name of the database.
        Replaced {
            /// The path.
            path: PathBuf = PathBuf::from("PATH"),
        }
            in OtherPrograms;
            text format!("{} is another file than the one that was opened", path.display());
            hint "Run the command again; 'degenbot database restore' replaces a database that programs have open";
            when "While a chain was followed, a program has moved the database away, or put another file in its place.";

        /// A chain that is followed has no exchange any more.
        NoExchange {
            /// The chain.
            chain: ChainId = ChainId::ETHEREUM,
        }
            in Exchanges;
            text format!("The database has no exchange of chain ID {chain} any more");
            hint "Activate one with 'degenbot exchange activate NAME', and run the command again";
            when "While a chain was followed, the database was reset, or replaced by one that lacks the chain's exchanges.";

        /// The system has no thread.
        NoThread {
            /// The system's message.
            detail: String = "Resource temporarily unavailable".to_owned(),
        }
            in FileAndDisk;
            text format!("The system has no thread for the chain: {detail}");
            hint "Raise the limit of processes (ulimit -u, or TasksMax of systemd), and run the command again";
            when "Each chain that is followed needs a thread, and the system does not give it one.";

        /// The update was cancelled.
        Interrupted
            in QuestionsAndAnswers;
            text "Aborted!";
            hint "";
            when "Ctrl-C was pressed during an update. What was committed before stays.";
    }
}

const WRONG_ANSWER: &str = "The answer of the node cannot be right: use another node; what is in the database is from before it";

fn not_undone_hint(source: &JournalError, extent: RepairExtent) -> String {
    match (source, extent) {
        (
            JournalError::Changed {
                pool: Some(pool), ..
            },
            RepairExtent::Pools,
        ) => format!("Repair this pool at the same time: name {pool} as well"),
        // What no repair sets back: another row is in its place.
        (JournalError::Changed { pool: None, .. }, RepairExtent::Markets) => RESTORE.to_owned(),
        _ => source.hint(),
    }
}

impl SyncError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        self.next_step(&"")
    }

    /// Whether it concerns one market of Aave only, so that others can be updated.
    pub(super) const fn is_of_market(&self) -> bool {
        matches!(
            self,
            Self::Malformed { .. }
                | Self::Balance { .. }
                | Self::UnknownTokenRevision { .. }
                | Self::StoredRevision { .. }
                | Self::UnknownPoolRevision { .. }
                | Self::NoRevision { .. }
                | Self::NoUpdateTime { .. }
                | Self::NoState { .. }
                | Self::NotOfAave { .. }
                | Self::OnReplacedBlock { .. }
        )
    }

    /// The same error, which names the market that it is of.
    pub(super) fn of_market(self, name: &ExchangeName) -> Self {
        match self {
            Self::Malformed { source, .. } => Self::Malformed {
                source,
                market: Some(Box::new(MarketName {
                    chain: name.chain,
                    name: name.name.clone(),
                })),
            },
            error => error,
        }
    }

    /// The text where the name of the market stands before it.
    pub(super) fn without_market(&self, name: &ExchangeName) -> String {
        let text = self.to_string();
        match text.strip_prefix(&format!("{name}: ")) {
            Some(rest) => rest.to_owned(),
            None => text,
        }
    }

    /// The error of a repair for which blocks could not be undone.
    pub(super) fn of_repair(error: JournalError, extent: RepairExtent) -> Self {
        match error {
            source @ (JournalError::Changed { .. }
            | JournalError::Referred { .. }
            | JournalError::OtherProgram { .. }
            | JournalError::MarketMoved { .. }) => Self::NotUndone { source, extent },
            error => error.into(),
        }
    }

    /// The error of events of a pool.
    pub(super) fn of_events(pool: impl Display, error: EventError) -> Self {
        match error {
            EventError::Row(error) => error.into(),
            EventError::Liquidity { place, error } => Self::Liquidity {
                pool: pool.to_string(),
                place,
                error,
            },
        }
    }
}

impl From<NodeError> for SyncError {
    fn from(source: NodeError) -> Self {
        match source {
            NodeError::Interrupted => Self::Interrupted,
            source => Self::Node { source },
        }
    }
}

impl From<Error> for SyncError {
    fn from(source: Error) -> Self {
        match source.kind {
            ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Database {
                source: Box::new(source),
            },
        }
    }
}

impl From<RowError> for SyncError {
    fn from(error: RowError) -> Self {
        Error::from(error).into()
    }
}

impl From<diesel::result::Error> for SyncError {
    fn from(error: diesel::result::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<JournalError> for SyncError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Sql { source } => source.into(),
            source => Self::Journal { source },
        }
    }
}

impl From<MalformedEvent> for SyncError {
    fn from(source: MalformedEvent) -> Self {
        Self::Malformed {
            source,
            market: None,
        }
    }
}

impl Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&""))
    }
}

impl std::error::Error for SyncError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause()
    }
}

fn malformed(source: &MalformedEvent, market: Option<&MarketName>) -> String {
    match market {
        Some(market) => format!("{market}: {source}"),
        None => capitalised(source),
    }
}

fn capitalised(text: impl Display) -> String {
    let text = text.to_string();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text,
    }
}

/// Examples for the documentation.
#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn block(number: u64) -> BlockNumber {
    BlockNumber::new(number).unwrap_or_else(|invalid| panic!("{invalid}"))
}

#[cfg(all(test, feature = "cli"))]
#[expect(clippy::panic, reason = "only the test of the documents calls this")]
fn place() -> LogPosition {
    let index = crate::types::integer::LogIndex::new(7);
    LogPosition::new(
        block(23_000_000),
        index.unwrap_or_else(|invalid| panic!("{invalid}")),
    )
}

#[cfg(all(test, feature = "cli"))]
fn market() -> MarketName {
    MarketName {
        chain: ChainId::ETHEREUM,
        name: "aave_v3".to_owned(),
    }
}

#[cfg(all(test, feature = "cli"))]
fn balance_mismatch() -> Box<BalanceMismatch> {
    Box::new(BalanceMismatch {
        market: market(),
        token: Address::new([0xaa; 20]),
        user: Address::new([0xbb; 20]),
        place: place(),
        transaction: alloy_primitives::B256::repeat_byte(0xcc),
        error: crate::aave::scaled_balance::BalanceError::Overflow,
    })
}

#[cfg(all(test, feature = "cli"))]
const fn unknown_revision() -> UnknownRevision {
    UnknownRevision {
        kind: crate::aave::token_rules::TokenKind::AToken,
        revision: Revision::ONE,
    }
}

#[cfg(all(test, feature = "cli"))]
fn exchange() -> ExchangeName {
    ExchangeName {
        chain: ChainId::ETHEREUM,
        name: "uniswap_v3".to_owned(),
    }
}

#[cfg(all(test, feature = "cli"))]
pub(super) fn malformed_event() -> MalformedEvent {
    MalformedEvent {
        contract: Address::new([0xaa; 20]),
        place: place(),
        event: "PairCreated(address,address,address,uint256)",
        problem: Box::new(crate::events::malformed_event::EventProblem::Data {
            found: 32,
            expected: 64,
        }),
    }
}

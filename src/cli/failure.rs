//! Where errors become messages, hints and exit statuses.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use indicatif::HumanCount;
use inquire::InquireError;

use crate::aave::prices::InvalidPrice;
use crate::cli::exit_status::ExitStatus;
use crate::cli::printer::Printer;
use crate::counted::counted;
use crate::database::error::database_error::Error;
use crate::database::error::effect::Effect;
use crate::database::error::error_kind::{ErrorKind, damage_hint};
use crate::database::files::open_by::programs_using;
use crate::database::files::staged_file;
use crate::database::reports::staleness::{Staleness, StatusSubject};
use crate::database::structure::schema_version::SchemaVersion;
use crate::deployments::chains::chain_title;
use crate::deployments::exchange_name::ExchangeName;
use crate::deployments::invalid_deployment::InvalidDeployment;
use crate::deployments::invalid_market::InvalidMarket;
use crate::deployments::market_name::MarketName;
use crate::documented_errors::documented_errors;
use crate::escape::escaped_name;
use crate::node::error::NodeError;
use crate::sqlite::{lock_wait, rolled_back};
use crate::sync::sync_error::SyncError;
use crate::types::address::Address;
use crate::types::decimal::U256;
use crate::types::integer::ChainId;

/// What an aborted command says.
pub(super) const ABORTED: &str = "Aborted!";

documented_errors! {
    /// Why a command did not do what it was asked to.
    #[derive(Debug)]
    pub(super) enum Failure(_path) {
        /// The library's operation failed.
        Database {
            error: Error = ErrorKind::NotFound.at("PATH"),
        }
            in Inner;
            text format!("{}{}", with_causes(error), used_by(error));
            hint with_effect(error);
            when "";

        /// What was to be added is none that can be.
        Deployment {
            error: InvalidDeployment = InvalidDeployment::documented().remove(0).example,
        }
            in Inner;
            text error;
            hint error.hint();
            when "";

        /// What was to be added is no market that can be.
        Market {
            error: InvalidMarket = InvalidMarket::documented().remove(0).example,
        }
            in Inner;
            text error;
            hint error.hint();
            when "";

        /// A node gave no answer that counts.
        Node {
            error: NodeError = NodeError::documented().remove(0).example,
        }
            in Inner;
            text error;
            hint error.hint();
            when "";

        /// The update of a chain ended early.
        Sync {
            chain: ChainId = ChainId::ETHEREUM,
            error: Box<SyncError> = Box::new(SyncError::documented().remove(0).example),
        }
            in Inner;
            text format!("{}: {}", chain_title(*chain), with_causes(error));
            hint match &**error {
                SyncError::Database { source } => with_effect(source),
                error => error.hint(),
            };
            when "";

        /// An active exchange cannot be updated.
        ExchangeSkipped {
            exchange: ExchangeName = ExchangeName {
                chain: ChainId::ETHEREUM,
                name: "camelot_v2".to_owned(),
            },
            reason: Cow<'static, str> = "the events of its kind are not known to this program".into(),
        }
            in Exchanges;
            text format!("{exchange} is active, but cannot be updated: {reason}");
            hint "Deactivate it, or add it anew with 'exchange add --kind'; the other exchanges are not affected";
            when "`pool update` does not know the events of an active exchange.";

        /// Some of what was to be followed was not, to the end.
        NotFollowed {
            /// The chains, exchanges and markets.
            what: Vec<String> = vec!["Base".to_owned()],
        }
            in Exchanges;
            text format!("Not followed to the end: {}", what.join(", "));
            hint "The messages above say why";
            when "`pool update --follow` or `aave update --follow` was told to end, and before that it had to leave out a \
                  chain, an exchange or a market. The exit status is 1.";

        /// A node that is to be followed is away, and may be one of several chains.
        SilentNode {
            source: NodeError = NodeError::documented().remove(0).example,
        }
            in Exchanges;
            text format!("{source}; which chain it is for is not known until it answers");
            hint "With '--chain NAME', or with the node in the config file, '--follow' waits for it";
            when "`pool update --follow --rpc URL` finds no node at the address, and several chains have active \
                  exchanges. With one chain, it waits for the node.";

        /// An active market cannot be updated.
        MarketSkipped {
            market: MarketName = MarketName {
                chain: ChainId::ETHEREUM,
                name: "aave_v3".to_owned(),
            },
            reason: Cow<'static, str> = "its addresses provider is not in the database".into(),
        }
            in Exchanges;
            text format!("{market} is active, but cannot be updated: {reason}");
            hint "If its contracts are missing, 'aave activate' adds them; the other markets are not affected";
            when "`aave update` does not know the contracts of an active market.";

        /// The program that restores replicas does not start.
        NoLitestream {
            reason: String = "No such file or directory".to_owned(),
        }
            in Backups;
            text format!("The program 'litestream', which restores replicas, does not start: {reason}");
            hint "Install Litestream 0.5 or later, and put it into a folder of PATH";
            when "`restore --from` has the address of a replica, and Litestream is not installed.";

        /// The program that restores replicas is too old.
        OldLitestream {
            version: String = "v0.3.13".to_owned(),
        }
            in Backups;
            text format!("The program 'litestream' is of release {version}, whose replicas have another format");
            hint "Install Litestream 0.5 or later; an old replica is restored with the old program, and 'restore --from' then \
                  takes the file";
            when "`restore --from` has the address of a replica, and the installed Litestream is older than 0.5.";

        /// The replica was not restored.
        ReplicaNotRestored {
            /// Its address without what can be secret.
            replica: String = "s3://bots/main".to_owned(),
            /// What the program says.
            reason: String = "REASON".to_owned(),
        }
            in Backups;
            text format!("Litestream could not restore {replica} ({reason})");
            hint "Check the address, the credentials and the time; 'litestream restore -dry-run' with the same address says \
                  what there is";
            when "`restore --from` has the address of a replica, and `litestream restore` fails. Nothing was changed.";

        /// A time is given for what is no replica.
        TimeOfFile
            in Backups;
            text "--at is for replicas of Litestream, and --from is the path of a file";
            hint "Leave --at out, or give the address of a replica, such as s3://BUCKET";
            when "`restore --at` has a time, and `--from` no address. The exit status is 2.";

        /// A market is known, and has no row in the database.
        MarketNotStored {
            market: MarketName = MarketName {
                chain: ChainId::ETHEREUM,
                name: "aave_v3".to_owned(),
            },
        }
            in Markets;
            text format!("The database does not have the market {market}");
            hint format!("'degenbot aave activate {market}' adds it, and 'degenbot aave update' its users and positions");
            when "`aave update`, `aave verify` or `aave repair` names a market that was never activated.";

        /// No market is active.
        NoMarketToUpdate
            in Exchanges;
            text "No market is active that the command is about";
            hint "Activate one: 'degenbot aave activate ethereum_aave_v3'; 'degenbot aave list' shows them all";
            when "`aave update` updates active markets, and none is, or none on the chains that are named.";

        /// There is no active exchange.
        NothingToUpdate
            in Exchanges;
            text "No exchange is active that the command is about";
            hint "'degenbot exchange list' shows the exchanges, 'degenbot exchange activate NAME' activates one";
            when "A command that asks nodes finds no active exchange, or none of the chains and exchanges that its options \
                  name.";

        /// What is named is on other chains.
        NotOnTheChain
            in Exchanges;
            text "Nothing of what the command is about is on a chain that --chain names";
            hint "Leave --chain out, or name the chain of the pool or exchange";
            when "`pool verify --chain` or `pool repair --chain` names another chain than that of the pools and exchanges.";

        /// An exchange is known, and has no row in the database.
        ExchangeNotStored {
            exchange: ExchangeName = ExchangeName {
                chain: ChainId::BASE,
                name: "uniswap_v2".to_owned(),
            },
        }
            in Exchanges;
            text format!("The database does not have the exchange {exchange}");
            hint format!("'degenbot exchange activate {exchange}' adds it, and 'degenbot pool update' its pools");
            when "`pool list`, `pool update`, `pool verify` or `pool repair` names an exchange that was never activated.";

        /// An upgrade to an older version was asked for, or a downgrade to a newer one.
        WrongDirection {
            from: String = "FROM".to_owned(),
            to: SchemaVersion = SchemaVersion::first(),
            /// The command that goes there.
            command: &'static str = "upgrade",
        }
            in UpgradesAndDowngrades;
            text format!(
                "Version {to} is {} than the database's version {from}",
                if *command == "upgrade" { "newer" } else { "older" }
            );
            hint format!("Use 'degenbot database {command} --to {to}'");
            when "`downgrade --to` names a newer version, or `upgrade --to` an older one.";

        /// The database has rows that cannot be right.
        Unsound {
            path: PathBuf = PathBuf::from("PATH"),
            /// How often rules are broken.
            rows: u64 = 2,
            /// How many parts could not be checked.
            not_checked: u64 = 0,
        }
            in Rows;
            text format!("{} found in {}{}", problems(*rows), path.display(), and_parts(*not_checked));
            hint "'degenbot database verify --help' says what to do about each rule";
            when "`verify` has found rows that break its rules. The exit status is 3.";

        /// SQLite says that the database is damaged.
        Damaged {
            path: PathBuf = PathBuf::from("PATH"),
            /// How often rules are broken.
            rows: u64 = 2,
            /// How many parts could not be checked.
            not_checked: u64 = 0,
        }
            in Rows;
            text format!("{} found in {}{}", problems(*rows), path.display(), and_parts(*not_checked));
            hint damage_hint(&path.display());
            when "`verify` has found problems, and damage to the file is among them. The exit status is 3.";

        /// Parts of the database could not be checked. The rest is sound.
        Unchecked {
            path: PathBuf = PathBuf::from("PATH"),
            /// How many parts could not be checked.
            not_checked: u64 = 2,
        }
            in Rows;
            text format!("{} of {} could not be checked; nothing else was found", parts(*not_checked), path.display());
            hint "The program that defines what SQLite does not know here can check the file with 'PRAGMA \
                  integrity_check'";
            when "`verify` has found nothing, but an object of your own keeps it from checking a part.";

        /// The database is older than it may be, or its backup is, or its log is longer.
        Stale {
            path: PathBuf = PathBuf::from("PATH"),
            /// What is stale.
            stale: Vec<Staleness> = vec![
                Staleness::Behind {
                    name: "ethereum_uniswap_v3".to_owned(),
                    blocks: 1_200,
                    others: 0,
                    limit: 100,
                },
                Staleness::NoBackup { path: PathBuf::from("PATH.bak") },
            ],
            /// Whether updates would refuse the database, because it is of an earlier version.
            is_upgradable: bool = false,
        }
            in Rows;
            text format!("{} is stale: {}", path.display(), listed(stale));
            hint stale_hint(stale, *is_upgradable);
            when "`database status` has found that a limit is exceeded which was given, or that what the limit is for is not \
                  known. The exit status is 4.";

        /// No exchange has the name.
        UnknownExchange {
            name: String = "NAME".to_owned(),
            /// The names that are most like it, the best first.
            alike: Vec<String> = vec!["OTHER".to_owned()],
        }
            in Exchanges;
            text format!("There is no exchange '{name}'");
            hint did_you_mean(alike, "'degenbot exchange list' lists the exchanges", "'degenbot exchange add' adds one");
            when "No exchange has the name that is to be activated or deactivated. The exit status is 2.";

        /// No market has the name.
        UnknownMarket {
            name: String = "NAME".to_owned(),
            /// The names that are most like it, the best first.
            alike: Vec<String> = vec!["OTHER".to_owned()],
        }
            in Markets;
            text format!("There is no market '{name}'");
            hint did_you_mean(alike, "'degenbot aave list' lists the markets", "'degenbot aave add' adds one");
            when "No market of Aave has the name that is to be activated or deactivated. The exit status is 2.";

        /// The database has no market that a command could be about.
        NoMarket
            in Markets;
            text "The database has no active market of Aave";
            hint "'degenbot aave list' shows the markets, 'degenbot aave activate NAME' activates one, and \
                  '--market NAME' names one that is not active";
            when "A command about all active markets finds none.";

        /// The database does not know the oracle of a market.
        NoOracle {
            market: MarketName = MarketName {
                chain: ChainId::ETHEREUM,
                name: "aave_v3".to_owned(),
            },
        }
            in Markets;
            text format!("The database does not know the price oracle of {market}, or its last block");
            hint "'degenbot aave update' reads both from the chain";
            when "Prices are to be asked for, and the market was never updated.";

        /// No market has the user.
        UnknownUser {
            address: Address = Address::new([0x11; 20]),
            /// The markets that were asked for.
            markets: Vec<String> = vec!["ethereum_aave_v3".to_owned()],
            /// Whether only users with debt are meant.
            with_debt: bool = false,
        }
            in Markets;
            text format!(
                "There is no user {address}{} in {}",
                if *with_debt { " with debt" } else { "" },
                markets.join(", ")
            );
            hint "Check the address; --market names a market that is not active; 'degenbot aave update' adds the users who \
                  came since the last update";
            when "The user that is asked for has never supplied or owed anything in these markets. `position risk` is about \
                  users with debt only.";

        /// No market has the asset whose price is to be another.
        UnknownAsset {
            name: String = "NAME".to_owned(),
        }
            in Markets;
            text format!("No market has an asset '{name}'");
            hint "'degenbot aave market show' shows the assets; name one by its symbol or its address";
            when "`--price` names an asset that none of the markets lists. The exit status is 2.";

        /// Several assets have the symbol.
        AmbiguousAsset {
            name: String = "NAME".to_owned(),
            /// Two of them.
            addresses: [Address; 2] = [Address::new([0x11; 20]), Address::new([0x22; 20])],
        }
            in Markets;
            text format!("Several assets are called '{name}': {} and {}", addresses[0], addresses[1]);
            hint "Name the asset by its address";
            when "`--price` names an asset by a symbol that several assets of a market have. The exit status is 2.";

        /// The file with prices cannot be used.
        PriceFile {
            path: PathBuf = PathBuf::from("PATH"),
            problem: String = "REASON".to_owned(),
        }
            in Markets;
            text format!("The prices in {} cannot be used: {problem}", path.display());
            hint "It is a JSON object of symbols or addresses and prices in whole units, such as {\"WETH\": \"1800.25\"}";
            when "The file that `--prices` names cannot be read, or is not what the help says.";

        /// Two changes of one price.
        PriceTwice {
            asset: String = "WETH".to_owned(),
        }
            in Markets;
            text format!("--price is given twice for {asset}");
            hint "Give one price of each asset; a symbol and an address can name the same one";
            when "`--price` names an asset twice, in the same or in another way. The exit status is 2.";

        /// A percentage of a price that is not known.
        NoPriceToChange {
            asset: String = "WETH".to_owned(),
        }
            in Markets;
            text format!("There is no price of {asset} that a percentage could change");
            hint "Give its price in whole units, such as '--price WETH=1800.25'";
            when "`--price` has a percentage for an asset of which the oracle or the file has no price.";

        /// A price that a percentage makes too large.
        PriceTooLarge {
            asset: String = "WETH".to_owned(),
            price: U256 = U256(alloy_primitives::U256::MAX),
            change: String = "+10%".to_owned(),
        }
            in Markets;
            text format!("The price of {asset} is {price} units of the base currency, and {change} of it is too large");
            hint "Give its price in whole units, such as '--price WETH=1800.25'";
            when "`--price` has a percentage for an asset whose price, of the oracle or the file, is so large that the \
                  result does not fit into 256 bits.";

        /// A price cannot be expressed in the base currency.
        PriceNotUsed {
            asset: String = "WETH".to_owned(),
            error: InvalidPrice = InvalidPrice::TooManyDecimals,
        }
            in Markets;
            text format!("The amount for {asset} cannot be used: {error}");
            hint "The base currency has 8 decimals in nearly all markets";
            when "`--price` or `--min-debt` has more decimals than it can have, or a number is too large. The exit status \
                  is 2.";

        /// A contract is not the addresses provider of a market.
        NotAProvider {
            chain: ChainId = ChainId::ETHEREUM,
            provider: Address = Address::new([0x11; 20]),
        }
            in Markets;
            text format!(
                "{} is no addresses provider of Aave V3 on {}: it does not say the name of a market and its pool",
                provider,
                chain_title(*chain)
            );
            hint "Check the address and the chain. Aave calls this contract PoolAddressesProvider; a node that is not \
                  synced does not have it yet";
            when "`aave add` or `aave activate` asks a contract for the name of its market, and there is no contract, or \
                  it is another one.";

        /// Commands cannot use the name that a contract says.
        UnusableName {
            chain: ChainId = ChainId::ETHEREUM,
            provider: Address = Address::new([0x11; 20]),
            /// The name that the contract says.
            market_id: String = "3".to_owned(),
        }
            in Markets;
            text format!(
                "The addresses provider {provider} on {} calls its market '{}', of which no name for commands can be made",
                chain_title(*chain),
                escaped_name(market_id)
            );
            hint "Give the market a name of lower-case letters, digits and _ with '--name'";
            when "`aave add` makes the name of a market of the one that its contract says. It must begin with a letter, and a \
                  contract can say anything.";

        /// Nothing is known of a chain.
        UnknownChain {
            chain: ChainId = ChainId::ETHEREUM,
        }
            in Exchanges;
            text format!("Chain {chain} is not known, and the database has no exchange of it");
            hint "'degenbot exchange list' shows the exchanges with their chains, and 'degenbot exchange add' adds one";
            when "`--chain` names a chain that degenbot does not know, and of which the database has nothing. The exit \
                  status is 2.";

        /// An exchange that is named is not active.
        ExchangeNotActive {
            exchange: ExchangeName = ExchangeName {
                chain: ChainId::BASE,
                name: "uniswap_v2".to_owned(),
            },
        }
            in Exchanges;
            text format!("The exchange {exchange} is not active");
            hint format!("'degenbot exchange activate {exchange}' activates it; without it, leave it out");
            when "`pool update --exchange` names an exchange that updates do not follow.";

        /// No pool is named by the arguments.
        UnknownPool {
            name: String = "NAME".to_owned(),
        }
            in Rows;
            text format!("There is no pool '{name}'");
            hint "'degenbot pool list' lists the pools; name one by its address, hash or ID, or by its two tokens";
            when "The database has no pool of the address, the hash, the ID or the tokens that `pool show` is given.";

        /// The liquidity that a chart is to show cannot be drawn.
        PoolNotDrawn {
            name: String = "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852".to_owned(),
            reason: String = "pools of its kind have no ticks".to_owned(),
            /// How many pools the arguments can mean.
            matching: usize = 1,
        }
            in Rows;
            text format!("The liquidity of '{name}' cannot be drawn: {reason}");
            hint if *matching > 1 {
                "A chart is of one pool: name it by its address or its hash, and its chain by --chain"
            } else {
                "'degenbot pool show' without --chart shows what the database has of the pool"
            };
            when "`pool show --chart` or `--svg` is about several pools, a pool of a kind without ticks, one without \
                  liquidity, or one whose liquidity does not add up.";

        /// The database lacks a pool that is named by the arguments of a comparison or a repair.
        PoolNotStored {
            name: String = "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852".to_owned(),
        }
            in Rows;
            text format!("The database has no pool '{name}'");
            hint "'degenbot pool list' lists those that it has; 'degenbot pool repair --exchange NAME' adds those that an \
                  exchange has created and the database lacks";
            when "The database has no pool of the address, the hash or the ID that `pool verify` or `pool repair` is given.";

        /// Pools differ from their chain.
        PoolsDiffer {
            /// How many pools do, or exchanges in the number of their pools.
            pools: u64 = 2,
            /// How many values do.
            differences: u64 = 7,
            /// How many parts could not be compared.
            not_compared: u64 = 0,
            /// Whether pools were created only after the block of their exchange in the database.
            has_later: bool = false,
        }
            in Rows;
            text format!(
                "{} from the chain in {}{}",
                counted(HumanCount(*differences), "difference"),
                counted(HumanCount(*pools), "place"),
                match not_compared {
                    0 => String::new(),
                    number => format!("; {} could not be compared", parts(*number)),
                }
            );
            hint if *has_later {
                "The database says of an exchange that it is at a block before those in which it has created pools: run \
                 'degenbot pool update' first, which takes them in again, then 'degenbot pool verify'"
            } else {
                "'degenbot pool repair POOL' makes a pool right again, 'degenbot pool repair --exchange NAME' an exchange"
            };
            when "`pool verify` has found pools that are not as the chain has them. The exit status is 3.";

        /// A repair has left pools that their exchange has not created.
        UnknownPoolsLeft {
            pools: u64 = 2,
        }
            in Rows;
            text format!("{} in the database that no exchange has created", counted(HumanCount(*pools), "pool"));
            hint "Look at them with 'degenbot pool show'; 'degenbot pool repair --delete-unknown' deletes them";
            when "`pool repair` finds rows of pools that the chain does not have. The exit status is 3.";

        /// Exchanges are at blocks before those in which they have created pools of the database.
        PoolsCreatedLater {
            pools: u64 = 2,
        }
            in Rows;
            text format!(
                "{} in the database that an exchange has created only after the block that the database is at",
                counted(HumanCount(*pools), "pool")
            );
            hint "That block is too low: 'degenbot pool update' takes in the blocks after it, and the pools stay";
            when "`pool repair` finds pools that are newer than the block of their exchange (`last_update_block`), as after \
                  somebody has lowered it. They are never deleted. The exit status is 3.";

        /// An exchange cannot be repaired.
        ExchangeNotRepaired {
            exchange: ExchangeName = ExchangeName {
                chain: ChainId::ETHEREUM,
                name: "camelot_v2".to_owned(),
            },
            reason: Cow<'static, str> = "the events of its kind are not known to this program".into(),
        }
            in Exchanges;
            text format!("The pools of {exchange} cannot be compared with their events: {reason}");
            hint "Add the exchange anew with 'exchange add --kind', if its contracts are of a kind that is known";
            when "`pool repair` does not know the events of an exchange.";

        /// Nothing differs, but not everything could be compared.
        PoolsNotCompared {
            /// How many parts could not be compared.
            not_compared: u64 = 2,
        }
            in Rows;
            text format!("{} could not be compared; nothing else was found", parts(*not_compared));
            hint "Use a node that answers: an archive node has the state of all blocks. After 'degenbot pool update', a \
                  node needs the state of the last blocks only";
            when "`pool verify` has found nothing, but a node or a contract does not say what a pool should be. The exit \
                  status is 3.";

        /// Markets differ from what their contracts say.
        MarketsDiffer {
            /// How many values do.
            differences: u64 = 7,
            /// How many parts could not be compared.
            not_compared: u64 = 0,
        }
            in Rows;
            text format!(
                "{} from the chain{}",
                counted(HumanCount(*differences), "difference"),
                match not_compared {
                    0 => String::new(),
                    number => format!("; {} could not be compared", parts(*number)),
                }
            );
            hint "'degenbot aave repair --all-found' makes all of it right, also what the database has lost; \
                  'degenbot aave repair USER' a user, 'degenbot aave repair --reserves' the reserves";
            when "`aave verify` has found values that are not as the contracts have them. The exit status is 3.";

        /// A market cannot be repaired.
        MarketNotRepaired {
            market: MarketName = MarketName {
                chain: ChainId::ETHEREUM,
                name: "aave_v3".to_owned(),
            },
            reason: Cow<'static, str> = "its addresses provider is not in the database".into(),
        }
            in Markets;
            text format!("{market} cannot be compared with its contracts: {reason}");
            hint "Activate it again with 'aave activate', which adds what is missing, and run 'aave update'";
            when "`aave repair` does not know the contracts of a market, or the market was never updated.";

        /// Nothing differs, but not all of the markets could be compared.
        MarketsNotCompared {
            /// How many parts could not be compared.
            not_compared: u64 = 2,
        }
            in Rows;
            text format!("{} could not be compared; nothing else was found", parts(*not_compared));
            hint "Run 'degenbot aave update' first: then a node needs the state of the last blocks only. An archive node has \
                  the state of all blocks";
            when "`aave verify` has found nothing, but a node or a contract does not say what a market should be. The exit \
                  status is 3.";

        /// The command has another name, or is in another group.
        OtherCommand {
            typed: String = "upgrade".to_owned(),
            /// What to type instead, without the name of the program.
            command: String = "database upgrade".to_owned(),
        }
            in Commands;
            text format!("There is no command 'degenbot {}'", typed);
            hint format!("Type 'degenbot {}'", command);
            when "A command was typed without its group, with another group, or as the Python package has it. The exit \
                  status is 2.";

        /// Only the Python package has the command.
        OnlyInPython {
            command: String = "fleet posture".to_owned(),
        }
            in Commands;
            text format!("This version of degenbot has no command '{}'", command);
            hint "Use the one of the Python package, which works on the same database";
            when "A command was typed that only the Python package has. The exit status is 2.";

        /// The user said no.
        Aborted
            in QuestionsAndAnswers;
            text ABORTED;
            hint "";
            when "The user said no, or nothing, or pressed Ctrl-C before the command had changed anything.";

        /// Litestream replicates the database, and nobody can be asked whether it is to upload everything.
        BesideLitestream {
            pid: u32 = 1234,
        }
            in QuestionsAndAnswers;
            text format!("Litestream (process {pid}) replicates the database, and would upload the whole new content");
            hint "Run the command on a terminal, or give --beside-litestream if that is what you want";
            when "A compact, reset or restore writes the whole content anew, and no terminal is there to ask. --force is no \
                  answer to this question, because scripts give it to every command.";

        /// The question could not be put.
        Prompt {
            error: InquireError = InquireError::NotTTY,
        }
            in QuestionsAndAnswers;
            text format!("The question could not be put: {error}");
            hint FORCE_HINT;
            when "The terminal does not allow a question.";

        /// The answer could not be read.
        Input {
            error: io::Error = io::Error::other("REASON"),
        }
            in QuestionsAndAnswers;
            text format!("The answer could not be read: {error}");
            hint FORCE_HINT;
            when "The answer was to come through a pipe that fails.";

        /// The data could not be written to stdout.
        Output {
            error: io::Error = io::Error::other("REASON"),
        }
            in QuestionsAndAnswers;
            text format!("Could not write to stdout: {error}");
            hint "Check where the output goes; nothing but the output has failed";
            when "What was to be printed cannot be: the disk that stdout goes to is full, for example.";
    }
}

const FORCE_HINT: &str = "Answer it beforehand with --force";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Interrupted if error.effect != Some(Effect::Changed) => Self::Aborted,
            _ => Self::Database { error },
        }
    }
}

impl From<InvalidDeployment> for Failure {
    fn from(error: InvalidDeployment) -> Self {
        Self::Deployment { error }
    }
}

impl From<InvalidMarket> for Failure {
    fn from(error: InvalidMarket) -> Self {
        Self::Market { error }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Interrupted => Self::Aborted,
            _ => Self::Node { error },
        }
    }
}

impl Failure {
    /// The failure of a command that changes nothing.
    pub(super) fn without_effect(mut self) -> Self {
        if let Self::Database { error } = &mut self {
            error.effect = None;
        }
        self
    }

    /// Tells the user, and gives the exit status.
    pub(super) fn report(&self, printer: &Printer) -> ExitStatus {
        match self {
            Self::Aborted => printer.always(self.message()),
            _ => printer.error(self.message()),
        }
        if let Some(hint) = self.hint() {
            printer.hint(hint);
        }
        self.exit_status()
    }

    const fn exit_status(&self) -> ExitStatus {
        match self {
            Self::UnknownExchange { .. }
            | Self::UnknownMarket { .. }
            | Self::UnknownChain { .. }
            | Self::UnknownAsset { .. }
            | Self::AmbiguousAsset { .. }
            | Self::PriceTwice { .. }
            | Self::PriceNotUsed { .. }
            | Self::TimeOfFile
            | Self::OtherCommand { .. }
            | Self::OnlyInPython { .. } => ExitStatus::WrongArguments,
            Self::Deployment { error } if !matches!(error, InvalidDeployment::Known { .. }) => {
                ExitStatus::WrongArguments
            }
            Self::Market { error } if !matches!(error, InvalidMarket::Known { .. }) => {
                ExitStatus::WrongArguments
            }
            Self::Unsound { .. }
            | Self::Damaged { .. }
            | Self::Unchecked { .. }
            | Self::PoolsDiffer { .. }
            | Self::PoolsNotCompared { .. }
            | Self::MarketsDiffer { .. }
            | Self::MarketsNotCompared { .. }
            | Self::UnknownPoolsLeft { .. }
            | Self::PoolsCreatedLater { .. } => ExitStatus::Findings,
            Self::Stale { .. } => ExitStatus::Stale,
            _ => ExitStatus::Failed,
        }
    }

    /// What failed, on what, and why.
    fn message(&self) -> String {
        self.text(&"")
    }

    /// What to do next, where it is not for the user alone to say.
    fn hint(&self) -> Option<String> {
        Some(self.next_step(&"")).filter(|hint| !hint.is_empty())
    }
}

fn problems(rows: u64) -> String {
    counted(HumanCount(rows), "problem")
}

fn parts(not_checked: u64) -> String {
    counted(HumanCount(not_checked), "part")
}

/// The end of a message about problems.
fn and_parts(not_checked: u64) -> String {
    match not_checked {
        0 => String::new(),
        _ => format!("; {} could not be checked", parts(not_checked)),
    }
}

/// An error and what caused it, each once.
pub(in crate::cli) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.ends_with(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}

/// What the operation did, as far as it knows, and what to do next.
fn with_effect(error: &Error) -> String {
    let effect = match error.effect {
        // An earlier part of the command, such as the look at the version, may have read the database first.
        Some(Effect::Nothing) if !is_something_rolled_back() => "Nothing was changed. ",
        Some(Effect::Nothing | Effect::RolledBack) => {
            "Nothing was changed, except that SQLite has rolled back the transaction of a program that was killed. "
        }
        Some(Effect::Changed) => "The change itself was made. ",
        Some(Effect::Unknown) => {
            "It failed during the commit, so the change may have been made: see 'degenbot database info'. "
        }
        None => "",
    };
    let option = match &error.kind {
        // Every operation whose wait can be chosen is that of a command with the option.
        ErrorKind::Locked if lock_wait::was_chosen() => ". --wait SECONDS waits longer",
        _ => "",
    };
    format!("{effect}{}{option}", error.hint())
}

/// Whether SQLite has rolled back a transaction in a file that is no temporary copy.
fn is_something_rolled_back() -> bool {
    rolled_back::any(|journal| !staged_file::is_temporary(journal))
}

/// Who uses a database that is locked, where the system tells.
fn used_by(error: &Error) -> String {
    let (ErrorKind::Locked, Some(path)) = (&error.kind, error.path()) else {
        return String::new();
    };
    let programs: Vec<_> = programs_using(path)
        .into_iter()
        .map(|program| {
            let what = if program.is_writing { ", writing" } else { "" };
            format!("{} {}{what}", program.pid, program.name)
        })
        .collect();
    match programs.as_slice() {
        [] => String::new(),
        programs => format!(": in use by {}", programs.join("; ")),
    }
}

/// The reasons for which a database is stale.
fn listed(stale: &[Staleness]) -> String {
    let reasons: Vec<_> = stale.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

/// What to do about a reason.
const fn remedy(stale: &Staleness) -> &'static str {
    match (stale, stale.subject()) {
        (Staleness::HeadNotKnown { .. }, _) => "'--offline' compares with the database alone",
        (_, StatusSubject::Blocks) => {
            "'degenbot pool update' and 'degenbot aave update' take in new blocks"
        }
        (Staleness::BackupNotKnown { .. }, _) => {
            "name the backup with --backup, where its folder can be listed"
        }
        (_, StatusSubject::Backup) => "'degenbot database backup' makes a backup",
        (_, StatusSubject::Log) => {
            "a log grows while a program reads for long, or while Litestream does not keep up"
        }
    }
}

/// What to do about a stale database.
fn stale_hint(stale: &[Staleness], is_upgradable: bool) -> String {
    let needs_update = |stale: &Staleness| {
        stale.subject() == StatusSubject::Blocks && !matches!(stale, Staleness::HeadNotKnown { .. })
    };
    let upgrade = "'degenbot database upgrade' comes first: updates need the latest version";
    let upgrade = (is_upgradable && stale.iter().any(needs_update)).then_some(upgrade);
    let mut remedies: Vec<&str> = upgrade
        .into_iter()
        .chain(stale.iter().map(remedy))
        .collect();
    remedies.dedup();
    remedies.join("; ")
}

/// The hint for an unknown name. `lists` says which command shows all names, `adds` which adds one.
fn did_you_mean(alike: &[String], lists: &str, adds: &str) -> String {
    match alike {
        [] => format!("{lists}, and {adds}"),
        [one] => format!("Did you mean {one}? {lists}"),
        [others @ .., last] => {
            format!("Did you mean {} or {last}? {lists}", others.join(", "))
        }
    }
}

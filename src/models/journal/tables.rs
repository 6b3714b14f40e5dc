//! The tables whose changes the journal keeps.

/// A change of a row.
#[cfg(feature = "sync")]
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Insert,
    Update,
    Delete,
}

/// What updates of a chain are about.
#[cfg(feature = "sync")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpdateOf {
    /// Pools and their liquidity.
    Pools,
    /// Aave V3 markets.
    AaveMarkets,
}

/// A table whose changes the journal keeps.
#[derive(Debug)]
pub(super) struct JournaledTable {
    pub(super) name: &'static str,
    /// Which updates write to it; `None` if all do.
    #[cfg(feature = "sync")]
    pub(super) written_by: Option<UpdateOf>,
    /// The primary key, which is the row's id.
    pub(super) key: &'static str,
    /// All columns.
    pub(super) columns: &'static [&'static str],
    /// Whether an undone row may have been changed by others since: only the first columns are compared then, and
    /// the row stays if others refer to it.
    pub(super) is_shared: bool,
    /// Whether programs keep the ids in memory, so that no other row may get them.
    pub(super) has_lasting_ids: bool,
    /// The changes that triggers record. The writer of liquidity events records the others: it has the values already,
    /// and triggers would take three quarters of its time.
    #[cfg(feature = "sync")]
    pub(super) triggers: &'static [Change],
}

#[cfg(feature = "sync")]
const ALL: &[Change] = &[Change::Insert, Change::Update, Change::Delete];

impl JournaledTable {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The columns that users may change at any time: they are neither compared nor set back.
    pub(super) fn of_users(&self) -> &'static [&'static str] {
        match self.name {
            "aave_v3_market_facts" => &["name", "first_block"],
            _ => &[],
        }
    }

    /// The columns that must be as the update left them.
    pub(super) fn compared(&self) -> &'static [&'static str] {
        // The name, symbol and decimals of a token are filled in later.
        let count = if self.is_shared {
            3
        } else {
            self.columns.len()
        };
        self.columns.get(..count).unwrap_or(self.columns)
    }

    /// Whether its rows are those of markets.
    pub(super) fn is_of_markets(&self) -> bool {
        self.name.starts_with("aave_")
    }

    /// The column with the pool's id; `None` if the table has no pools.
    pub(super) fn pool_column(&self) -> Option<&'static str> {
        let names = ["pool_id", "managed_pool_id"];
        match self.name {
            "pools" | "managed_pools" => Some("id"),
            _ => names.into_iter().find(|name| self.columns.contains(name)),
        }
    }
}

/// The columns of a pool kind with fees.
const V2: &[&str] = &["pool_id", "fee_token0", "fee_token1", "fee_denominator"];

/// The columns of a pool kind with ticks.
const V3: &[&str] = &[
    "pool_id",
    "tick_spacing",
    "liquidity_update_block",
    "liquidity_update_log_index",
    "fee_token0",
    "fee_token1",
    "fee_denominator",
];

const fn table(
    name: &'static str,
    key: &'static str,
    columns: &'static [&'static str],
) -> JournaledTable {
    JournaledTable {
        name,
        #[cfg(feature = "sync")]
        written_by: Some(UpdateOf::Pools),
        key,
        columns,
        is_shared: false,
        has_lasting_ids: false,
        #[cfg(feature = "sync")]
        triggers: ALL,
    }
}

/// A table of a pool kind with marks. The writer of events moves them.
const fn marked(
    name: &'static str,
    key: &'static str,
    columns: &'static [&'static str],
) -> JournaledTable {
    JournaledTable {
        #[cfg(feature = "sync")]
        triggers: &[Change::Insert, Change::Delete],
        ..table(name, key, columns)
    }
}

/// A table of ticks or words. Only the writer of events changes them.
const fn liquidity(name: &'static str, columns: &'static [&'static str]) -> JournaledTable {
    JournaledTable {
        #[cfg(feature = "sync")]
        triggers: &[],
        ..table(name, "id", columns)
    }
}

/// A table of Aave's markets.
const fn of_aave(name: &'static str, columns: &'static [&'static str]) -> JournaledTable {
    JournaledTable {
        #[cfg(feature = "sync")]
        written_by: Some(UpdateOf::AaveMarkets),
        ..table(name, "id", columns)
    }
}

/// The columns of positions.
const POSITION: &[&str] = &["id", "user_id", "asset_id", "balance", "last_index"];

pub(super) static TABLES: [JournaledTable; 29] = [
    JournaledTable {
        #[cfg(feature = "sync")]
        written_by: None,
        is_shared: true,
        has_lasting_ids: true,
        ..table(
            "erc20_tokens",
            "id",
            &["id", "chain", "address", "name", "symbol", "decimals"],
        )
    },
    JournaledTable {
        has_lasting_ids: true,
        ..table(
            "pools",
            "id",
            &[
                "id",
                "address",
                "chain",
                "kind",
                "token0_id",
                "token1_id",
                "exchange_id",
            ],
        )
    },
    JournaledTable {
        has_lasting_ids: true,
        ..table("managed_pools", "id", &["id", "kind", "manager_id"])
    },
    table(
        "aerodrome_v2_pools",
        "pool_id",
        &[
            "pool_id",
            "stable",
            "fee_token0",
            "fee_token1",
            "fee_denominator",
        ],
    ),
    table("pancakeswap_v2_pools", "pool_id", V2),
    table("sushiswap_v2_pools", "pool_id", V2),
    table("swapbased_v2_pools", "pool_id", V2),
    table("uniswap_v2_pools", "pool_id", V2),
    marked("aerodrome_v3_pools", "pool_id", V3),
    marked("pancakeswap_v3_pools", "pool_id", V3),
    marked("sushiswap_v3_pools", "pool_id", V3),
    marked("uniswap_v3_pools", "pool_id", V3),
    marked(
        "uniswap_v4_pools",
        "managed_pool_id",
        &[
            "managed_pool_id",
            "pool_hash",
            "hooks",
            "currency0_id",
            "currency1_id",
            "fee_currency0",
            "fee_currency1",
            "fee_denominator",
            "tick_spacing",
            "liquidity_update_block",
            "liquidity_update_log_index",
        ],
    ),
    liquidity(
        "liquidity_positions",
        &["id", "pool_id", "tick", "liquidity_net", "liquidity_gross"],
    ),
    liquidity("initialization_maps", &["id", "pool_id", "word", "bitmap"]),
    liquidity(
        "managed_pool_liquidity_positions",
        &[
            "id",
            "managed_pool_id",
            "tick",
            "liquidity_net",
            "liquidity_gross",
        ],
    ),
    liquidity(
        "managed_pool_initialization_maps",
        &["id", "managed_pool_id", "word", "bitmap"],
    ),
    of_aave(
        "aave_gho_tokens",
        &[
            "id",
            "token_id",
            "v_gho_discount_rate_strategy",
            "v_gho_discount_token",
            "v_token_id",
        ],
    ),
    of_aave(
        "aave_v3_asset_configs",
        &[
            "id",
            "asset_id",
            "ltv",
            "liquidation_threshold",
            "liquidation_bonus",
            "e_mode_category_id",
            "borrowing_enabled",
            "stable_borrowing_enabled",
            "flash_loan_enabled",
            "isolation_mode",
            "debt_ceiling",
            "borrowable_in_isolation",
        ],
    ),
    of_aave(
        "aave_v3_asset_facts",
        &["id", "asset_id", "last_update_time", "transfer_amount"],
    ),
    JournaledTable {
        has_lasting_ids: true,
        ..of_aave(
            "aave_v3_assets",
            &[
                "id",
                "market_id",
                "underlying_asset_id",
                "a_token_id",
                "a_token_revision",
                "v_token_id",
                "v_token_revision",
                "last_update_block",
                "liquidity_index",
                "liquidity_rate",
                "borrow_index",
                "borrow_rate",
                "e_mode_category_id",
                "price_source",
            ],
        )
    },
    of_aave("aave_v3_collateral_positions", POSITION),
    of_aave(
        "aave_v3_contracts",
        &["id", "market_id", "name", "address", "revision"],
    ),
    of_aave("aave_v3_debt_positions", POSITION),
    of_aave(
        "aave_v3_emode_assets",
        &[
            "id",
            "asset_id",
            "category_id",
            "is_collateral",
            "is_borrowable",
            "is_ltv_zero",
        ],
    ),
    of_aave(
        "aave_v3_emode_categories",
        &[
            "id",
            "market_id",
            "category_id",
            "label",
            "ltv",
            "liquidation_threshold",
            "liquidation_bonus",
            "price_source",
        ],
    ),
    of_aave(
        "aave_v3_market_facts",
        &["id", "market_id", "name", "first_block", "last_update_time"],
    ),
    of_aave(
        "aave_v3_user_collateral_configs",
        &["id", "user_id", "asset_id", "enabled"],
    ),
    JournaledTable {
        has_lasting_ids: true,
        ..of_aave(
            "aave_v3_users",
            &[
                "id",
                "market_id",
                "address",
                "e_mode",
                "gho_discount",
                "stk_aave_balance",
                "isolation_mode_collateral_asset_id",
                "isolation_mode_debt",
            ],
        )
    },
];

/// The tables that an update and the undoing of blocks write to, beside those whose changes the journal keeps. They are
/// small, but for the journal itself.
pub(crate) const TABLES_BESIDE: [&str; 5] = [
    "exchanges",
    "aave_v3_markets",
    "chain_blocks",
    "chain_journal",
    "retired_ids",
];

/// The names of the tables whose changes the journal keeps.
pub(crate) fn journaled_tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name)
}

/// The column whose value an entry of the journal has as a row's id; `None` if the journal does not keep the changes of the
/// table.
pub(crate) fn journal_key(table: &str) -> Option<&'static str> {
    JournaledTable::named(table).map(|table| table.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_schema() {
        let schema = include_str!("../../schema.rs");
        for table in &TABLES {
            let start = schema
                .find(&format!("    {} ({})", table.name, table.key))
                .unwrap_or_else(|| panic!("{}", table.name));
            let body = &schema[start..];
            let columns: Vec<_> = body[..body.find("\n    }").unwrap()]
                .lines()
                .filter_map(|line| line.trim().split_once(" -> ").map(|(name, _)| name))
                .collect();
            assert_eq!(columns, table.columns, "{}", table.name);
        }
    }

    #[test]
    fn pools_are_found_by_their_column() {
        let column = |name| JournaledTable::named(name).unwrap().pool_column();
        assert_eq!(column("pools"), Some("id"));
        assert_eq!(column("uniswap_v4_pools"), Some("managed_pool_id"));
        assert_eq!(column("liquidity_positions"), Some("pool_id"));
        assert_eq!(column("erc20_tokens"), None);
    }
}

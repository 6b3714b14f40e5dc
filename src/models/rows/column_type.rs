//! The value type of each column.

/// The type of a column's values: an id, a text, or the type of the same name in [`crate::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Id,
    Text,
    Address,
    BasisPoints,
    BinStep,
    BlockHash,
    BlockNumber,
    ChainId,
    CodeHash,
    Decimals,
    EModeCategoryId,
    ExchangeKind,
    FeeParts,
    Flag,
    I128,
    LogIndex,
    ManagedPoolKind,
    PoolHash,
    PoolKind,
    PoolManagerKind,
    Revision,
    Tick,
    TickSpacing,
    Timestamp,
    TransferAmount,
    U128,
    U256,
    WordPosition,
}

/// The columns whose type differs from that of other columns with the same name.
const EXCEPTIONS: &[(&str, &str, ColumnType)] = &[
    ("aave_v3_assets", "e_mode_category_id", ColumnType::Id),
    ("exchange_deployments", "kind", ColumnType::ExchangeKind),
    ("managed_pools", "kind", ColumnType::ManagedPoolKind),
    ("pool_managers", "kind", ColumnType::PoolManagerKind),
];

/// The names of the columns of each type.
// To add one: CONTRIBUTING.md, "A column".
const COLUMNS: &[(ColumnType, &[&str])] = &[
    (
        ColumnType::Id,
        &[
            "id",
            "a_token_id",
            "asset_id",
            "currency0_id",
            "currency1_id",
            "exchange_id",
            "isolation_mode_collateral_asset_id",
            "last_id",
            "managed_pool_id",
            "manager_id",
            "market_id",
            "pool_id",
            "row_id",
            "token0_id",
            "token1_id",
            "token_id",
            "underlying_asset_id",
            "user_id",
            "v_token_id",
        ],
    ),
    (
        ColumnType::Text,
        &[
            "label",
            "name",
            "new_values",
            "old_values",
            "symbol",
            "table_name",
        ],
    ),
    (ColumnType::PoolKind, &["kind"]),
    (ColumnType::TransferAmount, &["transfer_amount"]),
    (ColumnType::ChainId, &["chain", "chain_id"]),
    (
        ColumnType::BlockNumber,
        &[
            "block",
            "first_block",
            "last_update_block",
            "liquidity_update_block",
            "number",
        ],
    ),
    (ColumnType::Timestamp, &["last_update_time"]),
    (ColumnType::BlockHash, &["hash"]),
    (ColumnType::CodeHash, &["init_code_hash"]),
    (ColumnType::LogIndex, &["liquidity_update_log_index"]),
    (ColumnType::Decimals, &["decimals"]),
    (ColumnType::TickSpacing, &["tick_spacing"]),
    (ColumnType::BinStep, &["bin_step"]),
    (ColumnType::WordPosition, &["word"]),
    (
        ColumnType::FeeParts,
        &[
            "fee_currency0",
            "fee_currency1",
            "fee_denominator",
            "fee_token0",
            "fee_token1",
        ],
    ),
    (
        ColumnType::BasisPoints,
        &[
            "gho_discount",
            "liquidation_bonus",
            "liquidation_threshold",
            "ltv",
        ],
    ),
    (
        ColumnType::Revision,
        &["a_token_revision", "revision", "v_token_revision"],
    ),
    (
        ColumnType::EModeCategoryId,
        &["category_id", "e_mode", "e_mode_category_id"],
    ),
    (
        ColumnType::Flag,
        &[
            "active",
            "borrowable_in_isolation",
            "borrowing_enabled",
            "enabled",
            "flash_loan_enabled",
            "is_borrowable",
            "is_collateral",
            "is_final",
            "is_ltv_zero",
            "isolation_mode",
            "stable",
            "stable_borrowing_enabled",
        ],
    ),
    (ColumnType::Tick, &["tick"]),
    (ColumnType::I128, &["liquidity_net"]),
    (ColumnType::U128, &["liquidity_gross"]),
    (
        ColumnType::U256,
        &[
            "balance",
            "bitmap",
            "borrow_index",
            "borrow_rate",
            "debt_ceiling",
            "isolation_mode_debt",
            "last_index",
            "liquidity_index",
            "liquidity_rate",
            "stk_aave_balance",
        ],
    ),
    (
        ColumnType::Address,
        &[
            "address",
            "deployer",
            "factory",
            "hooks",
            "price_source",
            "state_view",
            "v_gho_discount_rate_strategy",
            "v_gho_discount_token",
        ],
    ),
    (ColumnType::PoolHash, &["pool_hash"]),
];

impl ColumnType {
    /// The type of a column; `None` if it is not a column of the schema.
    pub(crate) fn of(table: &str, column: &str) -> Option<Self> {
        let exception = EXCEPTIONS
            .iter()
            .find(|(of, name, _)| (*of, *name) == (table, column));
        match exception {
            Some((.., column_type)) => Some(*column_type),
            None => COLUMNS
                .iter()
                .find(|(_, names)| names.contains(&column))
                .map(|(column_type, _)| *column_type),
        }
    }

    /// Whether the values are 128-bit or 256-bit numbers, which are stored as decimal text.
    pub(crate) const fn is_decimal(self) -> bool {
        matches!(self, Self::I128 | Self::U128 | Self::U256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_schema_has_a_type() {
        let mut tables = 0;
        let mut table = "";
        for line in include_str!("../../schema.rs").lines() {
            let line = line.trim();
            if let Some((name, _)) = line.split_once(" (")
                && line.ends_with('{')
            {
                table = name;
                tables += 1;
            } else if let Some((column, _)) = line.split_once(" -> ")
                && !line.starts_with("diesel::")
            {
                if table == "alembic_version" {
                    continue;
                }
                assert!(
                    ColumnType::of(table, column).is_some(),
                    "{table}.{column} has no type: add {column} to COLUMNS in src/models/rows/column_type.rs"
                );
            }
        }
        let schema = include_str!("../../schema.rs");
        assert_eq!(tables, schema.matches("diesel::table! {").count());
    }

    #[test]
    fn column_names_are_unique() {
        let mut names: Vec<_> = COLUMNS.iter().flat_map(|(_, names)| *names).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

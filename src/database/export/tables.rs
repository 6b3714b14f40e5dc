//! The tables of an export: their columns, and the queries that read them.
//!
//! A column that a view of [`views`](crate::database::reports::views) has as well has the same name here. Every table of
//! every version has the same columns: a column that the version lacks is `NULL`, and a table that it lacks has no rows.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::database::reports::pool_info::on_chains;
use crate::database::reports::views;
use crate::database::structure::catalogue::Catalogue;
use crate::types::integer::ChainId;

/// A part of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExportPart {
    /// Pools of both families, with the symbols of their tokens and their fees.
    Pools,
    /// Ticks of pools of both families.
    Ticks,
    /// Tokens.
    Tokens,
    /// Exchanges.
    Exchanges,
    /// Aave's reserves, users and positions, a file each.
    Aave,
}

impl ExportPart {
    /// All parts, in the order in which they are written.
    pub const ALL: [Self; 5] = [
        Self::Exchanges,
        Self::Tokens,
        Self::Pools,
        Self::Ticks,
        Self::Aave,
    ];

    /// The name, such as `pools`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pools => "pools",
            Self::Ticks => "ticks",
            Self::Tokens => "tokens",
            Self::Exchanges => "exchanges",
            Self::Aave => "aave",
        }
    }
}

impl fmt::Display for ExportPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no part of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a part of an export: {0}")]
pub struct UnknownPart(String);

impl FromStr for ExportPart {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        let found = Self::ALL.into_iter().find(|part| part.as_str() == text);
        found.ok_or_else(|| UnknownPart(text.to_owned()))
    }
}

/// A table of an export. It becomes a file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) part: ExportPart,
    /// The first one is `chain_id` in all tables.
    pub(super) columns: &'static [Column],
    pub(super) source: Source,
    /// The tables of the database with a row for each row of this one, to estimate their number.
    pub(super) counted: &'static [&'static str],
}

/// Where the rows of a table come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A query with the columns, made for the structure of a version. `None` if the version lacks the table.
    Query(fn(&Catalogue) -> Option<String>),
    /// The tables of ticks, read beside those of the pools.
    Ticks,
}

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: ColumnType,
    /// What SQL makes it of, if it is no column of the query.
    expression: Option<&'static str>,
    /// The name of the column with the same number as a float.
    float: &'static str,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Integer,
    Float,
    /// A boolean, stored as 0 or 1.
    Flag,
    Text,
    /// The decimal text of a number of up to 256 bits. A column with the nearest float follows.
    Number,
}

impl Column {
    const fn new(name: &'static str, column_type: ColumnType) -> Self {
        Self {
            name,
            kind: column_type,
            expression: None,
            float: "",
        }
    }

    /// The columns in the file.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (&'static str, ColumnType)> + use<> {
        let float = (!self.float.is_empty()).then_some((self.float, ColumnType::Float));
        [(self.name, self.kind)].into_iter().chain(float)
    }
}

const fn integer(name: &'static str) -> Column {
    Column::new(name, ColumnType::Integer)
}

const fn flag(name: &'static str) -> Column {
    Column::new(name, ColumnType::Flag)
}

const fn text(name: &'static str) -> Column {
    Column::new(name, ColumnType::Text)
}

macro_rules! number {
    ($name:literal) => {
        Column {
            float: concat!($name, "_float"),
            ..Column::new($name, ColumnType::Number)
        }
    };
}

/// A share in per cent: the numerator is an integer, and the denominator one other than 0.
macro_rules! per_cent {
    ($name:literal, $numerator:literal, $denominator:literal) => {
        Column {
            expression: Some(concat!(
                "CASE WHEN typeof(",
                $numerator,
                ") = 'integer' AND typeof(",
                $denominator,
                ") = 'integer' AND ",
                $denominator,
                " <> 0 THEN 100.0 * ",
                $numerator,
                " / ",
                $denominator,
                " END"
            )),
            ..Column::new($name, ColumnType::Float)
        }
    };
}

/// All tables, in the order in which they are written.
pub(super) static TABLES: [Table; 7] = [
    Table {
        name: "exchanges",
        part: ExportPart::Exchanges,
        columns: &[
            integer("chain_id"),
            integer("id"),
            text("name"),
            flag("active"),
            integer("last_update_block"),
            text("factory"),
            text("deployer"),
        ],
        source: Source::Query(|_| Some("SELECT * FROM exchanges".to_owned())),
        counted: &["exchanges"],
    },
    Table {
        name: "tokens",
        part: ExportPart::Tokens,
        columns: &[
            integer("chain_id"),
            integer("id"),
            text("address"),
            text("name"),
            text("symbol"),
            integer("decimals"),
        ],
        source: Source::Query(|_| {
            Some(
                "SELECT chain AS chain_id, id, address, name, symbol, decimals FROM erc20_tokens"
                    .to_owned(),
            )
        }),
        counted: &["erc20_tokens"],
    },
    Table {
        name: "pools",
        part: ExportPart::Pools,
        columns: &[
            integer("chain_id"),
            text("pool_table"),
            integer("id"),
            text("exchange"),
            text("kind"),
            text("address"),
            text("pool_hash"),
            text("hooks"),
            text("token0"),
            text("symbol0"),
            integer("decimals0"),
            text("token1"),
            text("symbol1"),
            integer("decimals1"),
            integer("fee_token0"),
            integer("fee_token1"),
            integer("fee_denominator"),
            per_cent!("fee_token0_percent", "fee_token0", "fee_denominator"),
            per_cent!("fee_token1_percent", "fee_token1", "fee_denominator"),
            flag("stable"),
            integer("tick_spacing"),
            integer("bin_step"),
            integer("liquidity_update_block"),
            integer("liquidity_update_log_index"),
        ],
        source: Source::Query(|catalogue| Some(views::pools(catalogue))),
        counted: &["pools", "managed_pools"],
    },
    Table {
        name: "ticks",
        part: ExportPart::Ticks,
        columns: &[
            integer("chain_id"),
            text("pool_table"),
            integer("pool_id"),
            text("exchange"),
            text("kind"),
            text("address"),
            text("pool_hash"),
            text("symbol0"),
            text("symbol1"),
            integer("tick"),
            number!("liquidity_net"),
            number!("liquidity_gross"),
        ],
        source: Source::Ticks,
        counted: &["liquidity_positions", "managed_pool_liquidity_positions"],
    },
    Table {
        name: "aave_reserves",
        part: ExportPart::Aave,
        columns: &[
            integer("chain_id"),
            text("market"),
            integer("market_update_block"),
            text("asset"),
            text("symbol"),
            integer("decimals"),
            text("a_token"),
            integer("a_token_revision"),
            text("v_token"),
            integer("v_token_revision"),
            integer("last_update_block"),
            number!("liquidity_index"),
            number!("liquidity_rate"),
            number!("borrow_index"),
            number!("borrow_rate"),
            text("price_source"),
            integer("ltv"),
            integer("liquidation_threshold"),
            integer("liquidation_bonus"),
            integer("e_mode_category_id"),
            flag("borrowing_enabled"),
            flag("stable_borrowing_enabled"),
            flag("flash_loan_enabled"),
            flag("isolation_mode"),
            number!("debt_ceiling"),
            flag("borrowable_in_isolation"),
        ],
        source: Source::Query(aave_reserves),
        counted: &["aave_v3_assets"],
    },
    Table {
        name: "aave_users",
        part: ExportPart::Aave,
        columns: &[
            integer("chain_id"),
            text("market"),
            text("user_address"),
            integer("e_mode"),
            integer("gho_discount"),
            number!("stk_aave_balance"),
            text("isolation_mode_collateral"),
            number!("isolation_mode_debt"),
        ],
        source: Source::Query(aave_users),
        counted: &["aave_v3_users"],
    },
    Table {
        name: "aave_positions",
        part: ExportPart::Aave,
        columns: &[
            integer("chain_id"),
            text("market"),
            text("user_address"),
            text("side"),
            text("symbol"),
            integer("decimals"),
            text("asset"),
            number!("scaled_balance"),
            number!("last_index"),
            flag("is_collateral_enabled"),
        ],
        source: Source::Query(views::aave_positions),
        counted: &["aave_v3_collateral_positions", "aave_v3_debt_positions"],
    },
];

impl Table {
    /// The query for the rows, of these chains if any are given.
    pub(super) fn query(&self, source: &str, chains: &[ChainId]) -> String {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.expression.unwrap_or(column.name))
            .collect();
        let columns = columns.join(", ");
        let condition = on_chains("chain_id", chains);
        format!("SELECT {columns} FROM ({source}) WHERE {condition}")
    }
}

/// Columns of a table under its alias, and `NULL` for those that the version lacks.
fn of(catalogue: &Catalogue, table: &str, alias: &str, columns: &[&str]) -> String {
    let found = catalogue.tables.get(table);
    let columns = columns.iter().map(|column| {
        if found.is_some_and(|found| found.columns.contains_key(*column)) {
            format!("{alias}.{column} AS {column}")
        } else {
            format!("NULL AS {column}")
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}

fn has_table(catalogue: &Catalogue, table: &str) -> bool {
    catalogue.tables.contains_key(table)
}

/// The reserves of Aave's markets, with what is configured.
fn aave_reserves(catalogue: &Catalogue) -> Option<String> {
    let configs = "aave_v3_asset_configs";
    let own = of(
        catalogue,
        "aave_v3_assets",
        "a",
        &[
            "a_token_revision",
            "v_token_revision",
            "last_update_block",
            "liquidity_index",
            "liquidity_rate",
            "borrow_index",
            "borrow_rate",
            "price_source",
        ],
    );
    let configured = of(
        catalogue,
        configs,
        "c",
        &[
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
    );
    let join = if has_table(catalogue, configs) {
        format!(" LEFT JOIN {configs} AS c ON c.asset_id = a.id")
    } else {
        String::new()
    };
    has_table(catalogue, "aave_v3_assets").then(|| {
        format!(
            "SELECT mk.chain_id AS chain_id, mk.name AS market, mk.last_update_block AS market_update_block, \
             t.address AS asset, t.symbol AS symbol, t.decimals AS decimals, ta.address AS a_token, \
             tv.address AS v_token, {own}, {configured} \
             FROM aave_v3_assets AS a LEFT JOIN aave_v3_markets AS mk ON mk.id = a.market_id \
             LEFT JOIN erc20_tokens AS t ON t.id = a.underlying_asset_id \
             LEFT JOIN erc20_tokens AS ta ON ta.id = a.a_token_id \
             LEFT JOIN erc20_tokens AS tv ON tv.id = a.v_token_id{join}"
        )
    })
}

/// The users of Aave's markets.
fn aave_users(catalogue: &Catalogue) -> Option<String> {
    let users = "aave_v3_users";
    let own = of(
        catalogue,
        users,
        "u",
        &[
            "e_mode",
            "gho_discount",
            "stk_aave_balance",
            "isolation_mode_debt",
        ],
    );
    let isolated = "isolation_mode_collateral_asset_id";
    let knows_isolation =
        (catalogue.tables.get(users)).is_some_and(|table| table.columns.contains_key(isolated));
    let (collateral, join) = if knows_isolation {
        (
            "t.address",
            format!(
                " LEFT JOIN aave_v3_assets AS a ON a.id = u.{isolated} \
                 LEFT JOIN erc20_tokens AS t ON t.id = a.underlying_asset_id"
            ),
        )
    } else {
        ("NULL", String::new())
    };
    has_table(catalogue, users).then(|| {
        format!(
            "SELECT mk.chain_id AS chain_id, mk.name AS market, u.address AS user_address, {own}, \
             {collateral} AS isolation_mode_collateral \
             FROM {users} AS u LEFT JOIN aave_v3_markets AS mk ON mk.id = u.market_id{join}"
        )
    })
}

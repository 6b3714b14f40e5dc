//! What a database says of a pool, unchecked.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::c_int;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde::{Serialize, Serializer};

use crate::database::recognition::identity::Recognition;
use crate::deployments::exchange_name::ExchangeName;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::integer::ChainId;
use crate::types::sql_value::{SqlValue, serialize_flag};
use crate::types::stored::Decode;

/// A pool with its stored values. A value is `None` if the database has none, or not the row that has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolInfo {
    /// The family of the pool, each of which has its own ids. In JSON, the name of its table.
    #[serde(rename = "table", serialize_with = "table")]
    pub family: PoolFamily,
    /// The id of the pool in its table.
    pub id: i64,
    /// The chain id.
    pub chain_id: Option<SqlValue>,
    /// The exchange, if its row is valid.
    #[serde(serialize_with = "text")]
    pub exchange: Option<ExchangeName>,
    /// The kind.
    pub kind: Option<SqlValue>,
    /// The contract of the pool.
    pub address: Option<SqlValue>,
    /// The id of a managed pool inside its manager.
    pub pool_hash: Option<SqlValue>,
    /// The contract that holds a managed pool.
    pub manager: Option<SqlValue>,
    /// The hooks of a managed pool.
    pub hooks: Option<SqlValue>,
    /// The first token.
    pub token0: TokenInfo,
    /// The second token.
    pub token1: TokenInfo,
    /// 1 if the pool follows the stable-swap curve. In JSON, 1 is true and 0 is false.
    #[serde(serialize_with = "serialize_flag")]
    pub stable: Option<SqlValue>,
    /// The numerator of the fee if the input is the first token.
    pub fee_token0: Option<SqlValue>,
    /// The numerator of the fee if the input is the second token.
    pub fee_token1: Option<SqlValue>,
    /// The denominator of both fees.
    pub fee_denominator: Option<SqlValue>,
    /// The tick spacing.
    pub tick_spacing: Option<SqlValue>,
    /// The bin step of a Liquidity Book pool.
    pub bin_step: Option<SqlValue>,
    /// The block of the pool's mark.
    pub liquidity_update_block: Option<SqlValue>,
    /// The log index of the pool's mark.
    pub liquidity_update_log_index: Option<SqlValue>,
    /// The number of initialized ticks; `None` if pools of this kind have no ticks.
    pub ticks: Option<i64>,
}

/// A token of a pool with its stored values.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenInfo {
    /// The id that the pool has for the token.
    pub id: Option<SqlValue>,
    /// The contract.
    pub address: Option<SqlValue>,
    /// The symbol.
    pub symbol: Option<SqlValue>,
    /// The number of decimals.
    pub decimals: Option<SqlValue>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn table<S: Serializer>(family: &PoolFamily, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(family.table())
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn text<S: Serializer>(name: &Option<ExchangeName>, serializer: S) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => serializer.collect_str(name),
        None => serializer.serialize_none(),
    }
}

impl PoolInfo {
    const fn new(family: PoolFamily, id: i64) -> Self {
        const UNKNOWN: TokenInfo = TokenInfo {
            id: None,
            address: None,
            symbol: None,
            decimals: None,
        };
        Self {
            family,
            id,
            chain_id: None,
            exchange: None,
            kind: None,
            address: None,
            pool_hash: None,
            manager: None,
            hooks: None,
            token0: UNKNOWN,
            token1: UNKNOWN,
            stable: None,
            fee_token0: None,
            fee_token1: None,
            fee_denominator: None,
            tick_spacing: None,
            bin_step: None,
            liquidity_update_block: None,
            liquidity_update_log_index: None,
            ticks: None,
        }
    }

    /// The field for a column of a table of a kind.
    fn field_of(&mut self, column: &str) -> Option<&mut Option<SqlValue>> {
        Some(match column {
            "pool_hash" => &mut self.pool_hash,
            "hooks" => &mut self.hooks,
            "currency0_id" => &mut self.token0.id,
            "currency1_id" => &mut self.token1.id,
            "stable" => &mut self.stable,
            "fee_token0" | "fee_currency0" => &mut self.fee_token0,
            "fee_token1" | "fee_currency1" => &mut self.fee_token1,
            "fee_denominator" => &mut self.fee_denominator,
            "tick_spacing" => &mut self.tick_spacing,
            "bin_step" => &mut self.bin_step,
            "liquidity_update_block" => &mut self.liquidity_update_block,
            "liquidity_update_log_index" => &mut self.liquidity_update_log_index,
            _ => return None,
        })
    }
}

/// The FROM clause for the pools of a family, as `p`, and for their managers, as `m`.
const fn pools(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "pools AS p",
        PoolFamily::ManagedPools => {
            "managed_pools AS p LEFT JOIN pool_managers AS m ON m.id = p.manager_id"
        }
    }
}

/// The row that has the chain and the exchange of a pool.
pub(super) const fn owner(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => "p",
        PoolFamily::ManagedPools => "m",
    }
}

/// The condition for pools of any of these chains; all pools if there are none.
pub(crate) fn on_chains(column: &str, chains: &[ChainId]) -> String {
    if chains.is_empty() {
        return "1".to_owned();
    }
    let ids: Vec<_> = chains.iter().map(ToString::to_string).collect();
    format!("{column} IN ({})", ids.join(", "))
}

/// Reads pools with whatever belongs to them. Each table is asked for one row at a time, by its key.
pub(super) struct PoolReader<'connection> {
    statements: Statements<'connection>,
    /// The kinds whose table the database has.
    kinds: Vec<&'static PoolKindTable>,
    /// The statements for the tables of the kinds met so far.
    of_kinds: BTreeMap<&'static str, Statement<'connection>>,
    of_tokens: Statement<'connection>,
    of_ticks: [Statement<'connection>; PoolFamily::ALL.len()],
}

impl<'connection> PoolReader<'connection> {
    pub(super) fn new(
        connection: &'connection mut SqliteConnection,
        recognition: &Recognition,
    ) -> QueryResult<Self> {
        let statements = Statements::of(connection)?;
        let tables = &recognition.catalogue.tables;
        let kinds = POOL_KIND_TABLES.iter();
        let number_of_ticks = |family: PoolFamily| {
            let (table, key) = (family.tick_columns().table, family.key());
            statements.prepare(&format!("SELECT count(*) FROM {table} WHERE {key} = ?1"))
        };
        let [pools, managed_pools] = PoolFamily::ALL;
        Ok(Self {
            statements,
            kinds: kinds
                .filter(|kind| tables.contains_key(kind.table))
                .collect(),
            of_kinds: BTreeMap::new(),
            of_tokens: statements
                .prepare("SELECT address, symbol, decimals FROM erc20_tokens WHERE id = ?1")?,
            of_ticks: [number_of_ticks(pools)?, number_of_ticks(managed_pools)?],
        })
    }

    pub(super) const fn statements(&self) -> Statements<'connection> {
        self.statements
    }

    /// The pools of a family that meet a condition, in the order of their ids. In the condition, `p` is the row of the
    /// pool, and [`owner`] that with its chain and its exchange.
    pub(super) fn read(
        &mut self,
        family: PoolFamily,
        condition: &str,
        values: &[Bound<'_>],
    ) -> QueryResult<Vec<PoolInfo>> {
        let own = match family {
            PoolFamily::Pools => "p.address, NULL, p.token0_id, p.token1_id",
            PoolFamily::ManagedPools => "NULL, m.address, NULL, NULL",
        };
        let owner = owner(family);
        let mut rows = self.statements.prepare(&format!(
            "SELECT p.id, p.kind, {owner}.chain, e.chain_id, e.name, {own} FROM {} \
             LEFT JOIN exchanges AS e ON e.id = {owner}.exchange_id WHERE {condition}",
            pools(family)
        ))?;
        rows.query(values)?;
        let mut pools = Vec::new();
        while rows.step()? {
            let value = |column| SqlValue::of(rows.column(column));
            let mut pool = PoolInfo::new(family, rows.key(0));
            pool.kind = value(1);
            pool.chain_id = value(2);
            pool.exchange = exchange_name(&rows, 3);
            pool.address = value(5);
            pool.manager = value(6);
            pool.token0.id = value(7);
            pool.token1.id = value(8);
            self.complete(&mut pool)?;
            pools.push(pool);
        }
        Ok(pools)
    }

    /// Adds what other tables have of a pool.
    fn complete(&mut self, pool: &mut PoolInfo) -> QueryResult<()> {
        let name = match &pool.kind {
            Some(SqlValue::Text(name)) => name.as_str(),
            _ => "",
        };
        let is_its_kind = |kind: &PoolKindTable| kind.family == pool.family && kind.name == name;
        let kind = self.kinds.iter().copied().find(|kind| is_its_kind(kind));
        if let Some(kind) = kind {
            self.add_parameters(pool, kind)?;
            if kind.has_ticks() {
                let [of_pools, of_managed_pools] = &mut self.of_ticks;
                let of_ticks = match pool.family {
                    PoolFamily::Pools => of_pools,
                    PoolFamily::ManagedPools => of_managed_pools,
                };
                pool.ticks = of_ticks.first_integer(&[Bound::Integer(pool.id)])?;
            }
        }
        for token in [&mut pool.token0, &mut pool.token1] {
            if let Some(SqlValue::Integer(id)) = token.id {
                self.of_tokens.query(&[Bound::Integer(id)])?;
                if self.of_tokens.step()? {
                    let value = |column| SqlValue::of(self.of_tokens.column(column));
                    (token.address, token.symbol) = (value(0), value(1));
                    token.decimals = value(2);
                }
                self.of_tokens.reset();
            }
        }
        Ok(())
    }

    fn add_parameters(&mut self, pool: &mut PoolInfo, kind: &PoolKindTable) -> QueryResult<()> {
        let columns = kind.columns();
        let row = match self.of_kinds.entry(columns.table) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(place) => place.insert(self.statements.prepare(&format!(
                "SELECT {} FROM {} AS k WHERE k.{} = ?1",
                columns.of("k"),
                columns.table,
                pool.family.key()
            ))?),
        };
        row.query(&[Bound::Integer(pool.id)])?;
        if row.step()? {
            for (place, column) in (0..).zip(columns.names) {
                if let Some(field) = pool.field_of(column) {
                    *field = SqlValue::of(row.column(place));
                }
            }
        }
        row.reset();
        Ok(())
    }
}

/// The name of an exchange from its chain and its name, if both are valid.
fn exchange_name(row: &Statement<'_>, first: c_int) -> Option<ExchangeName> {
    Some(ExchangeName {
        chain: ChainId::decode(row.column(first)).ok()?,
        name: String::decode(row.column(first + 1)).ok()?,
    })
}

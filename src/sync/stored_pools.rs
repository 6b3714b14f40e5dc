//! What a database has of pools, as stored, and unchecked.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::c_int;

use diesel::prelude::*;

use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::sync::pool_facts::{MARK, NO_MARK, PoolFacts};
use crate::types::integer::ChainId;
use crate::types::stored::{Encode, Stored};

/// The columns of a pool's mark.
const MARK_COLUMNS: [&str; 2] = ["liquidity_update_block", "liquidity_update_log_index"];

/// A pool's place in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolId {
    pub(super) family: PoolFamily,
    pub(super) id: i64,
}

/// A pool as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StoredPool {
    pub(super) id: PoolId,
    pub(super) exchange_id: i64,
    /// The address, or the hash inside the manager.
    pub(super) key: String,
    pub(super) facts: PoolFacts,
}

/// Reads pools one by one.
pub(super) struct StoredPools<'connection> {
    statements: Statements<'connection>,
    /// By family: the rows of the pool and of its tokens, its ticks, and its words.
    own: [Statement<'connection>; 2],
    ticks: [Statement<'connection>; 2],
    words: [Statement<'connection>; 2],
    kinds: BTreeMap<&'static str, Statement<'connection>>,
}

const fn place(family: PoolFamily) -> usize {
    match family {
        PoolFamily::Pools => 0,
        PoolFamily::ManagedPools => 1,
    }
}

impl<'connection> StoredPools<'connection> {
    pub(super) fn new(statements: Statements<'connection>) -> QueryResult<Self> {
        let own = [
            "SELECT p.address, p.kind, p.exchange_id, a.address, b.address, a.chain = p.chain, b.chain = p.chain \
             FROM pools AS p LEFT JOIN erc20_tokens AS a ON a.id = p.token0_id \
             LEFT JOIN erc20_tokens AS b ON b.id = p.token1_id WHERE p.id = ?1",
            "SELECT v.pool_hash, p.kind, m.exchange_id, a.address, b.address, a.chain = m.chain, b.chain = m.chain \
             FROM managed_pools AS p LEFT JOIN pool_managers AS m ON m.id = p.manager_id \
             LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = p.id \
             LEFT JOIN erc20_tokens AS a ON a.id = v.currency0_id \
             LEFT JOIN erc20_tokens AS b ON b.id = v.currency1_id WHERE p.id = ?1",
        ];
        let [pools, managed] = PoolFamily::ALL;
        let rows = |family: PoolFamily, table: &str, columns: &str| {
            let key = family.key();
            statements.prepare(&format!("SELECT {columns} FROM {table} WHERE {key} = ?1"))
        };
        let ticks = |family: PoolFamily| {
            let columns = "tick, liquidity_net, liquidity_gross";
            rows(family, family.tick_columns().table, columns)
        };
        let words = |family: PoolFamily| rows(family, family.word_columns().table, "word, bitmap");
        Ok(Self {
            statements,
            own: [statements.prepare(own[0])?, statements.prepare(own[1])?],
            ticks: [ticks(pools)?, ticks(managed)?],
            words: [words(pools)?, words(managed)?],
            kinds: BTreeMap::new(),
        })
    }

    /// A pool; `None` if there is none with this id.
    pub(super) fn read(&mut self, id: PoolId) -> QueryResult<Option<StoredPool>> {
        let row = &mut self.own[place(id.family)];
        row.query(&[Bound::Integer(id.id)])?;
        if !row.step()? {
            return Ok(None);
        }
        let mut facts = PoolFacts::default();
        let key = row.column(0).to_text();
        let kind = row.column(1).to_text();
        let exchange_id = row.key(2);
        facts.set("kind", &kind);
        facts.set("exchange_id", row.column(2).to_text());
        for (column, is_of_chain, name) in [(3, 5, "token0"), (4, 6, "token1")] {
            let mut address = row.column(column).to_text();
            if row.column(is_of_chain) == Stored::Integer(0) {
                address.push_str(" of another chain");
            }
            facts.set(name, address);
        }
        row.reset();
        let table = POOL_KIND_TABLES
            .iter()
            .find(|table| table.family == id.family && table.name == kind);
        if let Some(table) = table {
            self.read_kind(table, id.id, &mut facts)?;
        }
        self.read_liquidity(id, &mut facts)?;
        Ok(Some(StoredPool {
            id,
            exchange_id,
            key,
            facts,
        }))
    }

    /// Reads the row in the table of the pool's kind.
    fn read_kind(
        &mut self,
        table: &'static PoolKindTable,
        id: i64,
        facts: &mut PoolFacts,
    ) -> QueryResult<()> {
        let columns = table.columns();
        let row = match self.kinds.entry(table.table) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.statements.prepare(&format!(
                "SELECT {} FROM {} AS k WHERE k.{} = ?1",
                columns.of("k"),
                table.table,
                table.family.key()
            ))?),
        };
        row.query(&[Bound::Integer(id)])?;
        if row.step()? {
            let mut mark = None;
            for (index, name) in (0 as c_int..).zip(columns.names) {
                let text = row.column(index).to_text();
                match *name {
                    // The pool's own id, and what the first row has.
                    "pool_id" | "managed_pool_id" | "pool_hash" | "currency0_id"
                    | "currency1_id" => {}
                    name if name == MARK_COLUMNS[0] => mark = Some(text),
                    name if name == MARK_COLUMNS[1] => {
                        let block = mark.take().unwrap_or_default();
                        facts.set(MARK, stored_mark(&block, &text));
                    }
                    name => facts.set(name, text),
                }
            }
        }
        row.reset();
        Ok(())
    }

    fn read_liquidity(&mut self, id: PoolId, facts: &mut PoolFacts) -> QueryResult<()> {
        let pool = [Bound::Integer(id.id)];
        let ticks = &mut self.ticks[place(id.family)];
        ticks.query(&pool)?;
        while ticks.step()? {
            let texts = [1, 2].map(|column| ticks.column(column).to_text());
            facts.ticks.insert(ticks.key(0), texts);
        }
        ticks.reset();
        let words = &mut self.words[place(id.family)];
        words.query(&pool)?;
        while words.step()? {
            let text = words.column(1).to_text();
            facts.words.insert(words.key(0), text);
        }
        words.reset();
        Ok(())
    }
}

/// The same text as that of a mark from events.
fn stored_mark(block: &str, index: &str) -> String {
    match (block, index) {
        ("NULL", "NULL") => NO_MARK.to_owned(),
        _ => format!("block {block}, log {index}"),
    }
}

/// The pools of an exchange, in the order of their ids.
pub(super) fn of_exchange(
    statements: Statements<'_>,
    exchange_id: i64,
) -> QueryResult<Vec<PoolId>> {
    ids(
        statements,
        [
            "SELECT id FROM pools WHERE exchange_id = ?1 ORDER BY id",
            "SELECT p.id FROM managed_pools AS p JOIN pool_managers AS m ON m.id = p.manager_id \
             WHERE m.exchange_id = ?1 ORDER BY p.id",
        ],
        &[Bound::Integer(exchange_id)],
    )
}

/// The pools that a text names: an address, the hash of a pool inside a manager, or an id. With an id, there can be one
/// of each family.
pub(super) fn named(
    statements: Statements<'_>,
    chain: ChainId,
    name: &str,
) -> QueryResult<Vec<PoolId>> {
    let number: Option<i64> = name.parse().ok();
    let lower = name.to_ascii_lowercase();
    let of_chain = Bound::Integer(chain.encode());
    match number {
        Some(number) => ids(
            statements,
            [
                "SELECT id FROM pools WHERE id = ?1 AND chain = ?2",
                "SELECT p.id FROM managed_pools AS p JOIN pool_managers AS m ON m.id = p.manager_id \
                 WHERE p.id = ?1 AND m.chain = ?2",
            ],
            &[Bound::Integer(number), of_chain],
        ),
        None => ids(
            statements,
            [
                "SELECT id FROM pools WHERE lower(address) = ?1 AND chain = ?2 ORDER BY id",
                "SELECT p.id FROM uniswap_v4_pools AS v JOIN managed_pools AS p ON p.id = v.managed_pool_id \
                 JOIN pool_managers AS m ON m.id = p.manager_id \
                 WHERE lower(v.pool_hash) = ?1 AND m.chain = ?2 ORDER BY p.id",
            ],
            &[Bound::Text(&lower), of_chain],
        ),
    }
}

fn ids(
    statements: Statements<'_>,
    queries: [&str; 2],
    values: &[Bound<'_>],
) -> QueryResult<Vec<PoolId>> {
    let mut found = Vec::new();
    for (family, query) in PoolFamily::ALL.into_iter().zip(queries) {
        let mut rows = statements.prepare(query)?;
        rows.query(values)?;
        while rows.step()? {
            found.push(PoolId {
                family,
                id: rows.key(0),
            });
        }
    }
    Ok(found)
}

//! Reads the ticks of a family of pools, in the order of the pools' ids.
//!
//! There are millions of them, so what a tick has of its pool is read once for each pool.

use crate::database::error::database_error::Error;
use crate::database::export::batch::{Batch, Values};
use crate::database::export::read_rows::{Collector, add_row};
use crate::database::export::tables::Column;
use crate::database::reports::pool_info::on_chains;
use crate::models::pools::pool_family::PoolFamily;
use crate::sqlite::prepared::{Bound, Statement, Statements};
use crate::types::decimal::{I128, U128};
use crate::types::integer::ChainId;
use crate::types::stored::{Decode, Stored};

/// How many columns of a tick are those of its pool. They come first.
const OF_POOL: usize = 9;

/// Adds the ticks of a family, of these chains if any are given.
pub(super) fn read_ticks(
    statements: Statements<'_>,
    family: PoolFamily,
    chains: &[ChainId],
    columns: &'static [Column],
    collector: &mut Collector<'_>,
) -> Result<(), Error> {
    let mut ticks = statements.prepare(&ticks_of(family, chains))?;
    let mut pools = statements.prepare(pool_of(family))?;
    let _held = statements.hold();
    let mut pool = Pool::new(columns);
    while ticks.step()? {
        let id = ticks.column(0);
        if !pool.is(id) {
            pool.repeat(collector);
            pool.read(id, &mut pools)?;
        }
        add_tick(&ticks, collector);
        pool.pending += 1;
        collector.batch.rows += 1;
        if collector.batch.is_full() {
            pool.repeat(collector);
            collector.flush()?;
        }
    }
    pool.repeat(collector);
    Ok(())
}

/// The current pool: the values of its columns, and to how many ticks they have yet to be added.
struct Pool {
    columns: &'static [Column],
    id: Option<i64>,
    is_read: bool,
    values: Batch,
    /// Which of the values are not what their columns can have.
    invalid: [u64; OF_POOL],
    pending: usize,
}

impl Pool {
    fn new(columns: &'static [Column]) -> Self {
        let columns = &columns[..OF_POOL];
        Self {
            columns,
            id: None,
            is_read: false,
            values: Batch::new(columns),
            invalid: [0; OF_POOL],
            pending: 0,
        }
    }

    fn is(&self, id: Stored<'_>) -> bool {
        self.is_read && self.id == id.as_integer()
    }

    /// Reads a pool. Of one that does not exist, only the id is known.
    fn read(&mut self, id: Stored<'_>, pools: &mut Statement<'_>) -> Result<(), Error> {
        self.id = id.as_integer();
        self.is_read = true;
        self.values = Batch::new(self.columns);
        self.invalid = [0; OF_POOL];
        pools.query(&[Bound::id(self.id)])?;
        pools.step()?;
        add_row(
            self.columns,
            pools,
            &mut self.values.values,
            &mut self.invalid,
        );
        Ok(())
    }

    fn repeat(&mut self, collector: &mut Collector<'_>) {
        for (all, one) in collector.batch.values.iter_mut().zip(&self.values.values) {
            all.push_repeated(one, self.pending);
        }
        for (all, one) in collector.invalid.iter_mut().zip(self.invalid) {
            *all += one * self.pending as u64;
        }
        self.pending = 0;
    }
}

/// Adds the columns that a tick has itself.
#[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
fn add_tick(row: &Statement<'_>, collector: &mut Collector<'_>) {
    let [tick, net, net_float, gross, gross_float] = &mut collector.batch.values[OF_POOL..] else {
        return;
    };
    let [tick_invalid, net_invalid, gross_invalid] = &mut collector.invalid[OF_POOL..] else {
        return;
    };
    let stored = row.column(1);
    tick.push_integer(stored.as_integer());
    *tick_invalid += u64::from(!matches!(stored, Stored::Integer(_) | Stored::Null));
    let stored = row.column(2);
    let number = I128::decode(stored).ok().map(|number| number.0 as f64);
    *net_invalid += add_number(stored, number, net, net_float);
    let stored = row.column(3);
    let number = U128::decode(stored).ok().map(|number| number.0 as f64);
    *gross_invalid += add_number(stored, number, gross, gross_float);
}

/// Adds the text of a number and the float nearest to it, and NULL for anything else. Returns how many values are invalid.
fn add_number(
    stored: Stored<'_>,
    number: Option<f64>,
    text: &mut Values,
    float: &mut Values,
) -> u64 {
    text.push_text(match stored {
        Stored::Text(digits) if number.is_some() => Some(digits),
        _ => None,
    });
    float.push_float(number);
    u64::from(number.is_none() && stored != Stored::Null)
}

/// The query for the ticks. Each table of ticks has an index in this order.
fn ticks_of(family: PoolFamily, chains: &[ChainId]) -> String {
    let (table, key) = (family.tick_columns().table, family.key());
    let columns = "r.tick, r.liquidity_net, r.liquidity_gross";
    if chains.is_empty() {
        return format!("SELECT r.{key}, {columns} FROM {table} AS r ORDER BY r.{key}, r.tick");
    }
    // CROSS JOIN fixes the plan: scan the pools, and look up each one's rows in the index.
    let (pools, chain) = match family {
        PoolFamily::Pools => ("pools AS p", "p.chain"),
        PoolFamily::ManagedPools => (
            "managed_pools AS p CROSS JOIN pool_managers AS m ON m.id = p.manager_id",
            "m.chain",
        ),
    };
    format!(
        "SELECT p.id, {columns} FROM {pools} CROSS JOIN {table} AS r ON r.{key} = p.id \
         WHERE {} ORDER BY p.id, r.tick",
        on_chains(chain, chains)
    )
}

/// The query for the columns of the pool with the id `?1`. It has one row, whether there is such a pool or not.
const fn pool_of(family: PoolFamily) -> &'static str {
    match family {
        PoolFamily::Pools => {
            "SELECT p.chain, 'pools', ?1, e.name, p.kind, p.address, NULL, t0.symbol, t1.symbol \
             FROM (SELECT 1) LEFT JOIN pools AS p ON p.id = ?1 \
             LEFT JOIN exchanges AS e ON e.id = p.exchange_id \
             LEFT JOIN erc20_tokens AS t0 ON t0.id = p.token0_id \
             LEFT JOIN erc20_tokens AS t1 ON t1.id = p.token1_id"
        }
        PoolFamily::ManagedPools => {
            "SELECT pm.chain, 'managed_pools', ?1, e.name, p.kind, pm.address, v.pool_hash, t0.symbol, t1.symbol \
             FROM (SELECT 1) LEFT JOIN managed_pools AS p ON p.id = ?1 \
             LEFT JOIN pool_managers AS pm ON pm.id = p.manager_id \
             LEFT JOIN exchanges AS e ON e.id = pm.exchange_id \
             LEFT JOIN uniswap_v4_pools AS v ON v.managed_pool_id = p.id \
             LEFT JOIN erc20_tokens AS t0 ON t0.id = v.currency0_id \
             LEFT JOIN erc20_tokens AS t1 ON t1.id = v.currency1_id"
        }
    }
}

//! The bare prepared statements that an update cannot do without, run without anything around them.
//!
//! These are counted, in transactions that end where those of the update ended:
//!
//! - for each new pool: a look for its two tokens, an insertion of each that is new, of the row of `pools` or
//!   `managed_pools`, and of the row of its kind;
//! - for each pool with events in a transaction: a read of its mark and its tick spacing, and an update of its mark;
//! - for each tick that they change: a read, and an insertion, an update or a deletion;
//! - for each word of the bitmap that those change: the same;
//! - for each transaction: the marks of the exchanges, the block, and the commit.
//!
//! Values are text already when the clock starts. Where events cancel out or only collect fees, nothing is counted.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use alloy_primitives::U256;

use crate::Result;
use crate::bare::{Bare, Prepared, Value};
use crate::cpu::thread_time;
use crate::stream::{Change, EXCHANGES, FIRST, MANAGED, Stream};

/// What is in the database, of one pool.
#[derive(Default)]
struct Content {
    id: i64,
    mark: Option<u64>,
    ticks: BTreeMap<i32, (i128, u128)>,
    words: BTreeMap<i32, U256>,
}

/// How a row changes.
enum Row {
    Insert(Vec<String>),
    Update(Vec<String>),
    Delete,
}

/// The changes of one pool in one transaction.
struct Work {
    id: i64,
    kind: usize,
    mark: [i64; 2],
    ticks: Vec<(i64, Row)>,
    words: Vec<(i64, Row)>,
}

/// Runs the statements for all events of a stream, in transactions that end with these blocks. Returns the seconds of
/// CPU that they took, and their number.
pub fn run(path: &Path, stream: &Stream, ends: &[u64]) -> Result<(f64, u64)> {
    let bare = Bare::open(path);
    // What the update sets for itself.
    bare.execute("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16384");
    let mut statements = Statements::new(&bare);
    let mut contents: Vec<Content> = Vec::new();
    contents.resize_with(stream.pools.len(), Content::default);
    let (mut created, mut used) = (0, [0, 0]);
    let mut seconds = 0.0;
    for end in ends {
        let last = u32::try_from(end - FIRST)?;
        let mut by_pool: BTreeMap<u32, Vec<&Change>> = BTreeMap::new();
        for (changes, used) in stream.changes.iter().zip(&mut used) {
            let new = changes[*used..].partition_point(|change| change.block <= last);
            for change in &changes[*used..*used + new] {
                by_pool.entry(change.pool).or_default().push(change);
            }
            *used += new;
        }
        let new = stream.pools[created..].partition_point(|pool| pool.created <= last);
        let pools: Vec<_> = stream.pools[created..created + new]
            .iter()
            .map(NewPool::of)
            .collect();
        let mut works: Vec<Work> = Vec::new();
        for (pool, changes) in by_pool {
            let spec = &stream.pools[pool as usize];
            let content = &mut contents[pool as usize];
            works.extend(content.apply(spec.exchange, spec.spacing, &changes));
        }
        let before = thread_time();
        bare.execute("BEGIN IMMEDIATE");
        for (content, pool) in contents[created..].iter_mut().zip(&pools) {
            content.id = statements.create(&bare, pool);
        }
        // The pools of this transaction have their ids only now.
        for work in &works {
            let place = usize::try_from(work.id)?;
            statements.write(contents[place].id, work);
        }
        statements.finish(&bare, *end);
        bare.execute("COMMIT");
        seconds += thread_time() - before;
        created += new;
    }
    let before = thread_time();
    let count = statements.count;
    drop(statements);
    drop(bare);
    Ok((seconds + thread_time() - before, count))
}

impl Content {
    /// Applies events. `None` if they change nothing.
    fn apply(&mut self, exchange: usize, spacing: i32, changes: &[&Change]) -> Option<Work> {
        let mut touched: BTreeMap<i32, (i128, u128)> = BTreeMap::new();
        let mut last = None;
        let place = changes.first()?.pool;
        for change in changes.iter().filter(|change| change.delta() != 0) {
            last = Some(FIRST + u64::from(change.block));
            for (tick, sign) in [(change.lower, 1), (change.upper, -1)] {
                let before = self.ticks.get(&tick).copied().unwrap_or_default();
                let (net, gross) = touched.entry(tick).or_insert(before);
                *net += sign * change.delta();
                *gross = gross.wrapping_add_signed(change.delta());
            }
        }
        let mark = last?;
        let mut flipped: BTreeMap<i32, U256> = BTreeMap::new();
        let mut ticks = Vec::new();
        for (tick, (net, gross)) in touched {
            let before = self.ticks.get(&tick).copied();
            if before.is_some() != (gross != 0) {
                let index = tick / spacing;
                let bits = flipped.entry(index >> 8).or_default();
                *bits ^= U256::from(1) << usize::try_from(index & 255).ok()?;
            }
            let texts = || vec![net.to_string(), gross.to_string()];
            let row = match before {
                None if gross == 0 => continue,
                Some(before) if before == (net, gross) => continue,
                Some(_) if gross == 0 => {
                    self.ticks.remove(&tick);
                    Row::Delete
                }
                before => {
                    self.ticks.insert(tick, (net, gross));
                    before.map_or_else(|| Row::Insert(texts()), |_| Row::Update(texts()))
                }
            };
            ticks.push((tick.into(), row));
        }
        let mut words = Vec::new();
        for (word, mask) in flipped.into_iter().filter(|(_, mask)| !mask.is_zero()) {
            let before = self.words.get(&word).copied();
            let after = before.unwrap_or_default() ^ mask;
            let texts = vec![after.to_string()];
            let row = match before {
                Some(_) if after.is_zero() => {
                    self.words.remove(&word);
                    Row::Delete
                }
                before => {
                    self.words.insert(word, after);
                    before.map_or_else(
                        || Row::Insert(texts.clone()),
                        |_| Row::Update(texts.clone()),
                    )
                }
            };
            words.push((word.into(), row));
        }
        self.mark = Some(mark);
        Some(Work {
            id: place.into(),
            kind: exchange,
            mark: [i64::try_from(mark).ok()?, 1],
            ticks,
            words,
        })
    }
}

/// The texts of a new pool.
struct NewPool {
    exchange: usize,
    key: String,
    tokens: [String; 2],
    fee: i64,
    spacing: i64,
}

impl NewPool {
    fn of(pool: &crate::stream::Pool) -> Self {
        let key = if pool.exchange == MANAGED {
            alloy_primitives::hex::encode_prefixed(pool.key)
        } else {
            alloy_primitives::Address::from_slice(&pool.key[12..]).to_string()
        };
        Self {
            exchange: pool.exchange,
            key,
            tokens: pool.tokens.map(|token| token.to_string()),
            fee: pool.fee.into(),
            spacing: pool.spacing.into(),
        }
    }
}

/// The statements of one family of pools.
struct Family {
    rows: [Rows; 2],
    kinds: HashMap<usize, [Prepared; 3]>,
    pool: Prepared,
}

/// The statements of the ticks, or of the words.
struct Rows {
    read: Prepared,
    insert: Prepared,
    update: Prepared,
    delete: Prepared,
}

struct Statements {
    find_token: Prepared,
    insert_token: Prepared,
    families: [Family; 2],
    mark: Prepared,
    block: Prepared,
    exchanges: [i64; EXCHANGES.len()],
    manager: i64,
    count: u64,
}

impl Statements {
    fn new(bare: &Bare) -> Self {
        let rows = |table: &str, key: &str, index: &str, values: [&str; 2]| {
            let values: Vec<_> = values
                .into_iter()
                .filter(|value| !value.is_empty())
                .collect();
            let set: Vec<_> = (2..)
                .zip(&values)
                .map(|(n, value)| format!("{value} = ?{n}"))
                .collect();
            let marks = vec!["?"; values.len() + 2].join(", ");
            let columns = values.join(", ");
            Rows {
                read: bare.prepare(&format!(
                    "SELECT id, {columns} FROM {table} WHERE {key} = ?1 AND {index} = ?2"
                )),
                insert: bare.prepare(&format!(
                    "INSERT INTO {table} ({key}, {index}, {columns}) VALUES ({marks})"
                )),
                update: bare.prepare(&format!(
                    "UPDATE {table} SET {} WHERE id = ?1",
                    set.join(", ")
                )),
                delete: bare.prepare(&format!("DELETE FROM {table} WHERE id = ?1")),
            }
        };
        let family = |ticks: &str, words: &str, key: &str, kinds: &[usize], pool: &str| {
            Family {
            rows: [
                rows(ticks, key, "tick", ["liquidity_net", "liquidity_gross"]),
                rows(words, key, "word", ["bitmap", ""]),
            ],
            kinds: kinds
                .iter()
                .map(|kind| {
                    let table = format!("{}_pools", EXCHANGES[*kind]);
                    let fee = if *kind == MANAGED { "fee_currency" } else { "fee_token" };
                    let hash = if *kind == MANAGED { ", pool_hash, hooks" } else { "" };
                    let tokens = if *kind == MANAGED { ", currency0_id, currency1_id" } else { "" };
                    let rest = if *kind == MANAGED { ", ?4, ?5, ?6, ?7" } else { "" };
                    let statements = [
                        format!(
                            "INSERT INTO {table} ({key}, {fee}0, {fee}1, fee_denominator, \
                             tick_spacing{hash}{tokens}) VALUES (?1, ?2, ?2, 1000000, ?3{rest})"
                        ),
                        format!(
                            "SELECT liquidity_update_block, liquidity_update_log_index, tick_spacing \
                             FROM {table} WHERE {key} = ?1"
                        ),
                        format!(
                            "UPDATE {table} SET liquidity_update_block = ?2, \
                             liquidity_update_log_index = ?3 WHERE {key} = ?1"
                        ),
                    ];
                    (*kind, statements.map(|statement| bare.prepare(&statement)))
                })
                .collect(),
            pool: bare.prepare(pool),
        }
        };
        let number = |sql: &str| {
            let statement = bare.prepare(sql);
            assert!(statement.step(), "{sql}");
            statement.integer(0)
        };
        Self {
            find_token: bare
                .prepare("SELECT id FROM erc20_tokens WHERE address = ?1 AND chain = 1"),
            insert_token: bare.prepare("INSERT INTO erc20_tokens (address, chain) VALUES (?1, 1)"),
            families: [
                family(
                    "liquidity_positions",
                    "initialization_maps",
                    "pool_id",
                    &[0, 1, 2],
                    "INSERT INTO pools (address, chain, kind, token0_id, token1_id, exchange_id) \
                     VALUES (?1, 1, ?2, ?3, ?4, ?5)",
                ),
                family(
                    "managed_pool_liquidity_positions",
                    "managed_pool_initialization_maps",
                    "managed_pool_id",
                    &[MANAGED],
                    "INSERT INTO managed_pools (manager_id, kind) VALUES (?1, ?2)",
                ),
            ],
            mark: bare.prepare("UPDATE exchanges SET last_update_block = ?2 WHERE id = ?1"),
            block: bare.prepare(
                "INSERT INTO chain_blocks (chain_id, number, hash, is_final) VALUES (1, ?1, ?2, 1) \
                 ON CONFLICT (chain_id, number) DO NOTHING",
            ),
            exchanges: EXCHANGES.map(|name| {
                number(&format!(
                    "SELECT id FROM exchanges WHERE chain_id = 1 AND name = '{name}'"
                ))
            }),
            manager: number("SELECT id FROM pool_managers"),
            count: 0,
        }
    }

    /// Inserts a pool with its tokens. Returns its id.
    fn create(&mut self, bare: &Bare, pool: &NewPool) -> i64 {
        let ids = pool.tokens.each_ref().map(|token| {
            self.count += 1;
            self.find_token.bind(&[Value::Text(token)]);
            let found = self.find_token.step().then(|| self.find_token.integer(0));
            self.find_token.reset();
            found.unwrap_or_else(|| {
                self.count += 1;
                self.insert_token.run(&[Value::Text(token)]);
                bare.last_insert_rowid()
            })
        });
        self.count += 2;
        let is_managed = pool.exchange == MANAGED;
        let family = &self.families[usize::from(is_managed)];
        let kind = Value::Text(EXCHANGES[pool.exchange]);
        let [token0, token1] = ids.map(Value::Integer);
        if is_managed {
            family.pool.run(&[Value::Integer(self.manager), kind]);
        } else {
            let exchange = Value::Integer(self.exchanges[pool.exchange]);
            family
                .pool
                .run(&[Value::Text(&pool.key), kind, token0, token1, exchange]);
        }
        let id = bare.last_insert_rowid();
        let values = [
            Value::Integer(id),
            Value::Integer(pool.fee),
            Value::Integer(pool.spacing),
        ];
        let [insert, ..] = &family.kinds[&pool.exchange];
        if is_managed {
            let hooks = "0x0000000000000000000000000000000000000000";
            let more = [Value::Text(&pool.key), Value::Text(hooks), token0, token1];
            insert.run(&[values.as_slice(), &more].concat());
        } else {
            insert.run(&values);
        }
        id
    }

    fn write(&mut self, id: i64, work: &Work) {
        let family = &self.families[usize::from(work.kind == MANAGED)];
        let [_, read, advance] = &family.kinds[&work.kind];
        read.bind(&[Value::Integer(id)]);
        assert!(read.step(), "no pool {id}");
        std::hint::black_box(read.integer(0) + read.integer(1) + read.integer(2));
        read.reset();
        for (statements, rows) in family.rows.iter().zip([&work.ticks, &work.words]) {
            // All are read before any is written, which is faster.
            let mut found = Vec::with_capacity(rows.len());
            for (index, _) in rows {
                statements
                    .read
                    .bind(&[Value::Integer(id), Value::Integer(*index)]);
                found.push(statements.read.step().then(|| {
                    std::hint::black_box(statements.read.text(1));
                    statements.read.integer(0)
                }));
                statements.read.reset();
            }
            for ((index, row), found) in rows.iter().zip(found) {
                match (row, found) {
                    (Row::Insert(texts), None) => {
                        let mut values = vec![Value::Integer(id), Value::Integer(*index)];
                        values.extend(texts.iter().map(|text| Value::Text(text)));
                        statements.insert.run(&values);
                    }
                    (Row::Update(texts), Some(row)) => {
                        let mut values = vec![Value::Integer(row)];
                        values.extend(texts.iter().map(|text| Value::Text(text)));
                        statements.update.run(&values);
                    }
                    (Row::Delete, Some(row)) => statements.delete.run(&[Value::Integer(row)]),
                    _ => panic!("the rows of pool {id} are others"),
                }
            }
            self.count += 2 * rows.len() as u64;
        }
        let [block, log_index] = work.mark.map(Value::Integer);
        advance.run(&[Value::Integer(id), block, log_index]);
        self.count += 2;
    }

    fn finish(&mut self, bare: &Bare, end: u64) {
        let end = i64::try_from(end).unwrap();
        for exchange in self.exchanges {
            self.mark
                .run(&[Value::Integer(exchange), Value::Integer(end)]);
        }
        let hash = format!("0x{end:064x}");
        self.block.run(&[Value::Integer(end), Value::Text(&hash)]);
        bare.execute(&format!(
            "DELETE FROM chain_blocks WHERE chain_id = 1 AND number < {end}"
        ));
        self.count += 2 + self.exchanges.len() as u64;
    }
}

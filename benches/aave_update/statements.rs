//! The bare prepared statements that an update of a market cannot do without, run without anything around them.
//!
//! These are counted, in transactions that end where those of the update ended:
//!
//! - for each user with events in a transaction: a read, and an insertion if the user is new;
//! - for each position that they change: an insertion, or a read and an update;
//! - for each reserve: an update of its indexes and rates, and of their time;
//! - for each transaction: the mark of the market, its time, the block, and the commit.
//!
//! Values are text already when the clock starts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use degenbot::types::Address;

use crate::bare::{Bare, Prepared, Value};
use crate::cpu::thread_time;
use crate::market::{FIRST, History, RESERVES, Side, Step, token, user};

/// The texts of a position: the scaled balance and the index.
type Texts = [String; 2];

/// What a transaction writes.
struct Work {
    /// Both spellings of the addresses.
    users: BTreeMap<u32, [String; 2]>,
    positions: BTreeMap<(Side, u32, usize), Texts>,
    indexes: BTreeMap<usize, String>,
}

impl Work {
    fn of(steps: &[Step]) -> Self {
        let mut work = Self {
            users: BTreeMap::new(),
            positions: BTreeMap::new(),
            indexes: BTreeMap::new(),
        };
        for step in steps {
            work.users.entry(step.user).or_insert_with(|| {
                let address = Address::new(user(step.user)).to_string();
                let lower = address.to_lowercase();
                [address, lower]
            });
            let texts = [step.scaled.to_string(), step.index.to_string()];
            let key = (step.side, step.user, step.reserve);
            work.positions.insert(key, texts);
            work.indexes.insert(step.reserve, step.index.to_string());
        }
        work
    }
}

struct Statements {
    find_user: Prepared,
    insert_user: Prepared,
    /// Of each side: finding, inserting, updating.
    positions: [[Prepared; 3]; 2],
    reserve: Prepared,
    reserve_time: Prepared,
    mark: Prepared,
    time: Prepared,
    block: Prepared,
}

impl Statements {
    fn new(bare: &Bare) -> Self {
        let side = |name: &str| {
            [
                format!("SELECT id, balance, last_index FROM {name} WHERE user_id = ?1 AND asset_id = ?2"),
                format!("INSERT INTO {name} (user_id, asset_id, balance, last_index) VALUES (?1, ?2, ?3, ?4)"),
                format!("UPDATE {name} SET balance = ?2, last_index = ?3 WHERE id = ?1"),
            ]
            .map(|sql| bare.prepare(&sql))
        };
        Self {
            find_user: bare.prepare(
                "SELECT id, e_mode, gho_discount FROM aave_v3_users \
                 WHERE address IN (?1, ?2) AND market_id = 1",
            ),
            insert_user: bare.prepare(
                "INSERT INTO aave_v3_users (market_id, address, e_mode, gho_discount, isolation_mode_debt) \
                 VALUES (1, ?1, 0, 0, '0')",
            ),
            positions: ["aave_v3_collateral_positions", "aave_v3_debt_positions"].map(side),
            reserve: bare.prepare(
                "UPDATE aave_v3_assets SET liquidity_index = ?2, borrow_index = ?2, liquidity_rate = ?3, \
                 borrow_rate = ?3, last_update_block = ?4 WHERE id = ?1",
            ),
            reserve_time: bare
                .prepare("UPDATE aave_v3_asset_facts SET last_update_time = ?2 WHERE asset_id = ?1"),
            mark: bare.prepare("UPDATE aave_v3_markets SET last_update_block = ?1 WHERE id = 1"),
            time: bare.prepare(
                "UPDATE aave_v3_market_facts SET last_update_time = ?1 WHERE market_id = 1",
            ),
            block: bare.prepare(
                "INSERT INTO chain_blocks (chain_id, number, hash, is_final) VALUES (1, ?1, ?2, 1) \
                 ON CONFLICT (chain_id, number) DO NOTHING",
            ),
        }
    }
}

/// Runs the statements for the events after a block, in transactions that end with these blocks. The database has the
/// reserves. Returns the seconds of CPU that they took, and their number.
pub fn run(path: &Path, history: &History, after: u64, ends: &[u64]) -> (f64, u64) {
    let bare = Bare::open(path);
    // What the update sets for itself.
    bare.execute("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16384");
    let statements = Statements::new(&bare);
    let assets = assets(&bare);
    let (mut seconds, mut count, mut after) = (0.0, 0, after);
    for end in ends {
        let work = Work::of(history.between(after, *end));
        let before = thread_time();
        bare.execute("BEGIN IMMEDIATE");
        count += statements.write(&bare, &assets, &work);
        statements.finish(*end);
        bare.execute("COMMIT");
        seconds += thread_time() - before;
        count += 3;
        after = *end;
    }
    let before = thread_time();
    drop(statements);
    drop(bare);
    (seconds + thread_time() - before, count)
}

/// The ids of the reserves.
fn assets(bare: &Bare) -> [i64; RESERVES] {
    let find = bare.prepare(
        "SELECT a.id FROM aave_v3_assets a JOIN erc20_tokens t ON t.id = a.underlying_asset_id \
         WHERE t.address = ?1",
    );
    std::array::from_fn(|reserve| {
        let address = Address::new(token(reserve, 0)).to_string();
        find.bind(&[Value::Text(&address)]);
        assert!(find.step(), "no asset {address}");
        let id = find.integer(0);
        find.reset();
        id
    })
}

impl Statements {
    fn write(&self, bare: &Bare, assets: &[i64; RESERVES], work: &Work) -> u64 {
        let mut count = 0;
        let mut ids = HashMap::new();
        let mut new = BTreeSet::new();
        for (user, [address, lower]) in &work.users {
            self.find_user
                .bind(&[Value::Text(address), Value::Text(lower)]);
            let found = self.find_user.step().then(|| self.find_user.integer(0));
            self.find_user.reset();
            let id = found.unwrap_or_else(|| {
                self.insert_user.run(&[Value::Text(address)]);
                new.insert(*user);
                bare.last_insert_rowid()
            });
            count += 1 + u64::from(found.is_none());
            ids.insert(*user, id);
        }
        // All are read before any is written, and written in the order of their table.
        let mut rows: Vec<_> = work
            .positions
            .iter()
            .map(|((side, user, reserve), texts)| {
                let [find, ..] = &self.positions[*side as usize];
                let key = [Value::Integer(ids[user]), Value::Integer(assets[*reserve])];
                let mut found = None;
                if !new.contains(user) {
                    count += 1;
                    find.bind(&key);
                    found = find.step().then(|| {
                        std::hint::black_box(find.text(1) + find.text(2));
                        find.integer(0)
                    });
                    find.reset();
                }
                (*side, found, key, texts)
            })
            .collect();
        rows.sort_by_key(|(side, found, ..)| (*side, *found));
        for (side, found, [user, asset], texts) in rows {
            let [_, insert, update] = &self.positions[side as usize];
            let [scaled, index] = texts.each_ref().map(|text| Value::Text(text));
            match found {
                Some(id) => update.run(&[Value::Integer(id), scaled, index]),
                None => insert.run(&[user, asset, scaled, index]),
            }
            count += 1;
        }
        for (reserve, index) in &work.indexes {
            let id = Value::Integer(assets[*reserve]);
            let rate = Value::Text("50000000000000000000000000");
            let number = Value::Integer(i64::try_from(FIRST).unwrap());
            self.reserve.run(&[id, Value::Text(index), rate, number]);
            self.reserve_time.run(&[id, number]);
            count += 2;
        }
        count
    }

    fn finish(&self, end: u64) {
        let number = Value::Integer(i64::try_from(end).unwrap());
        let time = Value::Integer(i64::try_from(12 * end).unwrap());
        self.mark.run(&[number]);
        self.time.run(&[time]);
        let hash = format!("0x{end:064x}");
        self.block.run(&[number, Value::Text(&hash)]);
    }
}

//! The rules about relations between rows. Each rule is data, from which a query is composed.

use crate::database::verification::checker::Query;
use crate::database::verification::plan::Plan;
use crate::database::verification::rule::Rule;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::{POOL_KIND_TABLES, PoolKindTable};

/// A row and a row that it references, which must have the same chain or market.
struct Agreement {
    rule: Rule,
    table: &'static str,
    /// The column that references the other row.
    column: &'static str,
    parent: &'static str,
    /// The column with the other row's chain or market.
    theirs: &'static str,
    /// The row's own chain or market, and the join that finds it.
    own: &'static str,
    joined: &'static str,
}

const AGREEMENTS: &[Agreement] = &[
    Agreement::of_chain("pools", "token0_id", ERC20, "r.chain", ""),
    Agreement::of_chain("pools", "token1_id", ERC20, "r.chain", ""),
    Agreement::of_chain("pools", "exchange_id", EXCHANGES, "r.chain", ""),
    Agreement::of_chain("pool_managers", "exchange_id", EXCHANGES, "r.chain", ""),
    Agreement::of_chain(V4, "currency0_id", ERC20, "o.chain", MANAGER),
    Agreement::of_chain(V4, "currency1_id", ERC20, "o.chain", MANAGER),
    Agreement::of_chain(ASSETS, "underlying_asset_id", ERC20, "o.chain_id", MARKET),
    Agreement::of_chain(ASSETS, "a_token_id", ERC20, "o.chain_id", MARKET),
    Agreement::of_chain(ASSETS, "v_token_id", ERC20, "o.chain_id", MARKET),
    Agreement::of_user("aave_v3_collateral_positions"),
    Agreement::of_user("aave_v3_debt_positions"),
    Agreement::of_user("aave_v3_user_collateral_configs"),
    Agreement {
        rule: Rule::AaveMarket,
        table: "aave_v3_users",
        column: "isolation_mode_collateral_asset_id",
        parent: ASSETS,
        theirs: "market_id",
        own: "r.market_id",
        joined: "",
    },
    Agreement {
        rule: Rule::AaveMarket,
        table: ASSETS,
        column: "e_mode_category_id",
        parent: "aave_v3_emode_categories",
        theirs: "market_id",
        own: "r.market_id",
        joined: "",
    },
];

const ERC20: &str = "erc20_tokens";
const EXCHANGES: &str = "exchanges";
const V4: &str = "uniswap_v4_pools";
const ASSETS: &str = "aave_v3_assets";
const MANAGER: &str = "CROSS JOIN managed_pools AS m ON m.id = r.managed_pool_id \
                       CROSS JOIN pool_managers AS o ON o.id = m.manager_id";
const MARKET: &str = "CROSS JOIN aave_v3_markets AS o ON o.id = r.market_id";

impl Agreement {
    const fn of_chain(
        table: &'static str,
        column: &'static str,
        parent: &'static str,
        own: &'static str,
        joined: &'static str,
    ) -> Self {
        Self {
            rule: Rule::TokenChain,
            table,
            column,
            parent,
            theirs: match parent.as_bytes() {
                b"exchanges" => "chain_id",
                _ => "chain",
            },
            own,
            joined,
        }
    }

    const fn of_user(table: &'static str) -> Self {
        Self {
            rule: Rule::AaveMarket,
            table,
            column: "asset_id",
            parent: ASSETS,
            theirs: "market_id",
            own: "o.market_id",
            joined: "CROSS JOIN aave_v3_users AS o ON o.id = r.user_id",
        }
    }

    fn query(&self) -> Query {
        let Self {
            rule,
            table,
            column,
            parent,
            theirs,
            own,
            joined,
        } = *self;
        let what = match rule {
            Rule::AaveMarket => "in market",
            _ => "on chain",
        };
        Query {
            rule,
            table,
            is_divided: true,
            sql: format!(
                "SELECT r.{}, '{column} ' || r.{column} || ' is {what} ' || p.{theirs} || ', not ' || {own} \
                 FROM {table} AS r CROSS JOIN {parent} AS p ON p.id = r.{column} {joined} \
                 WHERE r.rowid BETWEEN ?1 AND ?2 AND p.{theirs} <> {own} AND typeof(p.{theirs}) = 'integer' \
                 AND typeof({own}) = 'integer'",
                key_of(table)
            ),
        }
    }
}

/// An update mark: a table, its column with the last processed block, and the exchange or market whose own mark is the
/// upper bound. The last field is the join to that exchange or market.
type Mark = (&'static str, &'static str, &'static str, &'static str);

fn marks() -> impl Iterator<Item = Mark> {
    const BLOCK: &str = "liquidity_update_block";
    let pools = POOL_KIND_TABLES
        .iter()
        .filter(|kind| kind.has_ticks())
        .map(|kind| match kind.family {
            PoolFamily::Pools => (
                kind.table,
                BLOCK,
                "exchange",
                "CROSS JOIN pools AS p ON p.id = r.pool_id CROSS JOIN exchanges AS o ON o.id = p.exchange_id",
            ),
            PoolFamily::ManagedPools => (
                kind.table,
                BLOCK,
                "exchange",
                "CROSS JOIN managed_pools AS p ON p.id = r.managed_pool_id \
                 CROSS JOIN pool_managers AS m ON m.id = p.manager_id \
                 CROSS JOIN exchanges AS o ON o.id = m.exchange_id",
            ),
        });
    pools.chain([(ASSETS, "last_update_block", "market", MARKET)])
}

/// Finds marks above those of their exchange or market. One that has not processed any block has no mark.
fn beyond_mark((table, mark, owner, joined): Mark) -> Query {
    Query {
        rule: Rule::UpdateMark,
        table,
        is_divided: true,
        sql: format!(
            "SELECT r.{}, '{mark} is ' || r.{mark} || ', {owner} ' || o.id || \
                    coalesce(' is at ' || o.last_update_block, ' has processed no block') \
             FROM {table} AS r {joined} WHERE r.rowid BETWEEN ?1 AND ?2 AND typeof(r.{mark}) = 'integer' \
             AND (o.last_update_block ISNULL OR (typeof(o.last_update_block) = 'integer' \
                  AND r.{mark} > o.last_update_block))",
            key_of(table)
        ),
    }
}

/// The columns with the two tokens of a pool. The tokens of a Liquidity Book pool have no order.
const TOKENS: [(&str, &str, &str, &str); 2] = [
    ("pools", "token0_id", "token1_id", "r.kind <> 'lfj_binned'"),
    (V4, "currency0_id", "currency1_id", "1"),
];

/// Finds pools whose tokens are out of order. It compares only addresses of full length, whose texts compare like the
/// numbers.
fn out_of_order((table, lower, higher, condition): (&'static str, &str, &str, &str)) -> Query {
    let is_address =
        |alias| format!("typeof({alias}.address) = 'text' AND length({alias}.address) = 42");
    Query {
        rule: Rule::TokenOrder,
        table,
        is_divided: true,
        sql: format!(
            "SELECT r.{}, 'the address of {lower} ' || r.{lower} || ' is not below that of {higher} ' || \
                    r.{higher} \
             FROM {table} AS r CROSS JOIN {ERC20} AS a ON a.id = r.{lower} \
             CROSS JOIN {ERC20} AS b ON b.id = r.{higher} \
             WHERE r.rowid BETWEEN ?1 AND ?2 AND {condition} AND {} AND {} AND lower(a.address) >= lower(b.address)",
            key_of(table),
            is_address("a"),
            is_address("b")
        ),
    }
}

/// The tables in which an address is unique in its chain or market.
const ADDRESSES: &[(&str, &str)] = &[
    (ERC20, "chain"),
    ("pools", "chain"),
    ("pool_managers", "chain"),
    ("aave_v3_users", "market_id"),
];

fn same_address(table: &'static str, place: &str) -> Query {
    Query {
        rule: Rule::DuplicateAddress,
        table,
        is_divided: false,
        sql: format!(
            "SELECT id, 'row ' || first || ' has the same address' \
             FROM (SELECT id, min(id) OVER (PARTITION BY {place}, lower(address)) AS first \
                   FROM {table} WHERE typeof(address) = 'text') \
             WHERE id <> first ORDER BY id"
        ),
    }
}

/// Queries that have a row if two rows have the same address. Together they look at all rows. Each of the first ones is for
/// the addresses that begin with one digit, which an index finds, and the last one is for all others.
fn looks_at_addresses(table: &str, place: &str) -> Vec<String> {
    let query = |ranges: &[(String, String)]| {
        let rows: Vec<_> = ranges
            .iter()
            .map(|(first, after)| {
                format!(
                    "SELECT {place} AS place, lower(address) AS address FROM {table} \
                     WHERE address >= '{first}' AND address < '{after}' AND typeof(address) = 'text'"
                )
            })
            .collect();
        format!(
            "SELECT 1 FROM ({}) GROUP BY place, address HAVING count(*) > 1 LIMIT 1",
            rows.join(" UNION ALL ")
        )
    };
    // What begins with a letter is before what begins with the next one.
    let begins_with = |digit: char| {
        ["0X", "0x"].map(|start| {
            let next = char::from_u32(u32::from(digit) + 1).unwrap_or(digit);
            (format!("{start}{digit}"), format!("{start}{next}"))
        })
    };
    let mut looks = Vec::new();
    let mut all = Vec::new();
    for digit in ('0'..='9').chain('a'..='f') {
        let mut ranges = begins_with(digit).to_vec();
        if digit.is_ascii_lowercase() {
            ranges.extend(begins_with(digit.to_ascii_uppercase()));
        }
        looks.push(query(&ranges));
        all.extend(ranges);
    }
    all.sort();
    let mut others = Vec::new();
    let mut start = String::new();
    for (first, after) in all {
        if start != first {
            others.push((start, first));
        }
        start = after;
    }
    // The letters of no text are beyond this.
    others.push((start, char::MAX.to_string()));
    looks.push(query(&others));
    looks
}

/// Finds pools of one manager with the same hash. No index prevents them.
fn same_pool() -> Query {
    Query {
        rule: Rule::DuplicatePool,
        table: V4,
        is_divided: false,
        sql: format!(
            "SELECT id, 'pool ' || first || ' of its manager has the same hash' \
             FROM (SELECT r.managed_pool_id AS id, min(r.managed_pool_id) \
                          OVER (PARTITION BY p.manager_id, lower(r.pool_hash)) AS first \
                   FROM {V4} AS r CROSS JOIN managed_pools AS p ON p.id = r.managed_pool_id \
                   WHERE typeof(r.pool_hash) = 'text') \
             WHERE id <> first ORDER BY id"
        ),
    }
}

/// Uniswap V4's `LPFeeLibrary.DYNAMIC_FEE_FLAG`, which stands for a fee that the hooks decide.
const DYNAMIC_FEE: u32 = 0x80_0000;

/// Finds fees that are not fractions. The two fees of a pool have one denominator.
fn no_fraction(kind: &'static PoolKindTable) -> Query {
    let [one, other] = match kind.family {
        PoolFamily::Pools => ["fee_token0", "fee_token1"],
        PoolFamily::ManagedPools => ["fee_currency0", "fee_currency1"],
    };
    let dynamic = match kind.family {
        PoolFamily::Pools => String::new(),
        PoolFamily::ManagedPools => format!("fee <> {DYNAMIC_FEE} AND "),
    };
    let table = kind.table;
    let key = key_of(table);
    let fees: Vec<_> = [one, other]
        .iter()
        .map(|fee| {
            format!("SELECT {key} AS id, '{fee}' AS name, {fee} AS fee, fee_denominator AS parts FROM {table} WHERE rowid BETWEEN ?1 AND ?2")
        })
        .collect();
    Query {
        rule: Rule::Fee,
        table,
        is_divided: true,
        sql: format!(
            "SELECT id, name || ' is ' || fee || ' of ' || parts FROM ({}) \
             WHERE typeof(fee) = 'integer' AND typeof(parts) = 'integer' \
             AND (parts = 0 OR {dynamic}fee > parts) ORDER BY id, name",
            fees.join(" UNION ALL ")
        ),
    }
}

/// The primary key of a table.
pub(super) fn key_of(table: &str) -> &'static str {
    let kind = POOL_KIND_TABLES.iter().find(|kind| kind.table == table);
    kind.map_or("id", |kind| kind.family.key())
}

/// Plans the rules for which the database has the tables and columns.
pub(super) fn plan(plan: &mut Plan<'_, '_>) {
    let catalogue = plan.catalogue;
    for agreement in AGREEMENTS {
        if catalogue.has_columns(agreement.table, &[agreement.column]) {
            plan.query(agreement.query());
        }
    }
    for mark in marks() {
        if catalogue.tables.contains_key(mark.0) {
            plan.query(beyond_mark(mark));
        }
    }
    for tokens in TOKENS {
        plan.query(out_of_order(tokens));
    }
    plan.query(same_pool());
    for kind in POOL_KIND_TABLES.iter().filter(|kind| kind.has_fees()) {
        if catalogue.tables.contains_key(kind.table) {
            plan.query(no_fraction(kind));
        }
    }
    for (table, place) in ADDRESSES {
        if catalogue.tables.contains_key(*table) {
            plan.query_after(same_address(table, place), looks_at_addresses(table, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::open::open_in_memory;
    use crate::sqlite::prepared::Statements;

    #[test]
    fn looks_find_addresses_that_differ_in_letter_case_only() {
        let mut connection = open_in_memory().unwrap();
        let statements = Statements::of(&mut connection).unwrap();
        statements
            .execute("CREATE TABLE erc20_tokens (chain INTEGER, address TEXT UNIQUE)")
            .unwrap();
        let looks = looks_at_addresses(ERC20, "chain");
        let found = |rows: &[&str]| {
            statements.execute("DELETE FROM erc20_tokens").unwrap();
            for row in rows {
                let insert = format!("INSERT INTO erc20_tokens VALUES (1, '{row}')");
                statements.execute(&insert).unwrap();
            }
            let looks = looks.iter();
            looks
                .filter(|look| statements.prepare(look).unwrap().step().unwrap())
                .count()
        };
        for [one, other] in [
            ["0xab", "0xAb"],
            ["0xab", "0Xab"],
            ["0X1c", "0x1C"],
            ["0xFg", "0xfG"],
            ["0xz", "0XZ"],
            ["a", "A"],
            ["~\u{10ffff}A", "~\u{10ffff}a"],
            ["0x:A", "0x:a"],
            ["0x", "0X"],
        ] {
            assert_eq!(found(&[one, other, "0x0", "b"]), 1, "{one} {other}");
            assert_eq!(
                found(&[one, "0xb", "0x9", "", "0xG", "\u{10ffff}"]),
                0,
                "{one}"
            );
        }
    }
}

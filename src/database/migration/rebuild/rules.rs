//! Rebuild rules: where each column of an older revision goes in the newest schema.
//!
//! A column needs no rule if it keeps its name and its table. [`RULES`] has every other column of the revisions
//! before the first version, with the first revision of the Python package that no longer has it. [`ADDED`] has
//! the columns that came later. A test checks that no column is missing (`every_column_has_a_place`).

/// The tables of the V2 kinds of pools.
pub(super) const V2_TABLES: [&str; 6] = [
    "aerodrome_v2_pools",
    "camelot_v2_pools",
    "pancakeswap_v2_pools",
    "sushiswap_v2_pools",
    "swapbased_v2_pools",
    "uniswap_v2_pools",
];

/// The tables of the V3 kinds of pools.
pub(super) const V3_TABLES: [&str; 4] = [
    "aerodrome_v3_pools",
    "pancakeswap_v3_pools",
    "sushiswap_v3_pools",
    "uniswap_v3_pools",
];

/// The denominator of release 0.5.0a1's `pools.fee`: hundredths of a basis point.
pub(super) const FIRST_FEE_DENOMINATOR: u32 = 1_000_000;

/// The destination of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// Another column of the same row, which may have the value already.
    Renamed(&'static str),
    /// A column of the pool (V2, V3) or of the same row (V4). The address of a token becomes the id of its row
    /// in `erc20_tokens`.
    Token(&'static str),
    /// A column of the pool, for the id of a token.
    OfPool(&'static str),
    /// A column of the pool's exchange.
    OfExchange(&'static str),
    /// A column in the table of the pool's kind.
    OfKind(&'static str),
    /// Both fees in the table of the pool's kind, with [`FIRST_FEE_DENOMINATOR`] as denominator.
    Fee,
    /// `pool_hash`, as text from the 32 bytes of a V4 pool's hash.
    HashBytes,
    /// `pool_hash`, in lower case from the text of a V4 pool's hash.
    HashText,
    /// None. The Python package drops the column too: its value follows from the liquidity positions.
    Dropped,
}

/// The rule for a column.
#[derive(Debug)]
pub(super) struct ColumnRule {
    /// The first revision of the Python package without the column as it was.
    pub(super) until: &'static str,
    /// The tables that had the column.
    pub(super) tables: &'static [&'static str],
    /// The name of the column.
    pub(super) column: &'static str,
    /// Where its values go.
    pub(super) destination: Destination,
}

const fn rule(
    until: &'static str,
    tables: &'static [&'static str],
    column: &'static str,
    destination: Destination,
) -> ColumnRule {
    ColumnRule {
        until,
        tables,
        column,
        destination,
    }
}

const POOLS: &[&str] = &["pools"];
const V4: &[&str] = &["uniswap_v4_pools"];

// To add a lineage: CONTRIBUTING.md, "A lineage".
pub(super) const RULES: &[ColumnRule] = &[
    // Release 0.5.0a1 has only V3 pools, all in one table.
    rule(
        "9347bbfcd47a",
        POOLS,
        "token0",
        Destination::Token("token0_id"),
    ),
    rule(
        "9347bbfcd47a",
        POOLS,
        "token1",
        Destination::Token("token1_id"),
    ),
    rule(
        "9347bbfcd47a",
        POOLS,
        "factory",
        Destination::OfExchange("factory"),
    ),
    rule(
        "9347bbfcd47a",
        POOLS,
        "deployer",
        Destination::OfExchange("deployer"),
    ),
    rule("9347bbfcd47a", POOLS, "fee", Destination::Fee),
    rule(
        "9347bbfcd47a",
        POOLS,
        "tick_spacing",
        Destination::OfKind("tick_spacing"),
    ),
    rule("9347bbfcd47a", POOLS, "has_liquidity", Destination::Dropped),
    // V4 pool hashes were bytes, then upper-case text.
    rule("3199199def8c", V4, "pool_hash", Destination::HashBytes),
    rule("a4f59783919f", V4, "pool_hash_hex", Destination::HashText),
    rule("bd7ca13a7d39", V4, "pool_hash", Destination::HashText),
    rule(
        "b781499591ed",
        &V3_TABLES,
        "has_liquidity",
        Destination::Dropped,
    ),
    rule("b781499591ed", V4, "has_liquidity", Destination::Dropped),
    // Tokens were addresses, then ids in the table of the pool's kind.
    rule(
        "b8e0b921299a",
        &V2_TABLES,
        "token0",
        Destination::Token("token0_id"),
    ),
    rule(
        "b8e0b921299a",
        &V2_TABLES,
        "token1",
        Destination::Token("token1_id"),
    ),
    rule(
        "50b39bafa0be",
        &V3_TABLES,
        "token0",
        Destination::Token("token0_id"),
    ),
    rule(
        "50b39bafa0be",
        &V3_TABLES,
        "token1",
        Destination::Token("token1_id"),
    ),
    rule(
        "8b29ed99a2ac",
        V4,
        "currency0",
        Destination::Token("currency0_id"),
    ),
    rule(
        "8b29ed99a2ac",
        V4,
        "currency1",
        Destination::Token("currency1_id"),
    ),
    rule(
        "082ee8a3d339",
        &V2_TABLES,
        "token0_id",
        Destination::OfPool("token0_id"),
    ),
    rule(
        "082ee8a3d339",
        &V2_TABLES,
        "token1_id",
        Destination::OfPool("token1_id"),
    ),
    rule(
        "082ee8a3d339",
        &V3_TABLES,
        "token0_id",
        Destination::OfPool("token0_id"),
    ),
    rule(
        "082ee8a3d339",
        &V3_TABLES,
        "token1_id",
        Destination::OfPool("token1_id"),
    ),
    rule(
        "6a77c4e07151",
        POOLS,
        "token0_id_",
        Destination::Renamed("token0_id"),
    ),
    rule(
        "6a77c4e07151",
        POOLS,
        "token1_id_",
        Destination::Renamed("token1_id"),
    ),
    // Factories and deployers were stored for each pool.
    rule(
        "04f858f979a9",
        &V2_TABLES,
        "factory",
        Destination::OfExchange("factory"),
    ),
    rule(
        "04f858f979a9",
        &V3_TABLES,
        "factory",
        Destination::OfExchange("factory"),
    ),
    rule(
        "901adb947000",
        &V2_TABLES,
        "deployer",
        Destination::OfExchange("deployer"),
    ),
    rule(
        "901adb947000",
        &V3_TABLES,
        "deployer",
        Destination::OfExchange("deployer"),
    ),
];

/// Dropped tables, each with the first revision without it. The Python package never read the values in
/// `metadata`.
pub(super) const DROPPED_TABLES: &[(&str, &str)] = &[("04f858f979a9", "metadata")];

/// The value of a column that older revisions lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewValue {
    /// NULL, because the value is unknown.
    Null,
    /// The id of the exchange with the row's chain, kind and factory.
    Exchange,
    /// The user's assumption, because no older row has the value.
    Assumed,
    /// The state view that revision 06a3739885a0 of the Python package sets.
    StateView,
    /// The id of a token, by one of the [`RULES`].
    Token,
    /// The hash as text, by one of the [`RULES`].
    Hash,
}

/// The columns that later revisions added: revision, tables, column, value in older rows.
pub(super) const ADDED: &[(&str, &[&str], &str, NewValue)] = &[
    ("a4f59783919f", V4, "pool_hash", NewValue::Hash),
    (
        "723fe25c87b8",
        &["aerodrome_v2_pools"],
        "stable",
        NewValue::Assumed,
    ),
    (
        "7dc2ca38053f",
        &V3_TABLES,
        "liquidity_update_block",
        NewValue::Null,
    ),
    (
        "7dc2ca38053f",
        &V3_TABLES,
        "liquidity_update_log_index",
        NewValue::Null,
    ),
    ("4eada4ae4a55", POOLS, "exchange_id", NewValue::Exchange),
    ("8b29ed99a2ac", V4, "currency0_id", NewValue::Token),
    ("8b29ed99a2ac", V4, "currency1_id", NewValue::Token),
    (
        "39e331854eb2",
        &["pool_managers"],
        "exchange_id",
        NewValue::Exchange,
    ),
    ("8c69198e6a21", V4, "liquidity_update_block", NewValue::Null),
    (
        "8c69198e6a21",
        V4,
        "liquidity_update_log_index",
        NewValue::Null,
    ),
    ("6a77c4e07151", POOLS, "token0_id", NewValue::Token),
    ("6a77c4e07151", POOLS, "token1_id", NewValue::Token),
    (
        "6f376d34618b",
        &["pool_managers"],
        "state_view",
        NewValue::StateView,
    ),
];

/// The V4 state views that revision 06a3739885a0 sets: chain, pool manager, state view.
pub(super) const STATE_VIEWS: &[(i64, &str, &str)] = &[
    (
        1,
        "0x000000000004444c5dc75cB358380D2e3dE08A90",
        "0x7fFE42C4a5DEeA5b0feC41C94C136Cf115597227",
    ),
    (
        8453,
        "0x498581fF718922c3f8e6A244956aF099B2652b2b",
        "0xA3c0c9b65baD0b08107Aa264b0f3dB444b867A71",
    ),
];

/// The revision that sets [`STATE_VIEWS`].
pub(super) const STATE_VIEWS_SINCE: &str = "06a3739885a0";

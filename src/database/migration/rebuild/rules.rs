//! Where the values of an older schema are in the newest one.
//!
//! A column that keeps its name in a table that keeps its name needs no rule. Every other column of a
//! revision before the first version has one here, with the revision from which on the Python package
//! no longer has it; and so has every column that came later and is not simply empty in older rows. A
//! column without a rule keeps a database from being rebuilt (`every_column_has_a_place`).

/// The tables that hold what is particular to V2 pools, by the kind of pool.
pub(super) const V2_TABLES: [&str; 6] = [
    "aerodrome_v2_pools",
    "camelot_v2_pools",
    "pancakeswap_v2_pools",
    "sushiswap_v2_pools",
    "swapbased_v2_pools",
    "uniswap_v2_pools",
];

/// The tables that hold what is particular to V3 pools.
pub(super) const V3_TABLES: [&str; 4] = [
    "aerodrome_v3_pools",
    "pancakeswap_v3_pools",
    "sushiswap_v3_pools",
    "uniswap_v3_pools",
];

/// The denominator of release 0.5.0a1's `pools.fee`: hundredths of a basis point.
pub(super) const FIRST_FEE_DENOMINATOR: u32 = 1_000_000;

/// Where the values of a column go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// Into another column of the same row, which may have the value already.
    Renamed(&'static str),
    /// The address of a token becomes the id of its row in `erc20_tokens`, in a column of the pool
    /// (V2, V3) or of the same row (V4).
    Token(&'static str),
    /// The id of a token moves into a column of the pool.
    OfPool(&'static str),
    /// Into a column of the pool's exchange.
    OfExchange(&'static str),
    /// Into a column of the table of the pool's kind.
    OfKind(&'static str),
    /// Into both fees of the table of the pool's kind, of [`FIRST_FEE_DENOMINATOR`].
    Fee,
    /// The 32 bytes of a V4 pool's hash, into `pool_hash` as text.
    HashBytes,
    /// The text of a V4 pool's hash, into `pool_hash` in lower case.
    HashText,
    /// Nowhere, as in the Python package: what it said follows from the liquidity positions.
    Dropped,
}

/// What becomes of a column.
#[derive(Debug)]
pub(super) struct ColumnRule {
    /// The first revision of the Python package without the column as it was.
    pub(super) until: &'static str,
    /// The tables that had it.
    pub(super) tables: &'static [&'static str],
    /// The column.
    pub(super) column: &'static str,
    /// Where it goes.
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
    // Release 0.5.0a1 has one table for all pools, which are V3.
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
    // Factories and deployers were the pools' own.
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

/// Tables that are gone, each with the first revision without it. The Python package kept nothing in
/// this one that it read.
pub(super) const DROPPED_TABLES: &[(&str, &str)] = &[("04f858f979a9", "metadata")];

/// What a column that older revisions lack is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewValue {
    /// Nothing is known.
    Null,
    /// The exchange of the row's chain, kind and factory.
    Exchange,
    /// What the user says, since no older row tells.
    Assumed,
    /// What revision 06a3739885a0 of the Python package fills in.
    StateView,
    /// The id of a token, by one of the [`RULES`].
    Token,
    /// The hash as text, by one of the [`RULES`].
    Hash,
}

/// The columns that came with a revision, and what older rows have in them.
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

/// The V4 state views that revision 06a3739885a0 fills in: chain, pool manager, state view.
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

/// The revision that fills [`STATE_VIEWS`] in.
pub(super) const STATE_VIEWS_SINCE: &str = "06a3739885a0";

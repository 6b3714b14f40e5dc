//! How much of a database a repair is about.

/// How much of a database a repair is about: what else could be repaired at the same time depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairExtent {
    /// Pools.
    Pools,
    /// Some users, or some of what the markets of Aave have beside users, or some markets.
    SomeOfAave,
    /// All that the active markets of Aave have.
    AllOfAave,
}

//! What a repair is about.

/// What a repair is about: what else could be repaired depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairExtent {
    /// Pools.
    Pools,
    /// Markets of Aave. Whatever has become of their rows, blocks can be taken back.
    Markets,
}

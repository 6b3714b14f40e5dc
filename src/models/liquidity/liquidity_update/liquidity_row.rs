//! A row of a pool's liquidity: a tick or a bitmap word.

use diesel::prelude::*;

#[cfg(feature = "sync")]
use crate::models::access::columns::Columns;
#[cfg(feature = "sync")]
use crate::models::access::row_error::RowError;
use crate::models::liquidity::tick_bitmap::BitmapWord;
use crate::models::liquidity::tick_liquidity::TickLiquidity;
use crate::sqlite::prepared::{Bound, Statement};
#[cfg(feature = "sync")]
use crate::types::integer::{Tick, WordPosition};
use crate::types::stored::{Decode, Encode};

/// A tick or a bitmap word. Its index, the tick or the position of the word, is unique in its pool.
pub(in crate::models::liquidity) trait LiquidityRow: Sized {
    /// The type of the index.
    #[cfg(feature = "sync")]
    type Index: Copy + Encode;

    fn index(&self) -> i64;

    /// Reads the values of the row with an index, starting at a column whose place in `columns` is 2.
    #[cfg(feature = "sync")]
    fn read(columns: &Columns, index: Self::Index, found: &Statement<'_>)
    -> Result<Self, RowError>;

    /// Whether the row is to be deleted.
    fn is_deleted(&self) -> bool;

    /// Whether the stored row has the same values, starting at a column.
    fn matches(&self, found: &Statement<'_>, column: i32) -> bool;

    /// Calls `write` with the values.
    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T;
}

impl LiquidityRow for TickLiquidity {
    #[cfg(feature = "sync")]
    type Index = Tick;

    #[cfg(feature = "sync")]
    fn read(columns: &Columns, tick: Tick, found: &Statement<'_>) -> Result<Self, RowError> {
        Ok(Self {
            tick,
            liquidity_net: columns.get(found, 2)?,
            liquidity_gross: columns.get(found, 3)?,
        })
    }

    fn index(&self) -> i64 {
        self.tick.encode()
    }

    fn is_deleted(&self) -> bool {
        self.liquidity_gross.0 == 0
    }

    fn matches(&self, found: &Statement<'_>, column: i32) -> bool {
        let net = Decode::decode(found.column(column));
        let gross = Decode::decode(found.column(column + 1));
        net.as_ref() == Ok(&self.liquidity_net) && gross.as_ref() == Ok(&self.liquidity_gross)
    }

    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T {
        let mut net = itoa::Buffer::new();
        let mut gross = itoa::Buffer::new();
        write(&[
            Bound::Text(net.format(self.liquidity_net.0)),
            Bound::Text(gross.format(self.liquidity_gross.0)),
        ])
    }
}

impl LiquidityRow for BitmapWord {
    #[cfg(feature = "sync")]
    type Index = WordPosition;

    #[cfg(feature = "sync")]
    fn read(
        columns: &Columns,
        word: WordPosition,
        found: &Statement<'_>,
    ) -> Result<Self, RowError> {
        Ok(Self {
            word,
            bitmap: columns.get(found, 2)?,
        })
    }

    fn index(&self) -> i64 {
        self.word.encode()
    }

    fn is_deleted(&self) -> bool {
        self.bitmap.0.is_zero()
    }

    fn matches(&self, found: &Statement<'_>, column: i32) -> bool {
        Decode::decode(found.column(column)).as_ref() == Ok(&self.bitmap)
    }

    fn with_values<T>(&self, write: impl FnOnce(&[Bound<'_>]) -> T) -> T {
        write(&[Bound::Text(&self.bitmap.to_string())])
    }
}

/// Runs a statement with ids, followed by the values of a row.
pub(super) fn run(
    statement: &mut Statement<'_>,
    ids: &[Bound<'_>],
    row: &impl LiquidityRow,
) -> QueryResult<u64> {
    row.with_values(|values| {
        let mut bound = [Bound::Null; 4];
        let count = ids.len() + values.len();
        bound[..ids.len()].copy_from_slice(ids);
        bound[ids.len()..count].copy_from_slice(values);
        statement.run(&bound[..count])
    })
}

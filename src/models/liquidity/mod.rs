//! Concentrated liquidity: ticks and tick bitmaps, read, modified and written.

#[cfg(feature = "sync")]
pub(crate) mod bulk_event_writer;
mod cursor_table;
#[cfg(feature = "sync")]
pub(crate) mod event_writer;
pub(crate) mod exchange_update;
pub(crate) mod liquidity_update;
pub(crate) mod pool_update;
pub(crate) mod tick_bitmap;
pub(crate) mod tick_liquidity;
pub(crate) mod tick_map;

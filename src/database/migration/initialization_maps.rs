//! Initialization maps (tick bitmaps), computed from liquidity positions.
//!
//! A word of a map has one bit for each of 256 neighbouring ticks, counted in steps of the pool's tick spacing.
//! Let `compressed` be the tick divided by the spacing and rounded down. Its bit is `compressed & 255` of the
//! word `compressed >> 8`. As in Uniswap's `TickBitmap`, a bit is set if a position begins or ends at its tick.

use std::fmt::Write;
use std::path::Path;

use alloy_primitives::U256;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{SqliteAggregateFunction, SqliteConnection};

use crate::database::connection::open::open_in_memory;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::obstacle::Obstacle;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::create_tables::create_tables;
use crate::database::structure::schema_version::SchemaVersion;
use crate::models::pools::pool_family::PoolFamily;
use crate::models::pools::pool_kind_tables::POOL_KIND_TABLES;

mod functions {
    use diesel::sql_types::BigInt;

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// Returns the word that has these bits set, as decimal text.
        #[aggregate]
        fn word_of_bits(bit: BigInt) -> Text;
    }
}

/// The state of the aggregate function: the bits that are set so far.
#[derive(Debug, Default)]
struct Word(U256);

impl SqliteAggregateFunction<i64> for Word {
    type Output = String;

    fn step(&mut self, bit: i64) {
        self.0
            .set_bit(usize::try_from(bit & 255).unwrap_or_default(), true);
    }

    fn finalize(aggregator: Option<Self>) -> Self::Output {
        aggregator.unwrap_or_default().0.to_string()
    }
}

/// The maps of one family of pools and the tables that they belong to.
#[derive(Debug)]
pub(crate) struct Maps {
    family: PoolFamily,
    /// The table of the words.
    pub(crate) table: &'static str,
    /// The table of the liquidity positions.
    pub(crate) positions: &'static str,
}

pub(crate) const MAPS: [Maps; 2] = [
    Maps::of(PoolFamily::Pools),
    Maps::of(PoolFamily::ManagedPools),
];

/// The attached databases that have the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The database of the liquidity positions.
    pub(crate) positions: &'static str,
    /// The database of the pools and of the words.
    pub(crate) pools: &'static str,
}

impl Place {
    /// One database has all tables.
    const MAIN: Self = Self {
        positions: "main",
        pools: "main",
    };
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    line: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Maps {
    const fn of(family: PoolFamily) -> Self {
        Self {
            family,
            table: family.word_columns().table,
            positions: family.tick_columns().table,
        }
    }

    /// The condition for positions (alias `l`) from which a word can be computed.
    fn is_sound() -> &'static str {
        "typeof(l.tick) = 'integer' AND typeof(s.spacing) = 'integer' AND s.spacing > 0"
    }

    /// The positions as `l` with the spacings of their pools as `s`. Positions of a missing pool need no word: it would
    /// refer to nothing, as they do.
    fn from(&self, connection: &mut SqliteConnection, place: Place) -> QueryResult<String> {
        let owner = self.family.key();
        // The table of a kind that came with a later version is not there yet.
        let tables = sql::lines(
            connection,
            &format!(
                "SELECT name AS line FROM {}.sqlite_schema WHERE type = 'table'",
                place.pools
            ),
        )?;
        let spacings: Vec<_> = POOL_KIND_TABLES
            .iter()
            .filter(|kind| kind.family == self.family && kind.has_ticks())
            .filter(|kind| tables.iter().any(|table| table == kind.table))
            .map(|kind| {
                format!(
                    "SELECT {owner} AS id, tick_spacing AS spacing FROM {}.{}",
                    place.pools, kind.table
                )
            })
            .collect();
        Ok(format!(
            "{}.{} AS l JOIN {}.{} AS p ON p.id = l.{owner} LEFT JOIN ({}) AS s ON s.id = l.{owner}",
            place.positions,
            self.positions,
            place.pools,
            self.family.table(),
            spacings.join(" UNION ALL ")
        ))
    }

    /// Finds the positions from which no word can be computed: the tick spacing of the pool is unknown or the
    /// tick is not a number. Returns the names of some of them and their number.
    pub(crate) fn obstacle(
        &self,
        connection: &mut SqliteConnection,
        place: Place,
    ) -> Result<Option<(String, i64)>, Error> {
        let query = format!(
            "SELECT coalesce(group_concat(id, ', '), '') AS line, coalesce(max(number), 0) AS count \
             FROM (SELECT l.id, count(*) OVER () AS number FROM {} WHERE NOT coalesce({}, 0) LIMIT 5)",
            self.from(connection, place)?,
            Self::is_sound()
        );
        let row: Row = diesel::sql_query(query).get_result(connection)?;
        let rows = format!("{} {}", self.positions, row.line);
        Ok((row.count > 0).then_some((rows, row.count)))
    }

    /// Fills the empty table of words. Returns the number of words.
    pub(crate) fn fill(
        &self,
        connection: &mut SqliteConnection,
        place: Place,
    ) -> Result<usize, Error> {
        functions::word_of_bits_utils::register_impl::<Word, _>(connection)?;
        let owner = self.family.key();
        let mut statement = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            statement,
            "INSERT INTO {}.{} ({owner}, word, bitmap) \
             SELECT owner, compressed >> 8 AS word, word_of_bits(compressed & 255) FROM \
               (SELECT l.{owner} AS owner, \
                       (l.tick - (l.tick % s.spacing + s.spacing) % s.spacing) / s.spacing AS compressed \
                FROM {}) \
             GROUP BY owner, compressed >> 8 ORDER BY owner, compressed >> 8",
            place.pools,
            self.table,
            self.from(connection, place)?
        );
        Ok(diesel::sql_query(statement).execute(connection)?)
    }
}

/// Creates and fills the missing tables of maps. Returns the number of words.
pub(crate) fn restore(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
) -> Result<usize, Error> {
    #[derive(QueryableByName)]
    struct Statement {
        #[diesel(sql_type = Text)]
        statement: String,
    }
    let mut words = 0;
    for maps in MAPS {
        if catalogue.tables.contains_key(maps.table) {
            continue;
        }
        require_sound(&maps, connection, path, Place::MAIN)?;
        // The statements come from a model database, so that the table is as the migrations make it.
        let mut model = open_in_memory()?;
        create_tables(&mut model, SchemaVersion::latest())
            .map_err(|error| Error::from_create_tables(path, error))?;
        let statements: Vec<Statement> = diesel::sql_query(
            "SELECT sql AS statement FROM sqlite_schema WHERE tbl_name = ? AND sql NOTNULL ORDER BY rowid",
        )
        .bind::<Text, _>(maps.table)
        .load(&mut model)?;
        let (table, indexes) = statements.split_at(1.min(statements.len()));
        for Statement { statement } in table {
            diesel::sql_query(statement).execute(connection)?;
        }
        words += maps.fill(connection, Place::MAIN)?;
        for Statement { statement } in indexes {
            diesel::sql_query(statement).execute(connection)?;
        }
        log::info!("Computed {} from the liquidity positions", maps.table);
    }
    Ok(words)
}

/// Fails if [`restore`] would: there are positions from which no word of a missing map can be computed.
pub(crate) fn require_sound_positions(
    connection: &mut SqliteConnection,
    path: &Path,
    catalogue: &Catalogue,
) -> Result<(), Error> {
    for maps in MAPS {
        if !catalogue.tables.contains_key(maps.table) {
            require_sound(&maps, connection, path, Place::MAIN)?;
        }
    }
    Ok(())
}

/// Fails if there are positions from which no word can be computed.
pub(crate) fn require_sound(
    maps: &Maps,
    connection: &mut SqliteConnection,
    path: &Path,
    place: Place,
) -> Result<(), Error> {
    match maps.obstacle(connection, place)? {
        None => Ok(()),
        Some((row, count)) => Err(ErrorKind::Unclear {
            obstacles: vec![Obstacle {
                count: usize::try_from(count).unwrap_or(usize::MAX),
                rows: vec![row],
                problem: "the tick or the tick spacing of the pool is unknown, so the \
                          initialization map cannot be computed",
            }],
        }
        .at(path)),
    }
}

//! Build: fills the new database on a connection of its own.

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::migration::initialization_maps;
use crate::database::migration::initialization_maps::Place;
use crate::database::migration::objects::Object;
use crate::database::migration::rebuild::carry::Counter;
use crate::database::migration::rebuild::mapping::Mapping;
use crate::database::migration::rebuild::obstacles::Obstacles;
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::migration::rebuild::task::Rebuild;
use crate::database::migration::rebuild::{
    carry, exchanges, indexes, mapping, obstacles, pool_references, tokens,
};
use crate::database::progress::Observer;
use crate::database::structure::stamp_tables;
use crate::models::pools::pool_family::WORD_TABLES;

/// The result of a build.
pub(super) struct Built {
    /// The number of rows that were carried over.
    pub(super) rows: u64,
    pub(super) added_tokens: usize,
    pub(super) added_exchanges: usize,
    /// The mappings of the carried rows, each with the number of rows that were added to its table.
    pub(super) carried: Vec<(Mapping, i64)>,
    /// The subjects of the assumptions about factories that were used.
    pub(super) used_factories: Vec<String>,
    /// The indexes that the new tables still lack. They are created after the tables are in place; otherwise
    /// they would be written twice.
    pub(super) indexes: Vec<Object>,
}

/// Fills `new` from `main`. Nobody writes to `main` meanwhile. After a failure the connection must not be used
/// any more.
pub(super) fn build(
    connection: &mut SqliteConnection,
    rebuild: &Rebuild<'_>,
    observer: &mut dyn Observer,
) -> Result<Built, Error> {
    // Diesel's transactions are avoided: an interrupted statement rolls back by itself, and Diesel's own
    // rollback would then fail.
    connection.batch_execute("BEGIN")?;
    let built = match fill(connection, rebuild, observer) {
        Err(error) if obstacles::is_about_a_value(&error) => {
            let tables = rebuild.replaced_tables();
            return Err(obstacles::explain(
                connection,
                rebuild.path,
                &tables,
                error,
            )?);
        }
        built => built?,
    };
    connection.batch_execute("COMMIT")?;
    Ok(built)
}

fn fill(
    connection: &mut SqliteConnection,
    rebuild: &Rebuild<'_>,
    observer: &mut dyn Observer,
) -> Result<Built, Error> {
    let Rebuild { path, target, .. } = *rebuild;
    let source = rebuild.source();
    let mut rows = 0;
    for table in rebuild.replaced_tables() {
        rows += u64::try_from(carry::count(connection, "main", &table)?).unwrap_or_default();
    }
    let indexes = indexes::drop(connection)?;
    let mut obstacles = Obstacles::default();
    let mut mappings = mapping::mappings(&source, target.catalogue(), rebuild.assumptions);
    let kept = rebuild.kept_tables();
    mappings.retain(|mapping| !kept.contains(&mapping.target.as_str()));
    let mut counter = Counter::new(path, observer, rows);
    let (tokens, others): (Vec<_>, Vec<_>) = mappings
        .into_iter()
        .partition(|mapping| mapping.target == "erc20_tokens");
    for mapping in &tokens {
        carry::carry_over(connection, mapping, &mut counter)?;
    }
    // The next steps look tokens up, so their index is needed now.
    let (of_tokens, of_others): (Vec<_>, Vec<_>) = indexes
        .into_iter()
        .partition(|index| index.owner == "erc20_tokens");
    indexes::make(connection, path, target, "new", &of_tokens)?;
    pool_references::gather(connection, &source, &mut obstacles)?;
    pool_references::look_for_bad_hashes(connection, &source, &mut obstacles)?;
    // The next steps rely on valid values.
    std::mem::take(&mut obstacles).refuse(path)?;
    let (added_exchanges, used_factories) =
        exchanges::resolve(connection, &source, rebuild.assumptions, &mut obstacles)?;
    let added_tokens = tokens::resolve(connection, &source, &mut obstacles)?;
    obstacles.refuse(path)?;
    for mapping in &others {
        carry::carry_over(connection, mapping, &mut counter)?;
    }
    compute_maps(connection, rebuild, &source)?;
    let added = i64::try_from(added_tokens).unwrap_or(i64::MAX);
    let carried = tokens
        .into_iter()
        .map(|mapping| (mapping, added))
        .chain(others.into_iter().map(|mapping| (mapping, 0)))
        .collect();
    Ok(Built {
        rows,
        added_tokens,
        added_exchanges,
        used_factories,
        carried,
        indexes: of_others,
    })
}

/// Computes the initialization maps that the source lacks.
fn compute_maps(
    connection: &mut SqliteConnection,
    rebuild: &Rebuild<'_>,
    source: &LegacySource<'_>,
) -> Result<(), Error> {
    let kept = rebuild.kept_tables();
    for maps in initialization_maps::MAPS {
        if !source.has_table(maps.table) && source.has_table(maps.positions) {
            let positions = if kept.contains(&maps.positions) {
                "main"
            } else {
                "new"
            };
            let place = Place {
                positions,
                pools: "new",
            };
            initialization_maps::require_sound(&maps, connection, rebuild.path, place)?;
            maps.fill(connection, place)?;
        }
    }
    Ok(())
}

/// Checks that the new database has no rows in tables that were neither carried over nor computed, and that its
/// exchanges match the source. [`carry::check_all`] checks the carried rows.
pub(super) fn check_remaining(
    connection: &mut SqliteConnection,
    rebuild: &Rebuild<'_>,
    built: &Built,
) -> Result<(), Error> {
    for table in rebuild.target.catalogue().tables.keys() {
        let is_filled = built
            .carried
            .iter()
            .any(|(mapping, _)| mapping.target == *table)
            || ["exchanges", stamp_tables::ALEMBIC_TABLE].contains(&table.as_str())
            || WORD_TABLES.contains(&table.as_str());
        if !is_filled && carry::count(connection, "new", table)? > 0 {
            return Err(ErrorKind::RebuildCheckFailed {
                detail: format!("{table} should have no rows"),
            }
            .at(rebuild.path));
        }
    }
    exchanges::check(connection, &rebuild.source(), rebuild.path)
}

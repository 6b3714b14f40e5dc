//! Benchmarks of `database export`, beside reading the same ticks.

use std::path::Path;

use degenbot::database::{Database, ExportOptions, ExportPart, export_database};
use degenbot::models::{PoolFamily, TickMaps};
use degenbot::types::ChainId;

use crate::{Limits, ROUNDS, Result, Subject, medians, memory};

pub fn bench(limits: &mut Limits, tenth: &Subject, whole: &Subject) -> Result<()> {
    let folder = tempfile::tempdir_in(whole.path.parent().unwrap())?;
    let database = Database::open(&whole.path)?;
    let [ours, theirs] = medians(
        ROUNDS,
        [
            &mut || {
                assert_eq!(export(&whole.path, folder.path())?, whole.content.ticks);
                Ok(())
            },
            &mut || {
                assert_eq!(stream(&database)?, whole.content.ticks);
                Ok(())
            },
        ],
    )?;
    limits.ratio("export of all ticks to Parquet", ours, theirs, 2.0);
    let size = std::fs::metadata(folder.path().join("ticks.parquet"))?.len();
    println!(
        "  bytes a tick in the file                     {:.1}",
        size as f64 / whole.content.ticks as f64
    );
    let (part, all) = (
        memory::peak("export", tenth)?,
        memory::peak("export", whole)?,
    );
    limits.check(
        "memory of an export, tenfold database",
        all / part,
        1.1,
        &format!("{all:.0} beside {part:.0} KiB"),
    );
    Ok(())
}

/// Writes all ticks. Returns their number.
pub fn export(path: &Path, folder: &Path) -> Result<u64> {
    let options = ExportOptions::new(folder)
        .only(vec![ExportPart::Ticks])
        .replace_existing(true);
    Ok(export_database(path, &options, &mut ())?.files[0].rows)
}

/// Reads all ticks. Returns their number.
fn stream(database: &Database) -> Result<u64> {
    let chain = ChainId::new(1)?;
    database.read(|connection| {
        let mut ticks = 0;
        for family in PoolFamily::ALL {
            for map in TickMaps::of_chain(connection, family, chain)? {
                ticks += map?.tick_map.ticks().len() as u64;
            }
        }
        Ok(ticks)
    })
}

//! Benchmarks of memory. Each runs in its own process, because the system reports only the peak of a process.

use std::path::Path;
use std::process::Command;

use degenbot::database::Database;
use degenbot::types::ChainId;

use crate::{Limits, Result, Subject, reads};

pub fn bench(limits: &mut Limits, tenth: &Subject, whole: &Subject) -> Result<()> {
    let part = peak("ticks", tenth)?;
    let all = peak("ticks", whole)?;
    limits.check(
        "memory of all tick maps, tenfold database",
        all / part,
        1.1,
        &format!("{all:.0} beside {part:.0} KiB"),
    );
    let nothing = peak("nothing", whole)?;
    let pools = peak("pools", whole)?;
    let count = (whole.content.pools + whole.content.managed_pools) as f64;
    limits.check(
        "bytes a pool, with tokens and exchanges",
        (pools - nothing) * 1024.0 / count,
        300.0,
        &format!("{pools:.0} and {nothing:.0} KiB"),
    );
    Ok(())
}

/// The peak memory of such a process, in KiB.
pub fn peak(what: &str, subject: &Subject) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["memory", what])
        .arg(&subject.path)
        .output()?;
    assert!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Runs in such a process: performs the operation, and prints the peak.
pub fn measure(what: &str, path: &Path) -> Result<()> {
    let chain = ChainId::new(1)?;
    let database = Database::open(path)?;
    match what {
        "ticks" => {
            reads::stream(&database, chain)?;
        }
        "pools" => {
            let pools = database.chain_pools(chain)?;
            std::hint::black_box(pools.pools().len());
        }
        #[cfg(feature = "export")]
        "export" => {
            let folder = tempfile::tempdir()?;
            crate::export::export(path, folder.path())?;
        }
        _ => {}
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("the system does not report the peak memory")?;
    println!("{peak}");
    Ok(())
}

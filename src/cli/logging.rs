//! The logger of the command, which prints log records to stderr.

use std::io::Write;

use log::Level;
use log::LevelFilter;

use crate::cli::printer::{fitting, presentable};

/// Prints log records to stderr as plain lines. The options set the level; the default is warnings.
pub(super) fn initialize(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Info,
        (_, 2) => LevelFilter::Debug,
        (_, _) => LevelFilter::Trace,
    };
    let initialized = env_logger::Builder::new()
        .filter_level(level)
        .format(|buffer, record| {
            let name = match record.level() {
                Level::Error => "error",
                Level::Warn => "warning",
                Level::Info => "info",
                Level::Debug => "debug",
                Level::Trace => "trace",
            };
            let style = buffer.default_level_style(record.level());
            writeln!(
                buffer,
                "{style}{name}:{style:#} {}",
                fitting(&format!("{name}:"), &presentable(record.args()))
            )
        })
        .try_init();
    // A program that links this crate may have its own logger.
    let _ = initialized;
}

//! The logger of the command, which prints log records to stderr.

use std::io;
use std::io::Write;

use env_logger::{Target, WriteStyle};
use log::Level;
use log::LevelFilter;

use crate::cli::printer::{fitting, messages_are_coloured, presentable, tell_above};

/// Where the records go: to stderr, above the lines that stay current there.
struct Messages;

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tell_above(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints log records to stderr as plain lines. The options set the level; the default is warnings.
pub(super) fn initialize(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => LevelFilter::Warn,
        (_, 1) => LevelFilter::Info,
        (_, 2) => LevelFilter::Debug,
        (_, _) => LevelFilter::Trace,
    };
    let style = if messages_are_coloured() {
        WriteStyle::Always
    } else {
        WriteStyle::Never
    };
    let initialized = env_logger::Builder::new()
        .filter_level(level)
        .write_style(style)
        .target(Target::Pipe(Box::new(Messages)))
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

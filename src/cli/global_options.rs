//! The options of every command.

use std::path::PathBuf;

use clap::ArgAction;
use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options", next_display_order = 100)]
#[expect(clippy::doc_markdown, reason = "the comments are the help text")]
pub(super) struct GlobalOptions {
    /// Use the database at this path [env: DEGENBOT_DB_PATH]
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) database: Option<PathBuf>,
    /// Read the config file at this path [env: DEGENBOT_CONFIG]
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) config: Option<PathBuf>,
    /// Print more messages; give it twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print only errors and questions
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
}

//! The question before the content of a database is written anew that Litestream replicates.

use std::io;
use std::io::IsTerminal;
use std::path::Path;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::format::bytes;
use crate::cli::prompt::confirm;
use crate::database::files::database_file::DatabaseFile;
use crate::database::files::open_by::programs_using;

/// How many bytes of new content writers wait a second for, as measured beside Litestream.
const BYTES_A_SECOND: u64 = 150 << 20;

/// The option of every command that writes the whole content of the database anew.
#[derive(Debug, Args)]
pub(super) struct BesideLitestream {
    /// Go on although Litestream replicates the database
    ///
    /// Litestream uploads the whole content then, and writers wait meanwhile. The command asks before that, and --force is
    /// no answer. Without a terminal, it fails unless this option is there.
    #[arg(long)]
    beside_litestream: bool,
}

impl BesideLitestream {
    /// Asks whether to go on if Litestream has the database open. `new` is about the size of the new content, in bytes.
    pub(super) fn confirm(&self, path: &Path, new: u64) -> Result<(), Failure> {
        if DatabaseFile::at(path).refuse_follower().is_err() {
            // The command refuses it, whatever the answer.
            return Ok(());
        }
        let programs = programs_using(path);
        let Some(litestream) = programs.iter().find(|program| program.is_litestream()) else {
            return Ok(());
        };
        let pid = litestream.pid;
        if self.beside_litestream {
            log::info!("Litestream (process {pid}) replicates the database");
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::BesideLitestream { pid });
        }
        let question = format!(
            "Litestream (process {pid}) replicates the database at {}. It uploads the whole new content (about {}), and writers \
             wait about {} s. Do you want to proceed?",
            path.display(),
            bytes(new),
            new.div_ceil(BYTES_A_SECOND)
        );
        confirm(&question, false)
    }
}

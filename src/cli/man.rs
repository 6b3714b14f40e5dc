//! `degenbot man`: manual pages.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::Command;
use clap_mangen::Man as Page;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Cancellable;
use crate::cli::printer::Lines;
use crate::database::error::database_error::Error;

const EXAMPLES: &str = "\
Examples:
  degenbot man | man -l -
  degenbot man --out ~/.local/share/man/man1";

/// Print the manual page, or write the pages of all commands
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Man {
    /// Write a page for each command into this folder
    ///
    /// It creates the folder if necessary, and replaces existing pages.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    /// `tree` is the tree of commands.
    pub(super) fn run(self, context: &Context, tree: Command) -> Result<(), Failure> {
        // Pages for `help` would be useless.
        let mut tree = tree.disable_help_subcommand(true);
        tree.build();
        let Some(folder) = &self.out else {
            return context.print(&Lines::of_own_text(&render(&page(&tree))?));
        };
        let _running = Cancellable::begin();
        fs::create_dir_all(folder)
            .map_err(|error| Error::io(folder, "create the folder", error))?;
        let number = write(&tree, folder)?;
        context.printer.message(format_args!(
            "Wrote {number} manual pages to {}.",
            folder.display()
        ));
        Ok(())
    }
}

/// Writes the pages of a command and its subcommands, and returns the number of pages.
fn write(command: &Command, folder: &Path) -> Result<usize, Failure> {
    let page = page(command);
    let path = folder.join(page.get_filename());
    fs::write(&path, render(&page)?).map_err(|error| Error::io(&path, "write", error))?;
    let mut number = 1;
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        number += write(below, folder)?;
    }
    Ok(number)
}

fn page(command: &Command) -> Page {
    Page::new(command.clone()).source(concat!("degenbot ", env!("CARGO_PKG_VERSION")))
}

fn render(page: &Page) -> Result<String, Failure> {
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|error| Failure::Output { error })?;
    // Manual pages use this heading for the text after the options.
    Ok(String::from_utf8_lossy(&text).replacen("\n.SH EXTRA\n", "\n.SH NOTES\n", 1))
}

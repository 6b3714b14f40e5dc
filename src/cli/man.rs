//! `degenbot man`: manual pages.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ArgAction;
use clap::Args;
use clap::Command;
use clap_mangen::Man as Page;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::interrupt::Cancellable;
use crate::cli::printer::Lines;
use crate::counted::counted;
use crate::database::error::database_error::Error;
use crate::database::files::regular_file::require_replaceable_file;
use crate::database::files::staged_file::{PUBLIC, StagedFile};
use crate::new_folders::NewFolders;

const EXAMPLES: &str = "\
Examples:
  degenbot man | man -l -
  degenbot man --out ~/.cargo/share/man/man1";

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
        let mut tree = with_known_values(tree.disable_help_subcommand(true));
        tree.build();
        let Some(folder) = &self.out else {
            return context.print(&Lines::of_own_text(&render(&tree)?));
        };
        let _running = Cancellable::begin();
        let folders = NewFolders::create(folder)
            .map_err(|error| Error::io(folder, "create the folder", error))?;
        let mut pages = Vec::new();
        stage(&tree, folder, &mut pages)?;
        let number = pages.len();
        for page in pages {
            page.replace_unsynced()?;
        }
        folders.keep();
        context.printer.message(format_args!(
            "Wrote {} to {}.",
            counted(number, "manual page"),
            folder.display()
        ));
        Ok(())
    }
}

/// Writes the pages of a command and its subcommands, which get their names when all are written.
fn stage(command: &Command, folder: &Path, pages: &mut Vec<StagedFile>) -> Result<(), Failure> {
    let path = folder.join(Page::new(command.clone()).get_filename());
    require_replaceable_file(&path)?;
    if path.is_dir() {
        return Err(Error::io(&path, "replace", rustix::io::Errno::ISDIR.into()).into());
    }
    // A link of that name is replaced, and not what it leads to.
    let mut staged = StagedFile::create(&path, PUBLIC)?;
    staged.write(render(command)?.as_bytes())?;
    pages.push(staged);
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        stage(below, folder, pages)?;
    }
    Ok(())
}

/// The tree with the values that the help leaves out for brevity.
fn with_known_values(tree: Command) -> Command {
    tree.mut_args(|argument| argument.hide_possible_values(false))
        .mut_subcommands(with_known_values)
}

fn render(command: &Command) -> Result<String, Failure> {
    let page = Page::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|error| Failure::Output { error })?;
    // Manual pages use this heading for the text after the options.
    let text = String::from_utf8_lossy(&text).replacen("\n.SH EXTRA\n", "\n.SH NOTES\n", 1);
    let title = page.get_filename();
    let title = title.trim_end_matches(".1");
    // The first line has the title twice. In 80 columns, only a short text fits in between.
    let heading = format!(
        ".TH \"{title}\" \"1\" \"\" \"degenbot {}\" \"degenbot\"",
        env!("CARGO_PKG_VERSION")
    );
    let synopsis = format!(".SH SYNOPSIS\n{}", synopsis(command));
    let mut lines = Vec::new();
    let mut is_synopsis = false;
    for line in text.lines() {
        is_synopsis &= !line.starts_with(".SH ");
        if is_synopsis {
            continue;
        }
        lines.push(match line {
            _ if line.starts_with(".TH ") => &heading,
            // clap's own has options without their values.
            ".SH SYNOPSIS" => {
                is_synopsis = true;
                &synopsis
            }
            _ => line,
        });
    }
    Ok(lines.join("\n") + "\n")
}

/// The synopsis: the command and each argument with its value, in the language of manual pages.
fn synopsis(command: &Command) -> String {
    let bold = |text: &str| format!("\\fB{}\\fR", text.replace('-', "\\-"));
    let mut parts = vec![bold(command.get_bin_name().unwrap_or(command.get_name()))];
    let (positional, options): (Vec<_>, Vec<_>) = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
        .partition(|argument| argument.is_positional());
    for argument in options.into_iter().chain(positional) {
        let short = argument.get_short().map(|short| format!("-{short}"));
        let long = argument.get_long().map(|long| format!("--{long}"));
        let names: Vec<_> = [short, long]
            .iter()
            .flatten()
            .map(|name| bold(name))
            .collect();
        let mut part = names.join("|");
        if argument.get_action().takes_values() {
            let names = argument.get_value_names().unwrap_or_default();
            let is_optional = argument
                .get_num_args()
                .is_some_and(|values| values.min_values() == 0);
            for name in names {
                if is_optional {
                    let _ = write!(part, "[=\\fI{name}\\fR]");
                    continue;
                }
                if !part.is_empty() {
                    // It is not broken between an option and its value.
                    part.push_str("\\ ");
                }
                let _ = write!(part, "\\fI{name}\\fR");
            }
        }
        if !argument.is_required_set() {
            part = format!("[{part}]");
        }
        if matches!(argument.get_action(), ArgAction::Append | ArgAction::Count) {
            part.push_str("...");
        }
        parts.push(part);
    }
    if command.has_subcommands() {
        parts.push("\\fICOMMAND\\fR".to_owned());
    }
    parts.join(" ")
}

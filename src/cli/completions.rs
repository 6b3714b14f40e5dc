//! `degenbot completions`: shell completion scripts.

use clap::Args;
use clap::Command;
use clap_complete::Shell;
use clap_complete::generate;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::printer::Lines;

const PLACES: &str = "\
Where the script goes:
  bash
    degenbot completions bash \\
      > ~/.local/share/bash-completion/completions/degenbot
  zsh, in a folder of $fpath
    degenbot completions zsh > ~/.zfunc/_degenbot
  fish
    degenbot completions fish > ~/.config/fish/completions/degenbot.fish
  elvish
    degenbot completions elvish >> ~/.config/elvish/rc.elv
  powershell
    degenbot completions powershell >> $PROFILE";

/// Print a shell script that completes commands and options
///
/// The script knows the commands of this release. Print it again after an update.
#[derive(Debug, Args)]
#[command(after_long_help = PLACES)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// `tree` is the tree of commands.
    pub(super) fn run(self, context: &Context, mut tree: Command) -> Result<(), Failure> {
        let name = tree.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut tree, name, &mut script);
        context.print(&Lines::of_own_text(&String::from_utf8_lossy(&script)))
    }
}

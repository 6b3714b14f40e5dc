//! `degenbot completions`: shell completion scripts.

use std::fmt::Write;

use clap::Arg;
use clap::ArgAction;
use clap::Args;
use clap::Command;
use clap::value_parser;
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
    pub(super) fn run(self, context: &Context, tree: Command) -> Result<(), Failure> {
        let mut tree = with_plain_flags(tree);
        let name = tree.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut tree, name, &mut script);
        let script = String::from_utf8_lossy(&script);
        let script = match self.shell {
            Shell::Bash => with_paths_by_readline(&script),
            Shell::Fish => script.into_owned() + &arguments_for_fish(&tree),
            _ => script.into_owned(),
        };
        context.print(&Lines::of_own_text(&script))
    }
}

/// The commands with plain flags in the place of options whose value can only follow an equals sign. clap's scripts would
/// offer it as the next word, which is refused.
fn with_plain_flags(command: Command) -> Command {
    let plain = |argument: Arg| {
        if argument.is_require_equals_set() {
            argument
                .require_equals(false)
                .action(ArgAction::SetTrue)
                .num_args(0)
                .value_parser(value_parser!(bool))
        } else {
            argument
        }
    };
    command.mut_args(plain).mut_subcommands(with_plain_flags)
}

/// The script for bash, in which readline itself completes paths. clap's code splits a path at its spaces and does not
/// quote it. If a script offers nothing, readline completes paths and quotes them as it does elsewhere.
fn with_paths_by_readline(script: &str) -> String {
    script.replace(r#"COMPREPLY=($(compgen -f "${cur}"))"#, "COMPREPLY=()")
}

/// The known values of arguments without an option's name, which clap's script for fish leaves out.
fn arguments_for_fish(tree: &Command) -> String {
    let mut script = String::new();
    for group in tree.get_subcommands() {
        for command in group.get_subcommands() {
            for argument in command.get_positionals() {
                let values: Vec<_> = argument
                    .get_value_parser()
                    .possible_values()
                    .into_iter()
                    .flatten()
                    .map(|value| value.get_name().to_owned())
                    .collect();
                if !values.is_empty() {
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        script,
                        "complete -c {} -n \"__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}\" \
                         -f -a \"{}\"",
                        tree.get_name(),
                        group.get_name(),
                        command.get_name(),
                        values.join(" ")
                    );
                }
            }
        }
    }
    script
}

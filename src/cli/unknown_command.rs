//! Commands that do not exist, and what to type instead: those of the Python package, and those of another group.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::Error;
use clap::error::ErrorKind;

use crate::cli::arguments::Cli;
use crate::cli::failure::Failure;
use crate::deployments::chains::chain_called;
use crate::deployments::market::Market;

/// The groups of commands that only the Python package has.
const ONLY_IN_PYTHON: [&str; 2] = ["path", "fleet"];

/// The commands about Aave's markets that a release of the Python package has. Those that are commands here as well are
/// not looked up in this list.
const OF_AAVE: [&str; 5] = ["digest", "market", "position", "reset", "update"];

/// Commands of the Python package that have another name here.
const RENAMED: [(&str, &str, &str); 2] = [
    ("database", "cutover", "database upgrade"),
    ("database", "heal", "database upgrade"),
];

/// The failure that says what to type instead of a command that clap does not know. `None` if clap's own error says
/// enough.
pub(super) fn advice(error: &Error, arguments: &[OsString]) -> Option<Failure> {
    match error.kind() {
        ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument => {}
        _ => return None,
    }
    let arguments: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let (words, options) = words_and_options(&arguments);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let words = words.strip_prefix(&["help"]).unwrap_or(&words);
    let [group, rest @ ..] = words else {
        return None;
    };
    // Its `path` is a group; ours is `config path`.
    if ONLY_IN_PYTHON.contains(group) && (*group != "path" || !rest.is_empty()) {
        let subcommand = rest.first().map(|name| format!(" {name}"));
        return Some(Failure::OnlyInPython {
            command: format!("{group}{}", subcommand.unwrap_or_default()),
        });
    }
    if let ("aave", [name, ..]) = (*group, rest)
        && OF_AAVE.contains(name)
        && !has_command(group, name)
    {
        return Some(Failure::OnlyInPython {
            command: format!("{group} {name}"),
        });
    }
    let elsewhere = |typed: &[&str], command: String| Failure::OtherCommand {
        typed: typed.join(" "),
        command: options
            .iter()
            .fold(command, |command, option| command + " " + option),
    };
    match words {
        // `activate base uniswap_v3`: the name of an exchange or market has its chain in front.
        [
            group @ ("exchange" | "aave"),
            command @ ("activate" | "deactivate"),
            chain,
            name,
        ] if chain_called(chain).is_some() => {
            let right = format!("{group} {command} {chain}_{name}");
            Some(elsewhere(&words[..4], right))
        }
        [group, name, rest @ ..] if is_group(group) => {
            if has_command(group, name) {
                return None;
            }
            let renamed = RENAMED
                .iter()
                .find(|(in_group, old, _)| in_group == group && old == name);
            let right = match renamed {
                Some((_, _, right)) => (*right).to_owned(),
                None => format!("{} {name}", group_of(name)?),
            };
            Some(elsewhere(&words[..2], joined(right, rest)))
        }
        [command @ ("activate" | "deactivate"), name, ..] if is_market(name) => Some(elsewhere(
            &words[..1],
            joined(format!("aave {command}"), &words[1..]),
        )),
        [name, rest @ ..] => {
            let right = format!("{} {name}", group_of(name)?);
            Some(elsewhere(&words[..1], joined(right, rest)))
        }
        [] => None,
    }
}

fn joined(command: String, rest: &[&str]) -> String {
    rest.iter()
        .fold(command, |command, word| command + " " + word)
}

/// The words of a command line, and its options with their values. Of the options only those are kept that a shell reads
/// as they are.
fn words_and_options(arguments: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut words, mut options) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if !argument.starts_with('-') {
            words.push(argument.clone());
            continue;
        }
        // Of an option that no command has, nobody knows whether the next word is its value.
        if !is_known(argument) {
            break;
        }
        let mut option = argument.clone();
        if takes_value(argument)
            && let Some(value) = arguments.next()
        {
            option = format!("{option} {value}");
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./ :".contains(&byte);
        if option.bytes().all(is_plain) {
            options.push(option);
        }
    }
    (words, options)
}

/// Whether a command has this option.
fn is_known(option: &str) -> bool {
    let (name, _) = option.split_once('=').unwrap_or((option, ""));
    match name.strip_prefix("--") {
        Some(long) => any_argument(|argument| argument.get_long() == Some(long)),
        None => name
            .chars()
            .skip(1)
            .all(|short| any_argument(|argument| argument.get_short() == Some(short))),
    }
}

/// Whether the next argument is the value of this option.
fn takes_value(option: &str) -> bool {
    let Some(long) = option.strip_prefix("--").filter(|long| !long.contains('=')) else {
        return false;
    };
    any_argument(|argument| {
        argument.get_long() == Some(long)
            && argument.get_action().takes_values()
            && !argument.is_require_equals_set()
    })
}

/// Whether an argument of any command is meant.
fn any_argument(is_meant: impl FnMut(&clap::Arg) -> bool) -> bool {
    let tree = Cli::command();
    let commands = tree
        .get_subcommands()
        .flat_map(clap::Command::get_subcommands);
    std::iter::once(&tree)
        .chain(tree.get_subcommands())
        .chain(commands)
        .flat_map(clap::Command::get_arguments)
        .any(is_meant)
}

fn is_market(name: &str) -> bool {
    let name = name.parse().ok();
    name.is_some_and(|name| Market::of(&name).is_some())
}

fn has_command(group: &str, name: &str) -> bool {
    let tree = Cli::command();
    tree.find_subcommand(group)
        .is_some_and(|group| group.find_subcommand(name).is_some())
}

fn is_group(name: &str) -> bool {
    let tree = Cli::command();
    tree.find_subcommand(name)
        .is_some_and(clap::Command::has_subcommands)
}

/// The first group that has a command of this name.
fn group_of(command: &str) -> Option<String> {
    let tree = Cli::command();
    tree.get_subcommands()
        .find(|group| group.find_subcommand(command).is_some())
        .map(|group| group.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// The error and its hint for a command line; `None` if clap's own error stands.
    fn advice_about(line: &str) -> Option<String> {
        let arguments: Vec<_> = std::iter::once("degenbot")
            .chain(line.split(' '))
            .map(OsString::from)
            .collect();
        let error = Cli::try_parse_from(&arguments).unwrap_err();
        match advice(&error, &arguments)? {
            Failure::OnlyInPython { command } => Some(format!("only in Python: {command}")),
            Failure::OtherCommand { typed, command } => Some(format!("{typed} -> {command}")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_of_the_python_package_and_of_other_groups_are_explained() {
        for (line, expected) in [
            ("--json info", "info -> database info --json"),
            ("backup -o b.db", "backup -> database backup"),
            ("-q backup --force", "backup -> database backup -q --force"),
            (
                "--database x.db fleet update 0x00",
                "only in Python: fleet update",
            ),
            ("help fleet", "only in Python: fleet"),
            (
                "deactivate ethereum_aave_v3 --wait 3",
                "deactivate -> aave deactivate ethereum_aave_v3 --wait 3",
            ),
            (
                "aave activate ethereum aave_v3",
                "aave activate ethereum aave_v3 -> aave activate ethereum_aave_v3",
            ),
            ("aave reset ethereum_aave_v3", "only in Python: aave reset"),
            ("path discover --socket x", "only in Python: path discover"),
            ("fleet posture show", "only in Python: fleet posture"),
            (
                "database cutover --dry-run",
                "database cutover -> database upgrade --dry-run",
            ),
            ("database heal", "database heal -> database upgrade"),
            ("upgrade", "upgrade -> database upgrade"),
            (
                "downgrade --to 0.5.0",
                "downgrade -> database downgrade --to 0.5.0",
            ),
            (
                "--database a.db backup --output b.db",
                "backup -> database backup --database a.db --output b.db",
            ),
            ("path", "path -> config path"),
            (
                "activate base_uniswap_v3",
                "activate -> exchange activate base_uniswap_v3",
            ),
            (
                "database list --json",
                "database list -> exchange list --json",
            ),
            (
                "exchange activate base uniswap_v3",
                "exchange activate base uniswap_v3 -> exchange activate base_uniswap_v3",
            ),
            (
                "exchange deactivate 1 uniswap_v3 --wait 3",
                "exchange deactivate 1 uniswap_v3 -> exchange deactivate 1_uniswap_v3 --wait 3",
            ),
            // What a shell would read in another way is left out.
            ("backup --output $HOME", "backup -> database backup"),
        ] {
            assert_eq!(advice_about(line).as_deref(), Some(expected), "{line}");
        }
        for line in [
            "nothing",
            "database nothing",
            "database upgrade --nothing",
            "database info x",
            "exchange activate mars uniswap_v3",
            "exchange activate",
            "--nothing",
            "",
        ] {
            assert_eq!(advice_about(line), None, "{line}");
        }
    }
}

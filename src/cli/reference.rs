//! Tests of the help of every command, and of `docs/cli.md`, which they generate.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::Command;
use clap::CommandFactory;

use crate::cli::arguments::Cli;

const WIDTH: usize = 80;

const HEAD: &str = "\
# Commands

This is the output of `degenbot COMMAND --help` for every command; `-h` prints a summary. To generate this file, run
`DEGENBOT_WRITE_DOCS=1 cargo test --lib reference`.
";

/// The tree of commands, built so that it can render the help.
fn tree() -> Command {
    let mut tree = Cli::command().term_width(WIDTH);
    tree.build();
    tree
}

/// Calls `visit` with every visible command, each before its subcommands.
fn walk(command: &mut Command, visit: &mut impl FnMut(&mut Command)) {
    visit(command);
    for below in command.get_subcommands_mut() {
        // clap adds `help`, which prints the help of the others.
        if !below.is_hide_set() && below.get_name() != "help" {
            walk(below, visit);
        }
    }
}

/// The name with the names of its parent commands.
fn full_name(command: &Command) -> String {
    command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned()
}

#[test]
fn cli_md_equals_the_help_of_every_command() {
    let mut document = HEAD.to_owned();
    walk(&mut tree(), &mut |command| {
        let help = command.render_long_help().to_string();
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        let (name, help) = (full_name(command), lines.join("\n"));
        write!(document, "\n## `{name}`\n\n```text\n{help}\n```\n").unwrap();
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if env::var_os("DEGENBOT_WRITE_DOCS").is_some() {
        fs::write(&path, &document).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/cli.md is stale; write it with DEGENBOT_WRITE_DOCS=1 cargo test --lib reference"
    );
}

#[test]
fn help_is_at_most_80_columns_wide() {
    walk(&mut tree(), &mut |command| {
        let helps = [command.render_help(), command.render_long_help()];
        for help in helps.map(|help| help.to_string()) {
            for line in help.lines() {
                let width = line.chars().count();
                assert!(width <= WIDTH, "{}: {width}: {line}", full_name(command));
            }
        }
    });
}

#[test]
fn every_command_and_option_has_help() {
    walk(&mut tree(), &mut |command| {
        let name = full_name(command);
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            let is_told = argument.get_help().is_some() || argument.is_hide_set();
            assert!(is_told, "{name}: {}", argument.get_id());
        }
    });
}

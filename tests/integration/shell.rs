//! `completions` and `man`: every command that is in `docs/cli.md` is in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::command::{degenbot, run, settled};
use crate::support::corpus::Copy;

/// The commands as they are typed, such as `degenbot database backup`.
fn commands() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let text = fs::read_to_string(path).unwrap();
    let titles = text.lines().filter_map(|line| line.strip_prefix("## `"));
    let commands: BTreeSet<_> = titles
        .map(|title| title.trim_end_matches('`').to_owned())
        .collect();
    assert!(commands.contains("degenbot database backup"));
    commands
}

fn stdout(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = degenbot(home.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completion_scripts_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        for command in commands() {
            let name = command.split(' ').next_back().unwrap();
            assert!(script.contains(name), "{shell}: {command}");
        }
        // An option of all commands, one of some, and a value.
        for word in ["config", "dry-run", "quick"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_completes_with_the_script() {
    if Command::new("bash").arg("--version").output().is_err() {
        eprintln!("skipped: there is no bash");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.bash");
    fs::write(&path, stdout(&["completions", "bash"])).unwrap();
    let bash = |arguments: &[&str]| {
        let mut bash = Command::new("bash");
        bash.args(arguments).arg(&path).stdin(Stdio::null());
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    bash(&["-n"]);
    let completed = bash(&[
        "-c",
        "source \"$0\"; COMP_WORDS=(degenbot database ver); COMP_CWORD=2; \
         _degenbot degenbot ver database; echo \"${COMPREPLY[@]}\"",
    ]);
    assert_eq!(completed, "verify\n");
    for (words, word, before, expected) in [
        // The names of versions and releases, and those of exchanges.
        (
            "database downgrade --to 0.5",
            "0.5",
            "--to",
            "0.5.0b4 0.5.0\n",
        ),
        (
            "exchange activate base_uni",
            "base_uni",
            "activate",
            "base_uniswap_v2 base_uniswap_v3 base_uniswap_v4\n",
        ),
        ("database backup --verify f", "f", "--verify", "full\n"),
        // Nothing: readline completes paths, and quotes them.
        ("database backup --output ./", "./", "--output", "\n"),
        ("--database ./", "./", "--database", "\n"),
    ] {
        let script = format!(
            "source \"$0\"; COMP_WORDS=(degenbot {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _degenbot degenbot '{word}' '{before}'; echo \"${{COMPREPLY[@]}}\""
        );
        assert_eq!(bash(&["-c", &script]), expected, "{words}");
    }
    let registered = bash(&["-c", "source \"$0\"; complete -p degenbot"]);
    assert!(registered.contains("-o default"), "{registered}");
}

#[test]
fn zsh_and_fish_accept_the_scripts() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["zsh", "fish"] {
        let path = folder.path().join(shell);
        fs::write(&path, stdout(&["completions", shell])).unwrap();
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(_) => eprintln!("skipped: there is no {shell}"),
        }
    }
    let complete = |line: &str| {
        let script = format!(
            "source '{}'; complete -C '{line}'",
            folder.path().join("fish").display()
        );
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script])
            .env("HOME", folder.path());
        let output = fish.current_dir(folder.path()).output().ok()?;
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let Some(exchanges) = complete("degenbot exchange activate base_uni") else {
        return;
    };
    assert_eq!(
        exchanges,
        "base_uniswap_v2\nbase_uniswap_v3\nbase_uniswap_v4\n"
    );
    let versions = complete("degenbot database upgrade --to 0.5").unwrap();
    assert_eq!(versions, "0.5.0\n0.5.0b4\n");
}

#[test]
fn man_writes_a_page_for_every_command() {
    let home = tempfile::tempdir().unwrap();
    let write = || {
        let mut command = degenbot(home.path());
        command.args(["man", "--out", "share/man/man1"]);
        let told = run(command, "");
        let expected = format!(
            "status: 0\n--- stdout\n--- stderr\nWrote {} manual pages to share/man/man1.\n",
            commands().len()
        );
        assert_eq!(told, expected);
    };
    write();
    // The pages that are there are replaced.
    write();
    let folder = home.path().join("share/man/man1");
    let pages: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = commands()
        .into_iter()
        .map(|command| command.replace(' ', "-") + ".1");
    assert_eq!(pages, expected.collect());
    let page = |name| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(page("degenbot.1"), stdout(&["man"]));
    insta::assert_snapshot!(settled(&page("degenbot-database-reset.1")));
}

#[test]
fn man_pages_fit_in_80_columns_and_list_values() {
    let home = tempfile::tempdir().unwrap();
    let mut command = degenbot(home.path());
    command.args(["man", "--out", "man1"]);
    run(command, "");
    let render = |page: &Path| {
        let mut man = Command::new("man");
        man.env("MANWIDTH", "80")
            .env("LC_ALL", "C")
            .env("MAN_KEEP_FORMATTING", "");
        man.args(["--warnings", "-l"])
            .arg(page)
            .stdin(Stdio::null());
        man.output().ok().filter(|output| output.status.success())
    };
    for entry in fs::read_dir(home.path().join("man1")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let page = fs::read_to_string(&path).unwrap();
        let synopsis = page.split_once("\n.SH SYNOPSIS\n").unwrap().1;
        let synopsis = synopsis.split_once('\n').unwrap().0;
        assert!(
            synopsis.contains("\\-\\-database\\fR\\ \\fIPATH\\fR"),
            "{synopsis}"
        );
        let Some(output) = render(&path) else {
            eprintln!("skipped: there is no man");
            continue;
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        let heading: Vec<_> = text.lines().next().unwrap().split_whitespace().collect();
        let title = format!("{name}(1)");
        assert_eq!(heading, [title.as_str(), "degenbot", &title]);
    }
    let page = |name: &str| fs::read_to_string(home.path().join("man1").join(name)).unwrap();
    for (name, value) in [
        ("degenbot-database-backup.1", "quick"),
        ("degenbot-database-downgrade.1", "eb4080485a56"),
        ("degenbot-database-upgrade.1", "0.6.0a4"),
        ("degenbot-exchange-activate.1", "base_uniswap_v4"),
        ("degenbot-exchange-add.1", "ethereum"),
    ] {
        assert!(page(name).contains(value), "{name}: {value}");
    }
}

#[test]
fn completions_and_man_report_what_they_cannot_do() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("taken"), "").unwrap();
    fs::create_dir_all(home.path().join("folder/degenbot-pool-verify.1")).unwrap();
    let told = |arguments: &[&str]| {
        let mut command = degenbot(home.path());
        command.args(arguments);
        run(command, "")
    };
    insta::assert_snapshot!(told(&["man", "--out", "taken"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: Could not create the folder taken: File exists (os error 17)
    hint: Check the path, its permissions and the state of the disk
    ");
    insta::assert_snapshot!(told(&["man", "--out", "folder"]), @r"
    status: 1
    --- stdout
    --- stderr
    error: Could not replace folder/degenbot-pool-verify.1: Is a directory (os error 21)
    hint: Check the path, its permissions and the state of the disk
    ");
    // No page was written before that was known.
    assert_eq!(fs::read_dir(home.path().join("folder")).unwrap().count(), 1);
    insta::assert_snapshot!(told(&["completions", "tcsh"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
}

#[test]
fn help_that_cannot_be_written_fails() {
    const FULL: &str = "/dev/full";
    if !Path::new(FULL).exists() {
        eprintln!("skipped: there is no {FULL}");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    for line in [
        "--help",
        "-h",
        "--version",
        "help",
        "help database",
        "database help backup",
        "database backup --help",
        "completions bash",
        "man",
        "config path",
    ] {
        let full = fs::File::options().write(true).open(FULL).unwrap();
        let mut command = degenbot(home.path());
        let output = command.args(line.split(' ')).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.starts_with("error: Could not write to stdout: "),
            "{line}: {told}"
        );
    }
}

#[test]
fn help_to_a_closed_pipe_succeeds() {
    let home = tempfile::tempdir().unwrap();
    for line in ["--help", "help database", "--version", "completions zsh"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = degenbot(home.path());
        let output = command
            .args(line.split(' '))
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert!(output.stderr.is_empty(), "{line}");
    }
}

#[test]
fn help_lists_every_exit_status() {
    let help = stdout(&["--help"]);
    let (_, table) = help.split_once("Exit status:\n").unwrap();
    assert_eq!(
        table,
        "  0    done\n  \
         1    failed, refused, or aborted by the user; or stdout could not be\n       written\n  \
         2    wrong arguments\n  \
         3    a command that verifies or repairs has found a problem, or could\n       not check a part, and has printed that\n  \
         4    'database status' has found the database stale, and has printed\n       that\n  \
         130  ended at once by a second Ctrl-C\n"
    );
}

#[test]
fn data_for_a_closed_stdout_is_an_error() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    for (line, status) in [
        ("--help", 1),
        ("man", 1),
        ("--database degenbot.db database info", 1),
        ("--database degenbot.db database verify", 1),
        ("--database degenbot.db database backup --force --json", 1),
        ("--database degenbot.db database backup --force", 0),
    ] {
        // The standard library cannot start a program without a stdout.
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                "exec \"$0\" \"$@\" >&-",
                env!("CARGO_BIN_EXE_degenbot"),
            ])
            .args(line.split(' '))
            .current_dir(copy.folder())
            .env("HOME", copy.folder());
        let output = shell.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{line}: {told}");
        let is_told = told.contains("error: Could not write to stdout: stdout is closed\n");
        assert_eq!(is_told, status == 1, "{line}: {told}");
    }
}

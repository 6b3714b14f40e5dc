//! Every question, answered in every way, on a terminal and through a pipe.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use degenbot::database::{SchemaVersion, backup_path};
use diesel::connection::SimpleConnection;

use crate::support::command::{on, quietly, run, send};
use crate::support::content;
use crate::support::corpus::{Copy, earlier_backup};
use crate::support::terminal::Terminal;
use crate::support::unprivileged::{public_copy_of_the_binary, unprivileged};

/// The commands that ask, each with a database that it asks about and the end of its question.
const QUESTIONS: [(&str, &str, &str); 3] = [
    (
        "backup",
        "populated/populated-0.6.0a4.db",
        "Do you want to remove it and continue? [y/N]",
    ),
    (
        "reset",
        "populated/populated-0.6.0a4.db",
        "Do you want to proceed? [y/N]",
    ),
    (
        "upgrade",
        "populated/populated-0.5.0.db",
        "Do you want to proceed? [y/N]",
    ),
];

fn prepare(database: &str) -> Copy {
    let copy = Copy::of(database);
    fs::write(backup_path(&copy.path), earlier_backup()).unwrap();
    copy
}

/// Asserts that the command did what it was asked to, or that nothing was changed.
fn assert_done(copy: &Copy, database: &str, command: &str, done: bool, told: &str) {
    let original = Copy::of(database);
    let before = content::of(&original.path);
    if !done {
        assert!(told.contains("Aborted!"), "{command}: {told}");
        let mut files = original.files();
        files.insert("degenbot.db.bak".to_owned(), earlier_backup());
        assert_eq!(copy.files(), files, "{command}");
        return;
    }
    assert!(!told.contains("Aborted!"), "{command}: {told}");
    match command {
        "backup" => assert_eq!(content::of(&backup_path(&copy.path)), before),
        "reset" => assert!(content::of(&copy.path)["pools"].rows.is_empty()),
        _ => {
            content::assert_carried_over(&before, &content::of(&copy.path), command);
            assert_eq!(
                degenbot::database::current_database_version(&copy.path).unwrap(),
                degenbot::database::latest_database_version()
            );
        }
    }
}

#[test]
fn prompt_on_a_terminal_takes_answers_and_control_keys() {
    const CTRL_C: &str = "\u{3}";
    const CTRL_D: &str = "\u{4}";
    const ESC: &str = "\u{1b}";
    const CTRL_BACKSLASH: &str = "\u{1c}";

    let answers = [
        ("y\r", true),
        ("YES\r", true),
        ("n\r", false),
        ("\r", false),
        ("what?\r\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}no\r", false),
        (CTRL_C, false),
        (CTRL_D, false),
        (ESC, false),
        (CTRL_BACKSLASH, false),
    ];
    for (command, database, _) in QUESTIONS {
        for (keys, agreed) in answers {
            let copy = prepare(database);
            let mut terminal = Terminal::run(on(&copy.path, &["database", command]));
            terminal.wait_for("[y/N]");
            terminal.press(keys);
            let (status, told) = terminal.finish();
            assert_eq!(status, i32::from(!agreed), "{command} {keys:?}: {told}");
            assert_done(&copy, database, command, agreed, &told);
        }
    }
}

/// A command in a shell with a terminal, after `before` and before `after`.
fn in_a_shell(copy: &Copy, before: &str, after: &str) -> Terminal {
    let asking = on(&copy.path, &["database", "reset"]);
    let mut shell = Command::new("bash");
    // Whatever a shell reads by itself must not print anything.
    shell
        .args(["--norc", "--noprofile", "-c"])
        .arg(format!("{before}; \"$@\"; {after}"))
        .arg("bash")
        .arg(asking.get_program())
        .args(asking.get_args())
        .current_dir(copy.folder());
    for (name, value) in asking.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    Terminal::run(shell)
}

#[test]
fn signal_at_a_prompt_restores_the_terminal() {
    for signal in ["INT", "TERM", "QUIT", "HUP"] {
        let copy = prepare("populated/populated-0.6.0a4.db");
        let mut terminal = in_a_shell(
            &copy,
            "stty -a >before; set -- sh -c 'echo $$ >pid; exec \"$@\"' sh \"$@\"",
            "echo \"status $?\"; stty -a >after",
        );
        terminal.wait_for("[y/N]");
        // The question is drawn in raw mode, which has come before.
        let at = |name: &str| fs::read_to_string(copy.folder().join(name)).unwrap();
        let killed = Command::new("kill")
            .args([format!("-{signal}"), at("pid").trim().to_owned()])
            .status();
        assert!(killed.unwrap().success());
        let (_, told) = terminal.finish();
        assert!(
            told.contains("Aborted!") && told.contains("status 1\r\n"),
            "{signal}: {told}"
        );
        assert_eq!(at("before"), at("after"), "{signal}");
    }
}

#[test]
fn prompt_that_is_stopped_restores_the_terminal_and_comes_again() {
    const CTRL_Z: &str = "\u{1a}";
    let copy = prepare("populated/populated-0.6.0a4.db");
    let mut terminal = in_a_shell(
        &copy,
        "set -m; stty -a >before",
        "echo \"stopped $?\"; stty -a >stopped; fg >/dev/null; echo \"status $?\"; stty -a >after",
    );
    terminal.wait_for("[y/N]");
    terminal.press("n");
    // It is drawn again with each letter. The terminal would forget one that nobody has read.
    terminal.wait_for("[y/N]");
    terminal.press(CTRL_Z);
    // 128, and the number of the signal.
    terminal.wait_for(if cfg!(target_os = "linux") {
        "stopped 148"
    } else {
        "stopped 146"
    });
    terminal.wait_for("[y/N] n");
    terminal.press("o\r");
    let (_, told) = terminal.finish();
    assert!(told.contains("status 1\r\n"), "{told}");
    let at = |name: &str| fs::read_to_string(copy.folder().join(name)).unwrap();
    assert_eq!([at("stopped"), at("after")], [at("before"), at("before")]);
    for name in ["before", "stopped", "after"] {
        fs::remove_file(copy.folder().join(name)).unwrap();
    }
    let database = "populated/populated-0.6.0a4.db";
    assert_done(&copy, database, "reset", false, &told);
}

#[test]
fn prompt_reads_answers_from_a_pipe() {
    let long = " ".repeat(2_000) + "y\n";
    let answers = [
        ("y\n", true),
        ("yes\n", true),
        ("y", true),
        ("y\ny\ny\n", true),
        ("what?\ny\n", true),
        ("n\n", false),
        ("\n", false),
        ("what?\n", false),
        ("what?\nwhat?\ny\n", true),
        ("what?\nwhat?\nwhat?\ny\n", false),
        (long.as_str(), false),
        ("", false),
    ];
    for (command, database, question) in QUESTIONS {
        for (input, agreed) in answers {
            let copy = prepare(database);
            let told = run(on(&copy.path, &["database", command]), input);
            let status = if agreed { "status: 0\n" } else { "status: 1\n" };
            assert!(told.starts_with(status), "{command} {input:?}: {told}");
            assert!(told.contains(question), "{told}");
            assert_done(&copy, database, command, agreed, &told);
        }
    }
}

#[test]
fn prompt_on_a_pipe_is_aborted_by_sigint() {
    for (command, database, question) in QUESTIONS {
        let copy = prepare(database);
        let mut child = on(&copy.path, &["database", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        while !told.contains(question) {
            let mut bytes = Vec::new();
            let length = stderr.read_until(b']', &mut bytes).unwrap();
            assert!(length > 0, "{told}");
            told.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        assert!(send(&child, "-INT"));
        stderr.read_to_string(&mut told).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{told}");
        assert_done(&copy, database, command, false, &told);
    }
}

#[test]
fn force_and_yes_skip_the_prompt() {
    for (command, database, question) in QUESTIONS {
        for option in ["--force", "--yes", "-y"] {
            let copy = prepare(database);
            let mut child = on(&copy.path, &["database", command, option])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // The input stays open: a question would be waited for.
            let mut input = child.stdin.take().unwrap();
            let output = child.wait_with_output().unwrap();
            let _ = input.write_all(b"n\n");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{told}");
            assert!(!told.contains(question), "{told}");
            assert_done(&copy, database, command, true, &told);
        }
    }
}

#[test]
fn long_questions_break_between_words_on_a_terminal() {
    let copy = prepare("populated/populated-0.5.0.db");
    let mut terminal = Terminal::run(on(&copy.path, &["database", "upgrade"]));
    let before = terminal.wait_for("[y/N]");
    terminal.press("n\r");
    terminal.finish();
    let latest = SchemaVersion::latest();
    let breaks = [
        format!("from version eb4080485a56 to\r\n{latest}.\r\n"),
        format!("from version eb4080485a56\r\nto {latest}.\r\n"),
    ];
    assert!(
        breaks.iter().any(|line| before.contains(line)),
        "{before:?}"
    );
    assert!(before.ends_with("Do you want to proceed? "), "{before:?}");
}

#[test]
fn facts_and_findings_break_between_words_on_a_terminal() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    content::connect(&copy.path)
        .batch_execute("UPDATE uniswap_v4_pools SET tick_spacing = 0")
        .unwrap();
    for command in ["info", "verify"] {
        let narrow = Terminal::run(on(&copy.path, &["-q", "database", command]));
        let (_, narrow) = narrow.finish();
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 80),
            "{narrow}"
        );
        let whole = quietly(&copy.path, &["-q", "database", command]);
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let stdout = whole.split_once("--- stdout\n").unwrap().1;
        let stdout = stdout.split_once("--- stderr\n").unwrap().0;
        assert_eq!(
            words(&narrow)[..words(stdout).len()],
            words(stdout),
            "{narrow}"
        );
    }
}

#[test]
fn a_question_comes_after_every_refusal() {
    let binary = public_copy_of_the_binary();
    let old = Copy::of("populated/populated-0.5.0.db");
    let latest = Copy::upgraded("populated/populated-0.5.0.db");
    for (file, folder) in [(0o444, 0o777), (0o666, 0o555)] {
        for (command, database) in [
            ("upgrade", &old),
            ("downgrade --to 0.5.0", &latest),
            ("reset", &latest),
            ("restore", &latest),
        ] {
            let copy = Copy::of("populated/populated-0.5.0.db");
            fs::copy(&database.path, &copy.path).unwrap();
            fs::write(backup_path(&copy.path), earlier_backup()).unwrap();
            fs::set_permissions(&copy.path, fs::Permissions::from_mode(file)).unwrap();
            fs::set_permissions(copy.folder(), fs::Permissions::from_mode(folder)).unwrap();
            let mut child = unprivileged(&binary.1);
            child
                .args(["--database", "degenbot.db", "database"])
                .args(command.split(' '))
                .current_dir(copy.folder());
            let told = run(child, "n\n");
            fs::set_permissions(copy.folder(), fs::Permissions::from_mode(0o755)).unwrap();
            assert!(told.starts_with("status: 1\n"), "{command}: {told}");
            assert!(!told.contains("[y/N]"), "{command}: {told}");
            assert!(
                told.contains("hint: Nothing was changed. "),
                "{command}: {told}"
            );
            assert!(
                !told.contains(copy.folder().to_str().unwrap()),
                "{command}: {told}"
            );
        }
    }
}

//! What is printed goes through the printer, which escapes it. This finds what would go round it.

use std::path::Path;
use std::str::FromStr;

use proc_macro2::TokenStream;

use crate::modules::Crate;
use crate::tokens::identifiers;

/// Names of what writes to the terminal, and the files that may use them.
const WRITERS: &[(&[&str], &[&str])] = &[
    // The handler of signals prints a text of its own. `question_line.rs` escapes the question that it shows again.
    // `replica.rs` names the streams of a program that it starts.
    (
        &["stdout", "stderr", "Stdout", "Stderr", "stdio"],
        &[
            "src/cli/printer.rs",
            "src/cli/interrupt.rs",
            "src/cli/question_line.rs",
            "src/cli/database/replica.rs",
        ],
    ),
    // Clippy finds `print!`.
    (&["println", "eprint", "eprintln", "dbg"], &[]),
    // What these two print has no text of anybody else.
    (
        &["of_own_text"],
        &[
            "src/cli/printer.rs",
            "src/cli/completions.rs",
            "src/cli/man.rs",
        ],
    ),
    // clap prints, and ends the process.
    (
        &[
            "parse_from",
            "get_matches",
            "print_help",
            "print_long_help",
            "use_stderr",
        ],
        &["src/cli/parse.rs"],
    ),
    // Each escapes what it is given. `failure.rs` only has the type of an error, and `question_line.rs` prints nothing
    // by it.
    (
        &["inquire"],
        &[
            "src/cli/prompt.rs",
            "src/cli/failure.rs",
            "src/cli/question_line.rs",
        ],
    ),
    // The progress of an update has numbers only. `live_lines.rs` escapes what it is given.
    (
        &["ProgressBar"],
        &[
            "src/cli/progress.rs",
            "src/cli/progress/update.rs",
            "src/cli/progress/live_lines.rs",
        ],
    ),
    // `printer.rs` only has the styles of both.
    (
        &["env_logger"],
        &["src/cli/logging.rs", "src/cli/printer.rs"],
    ),
    (&["StyledStr"], &["src/cli/printer.rs"]),
    (
        &["crossterm"],
        &["src/cli/question_line.rs", "src/cli/wrap.rs"],
    ),
];

/// The text without its tests, which stand at its end.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

/// The names in a text that this file must not use.
fn strays(path: &str, text: &str) -> Vec<String> {
    let tokens = TokenStream::from_str(without_tests(text)).unwrap();
    let used = identifiers(tokens);
    let forbidden = WRITERS
        .iter()
        .filter(|(_, files)| !files.contains(&path))
        .flat_map(|(names, _)| names.iter());
    forbidden
        .filter(|name| used.iter().any(|used| used == *name))
        .map(|name| format!("{path}: {name}"))
        .collect()
}

#[test]
fn only_the_printer_writes_to_the_terminal() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crate_ = Crate::read(package, "degenbot").unwrap();
    let mut found = Vec::new();
    for file in crate_.files.iter().filter(|file| !file.test) {
        let text = std::fs::read_to_string(package.join(&file.path)).unwrap();
        found.extend(strays(&file.path, &text));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_message_that_goes_round_the_printer_is_found() {
    let path = "src/cli/database/backup.rs";
    for text in [
        "fn tell() { eprintln!(\"done\"); }",
        "fn tell() { let _ = writeln!(std::io::stderr(), \"done\"); }",
        "use std::io::stdout as out;",
        "fn ask() { inquire::Text::new(\"?\").prompt(); }",
    ] {
        assert_eq!(strays(path, text).len(), 1, "{text}");
    }
    assert!(strays(path, "/// Never call `println`.\nfn tell() {}").is_empty());
    assert!(strays("src/cli/printer.rs", "use std::io::stdout;").is_empty());
}

//! Arguments that contradict each other, and commands that do not exist: nothing is done, and the exit status is 2.

use std::fs;

use degenbot::database::SchemaVersion;

use crate::support::command::{on, quietly, run};
use crate::support::content;
use crate::support::corpus::Copy;

/// The only line about the error.
fn error(copy: &Copy, arguments: &str) -> String {
    let arguments: Vec<_> = arguments.split(' ').collect();
    let told = run(on(&copy.path, &arguments), "");
    assert!(
        told.starts_with("status: 2\n--- stdout\n--- stderr\n"),
        "{arguments:?}: {told}"
    );
    let line = told.lines().find_map(|line| line.strip_prefix("error: "));
    line.unwrap_or_else(|| panic!("{arguments:?}: {told}"))
        .to_owned()
}

#[test]
fn contradictions_are_errors() {
    let copy = Copy::of("populated/populated-0.5.0a2.db");
    fs::copy(&copy.path, copy.folder().join("other.db")).unwrap();
    let before = copy.files();
    let factory = "factory.1.uniswap_v2=0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f";
    let twice = |arguments: &str, what: &str| {
        assert_eq!(
            error(&copy, arguments),
            format!("the argument '{what}' cannot be used multiple times")
        );
    };
    // A global option can come before and behind the command.
    twice("database info --database other.db", "--database <PATH>");
    twice("database info --database=other.db", "--database <PATH>");
    twice(
        "--config a.toml config path --config b.toml",
        "--config <PATH>",
    );
    twice("-q config path -q", "--quiet");
    twice("--quiet config path -q", "--quiet");
    twice(
        "database backup --verify quick --verify full",
        "--verify <LEVEL>",
    );
    twice("database reset --force --yes", "--force");
    twice("database upgrade --to 0.5.0 --to 0.6.0a4", "--to <VERSION>");
    twice("database upgrade --wait 1 --wait 2", "--wait <SECONDS>");
    for (arguments, expected) in [
        (
            "database upgrade -y --assume aerodrome_v2.stable=true --assume aerodrome_v2.stable=false",
            "--assume says several things about aerodrome_v2.stable",
        ),
        (
            &format!(
                "database upgrade -y --assume {factory} --assume {}",
                factory.to_lowercase()
            ),
            "--assume says several things about factory.1.uniswap_v2",
        ),
        (
            "pool verify --all 31",
            "the argument '--all' is about exchanges, and only single pools are named; add --exchange",
        ),
        (
            "pool verify --sample 3 31 32",
            "the argument '--sample <POOLS>' is about exchanges, and only single pools are named; add --exchange",
        ),
        (
            "config init --rpc 1=http://a --rpc 2=http://b --rpc 1=http://a",
            "--rpc names a node of chain ID 1 twice",
        ),
        (
            "config init --ws 1=ws://a --ws 1=ws://a",
            "--ws names several nodes for chain ID 1",
        ),
        (
            "-q database info -v",
            "the argument '--quiet' cannot be used with '--verbose...'",
        ),
        (
            "database upgrade --dry-run --force",
            "the argument '--dry-run' cannot be used with '--force'",
        ),
        (
            "database downgrade --to 0.5.0 -y --dry-run",
            "the argument '--force' cannot be used with '--dry-run'",
        ),
    ] {
        assert_eq!(error(&copy, arguments), expected, "{arguments}");
    }
    let wrong = "database upgrade --dry-run --assume factory.1.uniswap_v2=0x5c69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f";
    assert!(
        error(&copy, wrong).contains("not a valid checksum"),
        "{wrong}"
    );
    let wrong = format!(
        "database upgrade --dry-run --assume {}",
        factory.replace("uniswap_v2", "nokind")
    );
    assert!(
        error(&copy, &wrong).contains("KIND is not one of aerodrome_v2, "),
        "{wrong}"
    );
    assert_eq!(copy.files(), before);
}

#[test]
fn commands_that_do_not_exist_say_what_to_type() {
    let copy = Copy::of("populated/populated-0.5.0.db");
    let before = copy.files();
    insta::assert_snapshot!(quietly(&copy.path, &["aave", "reset"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: This version of degenbot has no command 'aave reset'
    hint: Use the one of the Python package, which works on the same database
    ");
    insta::assert_snapshot!(quietly(&copy.path, &["exchange", "activate", "base", "uniswap_v3"]), @r"
    status: 2
    --- stdout
    --- stderr
    error: There is no command 'degenbot exchange activate base uniswap_v3'
    hint: Type 'degenbot exchange activate base_uniswap_v3 --database degenbot.db'
    ");
    assert_eq!(copy.files(), before);
}

#[test]
fn release_names_are_accepted_as_versions() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    for version in SchemaVersion::all().rev() {
        for release in version.releases() {
            let told = quietly(
                &copy.path,
                &["database", "downgrade", "--to", release, "-y"],
            );
            assert!(told.starts_with("status: 0\n"), "{release}: {told}");
            let now = degenbot::database::current_database_version(&copy.path).unwrap();
            assert_eq!(now, version, "{release}");
        }
    }
    let told = quietly(
        &copy.path,
        &["database", "upgrade", "--to", "0.6.0a2", "-y"],
    );
    assert!(told.starts_with("status: 0\n"), "{told}");
    assert_eq!(content::complaints(&copy.path), [""; 0]);
    let told = error(&copy, "database upgrade --to 0.6.0a99");
    assert!(
        told.contains("2606a6c7f5ee (20260521000000) of 0.6.0a3 to 0.6.0a12"),
        "{told}"
    );
    let told = error(&copy, "database downgrade --to 756fba1f75f4");
    assert!(
        told.contains("the oldest version is eb4080485a56"),
        "{told}"
    );
}

#[test]
fn options_without_an_effect_are_errors_or_are_told() {
    let copy = Copy::upgraded("fresh/fresh-0.6.0a3.db");
    for (arguments, told) in [
        (
            "database backup --allow-unchecked",
            "'--allow-unchecked' needs '--verify <LEVEL>'",
        ),
        (
            "pool update --dry-run --no-space-check",
            "'--dry-run' cannot be used with '--no-space-check'",
        ),
        (
            "aave update --dry-run --no-space-check",
            "'--dry-run' cannot be used with '--no-space-check'",
        ),
        ("completions bash", "'--database <PATH>' has no effect here"),
        ("man", "'--database <PATH>' has no effect here"),
        ("config path", "'--database <PATH>' has no effect here"),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let output = quietly(&copy.path, &arguments);
        assert!(output.starts_with("status: 2\n"), "{arguments:?}: {output}");
        assert!(output.contains(told), "{arguments:?}: {output}");
    }
    for (arguments, told) in [
        (
            "database compact --force",
            "warning: --force has no effect without --into",
        ),
        (
            "database upgrade --assume aerodrome_v2.stable=true",
            "warning: --assume aerodrome_v2.stable has no effect",
        ),
        (
            "database upgrade --dry-run --assume aerodrome_v2.stable=true",
            "warning: --assume aerodrome_v2.stable has no effect",
        ),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let output = quietly(&copy.path, &arguments);
        assert!(output.starts_with("status: 0\n"), "{arguments:?}: {output}");
        assert!(output.contains(told), "{arguments:?}: {output}");
    }
}

#[test]
fn assumptions_are_needed_or_reported() {
    const FACTORY: &str = "factory.1.uniswap_v2=0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f";
    let unused = |database: &str, stable: &str| {
        let copy = Copy::of(database);
        let output = quietly(
            &copy.path,
            &[
                "database", "upgrade", "--force", "--assume", stable, "--assume", FACTORY,
            ],
        );
        assert!(output.starts_with("status: 0\n"), "{output}");
        ["aerodrome_v2.stable", "factory.1.uniswap_v2"]
            .map(|subject| output.contains(&format!("--assume {subject} has no effect")))
    };
    let stable = "aerodrome_v2.stable=false";
    assert_eq!(
        unused("populated/populated-0.5.0a2.db", stable),
        [false, true]
    );
    assert_eq!(
        unused("populated/populated-0.5.0b1.db", stable),
        [true, true]
    );
    assert_eq!(unused("populated/populated-0.5.0.db", stable), [true, true]);
}

//! Text from elsewhere on the terminal: names, rows, paths, arguments, process names and SQLite's messages can hold
//! anything, and none of it may control the terminal, begin a line of its own or be invisible.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use degenbot::diesel::SqliteConnection;
use degenbot::diesel::connection::{Connection, SimpleConnection};

use crate::support::cases::map;
use crate::support::command::{degenbot, on};
use crate::support::corpus::Copy;
use crate::support::terminal::Terminal;

/// Everything that a terminal obeys or does not show, and a line that looks like one of this program.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\u{1b}[2J\n\rerror: FORGED\t\u{9b}31m\u{7f}\u{202e}gnp\u{2066}\u{200f}\
                       \u{61c}\u{200b}\u{feff}\u{2060}\u{ad}\u{2028}\u{2029}\u{e0041}\u{fe0f}\u{3164}";

/// Whether a character must not reach a terminal. This list is on purpose not that of the program.
fn is_raw(character: char) -> bool {
    character.is_control()
        || "\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{feff}\u{ad}\u{2028}\u{2029}\u{fe0f}\u{3164}"
            .contains(character)
        || ('\u{202a}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character)
        || ('\u{e0000}'..='\u{e007f}').contains(&character)
}

fn assert_plain(what: &str, printed: &[u8]) {
    let text = std::str::from_utf8(printed).unwrap();
    for line in text.split('\n') {
        let raw = line.chars().find(|c| is_raw(*c));
        assert!(raw.is_none(), "{what}: {raw:?} in {line:?}");
        assert!(!line.starts_with("error: FORGED"), "{what}: {text}");
    }
}

/// Runs a command, and checks both streams. Returns whether the hostile text was printed, escaped.
fn check(mut command: Command) -> bool {
    command.stdin(Stdio::null());
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let output = command.output().unwrap();
    assert!(
        output.status.code().is_some_and(|code| code <= 3),
        "{what}: {output:?}"
    );
    assert_plain(&what, &output.stdout);
    assert_plain(&what, &output.stderr);
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8(printed).unwrap().contains("FORGED")
}

fn execute(path: &Path, sql: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.batch_execute(sql).unwrap();
}

/// The commands that read or change a database.
const COMMANDS: &[&str] = &[
    "database info",
    "database info --json",
    "database info --json=compact",
    "database verify",
    "database verify --json",
    "database upgrade --dry-run",
    "database upgrade --dry-run --json",
    "database downgrade --to eb4080485a56 --dry-run",
    "database downgrade --to eb4080485a56 --dry-run --json",
    "exchange list",
    "exchange list --json",
    "pool list",
    "pool list --json",
    "pool show 1",
    "pool show 1 --json",
    "pool show 31",
    "pool show 31 --chart --tick 0",
    "exchange activate ethereum_uniswap_v3",
    "exchange deactivate ethereum_uniswap_v3",
    "exchange activate ethereum_uniswap_v",
    "database backup --force --verify full --json",
    "-vvv database backup --force",
    "-vvv database compact --into copy.db --force --json",
    "database upgrade --force --json",
    "database restore --force --json",
    "database downgrade --to eb4080485a56 --force --json",
    "database compact",
    "database reset --force --json",
];

fn check_all(path: &Path) -> usize {
    let run = |line: &&&str| check(on(path, &line.split(' ').collect::<Vec<_>>()));
    COMMANDS.iter().filter(run).count()
}

#[test]
fn names_and_rows_of_a_database_are_escaped() {
    let quoted = HOSTILE.replace('\'', "''");
    let changes = [
        format!(
            "CREATE TABLE \"t{quoted}\"(a REFERENCES \"p{quoted}\"(b)); INSERT INTO \"t{quoted}\" VALUES (1)"
        ),
        format!("CREATE VIEW \"v{quoted}\" AS SELECT * FROM pools"),
        format!("CREATE INDEX \"i{quoted}\" ON pools (address)"),
        format!(
            "CREATE TRIGGER \"g{quoted}\" AFTER INSERT ON pools BEGIN SELECT missing FROM pools; END"
        ),
        format!(
            "CREATE TRIGGER g BEFORE UPDATE ON exchanges BEGIN SELECT raise(abort, '{quoted}'); END"
        ),
        format!(
            "CREATE TRIGGER g BEFORE UPDATE ON alembic_version BEGIN SELECT raise(abort, '{quoted}'); END"
        ),
        format!("UPDATE alembic_version SET version_num = '{quoted}'"),
        format!("INSERT INTO alembic_version VALUES ('{quoted}')"),
        format!("UPDATE exchanges SET name = name || '{quoted}'"),
        format!(
            "UPDATE exchanges SET factory = '{quoted}', last_update_block = '{quoted}', active = '{quoted}'"
        ),
        format!("UPDATE pools SET address = '{quoted}' WHERE id = (SELECT min(id) FROM pools)"),
        format!(
            "UPDATE erc20_tokens SET symbol = '{quoted}', address = '{quoted}', decimals = '{quoted}' WHERE id = (SELECT min(id) FROM erc20_tokens)"
        ),
        format!("UPDATE liquidity_positions SET liquidity_net = '{quoted}'"),
        format!("ALTER TABLE pools ADD COLUMN \"c{quoted}\""),
        format!("CREATE TABLE degenbot(a); DROP TABLE pools; CREATE TABLE \"{quoted}\"(a)"),
    ];
    let printed = map(
        &changes,
        |change| format!("{change:?}"),
        |change| {
            let copy = Copy::of("populated/populated-0.6.0a4.db");
            execute(&copy.path, change);
            check_all(&copy.path)
        },
    );
    let printed: usize = printed.into_iter().sum();
    assert!(
        printed > 2 * changes.len(),
        "the texts are printed somewhere: {printed}"
    );
}

#[test]
fn damage_and_old_rows_are_told_without_their_raw_text() {
    let quoted = HOSTILE.replace('\'', "''");
    // The index lacks the rows that its new definition has.
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    execute(
        &copy.path,
        &format!(
            "CREATE TABLE \"t{quoted}\"(a); CREATE INDEX \"i{quoted}\" ON \"t{quoted}\"(a) WHERE a > 10; \
             INSERT INTO \"t{quoted}\" VALUES (1), (2); PRAGMA writable_schema = 1; \
             UPDATE sqlite_master SET sql = replace(sql, ' WHERE a > 10', '') WHERE name = 'i{quoted}'"
        ),
    );
    assert!(check_all(&copy.path) > 0);
    // Nothing of it can be parsed.
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    execute(
        &copy.path,
        &format!(
            "CREATE TABLE \"t{quoted}\"(a); PRAGMA writable_schema = 1; \
             UPDATE sqlite_master SET sql = 'CREATE TABLE {quoted}' WHERE name = 't{quoted}'"
        ),
    );
    assert!(check_all(&copy.path) > 0);
    for change in [
        format!("UPDATE camelot_v2_pools SET factory = '{quoted}'"),
        format!("UPDATE erc20_tokens SET address = '{quoted}' WHERE id = 1"),
        format!(
            "CREATE TABLE \"_alembic_tmp_pools\"(\"{quoted}\"); INSERT INTO _alembic_tmp_pools VALUES (1)"
        ),
    ] {
        let copy = Copy::of("populated/populated-0.5.0a2.db");
        execute(&copy.path, &change);
        check_all(&copy.path);
        check(on(
            &copy.path,
            &[
                "database",
                "upgrade",
                "--force",
                "--assume",
                "aerodrome_v2.stable=true",
            ],
        ));
    }
}

#[test]
fn paths_are_escaped() {
    let hostile = HOSTILE.replace('/', "");
    let copy = Copy::of("populated/populated-0.6.0a4.db");
    let folder = copy.folder().join(&hostile);
    fs::create_dir(&folder).unwrap();
    let path = folder.join(format!("{hostile}.db"));
    assert!(check(on(&path, &["database", "info"])), "there is none");
    fs::copy(&copy.path, &path).unwrap();
    assert!(check_all(&path) > COMMANDS.len() / 2);
    for arguments in [
        ["database", "backup", "--output", &hostile],
        ["database", "backup", "--output", &format!("{hostile}/x.db")],
        ["database", "restore", "--from", &format!("{hostile}/x.db")],
        ["database", "compact", "--into", &format!("{hostile}/x.db")],
        ["--config", &hostile, "config", "show"],
        ["--config", &format!("{hostile}/c"), "config", "init"],
        ["--config", &format!("{hostile}/c"), "config", "show"],
        ["--config", &format!("{hostile}/c"), "config", "init"],
        ["--config", &format!("{hostile}.db"), "database", "info"],
    ] {
        let mut command = degenbot(&folder);
        assert!(check({
            command.args(arguments);
            command
        }));
    }
}

#[test]
fn arguments_are_escaped() {
    let home = tempfile::tempdir().unwrap();
    let with = |prefix: &str| format!("{prefix}{HOSTILE}");
    let hostile = with("");
    for arguments in [
        vec![&*hostile],
        vec![&*with("--")],
        vec!["database", &hostile],
        vec!["database", "backup", &hostile],
        vec!["database", "backup", "--verify", &hostile],
        vec!["database", "backup", &with("--wait=")],
        vec!["database", "backup", &with("--")],
        vec!["database", "info", &with("--json=")],
        vec!["database", "upgrade", "--to", &hostile],
        vec![
            "database",
            "upgrade",
            "--assume",
            &with("aerodrome_v2.stable="),
        ],
        vec!["database", "upgrade", "--assume", &hostile],
        vec!["database", "downgrade", "--to", &hostile],
        vec!["exchange", "activate", &hostile],
        vec!["exchange", "add", "--chain", &hostile],
        vec!["exchange", "add", "--kind", &hostile],
        vec!["exchange", "add", "--factory", &hostile],
        vec!["config", "init", "--default-chain", &hostile],
        vec!["completions", &hostile],
        vec!["help", &hostile],
        vec!["man", &hostile],
    ] {
        let mut command = degenbot(home.path());
        command.args(&arguments);
        assert!(check(command), "{arguments:?}");
    }
    // It may be a key, which is not shown at all.
    let mut command = degenbot(home.path());
    command.args(["config", "init", "--rpc", &hostile]);
    check(command);
    // The name of the program is in the usage.
    let program = home.path().join(HOSTILE.replace('/', ""));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_degenbot"), &program).unwrap();
    for arguments in [&["--help"][..], &["database"], &["--nothing"], &["-V"]] {
        let mut command = Command::new(&program);
        command.args(arguments).env_clear();
        check(command);
    }
}

#[test]
fn values_of_the_config_file_are_escaped() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    let escapes = HOSTILE.chars().map(|c| format!("\\U{:08X}", u32::from(c)));
    let text = escapes.collect::<Vec<_>>().concat();
    for config in [
        format!("\"{text}\" = 1"),
        format!("[database]\npath = \"{text}\""),
        format!("[database]\npath = \"x.db\"\n\"{text}\" = 1"),
        format!("[rpc]\n1 = \"/run/{text}.ipc\""),
        format!("[ws]\n\"{text}\" = \"x\""),
        HOSTILE.to_owned(),
    ] {
        fs::write(&file, &config).unwrap();
        for arguments in [&["show"][..], &["show", "--json"], &["show", "--secrets"]] {
            let mut command = degenbot(home.path());
            command
                .args(["--config", "config.toml", "config"])
                .args(arguments);
            check(command);
        }
    }
}

#[test]
fn names_of_programs_are_escaped() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let script = copy.folder().join("\u{1b}[2J\nerror: F");
    fs::write(
        &script,
        "#!/bin/sh\nexec 3<degenbot.db\necho ready\nread answer\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut other = Command::new(&script);
    other
        .current_dir(copy.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    let mut ready = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let mut connection = SqliteConnection::establish(copy.path.to_str().unwrap()).unwrap();
    connection.batch_execute("BEGIN IMMEDIATE").unwrap();
    let mut command = on(&copy.path, &["database", "reset", "--force", "--wait", "0"]);
    let output = command.output().unwrap();
    assert_plain("reset", &output.stderr);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("\\u{1b}[2J\\nerror: F"), "{told}");
    drop(other.stdin.take());
    other.wait().unwrap();
}

#[test]
fn questions_and_colours_on_a_terminal_are_escaped() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let path = copy
        .folder()
        .join(format!("{}.db", HOSTILE.replace('/', "")));
    fs::rename(&copy.path, &path).unwrap();
    let assert_tame = |shown: &str| {
        assert!(shown.contains("\\u{1b}]0;owned\\u{7}"), "{shown:?}");
        for raw in [
            "\u{1b}]0;owned",
            "\u{1b}[2J",
            "\u{202e}",
            "\u{9b}",
            "\u{200b}",
            "\nerror: FORGED",
        ] {
            assert!(!shown.contains(raw), "{raw:?}: {shown:?}");
        }
    };
    let terminal = Terminal::run(on(&path, &["database", "backup"]));
    assert_tame(&terminal.finish().1);
    for arguments in [&["database", "reset"][..], &["database", "backup"]] {
        let mut terminal = Terminal::run(on(&path, arguments));
        let question = terminal.wait_for("[y/N]");
        terminal.press("n\r");
        assert_tame(&(question + &terminal.finish().1));
    }
    let arguments = [HOSTILE, "--nothing"];
    let mut command = degenbot(copy.folder());
    command.args(arguments);
    assert_tame(&Terminal::run(command).finish().1);
}

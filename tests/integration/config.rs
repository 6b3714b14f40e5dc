//! The command finds the database that the Python package's config file names.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use degenbot::database::create_new_sqlite_database;

use crate::support::command::{degenbot, on, run, without_sizes};
use crate::support::corpus::Copy;

#[test]
fn config_file_sets_the_database() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let folder = copy.folder().join(".config/degenbot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("config.toml"),
        "[database]\npath = \"~/degenbot.db\"\n\n[rpc]\n\n[telemetry]\non = true\n\n[databse]\n",
    )
    .unwrap();
    let mut command = degenbot(copy.folder());
    command.args(["database", "backup"]);
    let output = run(command, "");
    let settled = output.replace(copy.folder().to_str().unwrap(), "[HOME]");
    insta::assert_snapshot!(without_sizes(&settled), @r"
    status: 0
    --- stdout
    --- stderr
    warning: Unknown key 'databse' in [HOME]/.config/degenbot/config.toml
    Backed up [HOME]/degenbot.db to [HOME]/degenbot.db.bak ([SIZE]).
    ");
}

#[test]
fn option_overrides_environment_and_environment_overrides_the_file() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let other = copy.folder().join("other.toml");
    fs::write(&other, "[database]\npath = \"nowhere.db\"\n").unwrap();
    let outcome = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = degenbot(copy.folder());
        command
            .args(arguments)
            .args(["database", "upgrade"])
            .envs(environment.iter().copied());
        run(command, "")
    };
    let found = "The database at degenbot.db is already at the latest version";
    assert!(outcome(&["--database", "degenbot.db"], &[]).contains(found));
    assert!(outcome(&[], &[("DEGENBOT_DB_PATH", "degenbot.db")]).contains(found));
    let output = outcome(
        &["--database", "typo.db"],
        &[("DEGENBOT_DB_PATH", "degenbot.db")],
    );
    assert!(
        output.contains("There is no database at typo.db"),
        "{output}"
    );
    let output = outcome(&[], &[("DEGENBOT_CONFIG", "other.toml")]);
    assert!(
        output.contains("There is no database at nowhere.db"),
        "{output}"
    );
    let output = outcome(
        &["--config", "other.toml"],
        &[("DEGENBOT_CONFIG", "x.toml")],
    );
    assert!(
        output.contains("There is no database at nowhere.db"),
        "{output}"
    );
}

#[test]
fn malformed_config_file_is_reported_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), "[database]\npath = 5\n").unwrap();
    let mut command = degenbot(folder.path());
    command.args(["--config", "config.toml", "database", "info"]);
    insta::assert_snapshot!(run(command, ""), @r#"
    status: 1
    --- stdout
    --- stderr
    error: config.toml:2:8: expected a string, found an integer
    hint: Correct the file; its form is described in README.md
    "#);
}

/// A command and what came of it, the home folder's name replaced.
fn told(home: &Path, arguments: &[&str]) -> String {
    let mut command = degenbot(home);
    command.args(arguments);
    let outcome = run(command, "");
    let told = format!("$ degenbot {}\n{outcome}", arguments.join(" "));
    told.replace(home.to_str().unwrap(), "[HOME]")
}

#[test]
fn config_file_is_created_once_and_reported() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".config/degenbot/config.toml");
    let config = |arguments: &[&str]| told(home.path(), &[&["config"], arguments].concat());
    let init = [
        "init",
        "--rpc",
        "1=https://mainnet.example.com/v3/KEY",
        "--rpc",
        "8453=/run/base.ipc",
        "--ws",
        "1=wss://mainnet.example.com/v3/KEY",
        "--default-chain",
        "1",
    ];
    let mut log = vec![
        config(&["path"]),
        config(&["show"]),
        config(&["init", "--rpc", "mainnet=x"]),
        config(&init),
    ];
    let written = fs::read_to_string(&path).unwrap();
    log.push(written.replace(home.path().to_str().unwrap(), "[HOME]"));
    log.extend([
        config(&init),
        config(&["show"]),
        config(&["show", "--json", "--secrets"]),
    ]);
    // Where the file is can be told even if it is of no use.
    fs::write(&path, "[database\n").unwrap();
    log.extend([config(&["show"]), config(&["path"])]);
    insta::assert_snapshot!(log.join("\n"));
}

#[test]
fn config_file_is_created_for_a_release_of_the_python_package() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".config/degenbot/config.toml");
    let config = |arguments: &[&str]| told(home.path(), &[&["config"], arguments].concat());
    let written = || {
        let text = fs::read_to_string(&path).unwrap();
        text.replace(home.path().to_str().unwrap(), "[HOME]")
    };
    let mut log = vec![
        config(&["init", "--for", "0.6.0a12"]),
        config(&["init", "--for", "0.7.0"]),
    ];
    assert!(!path.exists());
    log.extend([
        config(&[
            "init",
            "--for",
            "0.6.0a17",
            "--rpc",
            "1=https://a.example/KEY",
            "--rpc",
            "8453=~/base.ipc",
            "--ws",
            "1=wss://a.example/KEY",
            "--default-chain",
            "8453",
        ]),
        written(),
        config(&["show"]),
    ]);
    fs::remove_file(&path).unwrap();
    log.extend([config(&["init", "--for", "0.6.0a13"]), written()]);
    fs::remove_file(&path).unwrap();
    log.extend([config(&["init", "--for", "0.5.0a1"]), written()]);
    insta::assert_snapshot!(log.join("\n"));
}

#[test]
fn database_at_the_newer_place_of_the_python_package_is_named() {
    let copy = Copy::upgraded("populated/populated-0.6.0a4.db");
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/state/degenbot/db");
    fs::create_dir_all(&state).unwrap();
    fs::rename(&copy.path, state.join("degenbot.db")).unwrap();
    let info = |arguments: &[&str]| told(home.path(), &[arguments, &["database", "info"]].concat());
    let other = "The Python package has a database at [HOME]/.local/state/degenbot/db/degenbot.db";
    let said = info(&[]);
    assert!(said.contains(other), "{said}");
    assert!(said.contains("status: 1\n"), "{said}");
    let named = home.path().join(".local/state/degenbot/db/degenbot.db");
    let said = info(&["--database", named.to_str().unwrap()]);
    assert!(
        said.contains("status: 0\n") && !said.contains("The Python package has"),
        "{said}"
    );
    let config = home.path().join(".config/degenbot/config.toml");
    let init = |arguments: &[&str]| {
        let said = told(home.path(), &[&["config", "init"], arguments].concat());
        assert!(said.contains("status: 0\n"), "{said}");
        assert!(said.contains(other), "{said}");
        said
    };
    // The file names the default place, which has no database.
    for arguments in [&[][..], &["--for", "0.5.0"]] {
        let said = init(arguments);
        assert!(said.contains("--for 0.6.0a17 and --database"), "{said}");
        let said = info(&[]);
        assert!(said.contains(other), "{said}");
        fs::remove_file(&config).unwrap();
    }
    let of_the_package = ["--for", "0.6.0a17"];
    let said = init(&of_the_package);
    assert!(
        said.contains("degenbot.db, which the file names."),
        "{said}"
    );
    let said = info(&[]);
    assert!(
        said.contains("status: 0\n") && !said.contains("The Python package has"),
        "{said}"
    );
    fs::remove_file(&config).unwrap();
    fs::copy(&named, home.path().join(".config/degenbot/degenbot.db")).unwrap();
    let said = init(&of_the_package);
    assert!(
        said.contains("which it does not use with this file"),
        "{said}"
    );
    fs::remove_file(&config).unwrap();
    fs::rename(named, home.path().join(".config/degenbot/degenbot.db")).unwrap();
    let said = info(&[]);
    assert!(
        said.contains("status: 0\n") && !said.contains("The Python package has"),
        "{said}"
    );
}

#[test]
fn other_files_at_the_newer_place_of_the_python_package_are_no_database() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join(".local/state/degenbot/db/degenbot.db");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    for make in [
        "touch",
        "mkdir",
        "echo 'no database, although this is long enough for its header' >",
        "mkfifo",
        "ln -s /dev/zero",
    ] {
        let made = Command::new("sh")
            .args(["-c", &format!("{make} \"$0\"")])
            .arg(&place)
            .status();
        assert!(made.unwrap().success(), "{make}");
        let init = ["config", "init", "--for", "0.6.0a17"];
        for arguments in [&init[..], &["database", "info"]] {
            let said = told(home.path(), arguments);
            assert!(!said.contains("Python package"), "{make}: {said}");
        }
        let config = home.path().join(".config/degenbot/config.toml");
        let written = fs::read_to_string(&config).unwrap();
        assert!(!written.contains(".local/state"), "{make}: {written}");
        fs::remove_file(config).unwrap();
        if place.is_dir() {
            fs::remove_dir(&place).unwrap();
        } else {
            fs::remove_file(&place).unwrap();
        }
    }
}

#[test]
fn config_file_is_created_at_the_given_path_with_the_given_database() {
    let home = tempfile::tempdir().unwrap();
    let file = ["--config", "my bots/degenbot.toml"];
    let init = ["config", "init", "--database", "data/x.db"];
    let outcome = told(home.path(), &[&file[..], &init].concat());
    assert!(outcome.contains("status: 0\n"), "{outcome}");
    // Relative to where it was said, not to the file.
    let reset = ["database", "reset", "--force"];
    let outcome = told(home.path(), &[&file[..], &reset].concat());
    assert!(outcome.contains("at [HOME]/data/x.db"), "{outcome}");
    assert!(home.path().join("data/x.db").exists());
}

#[test]
fn scripts_get_the_path_of_the_config_file_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    for name in ["a\tb\u{202e}c.toml".as_bytes(), b"\xffnot UTF-8.toml"] {
        let mut command = degenbot(home.path());
        command.arg("--config").arg(OsStr::from_bytes(name));
        let output = command.args(["config", "path"]).output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, [name, b"\n"].concat());
    }
}

#[test]
fn node_keys_are_not_printed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    for text in [
        "[rpc]\n1 = \"https://user:SECRET@SECRET.node.example/v2/SECRET?key=SECRET\"\n",
        "[rpc]\n1 = \"node.example/v2/SECRET\"\n",
        "[ws]\n1 = \"https:/node.example/SECRET\"\n",
        "rpc = \"https://node.example/SECRET\"\n",
        "default_chain_id = \"https://node.example/SECRET\"\n",
        "[rpc]\n\"https://node.example/SECRET\" = 1\n",
        "\"https://node.example/SECRET\" = 1\n",
        "[rpc]\n1 = https://node.example/SECRET\n",
        "[rpc]\n1 = [\"https://node.example/SECRET\"]\n",
        "[database]\npath = \"https://node.example/SECRET\"\n",
    ] {
        fs::write(&file, text).unwrap();
        for command in [
            &["config", "show"][..],
            &["config", "show", "--json"],
            &["-vvv", "database", "info"],
        ] {
            let told = told(
                home.path(),
                &[&["--config", "config.toml"], command].concat(),
            );
            assert!(!told.contains("SECRET"), "{text}: {told}");
        }
    }
    // Nor in what is wrong with arguments.
    for arguments in [
        &["--rpc", "https://node.example/SECRET"][..],
        &["--rpc", "x=https://node.example/SECRET"],
        &["--rpc=x=node.example/SECRET"],
        &["--ws", "node.example/SECRET?x=1"],
        &["--rpc", "1=https://node.example/SECRET", "--nothing"],
        &["https://node.example/SECRET"],
    ] {
        let told = run(
            {
                let mut command = degenbot(home.path());
                command.args(["config", "init"]).args(arguments);
                command
            },
            "",
        );
        assert!(told.starts_with("status: 2\n"), "{arguments:?}: {told}");
        assert!(!told.contains("SECRET"), "{arguments:?}: {told}");
    }
}

#[test]
fn config_init_refuses_what_no_command_could_use() {
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", home.path().join("link.toml")).unwrap();
    for (arguments, problem) in [
        (&["--rpc", "1="][..], "the address is missing"),
        (
            &["--rpc", "1=ftp://node.example"],
            "its scheme is none of http",
        ),
        (
            &["--rpc", "1=https:node.example/x"],
            "https://node.example/…",
        ),
        (&["--rpc", "1=ws://node.example"], "http://"),
        (
            &["--config", "link.toml"],
            "it is a link to a file that does not exist",
        ),
    ] {
        let told = told(home.path(), &[&["config", "init"], arguments].concat());
        assert!(!told.contains("status: 0"), "{told}");
        assert!(told.contains(problem), "{told}");
    }
    assert!(!home.path().join(".config").exists());
}

#[test]
fn several_nodes_of_a_chain_are_in_a_file_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let init = [
        "config",
        "init",
        "--rpc",
        "1=https://a.example/KEY",
        "--rpc",
        "1=https://b.example/KEY",
        "--rpc",
        "1=~/geth.ipc",
    ];
    let mut log = vec![told(home.path(), &init)];
    let file = home.path().join(".config/degenbot/nodes.toml");
    let mut written = fs::read_to_string(&file).unwrap();
    log.push(written.clone());
    written.push_str(
        "headers = { x-api-key = \"SECRET\", \"Authorization\" = \"Bearer SECRET\" }\ncolour = 1\n",
    );
    fs::write(&file, written).unwrap();
    let show = ["config", "show"];
    log.push(told(home.path(), &show));
    let json = told(home.path(), &["config", "show", "--json"]);
    assert!(!format!("{log:?}{json}").contains("SECRET"), "{json}");
    log.push(told(home.path(), &["config", "show", "--secrets"]));
    fs::write(&file, "[[nodes]]\nchain = 1\nadress = \"https://SECRET\"\n").unwrap();
    log.push(told(home.path(), &show));
    insta::assert_snapshot!(log.join("\n"));
}

#[test]
fn nodes_file_that_cannot_be_read_is_named_and_the_hint_works() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), "").unwrap();
    let nodes = home.path().join("nodes.toml");
    let show = || told(home.path(), &["--config", "config.toml", "config", "show"]);
    let makes: [fn(&Path) -> std::io::Result<()>; 2] = [
        |path| fs::create_dir(path),
        |path| std::os::unix::fs::symlink("nodes.toml", path),
    ];
    for (number, make) in makes.into_iter().enumerate() {
        make(&nodes).unwrap();
        let said = show();
        let problem = "error: The nodes file at nodes.toml cannot be read: ";
        assert!(said.contains(problem), "{said}");
        let hint = "hint: Move nodes.toml away, or put a file in its place";
        assert!(said.contains(hint), "{said}");
        fs::rename(&nodes, home.path().join(format!("away-{number}"))).unwrap();
        let said = show();
        assert!(said.contains("status: 0\n"), "{said}");
    }
}

#[test]
fn config_file_in_another_encoding_is_reported_as_such() {
    let home = tempfile::tempdir().unwrap();
    let text = "[database]\npath = \"x.db\"\n";
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(home.path().join("config.toml"), utf16).unwrap();
    insta::assert_snapshot!(told(home.path(), &["--config", "config.toml", "config", "show"]), @r"
    $ degenbot --config config.toml config show
    status: 1
    --- stdout
    --- stderr
    error: config.toml is not UTF-8: it begins as a UTF-16 text does
    hint: Save it as UTF-8 in your editor, or convert it with 'iconv -f UTF-16 -t UTF-8'
    ");
}

#[test]
fn variable_with_a_node_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("degenbot.db");
    create_new_sqlite_database(&path).unwrap();
    for (name, value) in [
        ("DEGENBOT_RPC_HTTP_CHAINID_ethereum", &b"http://node"[..]),
        ("DEGENBOT_RPC_HTTP_CHAINID_0", b"http://node"),
        ("DEGENBOT_RPC_IPC_CHAINID_1", b"/run/\xff"),
    ] {
        let mut command = on(&path, &["exchange", "list"]);
        command.env(name, OsStr::from_bytes(value));
        let told = run(command, "");
        assert!(told.starts_with("status: 0\n"), "{told}");
        let expected = format!("warning: {name} is not used: it must end with a chain ID");
        assert!(told.contains(&expected), "{told}");
        assert!(!told.contains("node"), "{told}");
    }
    // An empty one counts as unset.
    let mut command = on(&path, &["exchange", "list"]);
    command.env("DEGENBOT_RPC_HTTP_CHAINID_x", "");
    assert!(!run(command, "").contains("warning"));
}

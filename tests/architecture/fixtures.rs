//! The check itself, on small trees of sources.

use crate::findings::{Kind, Report, check};
use crate::rooms::{Direction, Room};
use crate::tokens;

const ROOMS: &str = "
cli
database
    copying
    reports, files
    error
types";

/// A tree that follows [`ROOMS`].
const CLEAN: [(&str, &str); 10] = [
    (
        "src/lib.rs",
        "pub mod cli; pub mod database; mod types; pub use diesel;",
    ),
    ("src/main.rs", "fn main() { fixture::cli::run() }"),
    (
        "src/cli.rs",
        "use crate::database::copying::copy; pub fn run() { copy(); }",
    ),
    (
        "src/database.rs",
        "pub(crate) mod copying; pub(crate) mod error; pub(crate) mod files; mod reports;
         pub use copying::copy; pub use error::Error; pub use files::open::File;",
    ),
    (
        "src/database/copying.rs",
        "use super::error::Error; use super::files; use std::path::Path;
         pub fn copy() -> Result<files::open::File, Error> { files::open::open() }",
    ),
    ("src/database/files.rs", "pub mod open;"),
    (
        "src/database/files/open.rs",
        "use crate::database::error::{self as failure, Error};
         pub struct File;
         pub fn open() -> Result<File, Error> { failure::none() }",
    ),
    (
        "src/database/error.rs",
        "use crate::types::Id; pub struct Error(Id); pub fn none<T>() -> T { loop {} }",
    ),
    (
        "src/database/reports.rs",
        "use super::error::Error; pub struct Report(Option<Error>);",
    ),
    ("src/types.rs", "pub struct Id;"),
];

/// What the check says of [`CLEAN`] with these files added or replaced.
fn checked(files: &[(&str, &str)]) -> Report {
    checked_with(ROOMS, files, &[])
}

fn checked_with(rooms: &str, files: &[(&str, &str)], tolerated: &[&str]) -> Report {
    let package = tempfile::tempdir().unwrap();
    for (path, text) in CLEAN.iter().chain(files) {
        let path = package.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let rooms = Room::parse(rooms).unwrap();
    check(package.path(), "fixture", &rooms, tolerated).unwrap()
}

/// The only finding, whose kind and text are checked.
#[track_caller]
fn assert_finds(report: &Report, kind: Kind, text: &[&str]) {
    assert_eq!(report.findings.len(), 1, "{report}");
    assert_eq!(report.findings[0].kind, kind, "{report}");
    for part in text {
        assert!(report.findings[0].text.contains(part), "{part}: {report}");
    }
}

#[track_caller]
fn assert_clean(report: &Report) {
    assert_eq!(report.findings, [], "{report}");
}

#[test]
fn clean_tree_passes() {
    let report = checked(&[]);
    assert_clean(&report);
    let arrows = report.arrows.join("\n");
    for arrow in [
        "src/main.rs:1: `fixture::cli::run` is crate::cli::run of src/cli.rs (the root -> cli)",
        "src/database/copying.rs:2: `files::open::open` is crate::database::files::open::open of \
         src/database/files/open.rs (database/copying -> database/files)",
        "src/database/files/open.rs:3: `failure::none` is crate::database::error::none of \
         src/database/error.rs (database/files -> database/error)",
    ] {
        assert!(arrows.contains(arrow), "{arrow}\n{arrows}");
    }
}

#[test]
fn upward_arrow_fails() {
    let error =
        "\nuse super::files::open::File;\npub struct Error(pub File); pub fn none<T>() -> T {}";
    let report = checked(&[
        ("src/database/error.rs", error),
        (
            "src/database/files/open.rs",
            "pub struct File; pub fn open() {}",
        ),
    ]);
    assert_finds(
        &report,
        Kind::Upward,
        &[
            "src/database/error.rs:2: `super::files::open::File` is \
             crate::database::files::open::File of src/database/files/open.rs",
            "(database/error -> database/files), to a higher room",
        ],
    );
}

#[test]
fn arrow_to_a_neighbour_fails() {
    let reports = "use super::files::open::File; pub struct Report(File);";
    let report = checked(&[("src/database/reports.rs", reports)]);
    assert_finds(&report, Kind::Upward, &["to a room on the same floor"]);
}

#[test]
fn upward_arrow_fails_wherever_a_path_can_stand() {
    for types in [
        "pub struct Id; pub fn f() { use crate::cli::run; run() }",
        "pub struct Id; pub fn f() { crate::cli::run() }",
        "pub struct Id; pub fn f() { super::cli::run() }",
        "pub struct Id; mod inner { pub fn f() { super::super::cli::run() } }",
        "pub struct Id; pub fn f() { println!(\"{}\", crate::cli::run()) }",
        "pub struct Id; macro_rules! m { ($x:expr) => { $x + $crate::cli::run() } }",
        "pub struct Id; macro_rules! m { () => { use $crate::cli::{run}; } }",
        "#[derive(Queryable)] #[diesel(table_name = crate::cli::run)] pub struct Id;",
        "use crate::cli as above; pub struct Id; pub fn f() { above::run() }",
        "use crate::cli::{self}; pub struct Id; pub fn f() { cli::run() }",
        "pub struct Id; pub fn f() { use crate::cli; cli::run() }",
        "#[cfg(feature = \"x\")] use crate::cli::run; pub struct Id;",
        "#[cfg(any(test, feature = \"x\"))] use crate::cli::run; pub struct Id;",
    ] {
        let report = checked(&[("src/types.rs", types), ("src/cli.rs", "pub fn run() {}")]);
        assert_finds(
            &report,
            Kind::Upward,
            &["is crate::cli::run of src/cli.rs", "(types -> cli)"],
        );
    }
}

#[test]
fn arrow_behind_a_reexport_is_one_to_the_file_that_defines() {
    for reexport in [
        "pub use files::open::File as Handle;",
        "use files::open::File as Handle;",
        "pub(crate) use self::files::open::{File as Handle};",
    ] {
        let database = format!(
            "{}\n{reexport}",
            CLEAN[3].1.replace("pub use files::open::File;", "")
        );
        let report = checked(&[
            ("src/database.rs", &database),
            (
                "src/database/files/open.rs",
                "pub struct File; pub fn open() {}",
            ),
            (
                "src/database/error.rs",
                "use super::Handle; pub struct Error(Handle); pub fn none<T>() -> T {}",
            ),
        ]);
        assert_eq!(report.findings.len(), 2, "{report}");
        let upward = report.of(Kind::Upward)[0];
        assert!(
            upward.contains("`super::Handle` is crate::database::files::open::File of"),
            "{upward}"
        );
        assert_eq!(report.of(Kind::Facade).len(), 1, "{report}");
    }
}

#[test]
fn import_through_a_facade_fails_and_says_the_path() {
    for (cli, written) in [
        (
            "use crate::database::copy; pub fn run() { copy() }",
            "crate::database::copy",
        ),
        (
            "use crate::database; pub fn run() { database::copy() }",
            "database::copy",
        ),
        ("use crate::database::*; pub fn run() { copy() }", "copy"),
        (
            "pub use crate::database::copy; pub fn run() {}",
            "crate::database::copy",
        ),
    ] {
        let report = checked(&[("src/cli.rs", cli)]);
        let text = format!(
            "src/cli.rs:1: `{written}` goes through src/database.rs: write `crate::database::copying::copy`"
        );
        assert_finds(&report, Kind::Facade, &[&text]);
    }
}

#[test]
fn cycle_of_files_fails_with_an_arrow_for_each_step() {
    let report = checked(&[
        ("src/database/files.rs", "pub mod lease; pub mod open;"),
        (
            "src/database/files/open.rs",
            "use super::lease::Lease; pub struct File(Lease); pub fn open() {}",
        ),
        (
            "src/database/files/lease.rs",
            "use super::open::File; pub struct Lease(Option<Box<File>>);",
        ),
    ]);
    assert_finds(
        &report,
        Kind::Cycle,
        &[
            "2 files import each other: src/database/files/lease.rs, src/database/files/open.rs",
            "\n    src/database/files/lease.rs:1: `super::open::File`",
            "\n    src/database/files/open.rs:1: `super::lease::Lease`",
        ],
    );
}

#[test]
fn cycle_of_a_file_with_its_own_module_is_a_kind_of_its_own() {
    let files = [
        (
            "src/database/files.rs",
            "pub mod open; pub struct Path; pub fn all() -> open::File { loop {} }",
        ),
        (
            "src/database/files/open.rs",
            "use super::Path; pub struct File(Path); pub fn open() {}",
        ),
    ];
    let report = checked(&files);
    assert_finds(
        &report,
        Kind::ParentChildCycle,
        &["2 files import each other: src/database/files.rs, src/database/files/open.rs"],
    );
    assert_clean(&checked_with(ROOMS, &files, &["src/database/files.rs"]));
}

#[test]
fn parent_that_needs_no_tolerance_fails() {
    let report = checked_with(ROOMS, &[], &["src/database/files.rs"]);
    assert_finds(&report, Kind::ParentChildCycle, &["need not be tolerated"]);
}

#[test]
fn cycle_through_a_parent_and_another_file_fails() {
    let report = checked(&[
        (
            "src/database/files.rs",
            "pub mod lease; pub mod open; use lease::Lease; pub struct Path(Lease);",
        ),
        (
            "src/database/files/open.rs",
            "use super::Path; pub struct File(Path); pub fn open() {}",
        ),
        (
            "src/database/files/lease.rs",
            "use super::open::File; pub struct Lease(Option<Box<File>>);",
        ),
    ]);
    assert_finds(
        &report,
        Kind::ParentChildCycle,
        &["3 files import each other"],
    );
}

#[test]
fn cycle_that_leaves_through_a_parent_fails() {
    let report = checked(&[
        (
            "src/database/files.rs",
            "pub mod open; pub struct Path(super::error::Error);",
        ),
        (
            "src/database/files/open.rs",
            "use super::Path; pub struct File(Path); pub fn open() {}",
        ),
        (
            "src/database/error.rs",
            "use super::files::open::File; pub struct Error(Box<File>); pub fn none<T>() -> T {}",
        ),
    ]);
    let cycles = report.of(Kind::Cycle);
    assert_eq!((cycles.len(), report.findings.len()), (1, 2), "{report}");
    assert!(
        cycles[0].starts_with("3 files import each other"),
        "{report}"
    );
}

#[test]
fn use_of_the_own_facade_is_an_upward_arrow() {
    let report = checked(&[
        (
            "src/database.rs",
            &format!("{} pub struct Options;", CLEAN[3].1),
        ),
        (
            "src/database/reports.rs",
            "use super::Options; pub struct Report(Options);",
        ),
    ]);
    let upward = report.of(Kind::Upward);
    assert_eq!(upward.len(), 1, "{report}");
    assert!(
        upward[0].contains("(database/reports -> database), to a higher room"),
        "{report}"
    );
}

#[test]
fn file_outside_every_room_fails_and_says_what_to_do() {
    let database = format!("{} mod sweeping;", CLEAN[3].1);
    let report = checked(&[
        ("src/database.rs", &database),
        ("src/database/sweeping.rs", "pub struct Sweep;"),
    ]);
    assert_finds(
        &report,
        Kind::Room,
        &["src/database/sweeping.rs is in no room: add `database::sweeping` to the block `rooms`"],
    );
}

#[test]
fn room_without_a_file_and_file_without_a_module_fail() {
    let report = checked_with(&format!("{ROOMS}\nschema"), &[], &[]);
    assert_finds(&report, Kind::Room, &["the room schema has no file"]);
    let report = checked(&[("src/database/forgotten.rs", "")]);
    assert_finds(
        &report,
        Kind::Room,
        &["src/database/forgotten.rs is the file of no module"],
    );
}

#[test]
fn tests_import_what_they_like() {
    assert_clean(&checked(&[(
        "src/types.rs",
        "pub struct Id;
         #[cfg(test)] use crate::cli::run;
         #[cfg(test)] pub fn helper() { crate::cli::run() }
         #[test] fn t() { crate::cli::run() }
         impl Id { #[cfg(test)] fn t() { crate::cli::run() } }
         #[cfg(all(test, unix))] mod tests { use super::*; use crate::database::Error; }",
    )]));
    assert_clean(&checked(&[
        ("src/types.rs", "pub struct Id; #[cfg(test)] mod tests;"),
        (
            "src/types/tests.rs",
            "use super::*; use crate::database::Error; mod list;",
        ),
        ("src/types/tests/list.rs", "use crate::cli::run;"),
    ]));
}

#[test]
fn stated_path_of_a_module_is_followed() {
    let report = checked(&[
        (
            "src/types.rs",
            "#[path = \"../elsewhere/id.rs\"] mod id; pub use id::Id;",
        ),
        ("elsewhere/id.rs", "pub struct Id; use crate::cli::run;"),
        ("src/cli.rs", "pub fn run() {}"),
        (
            "src/database/error.rs",
            "pub struct Error; pub fn none<T>() -> T {}",
        ),
    ]);
    assert_finds(
        &report,
        Kind::Upward,
        &["elsewhere/id.rs:1: `crate::cli::run`", "(types -> cli)"],
    );
}

#[test]
fn items_that_macros_make_are_found_where_the_macro_is_called() {
    assert_clean(&checked(&[(
        "src/types.rs",
        "macro_rules! id { ($name:ident) => { pub struct $name; } } id! { Id }",
    )]));
}

#[test]
fn path_to_nothing_fails() {
    let report = checked(&[(
        "src/cli.rs",
        "use crate::database::Nothing; pub fn run() {}",
    )]);
    assert_finds(
        &report,
        Kind::Unresolved,
        &["src/database.rs has no `Nothing`"],
    );
}

#[test]
fn rooms_are_read_from_markdown() {
    let rooms =
        Room::from_markdown("# A\n\n```rooms\na\n    b, c\n    d\ne\n```\n\ntext\n").unwrap();
    let path = |text: &str| -> Vec<String> { text.split('/').map(str::to_owned).collect() };
    for (from, to, direction) in [
        ("a", "e", Direction::Down),
        ("e", "a", Direction::Up),
        ("a/b", "a/d", Direction::Down),
        ("a/b", "a/c", Direction::Across),
        ("a/d", "a/b", Direction::Up),
        ("a/d", "a", Direction::Up),
        ("a", "a/d", Direction::Down),
        ("a/d", "e", Direction::Down),
        ("e", "a/d", Direction::Up),
        ("e", "e", Direction::Down),
    ] {
        assert_eq!(
            rooms.direction(&path(from), &path(to)),
            direction,
            "{from} -> {to}"
        );
    }
    assert_eq!(rooms.of(&path("a/b/x")), Some(path("a/b").as_slice()));
    assert_eq!(rooms.of(&path("a/x")), None);
    assert_eq!(rooms.of(&path("a")), Some(path("a").as_slice()));
}

#[test]
fn malformed_rooms_are_refused() {
    for (block, message) in [
        ("a\na", "there twice"),
        ("a\n    b, a, b", "there twice"),
        ("a,\nb", "missing"),
        ("a, b\n    c", "inside more than one room"),
        ("  a\nb", "inside no room"),
        ("a\n    b\n  c", "inside no room"),
    ] {
        let error = Room::parse(block).unwrap_err();
        assert!(error.contains(message), "{block}: {error}");
    }
    assert!(Room::from_markdown("```rooms\n").is_err());
}

#[test]
fn paths_in_tokens_are_found() {
    let tokens =
        "a::b(c.d::e(), ::f::g, $h::i, $crate::j::$k::l, ..m::n, { o::{p, q::r} }, Vec::<s::t>::u)";
    let found = tokens::paths(tokens.parse().unwrap());
    let paths: Vec<String> = found
        .iter()
        .map(|path| path.segments.join("::"))
        .filter(|path| path.contains("::"))
        .collect();
    assert_eq!(
        paths,
        ["a::b", "crate::j", "m::n", "o::p", "o::q::r", "s::t"]
    );
}

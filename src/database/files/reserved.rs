//! The names that SQLite and this program use for a database. No other new file may get one.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::database::files::database_file::{
    COPIES, DatabaseFile, FOLLOWER, SIDECAR_OF_OTHER, Sidecar, backup_path, place, with_suffix,
};
use crate::database::files::dated_backup::is_dated_name;
use crate::database::files::regular_file::{MOST_LINKS, identity};
use crate::database::files::staged_file::is_temporary_name;
use crate::folder_of::folder_of;

/// What a name is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The database itself.
    Database,
    /// The log, its index or the journal of the database or of one of its copies.
    Sidecar,
    /// The log, its index or the journal of another file, if that is a database.
    SidecarOfOther,
    /// The file beside a database that Litestream keeps up to date.
    Replication,
    /// A copy that this program keeps.
    Copy,
    /// A copy that is being written.
    Temporary,
}

impl Use {
    /// The name, for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Database => "the database itself",
            Self::Sidecar => "a file that SQLite keeps beside the database, or beside a copy of it",
            Self::SidecarOfOther => SIDECAR_OF_OTHER,
            Self::Replication => {
                "a file that Litestream keeps beside a database that follows another"
            }
            Self::Copy => "a copy of the database that degenbot keeps",
            Self::Temporary => "a copy of the database that degenbot is writing",
        }
    }
}

/// What a path is used for, or what it leads to, by links of both kinds. Letter cases do not matter, as some file systems
/// ignore them.
pub(crate) fn use_of(database: &DatabaseFile, path: &Path) -> Option<Use> {
    let names = names_of(database);
    let file = identity(path);
    let is_same = |name: &PathBuf| file.is_some() && identity(name) == file;
    let places = places(path);
    let is_at = |name: &PathBuf| {
        place(name).is_some_and(|own| {
            places
                .iter()
                .any(|(folder, name)| *folder == own.0 && name.eq_ignore_ascii_case(&own.1))
        })
    };
    let found = names
        .iter()
        .find(|(_, name)| is_at(name) || is_same(name))
        .map(|(what, _)| *what);
    let is_of_other = DatabaseFile::at(path).is_sidecar_of_other();
    let found = found.or_else(|| is_of_other.then_some(Use::SidecarOfOther));
    let is_dated_backup = || {
        [database.path(), database.real()].into_iter().any(|path| {
            place(&backup_path(path)).is_some_and(|(own, base)| {
                let is_one = |(folder, name): &(PathBuf, OsString)| {
                    *folder == own && is_dated_name(name, &base)
                };
                places.iter().any(is_one)
            })
        })
    };
    let found = found.or_else(|| is_dated_backup().then_some(Use::Copy));
    found.or_else(|| {
        let originals = names
            .iter()
            .filter(|(what, _)| !matches!(what, Use::Sidecar | Use::Replication));
        originals
            .filter_map(|(_, name)| place(name))
            .any(|(own, original)| {
                places
                    .iter()
                    .any(|(folder, name)| *folder == own && is_temporary_name(name, &original))
            })
            .then_some(Use::Temporary)
    })
}

/// Whether a path is that of a file, or leads to it, by links of both kinds. The file need not exist.
#[cfg(feature = "cli")]
pub(crate) fn leads_to(path: &Path, file: &Path) -> bool {
    let here = identity(path);
    let own = places(file);
    (here.is_some() && here == identity(file))
        || places(path).iter().any(|place| own.contains(place))
}

/// All names, and what each is used for.
fn names_of(database: &DatabaseFile) -> Vec<(Use, PathBuf)> {
    let mut names = Vec::new();
    for path in [database.path(), database.real()] {
        let mut add = |what, path: PathBuf| {
            names.extend(Sidecar::ALL.map(|sidecar| (Use::Sidecar, sidecar.of(&path))));
            names.push((Use::Replication, with_suffix(&path, FOLLOWER)));
            names.push((what, path));
        };
        add(Use::Database, path.to_owned());
        for suffix in COPIES {
            add(Use::Copy, with_suffix(path, suffix));
        }
    }
    names
}

/// Where a path is, and where the link leads that is there. What it leads to need not exist.
fn places(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut places = Vec::new();
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        places.extend(place(&path));
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = folder_of(&path).join(target);
    }
    places
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_name_and_every_spelling_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        fs::write(at("data/x.db"), "x").unwrap();
        symlink("data", at("same")).unwrap();
        symlink("data/x.db", at("link.db")).unwrap();
        symlink("link.db", at("link-of-link")).unwrap();
        symlink("data/x.db.bak", at("dangling")).unwrap();
        fs::hard_link(at("data/x.db"), at("hard")).unwrap();
        let expected = [
            ("link.db", Some(Use::Database)),
            ("link-of-link", Some(Use::Database)),
            ("hard", Some(Use::Database)),
            ("data/x.db", Some(Use::Database)),
            ("data/../same/./X.DB", Some(Use::Database)),
            ("data/x.db-wal", Some(Use::Sidecar)),
            ("link.db-journal", Some(Use::Sidecar)),
            ("same/x.db.bak", Some(Use::Copy)),
            ("same/x.db.bak-shm", Some(Use::Sidecar)),
            ("link.db.bak", Some(Use::Copy)),
            ("dangling", Some(Use::Copy)),
            ("same/x.db.bak.20260131T235959Z", Some(Use::Copy)),
            ("link.db.bak.20260131T235959Z", Some(Use::Copy)),
            ("data/x.db.bak.20260131", None),
            ("data/x.db.pre-restore", Some(Use::Copy)),
            ("data/x.db.pre-upgrade-wal", Some(Use::Sidecar)),
            ("data/x.db.degenbot-tmp-12-0", Some(Use::Temporary)),
            ("same/x.db.bak.degenbot-tmp-12-0-wal", Some(Use::Temporary)),
            ("x.db", None),
            ("x.db.bak", None),
            ("data/x.db.bak2", None),
            ("data/y.db", None),
            ("nowhere/x.db", None),
        ];
        let file = DatabaseFile::existing(&at("link.db")).unwrap();
        for (name, what) in expected {
            assert_eq!(use_of(&file, &at(name)), what, "{name}");
        }
    }
}

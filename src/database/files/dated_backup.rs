//! Backups with the time in their names, such as `degenbot.db.bak.20260131T235959Z`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::database::files::database_file::with_suffix;
use crate::folder_of::folder_of;
use crate::utc::Utc;

/// The name of a backup whose other part is `base`.
pub(crate) fn dated(base: &Path, time: SystemTime) -> PathBuf {
    let Utc { date, time } = Utc::of(time);
    let [date, time] = [date.replace('-', ""), time.replace(':', "")];
    with_suffix(base, &format!(".{date}T{time}Z"))
}

/// Whether a name is that of a backup whose other part is `base`.
pub(crate) fn is_dated_name(name: &OsStr, base: &OsStr) -> bool {
    let rest = name.as_encoded_bytes();
    let rest = rest.strip_prefix(base.as_encoded_bytes());
    let Some([b'.', date @ .., b'Z']) = rest else {
        return false;
    };
    let digits = |from: usize, to: usize| {
        let digits = date.get(from..to)?;
        let digits = std::str::from_utf8(digits).ok()?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let is_in = |from, to, least: u16, most: u16| {
        digits(from, to).is_some_and(|number| (least..=most).contains(&number))
    };
    date.len() == 15
        && date[8] == b'T'
        && is_in(0, 4, 0, 9_999)
        && is_in(4, 6, 1, 12)
        && is_in(6, 8, 1, 31)
        && is_in(9, 11, 0, 23)
        && is_in(11, 13, 0, 59)
        && is_in(13, 15, 0, 59)
}

/// The backups whose other part is `base`, the oldest by its name first. A link is none, nor is anything but a regular
/// file.
pub(crate) fn dated_backups(base: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(name) = base.file_name() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder_of(base))? {
        let entry = entry?;
        let is_backup = is_dated_name(&entry.file_name(), name)
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_backup {
            found.push(base.with_file_name(entry.file_name()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_regular_files_of_exactly_the_form_are_backups() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("x.db.bak");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_599);
        let newest = dated(&base, time);
        assert_eq!(newest, folder.path().join("x.db.bak.20261231T235959Z"));
        let oldest = dated(&base, SystemTime::UNIX_EPOCH);
        for path in [&newest, &oldest] {
            fs::write(path, "x").unwrap();
        }
        for name in [
            "x.db.bak",
            "x.db.bak.",
            "x.db.bak.20261231T235959Z-wal",
            "x.db.bak.20261231T235959",
            "x.db.bak.20261331T235959Z",
            "x.db.bak.20261200T235959Z",
            "x.db.bak.20261231T245959Z",
            "x.db.bak.20261231t235959Z",
            "x.db.bak.2026123+T235959Z",
            "x.db.bak.120261231T235959Z",
            "x.db.bak20261231T235959Z",
            "y.db.bak.20261231T235959Z",
            "ax.db.bak.20261231T235959Z",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        symlink(&newest, folder.path().join("x.db.bak.20260101T000000Z")).unwrap();
        fs::create_dir(folder.path().join("x.db.bak.20260102T000000Z")).unwrap();
        assert_eq!(dated_backups(&base).unwrap(), [oldest, newest]);
    }
}

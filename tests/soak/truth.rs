//! What is known of the commits, from those who made them and from what was seen of the database.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::children::all_acknowledgements;
use crate::ledger::Entry;

/// The commits of an epoch: the time from one restore to the next.
///
/// Two files agree with each other where one's log begins with the other one's. So that not every pair
/// has to be compared, the longest log seen so far is kept: each log must agree with that one.
pub struct Truth {
    /// What the writers told of, by id.
    acknowledged: BTreeMap<i64, Entry>,
    /// The longest log seen.
    seen: Vec<Entry>,
    /// The writers' files, and how much of each is read.
    files: Vec<(PathBuf, u64)>,
}

impl Truth {
    /// The truth after a moment at which the log was this; the files of acknowledgements begin anew.
    pub fn since(log: Vec<Entry>, folder: &Path) -> Self {
        let files = all_acknowledgements(folder).map(|file| (file, 0));
        for (file, _) in &files {
            let _ = std::fs::remove_file(file);
        }
        Self {
            acknowledged: BTreeMap::new(),
            seen: log,
            files: files.into(),
        }
    }

    /// How many commits are certain by now, those told of and those seen.
    pub fn certain(&mut self) -> usize {
        for (path, read) in &mut self.files {
            let Ok(mut file) = File::open(path) else {
                continue;
            };
            let mut text = String::new();
            file.seek(SeekFrom::Start(*read)).unwrap();
            file.read_to_string(&mut text).unwrap();
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text[..whole].lines() {
                let entry: Entry = line.parse().unwrap();
                let told = self.acknowledged.insert(entry.id, entry);
                assert_eq!(told, None, "two writers were given the id {}", entry.id);
            }
            *read += u64::try_from(whole).unwrap();
        }
        let told = self.acknowledged.last_key_value().map_or(0, |(id, _)| *id);
        self.seen.len().max(usize::try_from(told).unwrap())
    }

    /// Asserts that a log is the truth's beginning, with every commit that was certain at some moment.
    pub fn check(&mut self, log: Vec<Entry>, certain: usize, whose: &str) {
        assert!(
            log.len() >= certain,
            "{whose} has {} commits, and {certain} were certain",
            log.len()
        );
        let common = log.len().min(self.seen.len());
        assert_eq!(log[..common], self.seen[..common], "{whose}");
        for (id, entry) in &self.acknowledged {
            if let Some(found) = log.get(usize::try_from(id - 1).unwrap()) {
                assert_eq!(found, entry, "{whose}");
            }
        }
        if log.len() > self.seen.len() {
            self.seen = log;
        }
    }
}

//! Names of schema objects and columns, as SQLite compares them: the case of ASCII letters does not count.
//!
//! SQLite keeps a name as each statement writes it. The table of a trigger and the parent of a foreign key can be
//! written in other letters than the table's own name.

use std::collections::BTreeMap;

/// What an error says of an object of the user's own that has the name of a function with rows.
pub(crate) const OF_A_FUNCTION: &str = " has the name of a function of SQLite";

/// Whether SQLite takes both for the same name.
pub(crate) const fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether one of the names is this one.
pub(crate) fn is_among<S: AsRef<str>>(name: &str, names: impl IntoIterator<Item = S>) -> bool {
    names.into_iter().any(|one| is_same(one.as_ref(), name))
}

/// The entry with this name. No two names of one schema differ in their letter case alone.
pub(crate) fn find<'map, T>(map: &'map BTreeMap<String, T>, name: &str) -> Option<&'map T> {
    map.get(name).or_else(|| {
        let mut entries = map.iter();
        entries
            .find(|(own, _)| is_same(own, name))
            .map(|(_, entry)| entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_case_of_ascii_letters_does_not_count() {
        let map = BTreeMap::from([("pools".to_owned(), 1), ("É".to_owned(), 2)]);
        assert_eq!(find(&map, "POOLS"), Some(&1));
        assert_eq!(find(&map, "é"), None);
        assert!(is_among("Pools", map.keys()));
        // The Kelvin sign, which is a `k` in lower case.
        assert!(!is_same("\u{212a}", "k"));
    }
}

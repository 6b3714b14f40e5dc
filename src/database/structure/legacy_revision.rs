//! The legacy revisions: the structures of the Python package's databases before its first stable schema.
//!
//! `legacy.txt` lists what each Alembic revision adds to the revision before it and removes from it. The format is that
//! of `versions.txt`. The list begins with release 0.5.0a1, which did not use Alembic yet, and ends with the first
//! version of this program.

use std::fmt;
use std::sync::LazyLock;

use crate::database::structure::catalogue::{Catalogue, Index};
use crate::database::structure::sections::{Section, sections};

const STRUCTURES: &str = include_str!("legacy.txt");

/// A schema before the first stable one: an Alembic revision of the Python package, or its release 0.5.0a1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegacyRevision(usize);

/// The structures, oldest first. The last one is the first version's.
static KNOWN: LazyLock<Vec<Section>> = LazyLock::new(|| sections("revision", STRUCTURES));

impl LegacyRevision {
    /// Release 0.5.0a1, which has no stamp.
    pub(crate) const FIRST: Self = Self(0);

    /// Every revision, oldest first.
    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..KNOWN.len() - 1).map(Self)
    }

    /// The revision with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::all().find(|revision| *revision != Self::FIRST && revision.name() == name)
    }

    /// The name: the Alembic revision, or the release's number.
    #[must_use]
    pub fn name(self) -> &'static str {
        KNOWN[self.0].name
    }

    /// Whether any revision has this table.
    pub(crate) fn any_has_table(table: &str) -> bool {
        KNOWN
            .iter()
            .any(|known| known.catalogue().tables.contains_key(table))
    }

    /// Whether any revision has this index.
    pub(crate) fn any_has_index(table: &str, name: &str, index: &Index) -> bool {
        KNOWN.iter().any(|known| {
            let table = known.catalogue().tables.get(table);
            table.and_then(|table| table.indexes.get(name)) == Some(index)
        })
    }

    /// The structure.
    pub(crate) fn catalogue(self) -> &'static Catalogue {
        KNOWN[self.0].catalogue()
    }

    /// The name and the structure of the next revision, or of the first version.
    pub(crate) fn next(self) -> (&'static str, &'static Catalogue) {
        let next = &KNOWN[self.0 + 1];
        (next.name, next.catalogue())
    }
}

impl fmt::Display for LegacyRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_found_by_name() {
        assert_eq!(LegacyRevision::FIRST.name(), "0.5.0a1");
        let revision = LegacyRevision::named("756fba1f75f4").unwrap();
        assert_eq!(revision.to_string(), "756fba1f75f4");
        assert_eq!(revision.next().0, "87fd9fc7ae00");
        assert_eq!(LegacyRevision::named("0.5.0a1"), None);
        assert_eq!(LegacyRevision::named("eb4080485a56"), None);
    }
}

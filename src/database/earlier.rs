//! The structures that the Python package's databases had before its first stable schema.
//!
//! `earlier.txt` lists them as `structures.txt` lists this program's versions: for each Alembic
//! revision, what it adds to the structure of the one before it and removes from it. It begins with
//! release 0.5.0a1, which had no Alembic yet, and ends with the first version of this program.

use std::fmt;
use std::sync::OnceLock;

use super::Error;
use super::catalogue::{Catalogue, Index};

const STRUCTURES: &str = include_str!("earlier.txt");

/// The state of the schema before the first stable one: an Alembic revision of the Python package, or
/// its release 0.5.0a1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EarlierRevision(usize);

struct Known {
    name: &'static str,
    catalogue: Catalogue,
}

impl EarlierRevision {
    /// The release without a stamp.
    pub(crate) const FIRST: Self = Self(0);

    /// Every revision, oldest first.
    pub(super) fn all() -> Result<impl DoubleEndedIterator<Item = Self>, Error> {
        Ok((0..known()?.len() - 1).map(Self))
    }

    /// The revision of this name.
    pub(super) fn named(name: &str) -> Result<Option<Self>, Error> {
        Ok(Self::all()?.find(|revision| *revision != Self::FIRST && revision.name() == name))
    }

    /// The Alembic revision, or the release's number.
    #[must_use]
    pub fn name(self) -> &'static str {
        known().map_or("", |known| known[self.0].name)
    }

    /// Whether any revision has this table.
    pub(super) fn any_has_table(table: &str) -> Result<bool, Error> {
        Ok(known()?
            .iter()
            .any(|known| known.catalogue.tables.contains_key(table)))
    }

    /// Whether any revision has this index.
    pub(super) fn any_has_index(table: &str, name: &str, index: &Index) -> Result<bool, Error> {
        Ok(known()?.iter().any(|known| {
            let table = known.catalogue.tables.get(table);
            table.and_then(|table| table.indexes.get(name)) == Some(index)
        }))
    }

    /// Its structure.
    pub(super) fn catalogue(self) -> Result<&'static Catalogue, Error> {
        Ok(&known()?[self.0].catalogue)
    }

    /// The name and the structure of what comes after it.
    pub(super) fn next(self) -> Result<(&'static str, &'static Catalogue), Error> {
        let next = &known()?[self.0 + 1];
        Ok((next.name, &next.catalogue))
    }
}

impl fmt::Display for EarlierRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Each structure, oldest first; the last one is that of the first version.
fn known() -> Result<&'static [Known], Error> {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(known);
    }
    let mut structures = Vec::new();
    let mut parts: Vec<&'static str> = Vec::new();
    let mut name = None;
    for line in STRUCTURES.lines() {
        if let Some(next) = line.strip_prefix("revision ") {
            if let Some(name) = name {
                structures.push(Known {
                    name,
                    catalogue: Catalogue::of_parts(&parts, "earlier.txt")?,
                });
            }
            name = Some(next);
        } else if let Some(part) = line.strip_prefix("+ ") {
            parts.push(part);
        } else if let Some(part) = line.strip_prefix("- ") {
            parts.retain(|added| *added != part);
        }
    }
    if let Some(name) = name {
        structures.push(Known {
            name,
            catalogue: Catalogue::of_parts(&parts, "earlier.txt")?,
        });
    }
    Ok(KNOWN.get_or_init(|| structures))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::database::SchemaVersion;

    #[test]
    fn the_last_structure_is_that_of_the_first_version() {
        let last = known().unwrap().last().unwrap();
        let first = SchemaVersion::all().next().unwrap();
        assert_eq!(Some(last.name), first.alembic_revision());
        assert_eq!(&last.catalogue, first.catalogue().unwrap());
    }

    #[test]
    fn names() {
        assert_eq!(EarlierRevision::all().unwrap().count(), 37);
        assert_eq!(EarlierRevision::FIRST.name(), "0.5.0a1");
        let revision = EarlierRevision::named("756fba1f75f4").unwrap().unwrap();
        assert_eq!(revision.to_string(), "756fba1f75f4");
        assert_eq!(revision.next().unwrap().0, "87fd9fc7ae00");
        assert_eq!(EarlierRevision::named("0.5.0a1").unwrap(), None);
        assert_eq!(EarlierRevision::named("eb4080485a56").unwrap(), None);
    }
}

//! A check of all b-trees that several threads share.
//!
//! SQLite's check of a whole file runs on one thread, and most of it looks each row up in each index. The check here
//! finds out the same, but only as an answer: either the file is sound, or there may be something. In the second case,
//! SQLite's check follows and says what. So a mistake here that suspects a sound file costs time, and nothing else.
//!
//! It reads the pages themselves ([`crate::sqlite::pages`]): each page once, and the pages of one tree in any order.
//! `sqlite3BtreeIntegrityCheck` and `PRAGMA integrity_check` check the following, and so does this:
//!
//! | SQLite | here |
//! |---|---|
//! | each page is used once: in a tree, in a chain of overflow pages, in the list of free pages (`checkRef`, "never used") | a bit for each page, which is set once, and their number (`Walk::use_page`, `compare_sums`) |
//! | the pointer map of `auto_vacuum` (`checkPtrmap`) | `Walk::use_page` compares the entry of each page |
//! | the list of free pages (`checkList`) | `Walk::check_free_list` |
//! | chains of overflow pages (`checkList`) | `Scene::load` |
//! | the header of a page (`btreeInitPage`, `btreeComputeFreeSpace`) | [`page`] |
//! | the cells, free blocks and fragments cover a page once (`checkTreePage`) | `Page::for_each_cell` |
//! | the order of rowids, and the rowids above the leaves | the bounds that a page passes to those below it |
//! | the depth of all leaves of a tree | `Sums::depth` |
//! | the records of rows (`OP_Column` of the last column) | [`record`] |
//! | NOT NULL, and the types of values | `Scene::check_row` |
//! | each row is in each index (`OP_Found`), with the same values and the rowid at the end | the sum of the hashes of the entries equals that of the entries that the rows call for, and the entries are in order |
//! | an index has as many entries as the table has rows | `Sums::count` |
//! | UNIQUE | neighbours in the order of the index differ before the rowid |
//!
//! The hashes have 64 bits and a random key of each run. An index with other entries than the rows call for passes with a
//! probability of 2⁻⁶⁴.
//!
//! What this does not know is left to SQLite. Of a table with a CHECK constraint, an index on an expression, a partial
//! index, an index with another order or collation, generated columns, STRICT, or WITHOUT ROWID, only the structure is
//! checked here, and SQLite checks that table alone ([`Trees::others`](trees::Trees::others)). A file with texts in UTF-16, or
//! with a virtual table, is SQLite's as a whole.

mod page;
mod record;
#[cfg(test)]
mod tests;
pub(crate) mod trees;
pub(crate) mod walk;

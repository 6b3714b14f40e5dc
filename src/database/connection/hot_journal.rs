//! The rollback journal of an interrupted transaction: whether SQLite may apply it.
//!
//! SQLite does so as soon as the database is read, whatever the journal says.

use std::path::Path;

use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::files::database_file::{DatabaseFile, Sidecar};
use crate::database::files::rollback_journal::{Journal, Unreadable, is_unfinished, number};
use crate::sqlite::file_uri::DATABASE_MAGIC;
use crate::sqlite::raw_connection::RawConnection;

/// Fails if a journal lies beside the database that is damaged, or belongs to another database. `uri` opens the database
/// read-only.
///
/// # Errors
///
/// [`ErrorKind::JournalDamaged`].
pub(crate) fn require_sound_journal(path: &Path, uri: &str) -> Result<(), Error> {
    let file = DatabaseFile::at(path);
    let journal = file.sidecar(Sidecar::Journal);
    if !is_unfinished(&journal) || file.bytes() == 0 {
        return Ok(());
    }
    // Nothing is read through SQLite here, so it does not look at the journal.
    let reader = RawConnection::open(uri).map_err(|error| Error::from_sqlite(path, error))?;
    // A journal that is in use changes while it is read.
    if reader.is_reserved() {
        return Ok(());
    }
    let Err(error) = check(&file, &journal, &reader) else {
        return Ok(());
    };
    // A transaction may have begun or ended meanwhile.
    if reader.is_reserved() || !is_unfinished(&journal) {
        return Ok(());
    }
    match check(&file, &journal, &reader) {
        Err(_) if !reader.is_reserved() => Err(error),
        _ => Ok(()),
    }
}

fn check(file: &DatabaseFile, journal: &Path, reader: &RawConnection) -> Result<(), Error> {
    let path = file.path();
    let damaged = |detail: &str| {
        let detail = detail.to_owned();
        Err(ErrorKind::JournalDamaged { detail }.at(path))
    };
    let journal = match Journal::read(journal) {
        Ok(journal) => journal,
        Err(Unreadable::Io(error)) => return Err(Error::io(journal, "read", error)),
        Err(Unreadable::Damaged(detail)) => return damaged(&detail),
    };
    if journal.page_size == 0 {
        return Ok(());
    }
    let mut present = [0; 100];
    reader
        .read_file(&mut present, 0)
        .map_err(|error| Error::from_sqlite(path, error))?;
    // The first page as the transaction found it. If it is not in the journal, it has not changed.
    let first_page = journal.first_page.unwrap_or(present);
    if !first_page.starts_with(DATABASE_MAGIC) {
        return match journal.first_page {
            Some(_) => damaged("a page in it is not as it was written"),
            None => Err(ErrorKind::NotADatabase.at(path)),
        };
    }
    // Each transaction adds one to the file's change counter.
    let [found, left] = [&first_page, &present].map(|page| number(page, 24));
    if left != found && left != found.wrapping_add(1) {
        return damaged("it belongs to another state of the database, or to another database");
    }
    let page_size = match u16::from_be_bytes([first_page[16], first_page[17]]) {
        1 => 65_536,
        bytes => u32::from(bytes),
    };
    if page_size != journal.page_size {
        return damaged("its pages have another size than those of the database");
    }
    let in_file = file.bytes().div_ceil(u64::from(page_size));
    // The header has the number of pages if the program that wrote last knew of that field.
    let in_header = match number(&first_page, 28) {
        pages if number(&first_page, 24) == number(&first_page, 92) => pages,
        _ => 0,
    };
    let pages = u64::from(journal.pages);
    if (u64::from(in_header)..=in_file.max(u64::from(in_header))).contains(&pages) {
        return Ok(());
    }
    damaged("it has another number of pages than the database had")
}

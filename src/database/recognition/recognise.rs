//! The functions that recognise a database: they read its stamps and its structure.

use std::path::Path;

use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{Access, open_connection};
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::identify::identify;
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;
use crate::sqlite::transaction::{Begin, transaction};

/// Recognises a database without writing to it. If a program was killed in a transaction, SQLite rolls that back
/// first.
///
/// # Errors
///
/// If the database cannot be read. No identity is an error.
pub fn recognise(path: &Path) -> Result<Recognition, Error> {
    match recognise_without_trace(path) {
        // An interrupted transaction must be rolled back first. Opening the database for writing does that, in any
        // program whose user may write.
        Err(error) if matches!(error.kind, ErrorKind::HotJournal) => {
            match open_connection(path, Access::ReadWrite) {
                Err(other) if matches!(other.kind, ErrorKind::ReadOnly) => Err(error),
                connection => recognise_at(path, &mut connection?),
            }
        }
        other => other,
    }
}

/// Recognises a database that stays as it is, such as a backup that may be replaced. Fails with
/// [`ErrorKind::HotJournal`] if an interrupted transaction must be rolled back first.
pub(crate) fn recognise_without_trace(path: &Path) -> Result<Recognition, Error> {
    read_without_trace(path, |connection| recognise_at(path, connection))
}

fn recognise_at(path: &Path, connection: &mut SqliteConnection) -> Result<Recognition, Error> {
    recognise_connection(connection).map_err(|error| error.at(path, "recognise the database"))
}

/// Recognises the database of an open connection.
pub(crate) fn recognise_connection(
    connection: &mut SqliteConnection,
) -> Result<Recognition, Error> {
    transaction(connection, Begin::Deferred, recognise_state, Error::from)
}

/// Recognises the database of an open connection, inside its open transaction.
pub(crate) fn recognise_state(connection: &mut SqliteConnection) -> Result<Recognition, Error> {
    let catalogue = Catalogue::read(connection)?;
    let stamps = Stamps::read(connection, &catalogue)?;
    Ok(Recognition {
        identity: identify(&stamps, &catalogue),
        stamps,
        catalogue,
    })
}

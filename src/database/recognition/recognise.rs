//! The functions that recognise a database: they read its stamps and its structure.

use std::path::Path;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::{Access, open_connection};
use crate::database::connection::read_only::read_without_trace;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::recognition::identify::identify;
use crate::database::recognition::identity::Recognition;
use crate::database::recognition::stamps::Stamps;
use crate::database::structure::catalogue::Catalogue;

/// Recognises a database without writing to it. If a program was killed in a transaction, SQLite rolls that back
/// first.
///
/// # Errors
///
/// If the database cannot be read. No identity is an error.
pub fn recognise(path: &Path) -> Result<Recognition, Error> {
    let look = |connection: &mut SqliteConnection| {
        recognise_connection(connection).map_err(|error| error.at(path, "recognise the database"))
    };
    match read_without_trace(path, look) {
        // An interrupted transaction must be rolled back first. Opening the database for writing does that, in any
        // program.
        Err(error) if matches!(error.kind, ErrorKind::HotJournal) => {
            look(&mut open_connection(path, Access::ReadWrite)?)
        }
        other => other,
    }
}

/// Recognises the database of an open connection.
pub(crate) fn recognise_connection(
    connection: &mut SqliteConnection,
) -> Result<Recognition, Error> {
    connection.transaction(recognise_state)
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

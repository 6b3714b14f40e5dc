//! Obstacles: collects the rows that a rebuild cannot carry over without guessing.

use std::path::Path;

use diesel::prelude::*;
use diesel::result::Error as SqlError;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::error::error_kind::ErrorKind;
use crate::database::error::obstacle::Obstacle;
use crate::sqlite::prepared::Statements;
use crate::types::stored::Stored;

/// The number of rows that an obstacle names.
const NAMED: usize = 5;

/// The obstacles found so far.
#[derive(Debug, Default)]
pub(super) struct Obstacles(Vec<Obstacle>);

impl Obstacles {
    /// Adds the rows that `from_where` selects, the part of a query after FROM. `label` is an expression that
    /// names a row.
    pub(super) fn look_for(
        &mut self,
        connection: &mut SqliteConnection,
        problem: &'static str,
        label: &str,
        from_where: &str,
    ) -> QueryResult<()> {
        let rows = sql::lines(
            connection,
            &format!("SELECT {label} AS line FROM {from_where} LIMIT {NAMED}"),
        )?;
        if rows.is_empty() {
            return Ok(());
        }
        let count = if rows.len() < NAMED {
            rows.len()
        } else {
            let query = format!("SELECT count(*) AS number FROM {from_where}");
            sql::number(connection, &query)?
                .try_into()
                .unwrap_or(rows.len())
        };
        self.0.push(Obstacle {
            count,
            rows,
            problem,
        });
        Ok(())
    }

    /// Adds one row.
    pub(super) fn add(&mut self, problem: &'static str, row: String) {
        match self
            .0
            .iter_mut()
            .find(|obstacle| obstacle.problem == problem)
        {
            Some(obstacle) => {
                obstacle.count += 1;
                if obstacle.rows.len() < NAMED {
                    obstacle.rows.push(row);
                }
            }
            None => self.0.push(Obstacle {
                count: 1,
                rows: vec![row],
                problem,
            }),
        }
    }

    /// Adds the rows of a table with a text that is not UTF-8.
    fn look_for_unreadable(
        &mut self,
        connection: &mut SqliteConnection,
        table: &str,
    ) -> QueryResult<()> {
        let name = sql::name(table);
        let statements = Statements::of(connection)?;
        let mut rows = statements.prepare(&format!("SELECT rowid, * FROM main.{name}"))?;
        while rows.step()? {
            let is_unreadable = |value: Stored<'_>| matches!(value, Stored::Text(text) if std::str::from_utf8(text).is_err());
            if (1..rows.column_count()).any(|column| is_unreadable(rows.column(column))) {
                let id = rows.column(0).to_text();
                self.add("a text is not UTF-8", format!("{table} {id}"));
            }
        }
        Ok(())
    }

    /// Fails if there are any.
    pub(super) fn refuse(self, path: &Path) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(ErrorKind::Unclear { obstacles: self.0 }.at(path))
    }
}

/// Whether a value of a row could not be read.
pub(super) fn is_about_a_value(error: &Error) -> bool {
    matches!(
        error.kind,
        ErrorKind::Sql {
            source: SqlError::DeserializationError(_)
        }
    )
}

/// Names the rows of these tables that cannot be read. Returns `error` if there are none.
pub(super) fn explain(
    connection: &mut SqliteConnection,
    path: &Path,
    tables: &[String],
    error: Error,
) -> Result<Error, Error> {
    let mut obstacles = Obstacles::default();
    for table in tables {
        obstacles.look_for_unreadable(connection, table)?;
    }
    Ok(obstacles.refuse(path).err().unwrap_or(error))
}

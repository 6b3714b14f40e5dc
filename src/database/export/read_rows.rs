//! Reads the rows of a query into batches.

use std::ffi::c_int;

use crate::database::error::database_error::Error;
use crate::database::export::batch::{Batch, Values};
use crate::database::export::tables::{Column, ColumnType};
use crate::sqlite::prepared::Statement;
use crate::types::decimal::{I128, U256};
use crate::types::flag::Flag;
use crate::types::stored::{Decode, Stored};

/// Takes the batches of a table, one after the other.
pub(super) trait Sink {
    /// Takes a batch.
    fn take(&mut self, batch: Batch) -> Result<(), Error>;
}

/// The batches of a table, and what is counted of its rows.
pub(super) struct Collector<'sink> {
    columns: &'static [Column],
    sink: &'sink mut dyn Sink,
    pub(super) batch: Batch,
    pub(super) rows: u64,
    /// How many values of each column are not what the column can have.
    pub(super) invalid: Vec<u64>,
}

impl<'sink> Collector<'sink> {
    pub(super) fn new(columns: &'static [Column], sink: &'sink mut dyn Sink) -> Self {
        Self {
            columns,
            sink,
            batch: Batch::new(columns),
            rows: 0,
            invalid: vec![0; columns.len()],
        }
    }

    /// Adds the rows of a query that has these columns.
    pub(super) fn read(&mut self, statement: &mut Statement<'_>) -> Result<(), Error> {
        while statement.step()? {
            add_row(
                self.columns,
                statement,
                &mut self.batch.values,
                &mut self.invalid,
            );
            self.batch.rows += 1;
            if self.batch.is_full() {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Hands over what there is of a batch.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if self.batch.rows == 0 {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.columns));
        self.rows += batch.rows as u64;
        self.sink.take(batch)
    }
}

/// Adds the current row of a statement. A value that its column cannot have becomes NULL, and is counted.
pub(super) fn add_row(
    columns: &[Column],
    statement: &Statement<'_>,
    values: &mut [Values],
    invalid: &mut [u64],
) {
    let mut outputs = values.iter_mut();
    let places = 0 as c_int..;
    for ((column, place), invalid) in columns.iter().zip(places).zip(invalid) {
        let stored = statement.column(place);
        for (_, output) in column.outputs() {
            let Some(values) = outputs.next() else {
                return;
            };
            let is_valid = match (column.kind, output) {
                (ColumnType::Number, ColumnType::Float) => {
                    values.push_float(float_of(stored));
                    true
                }
                _ => add_value(column.kind, stored, values),
            };
            *invalid += u64::from(!is_valid);
        }
    }
}

/// Adds a value. Returns whether the column can have it.
fn add_value(column_type: ColumnType, stored: Stored<'_>, values: &mut Values) -> bool {
    let is_added = match column_type {
        ColumnType::Integer => {
            let number = stored.as_integer();
            values.push_integer(number);
            number.is_some()
        }
        ColumnType::Float => {
            let number = match stored {
                Stored::Real(number) => Some(number),
                _ => None,
            };
            values.push_float(number);
            number.is_some()
        }
        ColumnType::Flag => {
            let flag = Flag::decode(stored).ok().map(bool::from);
            values.push_flag(flag);
            flag.is_some()
        }
        ColumnType::Text => {
            let text = match stored {
                Stored::Text(text) if str::from_utf8(text).is_ok() => Some(text),
                _ => None,
            };
            values.push_text(text);
            text.is_some()
        }
        ColumnType::Number => {
            let text = match stored {
                Stored::Text(text) if is_number(stored) => Some(text),
                _ => None,
            };
            values.push_text(text);
            text.is_some()
        }
    };
    is_added || stored == Stored::Null
}

fn is_number(stored: Stored<'_>) -> bool {
    I128::decode(stored).is_ok() || U256::decode(stored).is_ok()
}

/// The float nearest to a number of up to 256 bits.
fn float_of(stored: Stored<'_>) -> Option<f64> {
    let text = match stored {
        Stored::Text(text) if is_number(stored) => str::from_utf8(text).ok()?,
        _ => return None,
    };
    text.parse().ok()
}

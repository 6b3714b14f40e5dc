//! A CSV file as in RFC 4180, with the names of the columns in the first line. NULL is an empty field, and the empty text
//! is `""`.

use std::io::Write;

use csv_core::{QuoteStyle, Writer, WriterBuilder};

use crate::database::export::batch::{Batch, Values};
use crate::database::export::tables::Column;

/// Writes fields to memory.
struct Fields {
    /// Quotes what has to be quoted.
    usual: Writer,
    /// Quotes everything.
    quoting: Writer,
    written: Vec<u8>,
}

/// The first line of a file.
pub(super) fn header(columns: &[Column]) -> Vec<u8> {
    let mut fields = Fields::new();
    let names: Vec<_> = columns.iter().flat_map(Column::outputs).collect();
    for (place, (name, _)) in names.iter().enumerate() {
        fields.write(Some(name.as_bytes()), place + 1 == names.len());
    }
    fields.written
}

/// The lines of a batch.
pub(super) fn encode(batch: &Batch) -> Vec<u8> {
    let mut fields = Fields::new();
    let mut columns: Vec<_> = batch.values.iter().map(Places::new).collect();
    let count = columns.len();
    let mut text = Vec::new();
    for row in 0..batch.rows {
        for (place, column) in columns.iter_mut().enumerate() {
            text.clear();
            fields.write(column.next(row, &mut text), place + 1 == count);
        }
    }
    fields.written
}

impl Fields {
    fn new() -> Self {
        Self {
            usual: Writer::new(),
            quoting: WriterBuilder::new().quote_style(QuoteStyle::Always).build(),
            written: Vec::new(),
        }
    }

    /// Writes a field, and the end of the record after the last one.
    fn write(&mut self, field: Option<&[u8]>, is_last: bool) {
        let begin = self.written.len();
        // Enough for quotes around the field, for doubled ones inside, and for what follows it.
        let most = field.map_or(0, |field| 2 * field.len()) + 8;
        self.written.resize(begin + most, 0);
        let writer = match field {
            Some([]) => &mut self.quoting,
            _ => &mut self.usual,
        };
        let mut end = begin;
        if let Some(field) = field {
            let (_, _, bytes) = writer.field(field, &mut self.written[end..]);
            end += bytes;
        }
        let rest = &mut self.written[end..];
        let (_, bytes) = if is_last {
            writer.terminator(rest)
        } else {
            writer.delimiter(rest)
        };
        self.written.truncate(end + bytes);
    }
}

/// The values of a column, one after the other.
struct Places<'batch> {
    values: &'batch Values,
    /// How many values that are not NULL were taken.
    taken: usize,
}

impl<'batch> Places<'batch> {
    const fn new(values: &'batch Values) -> Self {
        Self { values, taken: 0 }
    }

    /// The text of the value in a row, which may be written to `text`; `None` for NULL.
    fn next<'text>(&mut self, row: usize, text: &'text mut Vec<u8>) -> Option<&'text [u8]>
    where
        'batch: 'text,
    {
        let levels = match self.values {
            Values::Integers(all) => &all.levels,
            Values::Floats(all) => &all.levels,
            Values::Flags(all) => &all.levels,
            Values::Texts(all) => &all.levels,
        };
        if levels.get(row) != Some(&1) {
            return None;
        }
        let place = self.taken;
        self.taken += 1;
        // Writing to memory cannot fail.
        match self.values {
            Values::Integers(all) => {
                let _ = write!(text, "{}", all.present.get(place)?);
            }
            // The shortest text that reads as the same number.
            Values::Floats(all) => {
                let _ = write!(text, "{:?}", all.present.get(place)?);
            }
            Values::Flags(all) => {
                let _ = write!(text, "{}", all.present.get(place)?);
            }
            Values::Texts(all) => {
                let (begin, end) = *all.places.get(place)?;
                return all.bytes.get(begin..end);
            }
        }
        Some(text)
    }
}

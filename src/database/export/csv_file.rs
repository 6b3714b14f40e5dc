//! A CSV file as in RFC 4180, with the names of the columns in the first line. NULL is an empty field, and the empty text
//! is `""`.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use csv_core::{QuoteStyle, Writer, WriterBuilder};

use crate::database::export::batch::{Batch, Values};
use crate::database::export::tables::Column;

pub(super) struct CsvFile<'file> {
    file: BufWriter<&'file File>,
    fields: Fields,
}

/// Writes fields.
struct Fields {
    /// Quotes what has to be quoted.
    usual: Writer,
    /// Quotes everything.
    quoting: Writer,
    /// A field that is being written.
    buffer: Vec<u8>,
}

impl<'file> CsvFile<'file> {
    pub(super) fn begin(file: &'file File, columns: &[Column]) -> io::Result<Self> {
        let mut csv = Self {
            file: BufWriter::new(file),
            fields: Fields {
                usual: Writer::new(),
                quoting: WriterBuilder::new().quote_style(QuoteStyle::Always).build(),
                buffer: Vec::new(),
            },
        };
        let names: Vec<_> = columns.iter().flat_map(Column::outputs).collect();
        for (place, (name, _)) in names.iter().enumerate() {
            csv.fields.write(
                &mut csv.file,
                Some(name.as_bytes()),
                place + 1 == names.len(),
            )?;
        }
        Ok(csv)
    }

    pub(super) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut columns: Vec<_> = batch.values.iter().map(Places::new).collect();
        let mut text = Vec::new();
        for row in 0..batch.rows {
            let last = columns.len() - 1;
            for (place, column) in columns.iter_mut().enumerate() {
                text.clear();
                let field = column.next(row, &mut text);
                self.fields.write(&mut self.file, field, place == last)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Fields {
    /// Writes a field, and the end of the record after the last one.
    fn write(
        &mut self,
        file: &mut impl Write,
        field: Option<&[u8]>,
        is_last: bool,
    ) -> io::Result<()> {
        // Enough for quotes around the field, for doubled ones inside, and for what follows it.
        let most = field.map_or(0, |field| 2 * field.len()) + 8;
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
        let writer = match field {
            Some([]) => &mut self.quoting,
            _ => &mut self.usual,
        };
        let mut written = 0;
        if let Some(field) = field {
            let (_, _, bytes) = writer.field(field, &mut self.buffer);
            written += bytes;
        }
        let rest = &mut self.buffer[written..];
        let (_, bytes) = if is_last {
            writer.terminator(rest)
        } else {
            writer.delimiter(rest)
        };
        file.write_all(&self.buffer[..written + bytes])
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

//! Rows of a table, column by column, as the files take them.

use crate::database::export::tables::{Column, ColumnType};

/// The most rows of a batch. A batch becomes one row group of a Parquet file. Three are in memory at a time, and larger ones
/// are no faster: their columns do not stay in the caches of the processor.
const MOST_ROWS: usize = 32_768;

/// The most bytes of texts in a batch, but for the last row. Otherwise long names would need memory without a limit.
const MOST_BYTES: usize = 16 << 20;

/// Rows of a table, column by column.
pub(super) struct Batch {
    pub(super) rows: usize,
    /// The values, in the order of [`Column::outputs`].
    pub(super) values: Vec<Values>,
}

/// The values of a column.
pub(super) enum Values {
    Integers(Nullable<i64>),
    Floats(Nullable<f64>),
    Flags(Nullable<bool>),
    Texts(Texts),
}

/// Values of which some are NULL.
#[derive(Default)]
pub(super) struct Nullable<T> {
    /// The values that are not NULL.
    pub(super) present: Vec<T>,
    /// For each row 1, or 0 for NULL, as Parquet has it.
    pub(super) levels: Vec<i16>,
}

/// Texts of which some are NULL. A text that is repeated is stored once.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    /// Where each text that is not NULL begins and ends.
    pub(super) places: Vec<(usize, usize)>,
    pub(super) levels: Vec<i16>,
}

impl Batch {
    pub(super) fn new(columns: &[Column]) -> Self {
        let outputs = columns.iter().flat_map(Column::outputs);
        Self {
            rows: 0,
            values: outputs.map(|(_, output)| Values::new(output)).collect(),
        }
    }

    /// Whether the batch has as many rows as it may have.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.values.iter().map(|values| match values {
            Values::Texts(texts) => texts.bytes.len(),
            _ => 0,
        });
        self.rows >= MOST_ROWS || bytes.sum::<usize>() >= MOST_BYTES
    }
}

impl Values {
    fn new(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Integer => Self::Integers(Nullable::default()),
            ColumnType::Float => Self::Floats(Nullable::default()),
            ColumnType::Flag => Self::Flags(Nullable::default()),
            ColumnType::Text | ColumnType::Number => Self::Texts(Texts::default()),
        }
    }

    /// Adds an integer, or NULL to a column of any type.
    pub(super) fn push_integer(&mut self, value: Option<i64>) {
        match self {
            Self::Integers(integers) => integers.push(value, 1),
            other => other.push_null(),
        }
    }

    /// Adds a float, or NULL to a column of any type.
    pub(super) fn push_float(&mut self, value: Option<f64>) {
        match self {
            Self::Floats(floats) => floats.push(value, 1),
            other => other.push_null(),
        }
    }

    /// Adds a flag, or NULL to a column of any type.
    pub(super) fn push_flag(&mut self, value: Option<bool>) {
        match self {
            Self::Flags(flags) => flags.push(value, 1),
            other => other.push_null(),
        }
    }

    /// Adds a text, or NULL to a column of any type.
    pub(super) fn push_text(&mut self, value: Option<&[u8]>) {
        match self {
            Self::Texts(texts) => texts.push(value, 1),
            other => other.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Integers(integers) => integers.push(None, 1),
            Self::Floats(floats) => floats.push(None, 1),
            Self::Flags(flags) => flags.push(None, 1),
            Self::Texts(texts) => texts.push(None, 1),
        }
    }

    /// Adds the only value of other values several times.
    pub(super) fn push_repeated(&mut self, one: &Self, times: usize) {
        match (self, one) {
            (Self::Integers(all), Self::Integers(one)) => all.push(one.first(), times),
            (Self::Floats(all), Self::Floats(one)) => all.push(one.first(), times),
            (Self::Flags(all), Self::Flags(one)) => all.push(one.first(), times),
            (Self::Texts(all), Self::Texts(one)) => {
                let text = one.places.first();
                all.push(text.map(|(begin, end)| &one.bytes[*begin..*end]), times);
            }
            (all, _) => (0..times).for_each(|_| all.push_null()),
        }
    }
}

impl<T: Copy> Nullable<T> {
    #[inline]
    fn push(&mut self, value: Option<T>, times: usize) {
        let rows = self.levels.len() + times;
        self.levels.resize(rows, i16::from(value.is_some()));
        if let Some(value) = value {
            self.present.resize(self.present.len() + times, value);
        }
    }

    fn first(&self) -> Option<T> {
        self.present.first().copied()
    }
}

impl Texts {
    #[inline]
    fn push(&mut self, value: Option<&[u8]>, times: usize) {
        let rows = self.levels.len() + times;
        self.levels.resize(rows, i16::from(value.is_some()));
        if let Some(value) = value {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(value);
            let place = (begin, self.bytes.len());
            self.places.resize(self.places.len() + times, place);
        }
    }
}

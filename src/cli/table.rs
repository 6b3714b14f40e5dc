//! Tables of text, whose columns are as wide as their widest cell.

use std::array;
use std::fmt;
use std::fmt::Display;

/// Where a column's cells stand in their column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alignment {
    Left,
    Right,
}

/// A table of text.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    columns: [Alignment; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) const fn new(columns: [Alignment; COLUMNS]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// A table whose first row has the titles of the columns.
    pub(super) fn titled(columns: [(&str, Alignment); COLUMNS]) -> Self {
        let mut table = Self::new(columns.map(|(_, alignment)| alignment));
        table.push(columns.map(|(title, _)| title.to_owned()));
        table
    }

    pub(super) fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// One line for each row.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let widths: [usize; COLUMNS] = array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        });
        self.rows.iter().map(move |row| {
            let cells: [String; COLUMNS] = array::from_fn(|column| {
                let (cell, width) = (&row[column], widths[column]);
                match self.columns[column] {
                    Alignment::Right => format!("{cell:>width$}"),
                    // No line ends with spaces.
                    Alignment::Left if column + 1 == COLUMNS => cell.clone(),
                    Alignment::Left => format!("{cell:<width$}"),
                }
            });
            cells.join("  ")
        })
    }
}

impl<const COLUMNS: usize> Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::titled([
            ("Name", Alignment::Left),
            ("Rows", Alignment::Right),
            ("Remark", Alignment::Left),
        ]);
        table.push(["éèê".to_owned(), "12,345".to_owned(), "new".to_owned()]);
        assert_eq!(
            table.to_string(),
            "Name    Rows  Remark\néèê   12,345  new\n"
        );
    }
}

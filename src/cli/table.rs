//! Tables of text, whose columns are as wide as their widest cell.

use std::array;

use crate::escape::escaped;

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
        // Here, because a cell's width is that of what is shown.
        self.rows.push(row.map(|cell| escaped(cell).to_string()));
    }

    /// The width of a column, in characters.
    pub(super) fn width_of(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    }

    /// One line for each row.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.lines_of(self.widths_from([0; COLUMNS]))
    }

    /// One line for each row of a part of a long table. The columns are at least as wide as those of the parts before.
    pub(super) fn lines_below(
        &self,
        widths: &mut [usize; COLUMNS],
    ) -> impl Iterator<Item = String> {
        *widths = self.widths_from(*widths);
        self.lines_of(*widths)
    }

    fn widths_from(&self, least: [usize; COLUMNS]) -> [usize; COLUMNS] {
        array::from_fn(|column| self.width_of(column).max(least[column]))
    }

    fn lines_of(&self, widths: [usize; COLUMNS]) -> impl Iterator<Item = String> {
        self.rows.iter().map(move |row| {
            let cells: [String; COLUMNS] = array::from_fn(|column| {
                let (cell, width) = (&row[column], widths[column]);
                match self.columns[column] {
                    // No line ends with spaces.
                    Alignment::Left if column + 1 == COLUMNS => cell.clone(),
                    alignment => padded(cell, width, alignment),
                }
            });
            cells.join("  ")
        })
    }
}

/// A text with spaces up to a width in characters. (A width in a format, as in `{:>width$}`, must be below 65,536.)
pub(super) fn padded(text: &str, width: usize, alignment: Alignment) -> String {
    let spaces = " ".repeat(width.saturating_sub(text.chars().count()));
    match alignment {
        Alignment::Left => format!("{text}{spaces}"),
        Alignment::Right => format!("{spaces}{text}"),
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
            table.lines().collect::<Vec<_>>(),
            ["Name    Rows  Remark", "éèê   12,345  new"]
        );
    }

    #[test]
    fn cells_are_as_wide_as_what_is_shown() {
        let mut table = Table::new([Alignment::Left, Alignment::Left]);
        table.push(["\n\u{1b}".to_owned(), "one".to_owned()]);
        table.push(["x".repeat(70_000), "two".to_owned()]);
        table.push(["12345678".to_owned(), "three".to_owned()]);
        let lines: Vec<_> = table.lines().collect();
        assert!(lines[0].starts_with("\\n\\u{1b} "), "{}", lines[0]);
        let lengths: Vec<_> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [70_005, 70_005, 70_007]);
    }
}

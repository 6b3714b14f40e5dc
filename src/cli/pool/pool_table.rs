//! The table of pools, in a wide form and in one for a terminal of 80 columns.

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::format::{abbreviated, cell};
use crate::cli::pool::cells;
use crate::cli::printer::Lines;
use crate::cli::table::Alignment::{Left, Right};
use crate::cli::table::{Alignment, Table};
use crate::database::reports::pool_info::PoolInfo;

/// The columns that a terminal must have for the wide form.
const WIDE: usize = 190;

/// How many characters each token has at most: in the narrow form, in the wide one on a terminal, and in a file or a pipe,
/// which gets complete addresses.
const NARROW_TOKEN: usize = 8;
const WIDE_TOKEN: usize = 20;
const WHOLE_TOKEN: usize = "0x".len() + 40;

/// Every line has everything, so that other programs can search them.
const WIDE_COLUMNS: [(&str, Alignment); 9] = [
    ("Exchange", Left),
    ("ID", Right),
    ("Kind", Left),
    ("Pool", Left),
    ("Tokens", Left),
    ("Fee", Right),
    ("Spacing", Right),
    ("Ticks", Right),
    ("Mark", Right),
];

/// Exchange and kind are above the lines.
const NARROW_COLUMNS: [(&str, Alignment); 7] = [
    ("ID", Right),
    ("Pool", Left),
    ("Tokens", Left),
    ("Fee", Right),
    ("Spacing", Right),
    ("Ticks", Right),
    ("Mark", Right),
];

/// A table of any number of pools. It is printed in parts, whose columns are as wide as the widest cell so far.
pub(super) struct PoolTable<'context> {
    context: &'context Context,
    pending: Vec<PoolInfo>,
    is_wide: bool,
    is_terminal: bool,
    wide: [usize; WIDE_COLUMNS.len()],
    narrow: [usize; NARROW_COLUMNS.len()],
    /// The last line above pools, in the narrow form.
    title: Option<String>,
    pub(super) is_empty: bool,
}

impl<'context> PoolTable<'context> {
    pub(super) fn new(context: &'context Context) -> Self {
        let columns = context.printer.columns();
        Self {
            context,
            pending: Vec::new(),
            is_wide: columns.is_none_or(|columns| columns >= WIDE),
            is_terminal: columns.is_some(),
            wide: Default::default(),
            narrow: Default::default(),
            title: None,
            is_empty: true,
        }
    }

    /// Adds a pool, and prints the pools so far if they are many.
    pub(super) fn push(&mut self, pool: PoolInfo) -> Result<(), Failure> {
        const MANY: usize = 1_000;
        self.pending.push(pool);
        if self.pending.len() < MANY {
            return Ok(());
        }
        self.print()
    }

    /// Prints the pools that are not printed yet.
    pub(super) fn print(&mut self) -> Result<(), Failure> {
        let mut lines = Lines::new();
        if self.is_wide {
            self.add_wide(&mut lines);
        } else {
            self.add_narrow(&mut lines);
        }
        if !self.pending.is_empty() {
            self.is_empty = false;
            self.pending.clear();
        }
        let printed = self.context.printer.data_part(&lines);
        printed.map_err(|error| Failure::Output { error })
    }

    fn add_wide(&mut self, lines: &mut Lines) {
        let mut table = if self.is_empty && !self.pending.is_empty() {
            Table::titled(WIDE_COLUMNS)
        } else {
            Table::new(WIDE_COLUMNS.map(|(_, alignment)| alignment))
        };
        let token = if self.is_terminal {
            WIDE_TOKEN
        } else {
            WHOLE_TOKEN
        };
        for pool in &self.pending {
            table.push([
                cells::exchange(pool),
                pool.id.to_string(),
                cell(pool.kind.as_ref()),
                cells::address(pool),
                cells::tokens(pool, token),
                cells::fee(pool),
                cells::spacing(pool),
                cells::ticks(pool),
                cells::mark(pool),
            ]);
        }
        lines.extend(table.lines_below(&mut self.wide));
    }

    fn add_narrow(&mut self, lines: &mut Lines) {
        let title =
            |pool: &PoolInfo| format!("{}, {}", cells::exchange(pool), cell(pool.kind.as_ref()));
        for alike in self
            .pending
            .chunk_by(|one, other| title(one) == title(other))
        {
            let title = alike.first().map(title);
            let mut table = if self.title == title {
                Table::new(NARROW_COLUMNS.map(|(_, alignment)| alignment))
            } else {
                if self.title.is_some() {
                    lines.push("");
                }
                lines.extend(&title);
                self.title = title;
                Table::titled(NARROW_COLUMNS)
            };
            for pool in alike {
                table.push([
                    pool.id.to_string(),
                    abbreviated(&cells::address(pool)),
                    cells::tokens(pool, NARROW_TOKEN),
                    cells::fee(pool),
                    cells::spacing(pool),
                    cells::ticks(pool),
                    cells::mark(pool),
                ]);
            }
            lines.extend(table.lines_below(&mut self.narrow));
        }
    }
}

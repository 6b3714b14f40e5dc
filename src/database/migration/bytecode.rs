//! Bytecode: what SQLite makes of a statement, as EXPLAIN lists it, with the programs of the triggers that it fires.

use std::collections::BTreeMap;
use std::iter;

/// The code that a unique key's violation ends a statement with.
const UNIQUE_VIOLATION: &str = "2067";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program(Vec<Instruction>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) address: String,
    pub(super) opcode: String,
    /// The first to third operand, and the fifth.
    pub(super) operands: [String; 4],
    /// The fourth operand.
    pub(super) text: String,
}

impl Program {
    /// A program without what differs between two databases of the same schema.
    pub(super) fn new(mut instructions: Vec<Instruction>) -> Self {
        instructions.retain(|instruction| {
            // The one has the schema's number, the other describes the plan in words.
            !["Transaction", "Explain"].contains(&instruction.opcode.as_str())
        });
        for instruction in &mut instructions {
            // A virtual table's address in memory.
            if instruction.text.starts_with("vtab:") {
                instruction.text.clear();
            }
        }
        Self(instructions)
    }

    /// The program with other names in its messages.
    pub(super) fn with_names(mut self, names: &BTreeMap<String, String>) -> Self {
        for instruction in &mut self.0 {
            for (name, other) in names {
                instruction.text = instruction.text.replace(name, other);
            }
        }
        self
    }

    /// Whether rows are sorted or grouped by some of the columns whose collations are called `PREFIX0`, `PREFIX1`, up
    /// to `count`. Who lists them all, as DISTINCT and UNION do of a `*`, does that in their order.
    pub(super) fn sorts_by_some(&self, prefix: &str, count: usize) -> bool {
        let sorts = |instruction: &&Instruction| {
            ["SorterOpen", "OpenEphemeral", "Compare"].contains(&instruction.opcode.as_str())
        };
        self.0.iter().filter(sorts).any(|instruction| {
            let keys = instruction.text.split([',', '(', ')']);
            let numbers = keys.map(|key| key.split_once(prefix)?.1.parse::<usize>().ok());
            let numbers: Vec<_> = iter::once(None).chain(numbers).chain([None]).collect();
            // Each has its neighbour, but the first and the last one.
            numbers.windows(2).any(|pair| match *pair {
                [None, Some(number)] => number > 0,
                [Some(number), None] => number + 1 < count,
                [Some(number), Some(next)] => next != (number + 1) % count,
                _ => false,
            })
        })
    }

    /// Whether a trigger that the statement fires opens a table.
    pub(super) fn has_trigger_on_tables(&self) -> bool {
        let mut programs = self.0.iter().filter(|instruction| {
            ["Init", "OpenRead", "OpenWrite", "VOpen", "VUpdate"]
                .contains(&instruction.opcode.as_str())
        });
        // The first program is that of the statement, and the others are those of triggers.
        let mut others = programs
            .by_ref()
            .skip(1)
            .skip_while(|it| it.opcode != "Init");
        others.any(|instruction| instruction.opcode != "Init")
    }

    /// How often a unique index is looked at for rows that are ignored, replaced or updated then. `root` is the index's
    /// page, `violation` what SQLite names in the message otherwise.
    pub(super) fn conflict_clauses(&self, root: &str, violation: &str) -> usize {
        let mut cursors = Vec::new();
        let (mut looks, mut violations) = (0_usize, 0_usize);
        for instruction in &self.0 {
            let [cursor, page, ..] = &instruction.operands;
            match instruction.opcode.as_str() {
                // Each program begins with it, and has cursors of its own.
                "Init" => cursors.clear(),
                "OpenWrite" | "OpenRead" if page == root => cursors.push(cursor),
                "NoConflict" if cursors.contains(&cursor) => looks += 1,
                "Halt"
                    if cursor == UNIQUE_VIOLATION
                        && instruction.text.eq_ignore_ascii_case(violation) =>
                {
                    violations += 1;
                }
                _ => {}
            }
        }
        looks.saturating_sub(violations)
    }
}

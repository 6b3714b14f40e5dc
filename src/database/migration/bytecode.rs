//! Bytecode: what SQLite makes of a statement, as EXPLAIN lists it, with the programs of the triggers that it fires.

use std::collections::BTreeMap;
use std::iter;

/// The code that a unique key's violation ends a statement with.
const UNIQUE_VIOLATION: &str = "2067";

/// Instructions that load a constant other than NULL into the register of their second operand.
const CONSTANTS: [&str; 6] = ["Integer", "Int64", "Real", "String", "String8", "Blob"];

/// Instructions whose second and third operands are no registers that they write to: a check, jumps, counts and pages.
const NO_WRITES: [&str; 31] = [
    "Affinity",
    "Close",
    "Delete",
    "Eq",
    "FkCounter",
    "Found",
    "Ge",
    "Goto",
    "Gt",
    "Halt",
    "HaltIfNull",
    "IdxInsert",
    "If",
    "IfNot",
    "Init",
    "Insert",
    "IsNull",
    "Le",
    "Lt",
    "MakeRecord",
    "Ne",
    "Next",
    "NoConflict",
    "NotExists",
    "NotFound",
    "NotNull",
    "OpenRead",
    "OpenWrite",
    "Program",
    "Rewind",
    "Trace",
];

/// What a statement writes to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// NULL.
    Null,
    /// A constant other than NULL.
    Value,
    /// What only shows when it runs.
    Unknown,
}

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

    /// What the triggers that the statement fires write to a column where it must not be NULL, without those that ignore or
    /// replace rows then. The column is named as `TABLE.COLUMN`.
    pub(super) fn written_where_not_null(&self, column: &str) -> Vec<Written> {
        self.not_null_checks(|checked| checked.eq_ignore_ascii_case(column))
    }

    /// Whether one of them writes NULL to any column of a table that must not be NULL.
    pub(super) fn writes_null_where_not_null(&self, table: &str) -> bool {
        let is_of_table = |checked: &str| {
            let of = checked.split_once('.').map(|(of, _)| of);
            of.is_some_and(|of| of.eq_ignore_ascii_case(table))
        };
        self.not_null_checks(is_of_table).contains(&Written::Null)
    }

    fn not_null_checks(&self, is_meant: impl Fn(&str) -> bool) -> Vec<Written> {
        // The first program is that of the statement, and the others are those of triggers.
        let programs = self.0.split(|instruction| instruction.opcode == "Init");
        let mut found = Vec::new();
        for program in programs.skip(2) {
            let checks = program.iter().filter(|it| it.opcode == "HaltIfNull");
            for check in checks.filter(|check| is_meant(&check.text)) {
                found.push(written_to(program, &check.operands[2]));
            }
        }
        found
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

/// What a program writes to a register.
fn written_to(program: &[Instruction], register: &str) -> Written {
    let number = |operand: &str| operand.parse::<i64>().unwrap_or(0);
    let register = number(register);
    let mut written = None;
    for instruction in program {
        let [first, second, third, _] = &instruction.operands;
        let [first, second, third] = [first, second, third].map(|operand| number(operand));
        let opcode = instruction.opcode.as_str();
        let here = match opcode {
            "Null" => (second..=third.max(second))
                .contains(&register)
                .then_some(Written::Null),
            "SoftNull" => (first == register).then_some(Written::Null),
            "Copy" => (second..=second + third)
                .contains(&register)
                .then_some(Written::Unknown),
            _ if CONSTANTS.contains(&opcode) => (second == register).then_some(Written::Value),
            _ if NO_WRITES.contains(&opcode) => None,
            _ => [second, third]
                .contains(&register)
                .then_some(Written::Unknown),
        };
        written = match (written, here) {
            (None, here) => here,
            (Some(_), Some(_)) if written != here => Some(Written::Unknown),
            (written, _) => written,
        };
    }
    written.unwrap_or(Written::Unknown)
}

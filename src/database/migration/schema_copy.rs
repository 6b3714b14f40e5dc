//! Schema copies: databases in memory with the schema of another one, to compile statements in. They have no rows.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::open::open_in_memory;
use crate::database::connection::sql;
use crate::database::error::database_error::Error;
use crate::database::migration::bytecode::{Instruction, Program};
use crate::database::migration::objects::Object;
use crate::database::migration::probe::{undone, verdict};
use crate::sqlite::authorizer::{self, Access};
use crate::sqlite::connection_hooks::without_quoted_texts;
use crate::sqlite::prepared::Statements;

/// A database in memory with some objects of another one.
pub(super) struct SchemaCopy {
    connection: SqliteConnection,
    stand_ins: StandIns,
}

impl SchemaCopy {
    /// Creates these objects, in their order.
    pub(super) fn of<'objects>(
        objects: impl IntoIterator<Item = &'objects Object>,
    ) -> Result<Self, Error> {
        let mut connection = open_in_memory()?;
        connection.batch_execute("PRAGMA foreign_keys = OFF")?;
        let mut copy = Self {
            connection,
            stand_ins: StandIns::default(),
        };
        for object in objects {
            copy.create(&object.statement)?;
        }
        Ok(copy)
    }

    /// A copy without objects.
    pub(super) fn empty() -> Result<Self, Error> {
        Self::of([])
    }

    /// Creates an object.
    pub(super) fn create(&mut self, statement: &str) -> Result<(), Error> {
        let create = |connection: &mut SqliteConnection| connection.batch_execute(statement);
        let created = self.stand_ins.supplied(&mut self.connection, create)?;
        if let Err(error) = verdict(Path::new(":memory:"), created)? {
            // SQLite could not use the object here either: it needs the module of an application.
            log::debug!("An object of the user is left out of the copy of the schema: {error}");
        }
        Ok(())
    }

    /// The compiler of the copy. `path` is for its errors.
    pub(super) fn compiler<'copy>(&'copy mut self, path: &'copy Path) -> Compiler<'copy> {
        Compiler {
            connection: &mut self.connection,
            stand_ins: &mut self.stand_ins,
            path,
        }
    }

    /// The connection, without stand-ins. The objects stay.
    pub(super) fn into_connection(mut self) -> QueryResult<SqliteConnection> {
        self.stand_ins.remove(&mut self.connection)?;
        Ok(self.connection)
    }
}

/// Compiles statements in a copy of a schema.
pub(super) struct Compiler<'copy> {
    connection: &'copy mut SqliteConnection,
    stand_ins: &'copy mut StandIns,
    path: &'copy Path,
}

impl Compiler<'_> {
    /// Runs one statement. What it needs of an application gets a stand-in. Returns SQLite's message if it is invalid.
    pub(super) fn attempt(&mut self, statement: &str) -> Result<Result<(), String>, Error> {
        self.supplied(|connection| connection.batch_execute(statement))
    }

    /// What a statement reads and writes, with the views and triggers that it uses. It is compiled, not run. Returns
    /// SQLite's message if it is invalid.
    pub(super) fn accesses(
        &mut self,
        statement: &str,
    ) -> Result<Result<Vec<Access>, String>, Error> {
        self.supplied(|connection| authorizer::accesses(Statements::of(connection)?, statement))
    }

    /// Like [`Self::accesses`], with what the modules of virtual tables compile for the first row of a query.
    pub(super) fn accesses_of_first_row(
        &mut self,
        query: &str,
    ) -> Result<Result<Vec<Access>, String>, Error> {
        self.supplied(|connection| {
            authorizer::accesses_of_first_row(Statements::of(connection)?, query)
        })
    }

    /// What SQLite makes of a statement that begins with EXPLAIN. Returns SQLite's message if it is invalid.
    pub(super) fn program(&mut self, explain: &str) -> Result<Result<Program, String>, Error> {
        self.supplied(|connection| {
            let mut rows = Statements::of(connection)?.prepare(explain)?;
            let mut instructions = Vec::new();
            while rows.step()? {
                let [address, opcode, first, second, third, text, fifth] =
                    [0, 1, 2, 3, 4, 5, 6].map(|column| rows.column(column).to_text());
                instructions.push(Instruction {
                    address,
                    opcode,
                    operands: [first, second, third, fifth],
                    text,
                });
            }
            Ok(Program::new(instructions))
        })
    }

    /// The first column of a query's rows. Returns SQLite's message if it is invalid.
    pub(super) fn lines(&mut self, query: &str) -> Result<Result<Vec<String>, String>, Error> {
        self.supplied(|connection| sql::lines(connection, query))
    }

    /// The tables among these objects that this schema has as well, each with its name and its columns here. What uses a
    /// table that goes does not compile any more.
    pub(super) fn remaining_tables<'object>(
        &mut self,
        objects: &'object [Object],
    ) -> Result<Vec<(&'object str, Vec<String>)>, Error> {
        let mut tables = Vec::new();
        for table in objects.iter().filter(|object| object.kind == "table") {
            let columns = self.columns(&table.name, true)?.unwrap_or_default();
            if !columns.is_empty() {
                tables.push((table.name.as_str(), columns));
            }
        }
        Ok(tables)
    }

    /// The columns of a table or a view; generated ones only `with_generated`. There are none if it is missing. Returns
    /// SQLite's message if it cannot resolve the view.
    pub(super) fn columns(
        &mut self,
        owner: &str,
        with_generated: bool,
    ) -> Result<Result<Vec<String>, String>, Error> {
        let pragma = if with_generated {
            "pragma_table_xinfo"
        } else {
            "pragma_table_info"
        };
        let query = format!("SELECT name AS line FROM {pragma}({})", sql::literal(owner));
        self.lines(&query)
    }

    /// Runs `probe`, and undoes what it has done.
    pub(super) fn undone<T>(
        &mut self,
        probe: impl FnOnce(&mut Compiler<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (stand_ins, path) = (&mut *self.stand_ins, self.path);
        undone(self.connection, path, |connection| {
            probe(&mut Compiler {
                connection,
                stand_ins,
                path,
            })
        })
    }

    /// Runs `operate` with a compiler that takes nothing in double quotes for a text.
    pub(super) fn without_quoted_texts<T>(
        &mut self,
        operate: impl FnOnce(&mut Compiler<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (stand_ins, path) = (&mut *self.stand_ins, self.path);
        without_quoted_texts(self.connection, |connection| {
            operate(&mut Compiler {
                connection,
                stand_ins,
                path,
            })
        })
    }

    fn supplied<T>(
        &mut self,
        operate: impl FnMut(&mut SqliteConnection) -> QueryResult<T>,
    ) -> Result<Result<T, String>, Error> {
        let result = self.stand_ins.supplied(self.connection, operate)?;
        verdict(self.path, result)
    }
}

/// Collations and functions of an application that objects of the user's need. SQLite reads such objects from a file
/// without them, and fails only when it has to create or to use one.
#[derive(Debug, Default)]
struct StandIns {
    collations: Vec<String>,
    functions: Vec<String>,
}

impl StandIns {
    /// Runs `operate` until it misses nothing that can be defined. The inner result is that of its last run.
    fn supplied<T>(
        &mut self,
        connection: &mut SqliteConnection,
        mut operate: impl FnMut(&mut SqliteConnection) -> QueryResult<T>,
    ) -> QueryResult<QueryResult<T>> {
        loop {
            match operate(connection) {
                Err(error) if self.define(connection, &error.to_string())? => {}
                result => return Ok(result),
            }
        }
    }

    /// Defines what SQLite misses. Returns `false` if that is something else, or defined already.
    fn define(&mut self, connection: &mut SqliteConnection, message: &str) -> QueryResult<bool> {
        let statements = Statements::of(connection)?;
        let (known, name) = if let Some(name) = message.strip_prefix("no such collation sequence: ")
        {
            statements.define_collation(name)?;
            (&mut self.collations, name)
        } else if let Some(name) = message.strip_prefix("no such function: ") {
            statements.define_function(name)?;
            (&mut self.functions, name)
        } else {
            return Ok(false);
        };
        if known.iter().any(|known| known == name) {
            return Ok(false);
        }
        known.push(name.to_owned());
        Ok(true)
    }

    fn remove(self, connection: &mut SqliteConnection) -> QueryResult<()> {
        for name in self.collations {
            Statements::of(connection)?.remove_collation(&name)?;
        }
        for name in self.functions {
            Statements::of(connection)?.remove_function(&name)?;
        }
        Ok(())
    }
}

//! Update columns: the columns whose change fires a trigger of the user's, as `UPDATE OF` lists them.
//!
//! SQLite takes a trigger on the change of a column that does not exist. It never fires.

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use crate::database::connection::sql;
use crate::database::migration::sql_tokens::{Token, tokens};
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::sql_name;
use crate::sqlite::prepared::Statements;

/// The columns of triggers that exist.
#[derive(Debug)]
pub(super) struct UpdateColumns(Vec<UpdateColumn>);

#[derive(Debug)]
struct UpdateColumn {
    trigger: String,
    /// The table that has the trigger.
    table: String,
    column: String,
}

impl UpdateColumns {
    /// Finds the columns that exist now.
    pub(super) fn find(
        connection: &mut SqliteConnection,
        catalogue: &Catalogue,
    ) -> QueryResult<Self> {
        let mut found = Vec::new();
        let query = "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger'";
        let mut rows = Statements::of(connection)?.prepare(query)?;
        while rows.step()? {
            let [trigger, table, sql] = [0, 1, 2].map(|column| rows.column(column).to_text());
            let Some(properties) = sql_name::find(&catalogue.tables, &table) else {
                continue;
            };
            for listed in columns_of(&sql) {
                let mut columns = properties.columns.keys();
                if let Some(column) = columns.find(|column| sql_name::is_same(column, &listed)) {
                    found.push(UpdateColumn {
                        trigger: trigger.clone(),
                        table: table.clone(),
                        column: column.clone(),
                    });
                }
            }
        }
        Ok(Self(found))
    }

    /// The triggers on the change of a column that has gone.
    pub(super) fn lost(&self, connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
        let mut lost = Vec::new();
        for one in &self.0 {
            let UpdateColumn {
                trigger,
                table,
                column,
            } = one;
            let [in_table, of_column] = [table, column].map(|name| sql::literal(name));
            // This one lists generated columns as well.
            let query = format!(
                "SELECT count(*) AS number FROM pragma_table_xinfo({in_table}) WHERE name = {of_column} COLLATE NOCASE"
            );
            if sql::number(connection, &query)? == 0 {
                lost.push(format!(
                    "trigger {trigger} (no such column: {table}.{column})"
                ));
            }
        }
        Ok(lost)
    }
}

/// The columns in `UPDATE OF … ON` of a trigger, in lower case.
fn columns_of(sql: &str) -> Vec<String> {
    let words: Vec<_> = tokens(sql)
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
        .collect();
    let Some(begin) = words.windows(2).position(|pair| pair == ["update", "of"]) else {
        return Vec::new();
    };
    let columns = words.into_iter().skip(begin + 2);
    columns.take_while(|word| word != "on").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_between_of_and_on() {
        let columns =
            |header: &str| columns_of(&format!("CREATE TRIGGER {header} t BEGIN SELECT 1; END"));
        assert_eq!(columns("a AFTER UPDATE OF x, \"Y z\" ON"), ["x", "y z"]);
        assert_eq!(columns("\"update\" BEFORE UPDATE OF/**/x ON"), ["x"]);
        assert!(columns("a AFTER UPDATE ON").is_empty());
        assert!(columns("a INSTEAD OF UPDATE ON").is_empty());
    }
}

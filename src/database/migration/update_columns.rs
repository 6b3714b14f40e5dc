//! Update columns: the columns whose change fires a trigger of the user's, as `UPDATE OF` lists them.
//!
//! SQLite takes a trigger on the change of a column that does not exist. It never fires.

use crate::database::error::database_error::Error;
use crate::database::migration::objects::Object;
use crate::database::migration::schema_copy::Compiler;
use crate::database::migration::sql_tokens::{Token, tokens};
use crate::database::structure::sql_name;

/// The columns that triggers list.
#[derive(Debug)]
pub(super) struct UpdateColumns(Vec<UpdateColumn>);

#[derive(Debug)]
struct UpdateColumn {
    trigger: String,
    /// The table or view that has the trigger.
    owner: String,
    column: String,
    exists: bool,
}

impl UpdateColumns {
    /// Finds the columns, and which of them exist now.
    pub(super) fn find(compiler: &mut Compiler<'_>, triggers: &[Object]) -> Result<Self, Error> {
        let mut found = Vec::new();
        for trigger in triggers {
            let listed = columns_of(&trigger.statement);
            if listed.is_empty() {
                continue;
            }
            let Ok(columns) = compiler.columns(&trigger.owner, true)? else {
                continue;
            };
            found.extend(listed.into_iter().map(|column| UpdateColumn {
                trigger: trigger.name.clone(),
                owner: trigger.owner.clone(),
                exists: sql_name::is_among(&column, &columns),
                column,
            }));
        }
        Ok(Self(found))
    }

    /// The triggers on the change of a column that has gone, or has come.
    pub(super) fn changed(&self, compiler: &mut Compiler<'_>) -> Result<Vec<String>, Error> {
        let mut changed = Vec::new();
        for UpdateColumn {
            trigger,
            owner,
            column,
            exists: existed,
        } in &self.0
        {
            // A view that cannot be resolved is lost itself.
            let Ok(columns) = compiler.columns(owner, true)? else {
                continue;
            };
            match (existed, sql_name::is_among(column, &columns)) {
                (true, false) => changed.push(format!(
                    "trigger {trigger} (no such column: {owner}.{column})"
                )),
                (false, true) => changed.push(format!(
                    "trigger {trigger} (would fire at changes of the new column {owner}.{column})"
                )),
                _ => {}
            }
        }
        Ok(changed)
    }
}

/// The columns in `UPDATE OF … ON` of a trigger, in lower case.
pub(super) fn columns_of(sql: &str) -> Vec<String> {
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

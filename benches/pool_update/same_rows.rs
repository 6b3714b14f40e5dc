//! Comparison of the rows of two databases.

use std::path::Path;
use std::process::Command;

use crate::Result;

/// Fails if queries have other rows in the second database. `X` stands for the database in their text.
pub fn require_same_rows(ours: &Path, bare: &Path, queries: &[&str]) -> Result<()> {
    let mut sql = format!("ATTACH '{}' AS bare;", bare.display());
    for query in queries {
        let [one, other] =
            ["main", "bare"].map(|schema| query.replace("X.", &format!("{schema}.")));
        let either = format!("SELECT * FROM ({one} EXCEPT {other})");
        let other = format!("SELECT * FROM ({other} EXCEPT {one})");
        sql += &[
            "SELECT count(*) FROM (",
            &either,
            " UNION ALL ",
            &other,
            ");",
        ]
        .concat();
    }
    let output = Command::new("sqlite3").arg(ours).arg(sql).output()?;
    let counts = String::from_utf8(output.stdout)?;
    if counts.lines().count() == queries.len() && counts.lines().all(|count| count == "0") {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("the bare statements make other rows: {counts:?} {problem}").into())
}

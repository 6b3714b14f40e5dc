//! CHECK constraints, from the text of a table.

/// The conditions of the CHECK constraints in a CREATE TABLE statement. SQLite has accepted the statement.
pub(super) fn of_table(sql: &str) -> Vec<&str> {
    let mut constraints = Vec::new();
    let mut depth = 0_usize;
    // Whether the last word was CHECK, and where the condition of the present constraint begins.
    let mut is_check = false;
    let mut begin = None;
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let length = length_of(rest, first);
        match first {
            '(' => {
                depth += 1;
                if is_check && depth == 2 {
                    begin = Some(at + 1);
                }
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some(begin) = begin.take()
                {
                    constraints.push(&sql[begin..at]);
                }
            }
            _ => {}
        }
        if !is_blank(rest, first) {
            is_check = depth == 1 && rest[..length].eq_ignore_ascii_case("check");
        }
        at += length;
    }
    constraints
}

/// The length of the token, or of the blank, with which a text begins.
fn length_of(rest: &str, first: char) -> usize {
    let all = rest.len();
    match first {
        '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(all),
        '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(all, |end| end + 4),
        // A doubled quote begins another token of the same kind, and ends it.
        '"' | '`' | '\'' | '[' => {
            let close = if first == '[' { ']' } else { first };
            rest[1..].find(close).map_or(all, |end| end + 2)
        }
        BYTE_ORDER_MARK => first.len_utf8(),
        _ if is_of_word(first) => rest.find(|c| !is_of_word(c)).unwrap_or(all),
        _ => first.len_utf8(),
    }
}

fn is_blank(rest: &str, first: char) -> bool {
    // Behind another blank, SQLite also takes a vertical tab for one.
    first.is_ascii_whitespace()
        || ['\u{b}', BYTE_ORDER_MARK].contains(&first)
        || rest.starts_with("--")
        || rest.starts_with("/*")
}

/// A blank for SQLite, except within a word.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether SQLite takes a character for a part of a word.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    use diesel::sqlite::SqliteConnection;

    use super::*;

    #[test]
    fn constraints_of_columns_and_of_the_table_are_found() {
        let sql = "CREATE TABLE t(a INT CHECK(a > 0) DEFAULT (1), b TEXT CONSTRAINT c check /* ( */ (\n\
                   length(b) IN (1, 2) AND b <> ')'), CHECK\n(a < b) ON CONFLICT FAIL) WITHOUT ROWID";
        assert_eq!(
            of_table(sql),
            ["a > 0", "\nlength(b) IN (1, 2) AND b <> ')'", "a < b"]
        );
    }

    #[test]
    fn every_blank_of_sqlite_may_stand_behind_the_word() {
        for blank in [" ", " \u{b}", " \u{feff}", "\u{c}", "\r\n", "--\n", "/**/"] {
            let sql = format!("CREATE TABLE t (a INT CHECK{blank}(a > 0))");
            assert_eq!(of_table(&sql), ["a > 0"], "{blank:?}");
            let connection = &mut SqliteConnection::establish(":memory:").unwrap();
            connection.batch_execute(&sql).unwrap();
            let refused = connection.batch_execute("INSERT INTO t VALUES (0)");
            assert!(refused.is_err(), "{blank:?}");
        }
    }

    #[test]
    fn words_that_only_look_like_constraints_are_passed_over() {
        for sql in [
            "CREATE TABLE \"check\"(\"check\" INT, [check] TEXT DEFAULT 'check (a)', `check` AS (1))",
            "CREATE TABLE checks(checked, a DEFAULT (1) -- check (a)\n)",
            "CREATE TABLE t(a DEFAULT ('it''s check (a)'), b VARCHAR(10), \u{e9}check (5))",
            "CREATE TABLE t(a /* check (a) */)",
            "CREATE TABLE t(a /*",
            "CREATE TABLE t(a CHECK (",
            "",
        ] {
            assert_eq!(of_table(sql), [""; 0], "{sql}");
        }
    }
}

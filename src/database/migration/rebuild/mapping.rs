//! Mappings: turns the rules into SQL statements that carry rows over and compare them.

use crate::database::connection::sql::literal;
use crate::database::migration::assumptions::Assumptions;
use crate::database::migration::rebuild::exchanges;
use crate::database::migration::rebuild::pool_references::resolves_pools;
use crate::database::migration::rebuild::rules::{
    Destination, FIRST_FEE_DENOMINATOR, NewValue, STATE_VIEWS, STATE_VIEWS_SINCE, V3_TABLES,
};
use crate::database::migration::rebuild::source::LegacySource;
use crate::database::recognition::identify::LFJ_TABLE;
use crate::database::structure::catalogue::Catalogue;
use crate::database::structure::stamp_tables::ALEMBIC_TABLE;

/// The mapping from one table of the old database (`main`, alias `s`) to one table of the new one (`new`, alias
/// `n`).
#[derive(Debug)]
pub(super) struct Mapping {
    /// The table in the new database.
    pub(super) target: String,
    /// The table in the old database.
    pub(super) source: String,
    /// The joins that find values in other tables.
    joins: String,
    /// The condition for the rows that are carried over; `None` for all.
    filter: Option<String>,
    /// Each column of the new row, with the expression for its value.
    columns: Vec<(String, String)>,
    /// The conditions for an old and a new row to have the same values.
    comparisons: Vec<String>,
}

impl Mapping {
    /// Returns the statement that carries over the rows with row ids from `low` to `high`.
    pub(super) fn fill(&self, low: i64, high: i64) -> String {
        let (columns, values): (Vec<_>, Vec<_>) = self
            .columns
            .iter()
            .map(|(column, value)| (column.as_str(), value.as_str()))
            .unzip();
        format!(
            "INSERT INTO new.{} ({}) SELECT {} FROM main.{} AS s {} \
             WHERE s.rowid BETWEEN {low} AND {high} AND ({}) ORDER BY s.rowid",
            self.target,
            columns.join(", "),
            values.join(", "),
            self.source,
            self.joins,
            self.filter(),
        )
    }

    /// Returns the query for the number of old rows with row ids from `low` to `high`.
    pub(super) fn count_old(&self, low: i64, high: i64) -> String {
        format!(
            "SELECT count(*) AS number FROM main.{} AS s \
             WHERE s.rowid BETWEEN {low} AND {high} AND ({})",
            self.source,
            self.filter()
        )
    }

    /// Returns the query for the number of those rows whose new rows have the same values.
    pub(super) fn count_same(&self, low: i64, high: i64) -> String {
        let comparisons = self.comparisons.join(" AND ");
        // SQLite would look up the joined row even if no condition needs it.
        let pool = if comparisons.contains("p.") {
            "LEFT JOIN new.pools AS p ON p.id = s.rowid"
        } else {
            ""
        };
        format!(
            "SELECT count(*) AS number FROM main.{} AS s \
             JOIN new.{} AS n ON n.{} = s.rowid {pool} \
             WHERE s.rowid BETWEEN {low} AND {high} AND ({}) AND {comparisons}",
            self.source,
            self.target,
            key(&self.target),
            self.filter(),
        )
    }

    fn filter(&self) -> &str {
        self.filter.as_deref().unwrap_or("1")
    }
}

/// Returns the primary key column of a table, which is its row id.
fn key(table: &str) -> &'static str {
    match table {
        "uniswap_v4_pools" => "managed_pool_id",
        LFJ_TABLE => "pool_id",
        "managed_pools" | "pools" => "id",
        table if table.ends_with("_pools") => "pool_id",
        _ => "id",
    }
}

/// Returns every mapping from the source to the structure of `target`.
pub(super) fn mappings(
    source: &LegacySource<'_>,
    target: &Catalogue,
    assumptions: &Assumptions,
) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    for table in target.tables.keys() {
        // `exchanges` writes the exchanges one by one.
        if table == ALEMBIC_TABLE || table == "exchanges" {
            continue;
        }
        if source.has_table(table) {
            mappings.push(of_table(source, target, table, assumptions));
        } else if source.has_pools_in_one_table() && V3_TABLES.contains(&table.as_str()) {
            mappings.push(of_single_pool_table(table));
        }
    }
    mappings
}

fn of_table(
    source: &LegacySource<'_>,
    target: &Catalogue,
    table: &str,
    assumptions: &Assumptions,
) -> Mapping {
    let mut mapping = Mapping {
        target: table.to_owned(),
        source: table.to_owned(),
        joins: match table {
            "pools" if resolves_pools(source) => format!(
                "LEFT JOIN work.work_pools AS w ON w.pool_id = s.rowid {}",
                exchanges::JOIN
            ),
            "uniswap_v4_pools" if source.has(table, "currency0") => {
                "LEFT JOIN work.work_v4_pools AS w ON w.managed_pool_id = s.rowid".to_owned()
            }
            "pool_managers" if !source.has(table, "exchange_id") => format!(
                "LEFT JOIN work.work_managers AS w ON w.manager_id = s.rowid {}",
                exchanges::JOIN
            ),
            _ => String::new(),
        },
        filter: None,
        columns: Vec::new(),
        comparisons: Vec::new(),
    };
    let columns = target.tables.get(table).map(|table| table.columns.keys());
    for column in columns.into_iter().flatten() {
        let value = new_value(
            source,
            table,
            column,
            !mapping.joins.is_empty(),
            assumptions,
        );
        if !source.has(table, column) {
            mapping
                .comparisons
                .extend(comparison_of_added_column(source, table, column, &value));
        }
        mapping.columns.push((column.clone(), value));
    }
    for column in source.columns(table) {
        mapping
            .comparisons
            .extend(comparison_of_column(source, table, column));
    }
    mapping
}

/// Returns the expression for a column of the new row.
fn new_value(
    source: &LegacySource<'_>,
    table: &str,
    column: &str,
    has_work: bool,
    assumptions: &Assumptions,
) -> String {
    let mut values = Vec::new();
    if source.has(table, column) && source.destination(table, column).is_none() {
        values.push(format!("s.{column}"));
    }
    for old in source.columns(table) {
        match source.destination(table, old) {
            Some(Destination::Renamed(new)) if new == column => values.push(format!("s.{old}")),
            Some(Destination::HashText) if column == "pool_hash" => {
                values.push(format!("lower(s.{old})"));
            }
            Some(Destination::HashBytes) if column == "pool_hash" => {
                values.push(format!("'0x' || lower(hex(s.{old}))"));
            }
            _ => {}
        }
    }
    let added_value = source.added_value(table, column);
    match column {
        "token0_id" | "token1_id" | "currency0_id" | "currency1_id" if has_work => {
            values.push(format!("w.{column}"));
        }
        "exchange_id" if has_work => values.push("e.id".to_owned()),
        _ => {}
    }
    match added_value {
        Some(NewValue::Assumed) => {
            values.push(i32::from(assumptions.aerodrome_v2_stable.unwrap_or(false)).to_string());
        }
        Some(NewValue::StateView) | None
            if (table, column) == ("pool_managers", "state_view")
                && source.is_before(STATE_VIEWS_SINCE) =>
        {
            values.push(state_view());
        }
        _ => {}
    }
    // After a half-finished upgrade, a hash can be stored only as bytes. The bytes come last.
    values.sort_by_key(|value| value.starts_with("'0x'"));
    match values.as_slice() {
        [] => "NULL".to_owned(),
        [value] => value.clone(),
        several => format!("coalesce({})", several.join(", ")),
    }
}

fn state_view() -> String {
    let cases: Vec<_> = STATE_VIEWS
        .iter()
        .map(|(chain, manager, view)| {
            format!(
                "WHEN s.chain = {chain} AND lower(s.address) = lower({}) THEN {}",
                literal(manager),
                literal(view)
            )
        })
        .collect();
    format!("CASE {} END", cases.join(" "))
}

/// Returns the condition for a column that the old row lacks.
fn comparison_of_added_column(
    source: &LegacySource<'_>,
    table: &str,
    column: &str,
    value: &str,
) -> Option<String> {
    match source.added_value(table, column) {
        // A rule can move an older column here, whose own condition covers that.
        Some(NewValue::Null | NewValue::Assumed | NewValue::StateView) | None => {
            Some(format!("n.{column} IS {value}"))
        }
        Some(NewValue::Exchange) => Some(exchange_is(
            "n",
            "x.chain_id IS s.chain AND x.name IS s.kind",
        )),
        // The conditions of the columns that these come from cover them.
        Some(NewValue::Token | NewValue::Hash) => None,
    }
}

/// Returns the condition for a column of the old row.
fn comparison_of_column(source: &LegacySource<'_>, table: &str, column: &str) -> Option<String> {
    let is_v4 = table == "uniswap_v4_pools";
    Some(match source.destination(table, column) {
        None if (table, column) == ("pool_managers", "state_view") => {
            format!("(s.{column} IS NULL OR n.{column} IS s.{column})")
        }
        // After a half-finished upgrade, the column can be empty and its old column can still exist.
        None if source.added_value(table, column).is_some() => {
            format!("(s.{column} IS NULL OR n.{column} IS s.{column})")
        }
        None => format!("n.{column} IS s.{column}"),
        Some(Destination::Renamed(new)) => format!("(s.{column} IS NULL OR n.{new} IS s.{column})"),
        Some(Destination::OfPool(new)) => format!("(s.{column} IS NULL OR p.{new} IS s.{column})"),
        Some(Destination::Token(new)) if is_v4 => token_is(
            &format!("n.{new}"),
            "(SELECT m.chain FROM new.managed_pools AS d JOIN new.pool_managers AS m \
             ON m.id = d.manager_id WHERE d.id = n.managed_pool_id)",
            column,
        ),
        Some(Destination::Token(new)) => token_is(&format!("p.{new}"), "p.chain", column),
        Some(Destination::OfExchange(new)) => format!(
            "(s.{column} IS NULL OR {})",
            exchange_is("p", &format!("x.{new} = s.{column} COLLATE NOCASE"))
        ),
        Some(Destination::HashBytes) => format!("unhex(substr(n.pool_hash, 3)) IS s.{column}"),
        Some(Destination::HashText) => {
            format!("(s.{column} IS NULL OR n.pool_hash IS lower(s.{column}))")
        }
        // Dropped columns have no new value. The mapping to the table of the pool's kind covers the others.
        Some(Destination::Dropped | Destination::OfKind(_) | Destination::Fee) => return None,
    })
}

fn token_is(id: &str, chain: &str, column: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM new.erc20_tokens AS t WHERE t.id = {id} AND t.chain IS {chain} \
         AND t.address = s.{column} COLLATE NOCASE)"
    )
}

fn exchange_is(row: &str, condition: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM new.exchanges AS x WHERE x.id = {row}.exchange_id AND {condition})"
    )
}

/// Returns the mapping from the single table of all pools to the table of one kind.
fn of_single_pool_table(table: &str) -> Mapping {
    let kind = table.strip_suffix("_pools").unwrap_or(table);
    let columns = [
        ("pool_id", "s.id".to_owned()),
        ("fee_token0", "s.fee".to_owned()),
        ("fee_token1", "s.fee".to_owned()),
        ("fee_denominator", FIRST_FEE_DENOMINATOR.to_string()),
        ("tick_spacing", "s.tick_spacing".to_owned()),
    ];
    let mut comparisons: Vec<_> = columns
        .iter()
        .map(|(column, value)| format!("n.{column} IS {value}"))
        .collect();
    comparisons.push(
        "n.liquidity_update_block IS NULL AND n.liquidity_update_log_index IS NULL".to_owned(),
    );
    Mapping {
        target: table.to_owned(),
        source: "pools".to_owned(),
        joins: String::new(),
        filter: Some(format!("s.kind = {}", literal(kind))),
        columns: columns
            .into_iter()
            .map(|(column, value)| (column.to_owned(), value))
            .collect(),
        comparisons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::structure::legacy_revision::LegacyRevision;

    #[test]
    fn added_columns_are_compared_with_the_value_that_fills_them() {
        let revision = LegacyRevision::FIRST;
        let source = LegacySource::new(revision.catalogue(), revision);
        let comparison =
            |value| comparison_of_added_column(&source, "uniswap_v3_pools", "new_name", value);
        assert_eq!(comparison("NULL").unwrap(), "n.new_name IS NULL");
        // As a rule fills it that renames a column.
        assert_eq!(
            comparison("s.old_name").unwrap(),
            "n.new_name IS s.old_name"
        );
    }
}

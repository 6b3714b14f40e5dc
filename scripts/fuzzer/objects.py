"""Objects, rows and stamps that a user or another program may have put into a database."""

import sqlite3

from contents import FAILURES, know_application

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.elif",
    "line\nbreak",
    "nul\0inside",
    "c1\x9b31m",
    "\u2066isolate",
    "\u2028separator",
    "quote\"'`]",
    "x" * 300,
    "x" * 70_000,
    "名前" * 40,
    "",
    " ",
    "--",
    "%s{}$HOME",
)
TABLES = (
    "pools", "erc20_tokens", "exchanges", "liquidity_positions", "initialization_maps", "uniswap_v3_pools",
    "aave_v3_users", "aave_v3_assets", "managed_pools", "pool_managers", "uniswap_v2_pools", "uniswap_v4_pools",
)
NEW_TABLES = (
    "lfj_pools", "aave_v3_markets", "aave_gho_tokens", "aave_v3_emode_categories", "LFJ_Pools", "Aave_V3_Assets",
    "exchanges", "exchanges_new", "pools_new", "_alembic_tmp_pools", "__diesel_schema_migrations", "alembic_version",
)
OWN = (
    "CREATE VIEW my_view AS SELECT id, address FROM pools",
    "CREATE VIEW report AS SELECT p.id FROM pools p JOIN erc20_tokens t ON t.id = p.token0_id",
    "CREATE VIEW pool_summary AS SELECT count(*) AS n FROM pools",
    "CREATE VIEW broken AS SELECT nothing FROM nowhere",
    "CREATE TABLE my_rows (a, b); INSERT INTO my_rows VALUES (1, 'x'), (2, x'00ff'), (3, 1e999); "
    "DELETE FROM my_rows WHERE a = 2",
    "CREATE TABLE my_keys (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO my_keys VALUES ('a', 1), ('b', 2)",
    "CREATE TABLE my_links (pool_id INTEGER REFERENCES pools (id) ON DELETE CASCADE); "
    "INSERT INTO my_links SELECT id FROM pools",
    "CREATE TABLE my_strict (a INTEGER, b ANY) STRICT; INSERT INTO my_strict VALUES (1, 'x')",
    "CREATE TABLE my_generated (a, b GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO my_generated (a) VALUES (4)",
    "CREATE TABLE my_checked (a CHECK (my_function(a) > 0)); CREATE INDEX my_checked_a ON my_checked (a)",
    "CREATE TABLE my_names (a TEXT COLLATE my_collation, b); INSERT INTO my_names VALUES ('x', 1); "
    "CREATE INDEX my_ix ON my_names (b)",
    "CREATE TABLE my_sorted (a TEXT PRIMARY KEY COLLATE my_collation); INSERT INTO my_sorted VALUES ('y'), ('x')",
    "CREATE INDEX my_expression ON erc20_tokens (my_function(symbol))",
    "CREATE INDEX my_partial ON pools (address) WHERE chain = 1",
    "CREATE INDEX my_desc ON exchanges (name DESC, chain_id)",
    "CREATE VIRTUAL TABLE my_texts USING fts5 (symbol, content='erc20_tokens', content_rowid='id')",
    "CREATE VIRTUAL TABLE my_notes USING fts5 (note); INSERT INTO my_notes VALUES ('a note'), ('another')",
    "CREATE VIRTUAL TABLE my_boxes USING rtree (id, a, b); INSERT INTO my_boxes VALUES (1, 0, 1)",
    "CREATE TABLE my_log (what); "
    "CREATE TRIGGER my_trigger AFTER UPDATE ON exchanges BEGIN INSERT INTO my_log VALUES (new.id); END",
    "CREATE TRIGGER keeps_active BEFORE UPDATE ON exchanges BEGIN SELECT raise(IGNORE); END",
    "CREATE TRIGGER keeps_out BEFORE INSERT ON exchanges BEGIN SELECT raise(IGNORE); END",
    "CREATE TRIGGER turns_back AFTER UPDATE OF active ON exchanges BEGIN"
    " UPDATE exchanges SET active = old.active WHERE id = new.id; END",
    "CREATE TRIGGER moves AFTER INSERT ON exchanges BEGIN UPDATE pools SET chain = chain + 1; END",
    "CREATE TRIGGER no_change BEFORE UPDATE ON alembic_version BEGIN SELECT raise(ABORT, 'no'); END",
    "CREATE TRIGGER deletes AFTER UPDATE ON alembic_version BEGIN DELETE FROM pools; END",
    "CREATE TRIGGER ignored BEFORE INSERT ON __diesel_schema_migrations BEGIN SELECT raise(IGNORE); END",
    "CREATE TRIGGER eats AFTER INSERT ON __diesel_schema_migrations BEGIN DELETE FROM initialization_maps; END",
    "ANALYZE",
    "PRAGMA user_version = 7; PRAGMA application_id = 1234567",
    "CREATE TABLE sqlite_not (a)",
)
STAMPS = (
    "UPDATE alembic_version SET version_num = 'eb4080485a56'",
    "UPDATE alembic_version SET version_num = '\x1b[31mred'",
    "UPDATE alembic_version SET version_num = ' 2606A6C7F5EE '",
    "UPDATE alembic_version SET version_num = x'32363036613663376635656500'",
    "UPDATE alembic_version SET version_num = CAST('2606a6c7f5ee' AS BLOB)",
    "UPDATE alembic_version SET version_num = NULL",
    "DELETE FROM alembic_version",
    "INSERT INTO alembic_version VALUES ('eb4080485a56'), ('b0b9e84d5527')",
    "DROP TABLE alembic_version",
    "DELETE FROM __diesel_schema_migrations WHERE version > '20260401'",
    "UPDATE __diesel_schema_migrations SET version = CAST(version AS BLOB)",
    "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')",
    "INSERT INTO __diesel_schema_migrations (version) VALUES ('\x1b[31m')",
    "DELETE FROM __diesel_schema_migrations",
    "CREATE TABLE _degenbot_db_schema_version (version INTEGER); INSERT INTO _degenbot_db_schema_version VALUES (3)",
    "CREATE TABLE alembic_version (version_num VARCHAR(32)); INSERT INTO alembic_version VALUES ('2606a6c7f5ee')",
)
VALUES = (
    "NULL", "0", "-1", "1e999", "-1e999", "9223372036854775807", "-9223372036854775808", "''", "x''", "x'00'",
    "CAST(x'fffe41' AS TEXT)", "'1e18'", "'0x'", "zeroblob(9000)", "'\x1b[31mred'", "'\u202eabc'", "1.5",
    "CAST(x'00313233' AS TEXT)", "printf('%.*c', 70000, 'x')", "printf('%.*c', 100, '9')",
)
SCHEMA = (
    "UPDATE sqlite_master SET sql = replace(sql, 'id INTEGER NOT NULL', 'id  INTEGER') WHERE name = '{table}'",
    "UPDATE sqlite_master SET sql = sql || ' garbage' WHERE name = '{table}'",
    "UPDATE sqlite_master SET sql = NULL WHERE name = '{table}'",
    "UPDATE sqlite_master SET rootpage = rootpage + 1 WHERE name = '{table}'",
    "UPDATE sqlite_master SET rootpage = 0 WHERE name = '{table}'",
    "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'erc20_tokens')"
    " WHERE name = '{table}'",
    "UPDATE sqlite_master SET tbl_name = 'x' WHERE name = '{table}'",
    "UPDATE sqlite_master SET name = upper(name), tbl_name = upper(tbl_name) WHERE name = '{table}'",
    "UPDATE sqlite_master SET sql = 'CREATE TABLE \"' || name || '\" (id INTEGER PRIMARY KEY)' WHERE name = '{table}'",
    "INSERT INTO sqlite_master VALUES ('table', 'ghost\x1b[31m', 'ghost\x1b[31m', 2,"
    " 'CREATE TABLE \"ghost\x1b[31m\" (a)')",
    "INSERT INTO sqlite_master VALUES ('trigger', 't', '{table}', 0,"
    " 'CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT \x1b; END')",
    "INSERT INTO sqlite_master VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT 1')",
    "DELETE FROM sqlite_master WHERE name = '{table}'",
    "DELETE FROM sqlite_master WHERE tbl_name = '{table}' AND type = 'index'",
)


def quoted(name):
    return '"' + name.replace("\0", "").replace('"', '""') + '"'


def named(random):
    """An object with a hostile name, a table in the way, or views that double."""
    name = quoted(random.choice(HOSTILE))
    return random.choice(
        (
            f"CREATE TABLE {name} (a); INSERT INTO {name} VALUES (1)",
            f"CREATE TABLE {name} (a {name}, b)",
            f"CREATE VIEW {name} AS SELECT 1",
            f"CREATE TABLE my_columns ({name}, a)",
            f"CREATE TRIGGER {name} AFTER INSERT ON pools BEGIN SELECT 1; END",
            f"CREATE INDEX {name} ON pools (chain)",
            f"CREATE TABLE {quoted(random.choice(NEW_TABLES))} (id INTEGER PRIMARY KEY, x)",
            f"CREATE VIEW {quoted(random.choice(NEW_TABLES))} AS SELECT 1 AS id",
            f"CREATE INDEX {quoted(random.choice(NEW_TABLES))} ON pools (id)",
            f"UPDATE exchanges SET name = CAST({text_of(random)} AS TEXT) WHERE id = (SELECT min(id) FROM exchanges)",
            doubling(random.choice((3, 20, 60))),
            f"ALTER TABLE {random.choice(TABLES)} ADD COLUMN {name} TEXT",
        )
    )


def text_of(random):
    return "x'" + random.choice(HOSTILE).encode("utf-8").hex() + "'"


def doubling(depth):
    views = ["CREATE VIEW v0 AS SELECT 1 AS a"]
    views += [
        f"CREATE VIEW v{i} AS SELECT a FROM v{i - 1} UNION ALL SELECT a FROM v{i - 1}" for i in range(1, depth)
    ]
    return "; ".join(views)


def value(connection, random):
    """Writes an odd value into a row of one of our tables."""
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        )
    ]
    table = random.choice(tables or ["pools"])
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")]
    column = random.choice(columns or ["id"])
    return (
        f"UPDATE OR IGNORE {quoted(table)} SET {quoted(column)} = {random.choice(VALUES)} WHERE rowid IN"
        f" (SELECT rowid FROM {quoted(table)} LIMIT {random.choice((1, 1, 3))} OFFSET {random.randrange(20)})"
    )


def alter(path, random):
    """Puts objects and values into a database; the statements that worked."""
    done = []
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.text_factory = lambda value: value.decode("utf-8", "replace")
        know_application(connection)
        for _ in range(random.choice((1, 1, 2, 4))):
            kind = random.choices(("own", "named", "value", "stamp", "schema", "page"), (6, 5, 5, 2, 2, 1))[0]
            try:
                if kind == "page":
                    statement = random.choice(
                        (
                            "PRAGMA journal_mode = DELETE;"
                            f" PRAGMA page_size = {random.choice((512, 1024, 8192, 65536))}; VACUUM",
                            f"PRAGMA auto_vacuum = {random.choice('012')}; VACUUM",
                            "DELETE FROM liquidity_positions WHERE id % 3 = 0",
                        )
                    )
                elif kind == "schema":
                    statement = random.choice(SCHEMA).replace("{table}", random.choice(TABLES))
                    statement = f"PRAGMA writable_schema = ON; {statement}; PRAGMA writable_schema = RESET"
                elif kind == "value":
                    statement = value(connection, random)
                elif kind == "named":
                    statement = named(random)
                else:
                    statement = random.choice(OWN if kind == "own" else STAMPS)
                connection.executescript(statement)
                done.append(statement if len(statement) < 200 else statement[:200] + "…")
            except FAILURES:
                pass
    finally:
        connection.close()
    return done

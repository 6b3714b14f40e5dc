"""What a file holds, read by Python's sqlite3, which shares no code of ours."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import stat
import tempfile

SIDECARS = ("-wal", "-shm", "-journal")
STAMPS = ("__diesel_schema_migrations", "alembic_version", "_degenbot_db_schema_version")

# A damaged tree can be read in circles; no query on these small files needs so many steps.
STEPS = 20_000_000

# What Python's sqlite3 raises; the last two for numbers and messages that it cannot convert.
FAILURES = (sqlite3.Error, OverflowError, ValueError)


@contextlib.contextmanager
def opened(path):
    """A connection to a copy of the database: to open one is to recover it. None if there is no such file."""
    if not os.path.isfile(path):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="degenbot-fuzz-") as folder:
        copy = os.path.join(folder, "copy.db")
        shutil.copyfile(path, copy)
        for suffix in ("-wal", "-journal"):
            if os.path.isfile(path + suffix):
                shutil.copyfile(path + suffix, copy + suffix)
        connection = sqlite3.connect(copy, isolation_level=None)
        try:
            connection.text_factory = bytes
            # Without it, SQLite reads a cell that reaches beyond its page, and so finds what happens to be in memory there.
            connection.execute("PRAGMA cell_size_check = ON")
            steps = [0]

            def count():
                steps[0] += 1
                return steps[0] > STEPS // 10_000

            connection.set_progress_handler(count, 10_000)
            yield connection
        finally:
            connection.close()


class Table:
    """The rows of a table: how many, their hash, and the error that ended the reading."""

    def __init__(self, connection, name, columns=None):
        self.rows = 0
        self.error = None
        digest = hashlib.sha256()
        quoted = '"' + name.replace('"', '""') + '"'
        try:
            self.columns = [
                text(row[1]) for row in connection.execute(f"PRAGMA table_info({quoted})")
            ]
            wanted = columns if columns is not None else self.columns
            selected = ", ".join('"' + column.replace('"', '""') + '"' for column in wanted) or "1"
            query = f"SELECT rowid, {selected} FROM {quoted} NOT INDEXED ORDER BY rowid"
            try:
                cursor = connection.execute(query)
            except FAILURES as error:
                if "rowid" not in str(error):
                    raise
                cursor = connection.execute(f"SELECT {selected} FROM {quoted}")
            for row in cursor:
                self.rows += 1
                digest.update(repr(row).encode())
        except FAILURES as error:
            self.error = str(error)
            if not hasattr(self, "columns"):
                self.columns = []
        self.digest = digest.hexdigest()

    def __eq__(self, other):
        return (self.rows, self.digest, self.error is None) == (
            other.rows,
            other.digest,
            other.error is None,
        )


def text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def read(path, columns=None):
    """The tables by name, virtual ones left out; their shadow tables are among the others. None if the file has no
    schema that can be read. With `columns`, only these columns of the tables that it names."""
    with opened(path) as connection:
        if connection is None:
            return None
        try:
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'create virtual%'"
                " AND name NOT LIKE 'sqlite!_stat%' ESCAPE '!' ORDER BY name"
            ).fetchall()
        except FAILURES:
            return None
        tables = {}
        for (name,) in names:
            name = text(name)
            if columns is None or name in columns:
                tables[name] = Table(connection, name, columns and columns[name])
        return tables


def know_application(connection):
    """Adds what an application of the user's has, and degenbot does not: a function and a collation."""
    connection.create_function("my_function", 1, lambda value: 1, deterministic=True)
    connection.create_collation("my_collation", lambda a, b: (a > b) - (a < b))


def complaints(path, check="integrity_check", as_application=True):
    """What a check of SQLite finds; [] if it finds nothing. An error of the check is a complaint."""
    with opened(path) as connection:
        if connection is None:
            return ["no file"]
        try:
            if as_application:
                know_application(connection)
            else:
                connection.execute("PRAGMA ignore_check_constraints = ON")
            found = [text(row[0]) for row in connection.execute(f"PRAGMA {check}")]
        except FAILURES as error:
            return [f"cannot be checked: {error}"]
        return [] if found == ["ok"] else found


def broken_keys(path):
    """How many foreign keys are broken; None if SQLite cannot tell."""
    with opened(path) as connection:
        try:
            return len(connection.execute("PRAGMA foreign_key_check").fetchall()) if connection else None
        except FAILURES:
            return None


def rows(path, query):
    with opened(path) as connection:
        try:
            return [tuple(map(decoded, row)) for row in connection.execute(query)] if connection else []
        except FAILURES:
            return []


def decoded(value):
    return text(value) if isinstance(value, bytes) else value


# The most bytes that are read of a file.
LARGEST = 100_000_000


class Folder:
    """Every file of a folder: its kind, its bytes, and what it holds if it may be a database."""

    def __init__(self, path):
        self.path = path
        self.files = {}
        self.bytes = {}
        for name in sorted(os.listdir(path)):
            whole = os.path.join(path, name)
            state = os.lstat(whole)
            kind = stat.S_IFMT(state.st_mode)
            what = None
            if kind == stat.S_IFREG:
                # A damaged journal can make SQLite stretch a file over terabytes.
                if state.st_size > LARGEST:
                    self.files[name] = (kind, state.st_size)
                    continue
                with open(whole, "rb") as file:
                    content = file.read()
                self.bytes[name] = content
                what = hashlib.sha256(content).hexdigest()
            elif kind == stat.S_IFLNK:
                what = os.readlink(whole)
            self.files[name] = (kind, what)
        self.contents = {
            name: read(os.path.join(path, name)) for name in self.bytes if not is_sidecar(name)
        }

    def new(self, earlier):
        return [name for name in self.files if name not in earlier.files]


def is_sidecar(name):
    return name.endswith(SIDECARS)


def same(before, after, bytes_before=None, bytes_after=None):
    """Whether a file still holds what it held. What could not be read before need not be readable; a file without a
    readable schema is compared by its bytes."""
    if before is None:
        return bytes_before == bytes_after
    return after is not None and not differences(before, after)


def differences(before, after):
    found = []
    for name, table in before.items():
        if name not in after:
            found.append(f"{name} is gone")
        elif table.error is None and table != after[name]:
            reason = after[name].error or "other values"
            found.append(f"{name}: {table.rows} rows before, {after[name].rows} after ({reason})")
    found += [f"{name} is new" for name in after if name not in before]
    return found

"""What a run may and may not have done, said and left behind."""

import json
import os
import re
import stat

import contents
from beside import BACKUP, DATABASE
from commands import UPDATING

LATEST = "20261128000000"
MIGRATIONS = {
    "eb4080485a56": "20251108000000",
    "a512dbce9854": "20260210000000",
    "5d2dfe7292b3": "20260312000000",
    "9c411aeeb15e": "20260320000000",
    "b0b9e84d5527": "20260330000000",
    "e0aaad8ad486": "20260402000000",
    "2606a6c7f5ee": "20260521000000",
}
CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
RAW = re.compile(f"[{CONTROL}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# A JSON document is for programs, which may get every letter.
RAW_IN_JSON = re.compile(f"[{CONTROL}]")
PANIC = re.compile("panicked at|RUST_BACKTRACE|stack overflow|internal error|unreachable")
UNCHANGED = re.compile("nothing was changed|is as it was|was not changed", re.IGNORECASE)
UNCHECKED = re.compile("(not|never) (be )?(fully |completely )?checked|unchecked", re.IGNORECASE)
# How a command that fails after a change tells of it.
CHANGED = re.compile("the change itself was made|the change may have been made|nothing but the output has failed", re.IGNORECASE)


def refuse_constant(name):
    """JSON has no infinity and no NaN."""
    raise ValueError(name)


class Run:
    """What is known of one run: the folder before and after it, and what it said."""

    def __init__(self, command, before, after, status, stdout, stderr, path):
        self.command = command
        self.before = before
        self.after = after
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.path = path
        self.faults = []

    def fault(self, kind, detail=""):
        self.faults.append((kind, detail))

    def said(self):
        return self.stdout.decode("utf-8", "replace") + self.stderr.decode("utf-8", "replace")

    def whole(self, name):
        return os.path.join(self.path, name)

    def tells_of_change(self):
        return bool(CHANGED.search(self.said())) and not UNCHANGED.search(self.said())

    def earlier(self, name):
        """The path of a copy from before the run."""
        return os.path.join(self.path, "..", "before", name)

    def holds(self, source, name):
        """Whether a file holds what another held before. SQLite reads other values each time where a cell points out of
        its page, so the same bytes are enough, unless a log or a journal belongs to them."""
        beside = any(source + suffix in self.before.files for suffix in contents.SIDECARS)
        before, after = self.before.bytes.get(source), self.after.bytes.get(name)
        if not beside and before is not None and before == after:
            return True
        return contents.same(self.before.contents.get(source), self.after.contents.get(name), 0, 0)

    def unchanged(self, name):
        if name not in self.after.bytes:
            return False
        if self.before.contents.get(name) is not None and self.holds(name, name):
            return True
        return contents.same(
            self.before.contents.get(name), self.after.contents.get(name),
            self.before.bytes.get(name), self.after.bytes.get(name),
        )

    def judge(self):
        if self.status is None:
            self.fault("hang")
            return self.faults
        if self.status < 0:
            self.fault("killed", f"by signal {-self.status}")
            return self.faults
        self.judge_status()
        self.judge_text()
        self.judge_json()
        self.judge_files()
        changed = not self.unchanged(DATABASE)
        if self.command.verb in UPDATING:
            self.judge_update(changed)
        elif self.status != 0 or self.command.is_read_only():
            self.judge_unchanged(changed)
        if self.status == 0 and not self.was_refused():
            judge = getattr(self, "judge_" + self.command.verb, None)
            if judge is not None and not self.command.dry:
                judge()
                self.judge_still_sound()
        return self.faults

    def was_refused(self):
        return "Aborted" in self.said()

    def judge_status(self):
        allowed = {"verify": (0, 1, 3), "pool": (0, 1, 2)}.get(self.command.verb, (0, 1))
        # The beginning of a version may be that of several.
        if self.status == 2 and self.command.target and b"matches several versions" in self.stderr:
            return
        # A chain may be named beside an exchange of another one.
        if self.status == 2 and self.command.option("--chain") and b"'--chain" in self.stderr:
            return
        if self.status not in allowed:
            self.fault("status", str(self.status))

    def judge_text(self):
        for name, data in (("stdout", self.stdout), ("stderr", self.stderr)):
            try:
                said = data.decode("utf-8")
            except UnicodeDecodeError as error:
                self.fault("invalid UTF-8", f"{name}: {error}")
                continue
            raw = (RAW_IN_JSON if self.command.json and name == "stdout" else RAW).search(said)
            if raw:
                self.fault("raw control character", f"{name}: {said[max(raw.start() - 40, 0) : raw.end() + 20]!r}")
            if PANIC.search(said):
                self.fault("panic", PANIC.search(said).string[:300])
        explains = b"error:" in self.stderr or self.was_refused() or self.command.verb == "verify"
        if self.status == 1 and not explains:
            self.fault("no error message")

    def judge_json(self):
        if not self.command.json or self.was_refused():
            return
        # An update says how far it came.
        if self.command.verb in UPDATING and not self.stdout:
            return
        tells_anyway = self.command.verb in ("verify", *UPDATING)
        if self.status not in (0, 3) and not (self.status == 1 and tells_anyway and self.stdout):
            if self.stdout:
                self.fault("stdout of a failed command", repr(self.stdout[:100]))
            return
        try:
            document = json.loads(self.stdout, parse_constant=refuse_constant)
        except ValueError as error:
            self.fault("not JSON", f"{error}: {self.stdout[:100]!r}")
            return
        if not isinstance(document, dict) or "format" not in document:
            self.fault("not the JSON of a command", repr(document)[:100])
        if "--json=compact" in self.command.arguments and self.stdout.count(b"\n") != 1:
            self.fault("not one line of JSON")

    def judge_files(self):
        """Nothing new lies there but what the command is for, and what was not its business is as it was."""
        command, done = self.command, self.status == 0 or self.tells_of_change()
        written = {DATABASE, DATABASE + "-wal", DATABASE + "-shm", DATABASE + "-journal"}
        if command.verb == "backup" or (command.verb == "compact" and command.output):
            written.add(os.path.normpath(command.output or BACKUP))
        allowed = written if done and not command.is_read_only() else set()
        for name in self.after.new(self.before):
            if name in allowed and not contents.is_sidecar(name):
                continue
            if (".pre-restore" in name or ".pre-upgrade" in name) and "degenbot-tmp" not in name:
                is_quiet = done and ("-q" in command.arguments or command.json)
                if name not in self.said() and not is_quiet:
                    self.fault("kept without a word", name)
                continue
            # SQLite opens a log that cannot be removed with an index of it.
            if name == DATABASE + "-shm" and self.has_log() and not command.is_read_only():
                continue
            # Where the file may not grow, its last commits stay in the log, with an index.
            log = self.after.bytes.get(DATABASE + "-wal")
            may_have_written = done or command.verb in UPDATING
            if name in (DATABASE + "-wal", DATABASE + "-shm") and log and may_have_written and not command.is_read_only():
                continue
            # What undoes a commit that was cut short, where the file may not be written far enough to undo it at once.
            is_said = b"may have been made" in self.stderr or b"a commit that was cut short is in" in self.stderr
            if name == DATABASE + "-journal" and is_said:
                continue
            self.fault("left behind", name)
        for name, (kind, what) in self.before.files.items():
            now = self.after.files.get(name)
            if now == (kind, what) or name in (DATABASE, *(DATABASE + it for it in contents.SIDECARS)):
                continue
            if done and name in written and not command.is_read_only():
                if not stat.S_ISREG(kind):
                    self.fault("replaced what is no regular file", name)
                continue
            # The log of a backup goes with it.
            if done and now is None and name.endswith(contents.SIDECARS) and name.rpartition("-")[0] in written:
                continue
            # What a dead process may have left is removed; a folder is none of that.
            if ".degenbot-tmp-" in name and now is None and not stat.S_ISDIR(kind) and not command.is_read_only():
                continue
            # The index of a log, which SQLite makes anew when it opens the file for writing.
            if name.endswith("-shm") and now is not None and name.removesuffix("-shm") in written and not command.is_read_only():
                continue
            # A hard link to the database changes with it.
            if now is not None and now[1] == self.after.files.get(DATABASE, (0, ""))[1]:
                continue
            self.fault("changed another file", f"{name}: {'gone' if now is None else 'other content'}")

    def has_log(self):
        return all(DATABASE + "-wal" in it.files for it in (self.before, self.after))

    def judge_update(self, changed):
        """An update commits what it has, also if it fails later. The node has no events."""
        if changed and UNCHANGED.search(self.said()) and "except that" not in self.said():
            self.fault("failed and changed the database", self.difference(DATABASE, DATABASE))
        self.judge_still_sound()
        before, after = (dict(it.contents.get(DATABASE) or {}) for it in (self.before, self.after))
        if not before or contents.complaints(self.earlier(DATABASE)):
            return
        written = {
            "sync": ("exchanges", "chain_blocks", "chain_journal", "retired_ids", "my_log"),
            "tokens": ("erc20_tokens",),
            "aave_update": (
                "aave_v3_markets", "aave_v3_contracts", "aave_v3_market_facts", "chain_blocks", "chain_journal",
                "retired_ids", "my_log",
            ),
        }
        for tables in (before, after):
            for name in written[self.command.verb]:
                tables.pop(name, None)
            # Indexes of the text of tokens follow them.
            for name in [name for name in tables if name.startswith("my_texts")]:
                tables.pop(name)
        found = contents.differences(before, after)
        if found:
            self.fault("other tables changed", "; ".join(found)[:300])

    def judge_unchanged(self, changed):
        # SQLite rolls back or takes in what a killed program has left; without a schema, nothing shows what that was.
        has_sidecar = any(DATABASE + suffix in self.before.files for suffix in contents.SIDECARS)
        if self.before.contents.get(DATABASE) is None and has_sidecar:
            return
        if changed:
            what = self.difference(DATABASE, DATABASE)
            if self.command.is_read_only():
                self.fault("a reader changed the database", what)
            elif not self.tells_of_change():
                self.fault("failed and changed the database", what)
        if self.command.is_read_only():
            now = self.after.bytes.get(DATABASE)
            if now != self.before.bytes.get(DATABASE) and not changed:
                self.fault("a reader wrote to the file")

    def difference(self, earlier, later, before=None):
        before = (before or self.before).contents.get(earlier)
        after = self.after.contents.get(later)
        if before is None or after is None:
            states = ["unreadable" if it is None else "readable" for it in (before, after)]
            return f"schema {states[0]} before, {states[1]} after"
        return "; ".join(contents.differences(before, after))[:300]

    def judge_still_sound(self):
        earlier, now = self.earlier(DATABASE), self.whole(DATABASE)
        # A quick check of a backup leaves out what its indexes hold.
        is_quick = self.command.verb == "restore" and self.command.checked == "quick"
        check = "quick_check" if is_quick else "integrity_check"
        if not contents.complaints(earlier) and contents.complaints(now, check):
            self.fault("sound before and not afterwards", contents.complaints(now, check)[0][:150])
        broken = [contents.broken_keys(it) for it in (earlier, now)]
        # A backup may have broken keys of its own.
        if self.command.verb != "restore" and None not in broken and broken[0] < broken[1]:
            self.fault("breaks foreign keys")

    def judge_verify(self):
        check = "quick_check" if self.command.quick else "integrity_check"
        found = contents.complaints(self.whole(DATABASE), check)
        if found:
            self.fault("verify finds nothing", f"{check}: {found[0][:150]}")
        elif contents.broken_keys(self.whole(DATABASE)):
            self.fault("verify finds no broken foreign key")
        self.judge_checked(DATABASE, check)

    def judge_checked(self, name, check):
        """What only the user's application can check is not passed over in silence."""
        found = contents.complaints(self.whole(name), check, as_application=False)
        if not found or not found[0].startswith("cannot be checked"):
            return
        if not UNCHECKED.search(self.said()):
            self.fault("silent about what it could not check", f"{name}: {found[0][:150]}")
        if re.search(rb'"verified": ?"(quick|full)"', self.stdout):
            self.fault("verified what it could not check", f"{name}: {found[0][:150]}")

    def judge_copy(self, name, source=DATABASE):
        """A copy is a file of its own with the content of its source."""
        kind, _ = self.after.files.get(name, (0, None))
        if not stat.S_ISREG(kind):
            if name not in self.after.bytes and not os.path.isfile(self.whole(name)):
                self.fault("no copy", name)
            return
        if not self.holds(source, name):
            self.fault("the copy differs", self.difference(source, name))

    def judge_sound(self, name, level="full"):
        check = "integrity_check" if level == "full" else "quick_check"
        found = contents.complaints(self.whole(name), check)
        if found:
            self.fault("said to be checked", f"{name}: {found[0][:150]}")

    def judge_backup(self):
        name = os.path.normpath(self.command.output or BACKUP)
        self.judge_copy(name)
        if self.command.checked:
            self.judge_sound(name, self.command.checked)
            self.judge_checked(name, "integrity_check" if self.command.checked == "full" else "quick_check")

    def judge_compact(self):
        if self.command.output:
            self.judge_copy(os.path.normpath(self.command.output))
        elif not self.unchanged(DATABASE):
            self.fault("compact changed the content", self.difference(DATABASE, DATABASE))
        if not contents.complaints(self.earlier(DATABASE)):
            self.judge_sound(os.path.normpath(self.command.output or DATABASE))

    def judge_restore(self):
        source = os.path.normpath(self.command.source or BACKUP)
        if not self.holds(source, DATABASE):
            self.fault("restored something else", self.difference(source, DATABASE))
        self.judge_sound(DATABASE, self.command.checked or "full")
        if "--no-keep" not in self.command.arguments:
            self.judge_kept(".pre-restore")

    def judge_kept(self, suffix):
        """The replaced database is kept in a file of its own."""
        old = self.before.contents.get(DATABASE)
        if not old or not any(table.rows for table in old.values()) or self.unchanged(DATABASE):
            return
        if not any(suffix in name and self.is_copy(name) for name in self.after.bytes):
            self.fault("the replaced database is lost")

    def is_copy(self, name):
        return self.holds(DATABASE, name) and not os.path.samefile(self.whole(name), self.whole(DATABASE))

    def judge_upgrade(self):
        self.judge_version()
        self.judge_rows(lost=())
        if ".pre-upgrade" in self.said():
            self.judge_kept(".pre-upgrade")

    def judge_downgrade(self):
        self.judge_version()
        self.judge_rows(lost=("aave_", "lfj_", "chain_", "exchange_deployments", "retired_ids"))

    def judge_version(self):
        target = self.command.target or LATEST
        wanted = [version for version in (target, MIGRATIONS.get(target)) if version]
        query = "SELECT version FROM __diesel_schema_migrations ORDER BY version"
        stamps = [str(row[0]) for row in contents.rows(self.whole(DATABASE), query)]
        said = re.search(r"from version (\S+) to (\S+?)[.\s]", self.said())
        if said and said.group(1) == said.group(2):
            self.fault("changed from a version to the same", said.group(0))
        # A database that is at its version already may have no stamp of ours.
        changed = self.before.bytes.get(DATABASE) != self.after.bytes.get(DATABASE)
        for stamp in ("version_num FROM alembic_version", "version FROM __diesel_schema_migrations"):
            types = contents.rows(self.whole(DATABASE), f"SELECT DISTINCT typeof({stamp.replace(' ', ') ', 1)}")
            if types not in ([], [("text",)]):
                self.fault("a stamp is no text", f"{stamp}: {types}")
        if changed and len(target) > 4 and not (stamps and stamps[-1] in wanted):
            self.fault("not at the version", f"{stamps[-1:]} instead of {target}")

    def judge_rows(self, lost):
        before, after = self.before.contents.get(DATABASE), self.after.contents.get(DATABASE)
        if before is None or after is None:
            if before is not None:
                self.fault("the schema is unreadable afterwards")
            return
        rebuilt = "__diesel_schema_migrations" not in before and "exchanges" not in before
        common = {}
        for name, table in before.items():
            if name in contents.STAMPS or table.error or name not in after or after[name].error:
                if table.error is None and name in after and after[name].error:
                    self.fault("a table is unreadable afterwards", f"{name}: {after[name].error}")
                continue
            common[name] = [column for column in table.columns if column in after[name].columns]
        if rebuilt or self.kept():
            # Ids, names and columns change; the rows do not get fewer.
            for name in common:
                if name in ("erc20_tokens", "liquidity_positions") and after[name].rows < before[name].rows:
                    self.fault("rows are lost", f"{name}: {before[name].rows} before, {after[name].rows} after")
            return
        gone = [
            name for name in before
            if name not in after and name not in contents.STAMPS and not name.startswith(lost)
            and not name.startswith("_alembic_tmp")
        ]
        if gone:
            self.fault("tables are lost", ", ".join(gone)[:200])
        with_columns = contents.read(self.earlier(DATABASE), common)
        now = contents.read(self.whole(DATABASE), common)
        if with_columns is None or now is None:
            return
        with_columns = {name: table for name, table in with_columns.items() if name in common}
        now = {name: table for name, table in now.items() if name in with_columns}
        found = contents.differences(with_columns, now)
        if found:
            self.fault("rows differ", "; ".join(found)[:300])

    def kept(self):
        return any(".pre-upgrade" in name for name in self.after.new(self.before))

    def judge_reset(self):
        self.judge_version()
        self.judge_sound(DATABASE)
        after = self.after.contents.get(DATABASE) or {}
        full = [name for name, table in after.items() if table.rows and name not in contents.STAMPS]
        if full:
            self.fault("reset left rows", ", ".join(full)[:200])

    def judge_active(self, active):
        name = self.command.arguments[self.command.arguments.index(self.command.verb) + 1]
        chain, _, exchange = name.partition("_")
        chain = {"ethereum": 1, "base": 8453}[chain]
        query = f"SELECT active FROM exchanges WHERE chain_id = {chain} AND name = '{exchange}'"
        # An old database may have two of one name, with different factories; one of them is known.
        found = contents.rows(self.whole(DATABASE), query)
        if active and not any(row[0] == 1 for row in found):
            self.fault("not active", f"{name}: {found}")
        if not active and found and all(row[0] not in (0, b"", None) for row in found):
            self.fault("still active", f"{name}: {found}")
        self.judge_others()

    def judge_activate(self):
        self.judge_active(True)

    def judge_deactivate(self):
        self.judge_active(False)

    def judge_add(self):
        if not contents.rows(self.whole(DATABASE), "SELECT 1 FROM exchanges WHERE name = 'camelot_v2'"):
            self.fault("not added")
        self.judge_others()

    def judge_others(self):
        # Where two tables share a page, a row of one is a row of the other.
        if contents.complaints(self.earlier(DATABASE)):
            return
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        triggers = [row[0] for row in contents.rows(self.earlier(DATABASE), query)]
        # A trigger of the user's own on exchanges writes to my_log, one to pools, and one of the corpus to my_notes.
        written = ["my_log"]
        written += [name for trigger, name in (("moves", "pools"), ("trg", "my_notes")) if trigger in triggers]
        before, after = (dict(it.contents.get(DATABASE) or {}) for it in (self.before, self.after))
        for tables in (before, after):
            for name in ("exchanges", "pool_managers", "exchange_deployments", *written):
                tables.pop(name, None)
        found = contents.differences(before, after)
        if found:
            self.fault("other tables changed", "; ".join(found)[:300])


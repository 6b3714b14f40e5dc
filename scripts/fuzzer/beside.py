"""What lies beside a database: logs of its own and of others, and files of all kinds at the names that commands use."""

import os
import shutil
import sqlite3
import stat

from contents import FAILURES
from damage import damage, damage_log

DATABASE = "degenbot.db"
BACKUP = "degenbot.db.bak"
OTHER = "other.db"
NAMES = (
    BACKUP,
    "degenbot.db.pre-restore",
    "degenbot.db.pre-upgrade",
    "out.db",
    "small.db",
    "degenbot.db.degenbot-tmp-1-0",
    "degenbot.db.bak.degenbot-tmp-999999-0",
    "degenbot.db.pre-restore.degenbot-tmp-1-0",
    "degenbot.db.pre-upgrade.degenbot-tmp-999999-1",
    "out.db.degenbot-tmp-1-0",
    "out.db-wal",
    "degenbot.db.bak-wal",
    "degenbot.db.bak-journal",
    "degenbot.db.pre-restore-wal",
    "small.db-journal",
)


def backups(folder, pristine, all_bases, random):
    """A backup, and another database to restore from; good ones, damaged ones, and those of other versions."""
    done = []
    for name in (BACKUP, OTHER):
        choice = random.random()
        path = os.path.join(folder, name)
        if choice < 0.2:
            continue
        if choice < 0.55:
            source = pristine
        elif choice < 0.7:
            source = os.path.join(folder, DATABASE)
        else:
            source = random.choice(all_bases)
        shutil.copyfile(source, path)
        said = f"{name}: {os.path.basename(source)}"
        if random.random() < 0.25:
            said += ", " + ", ".join(damage(path, random))
        if random.random() < 0.1:
            said += ", " + log_of_a_writer(path, random)
        done.append(said)
    return done


def log_of_a_writer(path, random):
    """Leaves the log that a killed program leaves: commits that are only in it, or a journal to roll back."""
    copy = path + ".writer"
    shutil.copyfile(path, copy)
    sidecars = ("-wal", "-shm", "-journal")
    try:
        connection = sqlite3.connect(copy, isolation_level=None)
        try:
            wal = random.random() < 0.7
            connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'PERSIST'}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA cache_size = 2")
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE IF NOT EXISTS my_commits (a)")
            connection.executemany("INSERT INTO my_commits VALUES (?)", [("x" * 500,)] * random.choice((1, 30)))
            if wal:
                connection.execute("COMMIT")
            shutil.copyfile(copy, path)
            left = random.sample(sidecars, random.choice((1, 2, 3)))
            for suffix in left:
                if os.path.exists(copy + suffix):
                    shutil.copyfile(copy + suffix, path + suffix)
            return f"{os.path.basename(path)}: a writer left {left}"
        finally:
            connection.close()
    except FAILURES as error:
        return f"{os.path.basename(path)}: no writer ({error})"
    finally:
        for suffix in ("", *sidecars):
            if os.path.exists(copy + suffix):
                os.remove(copy + suffix)


def logs(folder, corpus_logs, random):
    """Logs beside the database: its own, another one's, garbage, and things that are no files."""
    path = os.path.join(folder, DATABASE)
    kind = random.choice(("own", "own", "own damaged", "another's", "garbage", "empty", "folder", "link", "flag"))
    suffix = random.choice(("-wal", "-wal", "-shm", "-journal"))
    whole = path + suffix
    if kind.startswith("own"):
        said = log_of_a_writer(path, random)
        if kind == "own damaged":
            for suffix in ("-wal", "-shm", "-journal"):
                if os.path.exists(path + suffix):
                    said += ", " + damage_log(path + suffix, random)
        return said
    if kind == "flag":
        with open(path, "r+b") as file:
            file.seek(18)
            file.write(random.choice((b"\1\1", b"\2\2", b"\1\2", b"\2\1")))
        return "other journal mode in the header"
    if os.path.lexists(whole):
        return ""
    if kind == "another's":
        shutil.copyfile(random.choice(corpus_logs), whole)
    elif kind == "folder" and suffix != "-shm":
        os.mkdir(whole)
    elif kind == "link" and suffix != "-shm":
        os.symlink("elsewhere", whole)
    else:
        with open(whole, "wb") as file:
            file.write(b"" if kind == "empty" else random.randbytes(5000))
    return f"{kind}: {os.path.basename(whole)}"


def hostile(folder, random):
    """A file of some kind at one of the names that commands use."""
    name = random.choice(NAMES)
    path = os.path.join(folder, name)
    if os.path.lexists(path):
        os.remove(path)
    kinds = ["fifo", "folder", "link to the database", "hard link", "link to a link", "dangling link", "text", "empty"]
    if os.geteuid() == 0:
        kinds.append("device")
    kind = random.choice(kinds)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        # A node of our own: a command that replaces it must not replace the system's.
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    elif kind == "folder":
        os.mkdir(path)
    elif kind == "link to the database":
        os.symlink(DATABASE, path)
    elif kind == "hard link":
        os.link(os.path.join(folder, DATABASE), path)
    elif kind == "link to a link":
        os.symlink("via", path)
        if not os.path.lexists(os.path.join(folder, "via")):
            os.symlink(random.choice((OTHER, DATABASE, "via")), os.path.join(folder, "via"))
    elif kind == "dangling link":
        os.symlink("nowhere/at-all", path)
    else:
        with open(path, "wb") as file:
            file.write(b"notes of mine\n" * (kind == "text"))
    return f"{name}: {kind}"

"""The program behind scripts/fuzz, which says how it is used."""

import argparse
import collections
import contextlib
import glob
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import beside
import commands
import contents
import judge
import node
import verify
from damage import damage
from objects import alter

# How long a run may take, in seconds. No run waits for locks for more than a second.
LIMIT = 60

# How often a line says how far it is, in seconds.
TELL_EVERY = 30

# The user whom file permissions bind.
NOBODY = 65534


# A program that has the database open, and reads it, until its stdin closes.
READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
try:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
except sqlite3.Error:
    pass
print("open", flush=True)
sys.stdin.read()
connection.close()
"""


class Fuzzer:
    def __init__(self, binary, work):
        self.work = os.path.abspath(work)
        # Where every user may run it, and no other build replaces it.
        self.public = tempfile.TemporaryDirectory(prefix="degenbot-fuzz-")
        os.chmod(self.public.name, 0o755)
        self.binary = shutil.copy(binary, self.public.name)
        help_text = subprocess.run([self.binary, "database", "info", "--help"], stdout=subprocess.PIPE, check=True)
        self.has_compact_json = b"compact" in help_text.stdout
        corpus = os.path.join(self.work, "corpus")
        names = sorted(glob.glob(os.path.join(corpus, "*", "*.db")))
        self.bases = [name for name in names if os.path.getsize(name) < 500_000]
        self.populated = [name for name in self.bases if "/populated/" in name]
        self.logs = sorted(glob.glob(os.path.join(corpus, "*", "*.db-wal")))
        self.node = node.Node()
        self.latest = [self.brought_to_latest(name) for name in self.populated if "/populated-" in name]

    def brought_to_latest(self, name):
        """A copy that an undisturbed upgrade has made."""
        copy = os.path.join(self.public.name, "latest", os.path.basename(name))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(name, copy)
        arguments = ["database", "upgrade", "--force", "--assume", "aerodrome_v2.stable=false"]
        command = [self.binary, "-q", "--database", copy, *arguments]
        subprocess.run(command, check=True, env={"HOME": self.work}, stdin=subprocess.DEVNULL)
        return copy

    def prepare(self, chance, folder):
        """Makes the files of a run; what was done."""
        kind = chance.random()
        base = chance.choice(self.latest if kind < 0.45 else self.populated if kind < 0.75 else self.bases)
        done = [f"{beside.DATABASE}: {os.path.join(*base.split(os.sep)[-2:])}"]
        database = os.path.join(folder, beside.DATABASE)
        shutil.copyfile(base, database)
        if os.path.exists(base + "-wal") and chance.random() < 0.7:
            shutil.copyfile(base + "-wal", database + "-wal")
        if chance.random() < 0.55:
            done += alter(database, chance)
        if chance.random() < 0.55:
            done += damage(database, chance)
        done += beside.backups(folder, base, self.latest + self.bases, chance)
        if chance.random() < 0.25:
            done.append(beside.logs(folder, self.logs, chance))
        if chance.random() < 0.25:
            done.append(beside.hostile(folder, chance))
        return [it for it in done if it]

    def start(self, command, folder, surroundings):
        """Runs a command; its status (None if it had to be killed) and both streams."""
        if "reader" in surroundings:
            with reader(os.path.join(folder, beside.DATABASE)):
                return self.start(command, folder, [])
        environment = {"HOME": os.path.join(folder, "..", "home"), "TERM": "xterm", "RUST_BACKTRACE": "0"}
        arguments = [self.binary, *command.arguments]
        if "unprivileged" in surroundings:
            arguments = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *arguments]

        def limit():
            if "small files" in surroundings:
                resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

        stdout = open("/dev/full", "wb") if "full stdout" in surroundings else subprocess.PIPE
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=limit,
        )
        try:
            said, complained = process.communicate(command.answer.encode(), LIMIT)
            return process.returncode, said or b"", complained
        except subprocess.TimeoutExpired:
            process.kill()
            said, complained = process.communicate()
            return None, said or b"", complained
        finally:
            if stdout is not subprocess.PIPE:
                stdout.close()

    def surroundings(self, chance, folder):
        """What else is out of the ordinary: a full disk behind stdout, a limit on files, a reader, permissions."""
        choice = chance.random()
        if choice < 0.03 and os.path.exists("/dev/full"):
            return ["full stdout"]
        if choice < 0.06:
            return ["small files"]
        has_sidecar = any(os.path.lexists(os.path.join(folder, beside.DATABASE + it)) for it in contents.SIDECARS)
        if choice < 0.12 and not has_sidecar:
            return ["reader"]
        if choice < 0.22 and os.geteuid() == 0 and shutil.which("setpriv"):
            for name in [folder, *(os.path.join(folder, name) for name in sorted(os.listdir(folder)))]:
                modes = (0o755, 0o755, 0o555, 0o777) if os.path.isdir(name) else (0o644, 0o644, 0o444, 0o600)
                owner, mode = chance.choice((0, NOBODY, NOBODY)), chance.choice(modes)
                if not os.path.islink(name):
                    os.chown(name, owner, -1)
                    os.chmod(name, mode)
            return ["unprivileged"]
        return []

    def run(self, seed, keep=False):
        """One run: the faults found, and what was done."""
        chance = random.Random(seed)
        root = tempfile.mkdtemp(prefix="degenbot-fuzz-")
        os.chmod(root, 0o755)
        folder = os.path.join(root, "files")
        os.makedirs(folder)
        os.makedirs(os.path.join(root, "home"))
        os.symlink("files", os.path.join(root, os.path.basename(os.path.dirname(commands.HOSTILE_PATH))))
        try:
            done = self.prepare(chance, folder)
            command = commands.pick(chance, self.node.address(chance))
            if self.has_compact_json and seed % 2:
                command.print_compactly()
            surroundings = self.surroundings(chance, folder)
            shutil.copytree(folder, os.path.join(root, "before"), symlinks=True, copy_function=copy, ignore=special)
            before = contents.Folder(folder)
            status, stdout, stderr = self.start(command, folder, surroundings)
            verdict = judge.Run(command, before, contents.Folder(folder), status, stdout, stderr, folder)
            faults = verdict.judge()
            # A plan is not made from every page, so damage may show later.
            is_sound = not contents.complaints(verdict.earlier(beside.DATABASE))
            # A plan can name a fact that the upgrade needs.
            needs = re.search(rb'^Needs |"needs": ?"', stdout, re.MULTILINE)
            if command.dry and status == 0 and not surroundings and is_sound and not needs:
                again, said, complained = self.start(command.for_real(), folder, surroundings)
                # The plan of a rebuild says that it has not looked at every row.
                rebuilds = re.search(rb'^Open .*every row|"method": ?"rebuild"', stdout, re.MULTILINE)
                has_odd_rows = b"cannot be carried over without guessing" in complained
                if again != 0 and not (rebuilds and has_odd_rows):
                    faults.append(("the dry run said yes", complained.decode("utf-8", "replace")[:300]))
            done += [f"in: {it}" for it in surroundings] + [str(command), f"status {status}"]
            done += [f"  {line!r}" for line in verdict.said().splitlines()[:12]]
            if faults:
                keep = True
            return faults, command.verb, status, done
        finally:
            if keep:
                kept = os.path.join(self.work, "kept", str(seed))
                shutil.rmtree(kept, ignore_errors=True)
                os.makedirs(os.path.dirname(kept), exist_ok=True)
                shutil.move(root, kept)
            else:
                shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def reader(database):
    """Keeps the database open in another program."""
    command = [sys.executable, "-c", READER, database]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def copy(source, target):
    shutil.copyfile(source, target)


def special(folder, names):
    """What copytree cannot copy."""
    kinds = (os.path.isfile, os.path.isdir, os.path.islink)
    return [name for name in names if not any(kind(os.path.join(folder, name)) for kind in kinds)]


def printable(line):
    return line if line.isprintable() else repr(line)


def main():
    description = "Runs commands on damaged and hostile files, and judges what they say."
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=description)
    parser.add_argument("--runs", type=int, default=10_000, help="how many seeds to run (10000)")
    parser.add_argument("--first", type=int, help="the first seed; without it, new seeds are taken")
    parser.add_argument("--seed", type=int, help="repeat one run, tell what was done, and keep its files")
    parser.add_argument("--verify", type=int, help="only compare so many verifications with the sqlite3 shell's check")
    parser.add_argument("--binary", required=True, help="the degenbot to run")
    parser.add_argument("--work", required=True, help="the folder for files")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    fuzzer = Fuzzer(options.binary, options.work)
    if options.seed is not None:
        faults, _, _, done = fuzzer.run(options.seed, keep=True)
        for line in done:
            print(printable(line))
        for kind, detail in faults:
            print(f"FAULT {kind}: {printable(detail)}")
        print(f"The files are in {os.path.join(fuzzer.work, 'kept', str(options.seed))}")
        return bool(faults)
    first = options.first if options.first is not None else int(time.time()) * 100_000
    if options.verify is not None:
        return verify.run(fuzzer, first, options.verify)
    print(f"fuzz: {options.runs} runs from seed {first}", flush=True)
    statuses, kinds = collections.Counter(), collections.defaultdict(list)
    told = time.monotonic()
    for seed in range(first, first + options.runs):
        try:
            faults, verb, status, done = fuzzer.run(seed)
        except BaseException:
            print(f"fuzz: stopped at seed {seed}", flush=True)
            raise
        statuses[(verb, status)] += 1
        for kind, detail in faults:
            kinds[(kind, verb)].append(seed)
            print(f"fuzz: seed {seed}: {kind}: {verb}: {printable(detail)}", flush=True)
        if time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            faults_so_far = sum(map(len, kinds.values()))
            print(f"fuzz: {seed - first + 1} of {options.runs} runs, {faults_so_far} faults so far", flush=True)
    for verb in sorted({verb for verb, _ in statuses}):
        ends = [(status, number) for (it, status), number in statuses.items() if it == verb]
        print(f"fuzz: {verb}:", ", ".join(f"{number} ended with {status}" for status, number in sorted(ends, key=str)))
    for (kind, verb), seeds in sorted(kinds.items()):
        print(f"fuzz: {len(seeds)} × {kind}: {verb}: again with --seed {seeds[0]}")
    print(f"fuzz: {options.runs} runs, {sum(map(len, kinds.values()))} faults")
    return bool(kinds)


if __name__ == "__main__":
    sys.exit(main())

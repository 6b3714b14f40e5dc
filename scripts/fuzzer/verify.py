"""Damaged databases, of which `database verify` has to find whatever the sqlite3 shell finds, on any number of threads."""

import json
import os
import random
import shutil
import subprocess
import tempfile

from damage import damage

THREADS = ("1", "2", "8")


def lines_of_shell(path):
    """What the shell's check says of a file."""
    command = ["sqlite3", "-readonly", path, "PRAGMA integrity_check"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    text = (run.stdout + run.stderr).decode(errors="replace")
    return [line for line in text.splitlines() if line]


def is_about_a_value(line):
    """Whether a rule of the domain says it better, and in other words."""
    return any(f"{what} value in " in line for what in ("NULL", "NUMERIC", "TEXT"))


def comparable(run):
    """A run without what SQLite says of rows whose cells lie beyond their page: it reads what is in memory there."""
    status, stdout, stderr = run
    if status != 3:
        return run
    findings = []
    for finding in json.loads(stdout)["findings"]:
        details = [example for example in finding["examples"] if "image is malformed" not in example["detail"]]
        if finding["table"] is not None or details:
            of_file = finding["table"] is None
            findings.append({"rule": finding["rule"], "examples": details} if of_file else finding)
    return status, findings


def check(fuzzer, seed):
    """The faults of a run, and whether the shell has found something."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=fuzzer.work) as folder:
        path = os.path.join(folder, "degenbot.db")
        shutil.copyfile(chance.choice(fuzzer.latest), path)
        done = damage(path, chance)
        copy = os.path.join(folder, "copy.db")
        shutil.copyfile(path, copy)
        said = lines_of_shell(copy)
        runs = []
        for threads in THREADS:
            arguments = ["database", "verify", "--json=compact", "--threads", threads]
            command = [fuzzer.binary, "--database", path, *arguments]
            environment = {"HOME": folder, "PATH": os.environ["PATH"]}
            run = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment
            )
            runs.append((run.returncode, run.stdout, run.stderr))
    faults = []
    if any(comparable(run) != comparable(runs[0]) for run in runs):
        faults.append(f"the number of threads makes a difference: {runs}")
    status, stdout, stderr = runs[0]
    if status not in (0, 1, 3):
        faults.append(f"verify ended with {status}: {stderr}")
    found = [finding["rule"] for finding in json.loads(stdout)["findings"]] if status != 1 else ["an error"]
    is_damaged = said != ["ok"] and not all(map(is_about_a_value, said))
    if is_damaged and "integrity" not in found and status != 1:
        faults.append(f"the shell says {said[:3]}, verify found {sorted(set(found))}")
    if said != ["ok"] and not found:
        faults.append(f"the shell says {said[:3]}, verify found nothing")
    return [f"{fault} ({'; '.join(done)})" for fault in faults], said != ["ok"]


def run(fuzzer, first, runs):
    """Whether a run has a fault."""
    faulty = damaged = 0
    for seed in range(first, first + runs):
        faults, is_damaged = check(fuzzer, seed)
        damaged += is_damaged
        faulty += bool(faults)
        for fault in faults:
            print(f"fuzz: seed {seed}: {fault}", flush=True)
    print(f"fuzz: {runs} damaged files, of which the shell finds fault with {damaged}; {faulty} faults of verify")
    return bool(faulty)

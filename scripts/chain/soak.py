"""Updates from a chain of our own, in random order with all that can happen to them, compared with the chain.

Each round starts a chain and a database. Then pools and events come, blocks are replaced, exchanges are activated late,
providers refuse, lag, break off and answer slowly, updates are killed. After every update that ends well, the database
has to be what the chain says at the marks. Beside two nodes that disagree, it has to be what one of them says, always. A
failure prints the seed; with --seed, the same choices are made again.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from content import Chain
from node import Anvil
from provider import TOO_MANY, Faults, Provider
from truth import compare

CHAINS = {1: ("ethereum", 26_000_000), 8453: ("base", 30_000_000)}

# A chain keeps the state of 700 blocks. A round ends before marks can lie deeper.
ROUND_BLOCKS = 450

# How long an update may take, in seconds. The two answers that never come take most of it.
LIMIT = 240

# A longer branch does not grow. A node calls its blocks final that are 64 blocks before its head.
LONG_BRANCH = 20


class Failed(Exception):
    """What is not as it has to be."""


class Round:
    """A chain, a provider before it, and a database."""

    def __init__(self, work, binary, bytecode, chain, rng, tally):
        self.random, self.tally, self.work, self.binary, self.chain_id = rng, tally, work, binary, chain
        self.prefix, self.first_block = CHAINS[chain]
        self.anvil = Anvil(work, chain, self.first_block)
        self.provider = Provider(self.anvil.port, rng.getrandbits(32))
        self.folder = tempfile.TemporaryDirectory(prefix="degenbot-chain-")
        self.database = os.path.join(self.folder.name, "degenbot.db")
        self.done = []
        self.chain = Chain(self.anvil.node, chain, self.first_block, bytecode)
        self.inactive = [f"{self.prefix}_{name}" for name in self.chain.exchanges] + ["unknown"]
        rng.shuffle(self.inactive)

    def close(self):
        self.provider.stop()
        self.anvil.stop()
        self.folder.cleanup()

    def begin(self):
        self.chain.grow(self.random, tokens=30, v2=20, v3=30, v4=20, events=600, tail=70)
        self.degenbot("database", "reset", "--force")
        for _ in range(self.random.randint(1, len(self.inactive))):
            self.activate()

    def degenbot(self, *arguments, status=0):
        ended = subprocess.run(
            self.command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=LIMIT, encoding="utf-8",
        )
        if ended.returncode != status:
            raise Failed(f"{arguments} ended with {ended.returncode}:\n{ended.stderr}")
        return ended

    def command(self, *arguments):
        return [self.binary, "--quiet", "--database", self.database, *map(str, arguments)]

    # What happens on the chain.

    def grow(self):
        pick = self.random.randint
        self.chain.grow(
            self.random, tokens=pick(0, 3), v2=pick(0, 6), v3=pick(0, 6), v4=pick(0, 4), events=pick(0, 150),
            tail=self.random.choice([0, 0, 1, 5]),
        )

    def reorganise(self):
        depth = self.random.choice([1, 3, 3, 10, 10, 60])
        is_empty = self.random.random() < 0.25
        self.done[-1] += f" [reorganised {depth}{' empty' if is_empty else ''}]"
        self.chain.reorganise(self.random, depth, is_empty, v2=2, v3=3, v4=2, events=40)

    # What the user does.

    def activate(self):
        if not self.inactive:
            return
        name = self.inactive.pop()
        first_block = ["--from-block", self.first_block]
        if name == "unknown":
            which = ["--chain", self.chain_id, "--name", "unknown_v3", "--kind", "uniswap_v3"]
            self.degenbot("exchange", "add", *which, "--factory", self.chain.unknown_factory, *first_block)
        else:
            # All V2 and V3 factories here have the code of Uniswap.
            self.degenbot("exchange", "activate", name, *first_block, "--init-code-hash", "none")

    def faults(self):
        """One or two of a provider's habits."""
        rng = self.random
        habits = [
            {},
            # No block has so many.
            {"max_logs": rng.choice([600, 1500])},
            {"max_blocks": rng.choice([1, 5, 10, 50])},
            {"latency": 0.02},
            {"rate": 5},
            {"lag": 20},
            {"lag": 20, "lag_is_error": True},
            {"cut": 0.2},
            {"hang": 0.02},
        ]
        chosen = {"style": rng.choice(sorted(TOO_MANY))}
        for habit in rng.sample(habits, rng.choice([1, 1, 2])):
            chosen |= habit
        if "rate" in chosen:
            # Together they would take minutes.
            chosen.pop("max_blocks", None)
            chosen.pop("max_logs", None)
        return Faults(**chosen)

    def update_arguments(self, *ports):
        target = self.random.choice(["latest", "latest", "latest:-3", "latest:-64", "finalized", "random"])
        if target == "random":
            marks = [mark for mark in self.marks() if mark is not None] or [self.first_block]
            head = self.chain.node.head()
            target = self.random.randint(min(min(marks), head), head)
        chunk = self.random.choice([1, 7, 100, 10_000])
        self.done[-1] += f" --to-block {target} --chunk {chunk} ({self.provider.faults})"
        return ["pool", "update", *endpoints(*ports), "--to-block", target, "--chunk", chunk]

    def marks(self):
        database = sqlite3.connect(self.database)
        try:
            return [mark for (mark,) in database.execute("SELECT last_update_block FROM exchanges WHERE active")]
        finally:
            database.close()

    def update(self):
        self.provider.faults = self.faults()
        self.degenbot(*self.update_arguments(self.provider.port))
        self.compare()

    def update_plainly(self):
        """Updates from the node itself, with nothing in the way."""
        self.degenbot("pool", "update", *endpoints(self.anvil.port), "--to-block", "latest")
        self.compare()

    def update_killed(self):
        """Kills an update after a random one of its requests; the next one goes on."""
        # Several blocks, each with a commit of its own or with some others.
        self.chain.grow(self.random, tokens=2, v2=2, v3=3, v4=2, events=self.random.randint(20, 80), tail=3)
        self.provider.faults = Faults(latency=self.random.choice([0, 0, 0.005]))
        chunk = self.random.choice([1, 1, 2, 7, 100])
        self.done[-1] += f" --to-block latest --chunk {chunk} ({self.provider.faults})"
        begin, last = self.provider.requests, self.random.randint(1, 4 + 4 * max(1, 12 // chunk))
        started = subprocess.Popen(
            self.command("pool", "update", *endpoints(self.provider.port), "--to-block", "latest", "--chunk", chunk),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        while self.provider.requests - begin < last and started.poll() is None:
            time.sleep(0.0005)
        # An instant later, it may be writing.
        time.sleep(self.random.random() ** 2 * 0.03)
        if started.poll() is None:
            started.send_signal(signal.SIGKILL)
            self.tally["kills"] += 1
        started.wait()
        self.update_plainly()

    def update_while_it_moves(self):
        """Updates while blocks come and are replaced. It may not settle; the one after it has to."""
        self.provider.faults = Faults()
        arguments = self.update_arguments(self.provider.port)
        seed = self.random.getrandbits(32)
        moving = threading.Thread(target=self._move, args=(random.Random(seed),))
        moving.start()
        ended = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LIMIT)
        moving.join()
        if ended.returncode not in (0, 1):
            raise Failed(f"an update on a moving chain ended with {ended.returncode}: {ended.stderr.decode()}")
        self.update_plainly()

    def _move(self, rng):
        for _ in range(2):
            self.chain.reorganise(rng, rng.choice([3, 10]), v2=1, v3=1, v4=1, events=20)
            self.chain.grow(rng, tokens=0, v2=1, events=40)

    def follow(self):
        """Follows the chain while blocks come and are replaced, until it is told to end."""
        self.provider.faults = self.faults()
        self.done[-1] += f" ({self.provider.faults})"
        with self._follower(self.provider.port) as follower:
            for _ in range(self.random.randint(1, 4)):
                self.random.choice([self.grow, self.reorganise])()
                if self.random.random() < 0.5:
                    self._wait_for_follower(follower)
            # The node is well again, and the follower catches up.
            self.provider.faults = Faults()
            self._wait_for_follower(follower)
        self.compare()

    @contextlib.contextmanager
    def _follower(self, *ports):
        """A follower. It is told to end, and has to end well."""
        follower = subprocess.Popen(
            self.command("pool", "update", "--follow", "--poll", "0.1", *endpoints(*ports)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
        )
        try:
            yield follower
            follower.send_signal(signal.SIGTERM)
            _, told = follower.communicate(timeout=LIMIT)
        finally:
            follower.kill()
            follower.wait()
        if follower.returncode != 0:
            raise Failed(f"a follower that was told to end ended with {follower.returncode}:\n{told}")

    def _wait_for_follower(self, follower):
        """Waits until the database has the newest block."""
        head = self.chain.node("eth_getBlockByNumber", "latest", False)
        end = time.monotonic() + LIMIT
        while self.newest_block() != (int(head["number"], 16), head["hash"]):
            if follower.poll() is not None:
                raise Failed(f"a follower ended with {follower.returncode}:\n{follower.stderr.read()}")
            if time.monotonic() > end:
                follower.kill()
                told = follower.communicate()[1]
                raise Failed(f"a follower does not reach {head['number']}, but {self.newest_block()} {self.marks()}\n{told}")
            time.sleep(0.02)

    def newest_block(self):
        """The highest block that the journal has, if all marks are there."""
        database = sqlite3.connect(self.database)
        try:
            marks = {mark for (mark,) in database.execute("SELECT last_update_block FROM exchanges WHERE active")}
            block = database.execute("SELECT number, hash FROM chain_blocks ORDER BY number DESC LIMIT 1").fetchone()
            return block if block and marks == {block[0]} else None
        finally:
            database.close()

    # Two nodes that disagree.

    def disagree(self):
        """Updates from two nodes of which each has other last blocks, or follows both, until one of them goes."""
        rng = self.random
        follows = rng.random() < 0.4
        if follows:
            # Nobody knows when a follower leaves a branch that neither node has any more.
            self.update_plainly()
        first = self.chain.node.head() - rng.choice([1, 3, 10, 30])
        anvil = Anvil(self.work, self.chain_id, self.first_block, fork=(self.anvil.port, first))
        try:
            other = self.chain.on(anvil.node)
            self._grow_branch(other, first)
            # Two addresses, or one, behind which a request reaches either node.
            is_pool = rng.random() < 0.3
            habit = rng.choice([{}, {}, {"latency": 0.02}, {"cut": 0.2}])
            self.provider.faults = Faults(**habit, other=anvil.port if is_pool else None)
            ports = [self.provider.port] if is_pool else [self.provider.port, anvil.port]
            rng.shuffle(ports)
            self.done[-1] += f" from block {first}{' behind one address' if is_pool else ''}"
            if follows:
                self.done[-1] += f", followed ({self.provider.faults})"
                with self._follower(*ports) as follower:
                    self._follow_both(other, first)
                    self._end_branch(anvil, other, first)
                    self._wait_for_follower(follower)
            else:
                self._update_from_both(ports, other, first)
                self._end_branch(anvil, other, first)
        finally:
            anvil.stop()
        self.update_plainly()

    def _grow_branch(self, chain, first):
        # Nothing is replaced: the database could have blocks that neither node has any more.
        if chain.node.head() - first < LONG_BRANCH:
            pick = self.random.randint
            pools = {version: pick(0, 2) for version in ("v2", "v3", "v4")}
            chain.grow(self.random, tokens=0, **pools, events=pick(1, 60), tail=self.random.choice([0, 0, 1, 5]))

    def _update_from_both(self, ports, other, first):
        for _ in range(self.random.randint(1, 3)):
            arguments = self.update_arguments(*ports)
            ended = subprocess.run(
                self.command(*arguments), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LIMIT,
                encoding="utf-8",
            )
            is_named = ended.stderr.startswith("error: ") and "report" not in ended.stderr
            if ended.returncode not in (0, 1) or ended.returncode == 1 and not is_named:
                raise Failed(f"an update from two branches ended with {ended.returncode}:\n{ended.stderr}")
            self.tally["refused"] += ended.returncode
            self._require_one_branch(other, first)
            self._grow_branch(self.random.choice([self.chain, other]), first)

    def _follow_both(self, other, first):
        for _ in range(self.random.randint(1, 4)):
            time.sleep(self.random.random())
            self._require_one_branch(other, first)
            self._grow_branch(self.random.choice([self.chain, other]), first)

    def _end_branch(self, anvil, other, first):
        """Stops the other node, when the one that stays has as many blocks."""
        length = self.chain.node.head() - first
        if self.random.random() < 0.3:
            self.chain.reorganise(self.random, self.random.randint(1, length), v2=1, v3=1, v4=1, events=20)
        missing = other.node.head() - self.chain.node.head()
        if missing > 0:
            self.chain.node("anvil_mine", hex(missing))
        self.provider.faults = Faults()
        anvil.stop()

    def _require_one_branch(self, other, first):
        """Requires that one of two nodes has all that the database has."""
        self.tally["disagreements"] += 1
        # A follower may write meanwhile.
        database = f"{self.database}.state"
        with contextlib.closing(sqlite3.connect(self.database)) as now, contextlib.closing(sqlite3.connect(database)) as copy:
            now.backup(copy)
        found = [self._differences(chain, database, first) for chain in (self.chain, other)]
        if all(found):
            told = [f"from node {i}: {line}" for i, lines in enumerate(found) for line in lines[:5]]
            raise Failed("\n".join(["a mixture of two branches", *told]))

    def _differences(self, chain, database, first):
        compared, different = compare(database, chain.node, self.first_block, self.chain_id, chain.exchanges)
        self.tally["compared"] += sum(compared.values())
        with contextlib.closing(sqlite3.connect(database)) as connection:
            stored = connection.execute("SELECT number, hash FROM chain_blocks WHERE number > ?", [first]).fetchall()
        blocks = chain.node.batch([("eth_getBlockByNumber", [hex(number), False]) for number, _ in stored]) if stored else []
        for (number, found), block in zip(stored, blocks):
            if block is None or block["hash"] != found:
                different.append(f"block {number}: the database has {found}, the chain {block and block['hash']}")
        return different

    def compare(self):
        arguments = self.chain.node, self.first_block, self.chain_id, self.chain.exchanges
        compared, different = compare(self.database, *arguments)
        self.tally["compared"] += sum(compared.values())
        self.tally["updates"] += 1
        if different:
            raise Failed(f"{len(different)} differences:\n" + "\n".join(different[:10]))
        self.degenbot("database", "verify")

    def step(self, only_kills):
        actions = {self.update_killed: 6, self.reorganise: 1, self.activate: 1} if only_kills else {
            self.grow: 4,
            self.reorganise: 3,
            self.update: 5,
            self.update_killed: 4,
            self.update_while_it_moves: 1,
            self.follow: 2,
            self.disagree: 2,
            self.activate: 1,
        }
        action = self.random.choices(list(actions), list(actions.values()))[0]
        self.done.append(action.__name__.replace("_", " "))
        action()

    def run(self, has_ended, only_kills):
        self.begin()
        while not has_ended() and self.chain.node.head() < self.first_block + ROUND_BLOCKS:
            self.step(only_kills)


def endpoints(*ports):
    """The options for nodes at these ports."""
    return [argument for port in ports for argument in ("--rpc", f"http://127.0.0.1:{port}")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True, help="the folder with the node and the contracts")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kills", type=int, help="kill so many updates, instead of going on for a time")
    options = parser.parse_args()
    with open(os.path.join(options.work, "bytecode.json"), encoding="utf-8") as file:
        bytecode = json.load(file)
    first = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    tally = {"rounds": 0, "updates": 0, "kills": 0, "disagreements": 0, "refused": 0, "compared": 0}
    end = time.monotonic() + 60 * options.minutes
    # Every round has a seed, so that it can be run again alone.

    def has_ended():
        return tally["kills"] >= options.kills if options.kills else time.monotonic() >= end

    while not has_ended():
        seed = first + tally["rounds"]
        rng = random.Random(seed)
        one = Round(options.work, options.binary, bytecode, rng.choice(sorted(CHAINS)), rng, tally)
        try:
            one.run(has_ended, bool(options.kills))
        except (Failed, subprocess.TimeoutExpired) as failure:
            print(*one.done, failure, f"chain soak: failed; again with --seed {seed}", sep="\n", file=sys.stderr)
            return 1
        finally:
            one.close()
        tally["rounds"] += 1
        print("chain soak:", *(f"{count:,} {what}" for what, count in tally.items()), flush=True)
    print(f"chain soak: all as the chain says; the first seed was {first}")
    return 0 if tally["compared"] else 1


if __name__ == "__main__":
    sys.exit(main())

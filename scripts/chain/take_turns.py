"""Updates databases from a chain of our own by turns with degenbot and with the Python package 0.5.0.

Three databases of each chain: one that only degenbot updates, one that it begins and the package goes on with, and one
that the package begins. Each turn begins at the marks of the turn before, with new pools and events in between. In the end
all three have to have the same rows, which are those that the chain says.

The package's own errors are left out: it never takes in a single new block, takes a block that was replaced for one that is
there, and does not know exchanges that were added. So each turn has several blocks, no block is replaced, and only known
exchanges are active.
"""

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile

from content import Chain
from node import Anvil
from soak import CHAINS, endpoints
from truth import compare

# The rows by what they say, without the ids that a database has given.
ROWS = {
    "exchanges": "SELECT chain_id, name, active, factory, last_update_block FROM exchanges",
    "tokens": "SELECT chain, address, name, symbol, decimals FROM erc20_tokens",
    "managed pools": """
        SELECT m.address AS manager, v.*, p.kind, a.address AS token0, b.address AS token1 FROM managed_pools p
        JOIN uniswap_v4_pools v ON v.managed_pool_id = p.id JOIN pool_managers m ON m.id = p.manager_id
        JOIN erc20_tokens a ON a.id = currency0_id JOIN erc20_tokens b ON b.id = currency1_id
    """,
    "ticks": """
        SELECT address, tick, liquidity_net, liquidity_gross FROM liquidity_positions JOIN pools ON pools.id = pool_id
    """,
    "words": "SELECT address, word, bitmap FROM initialization_maps JOIN pools ON pools.id = pool_id",
    "managed ticks": """
        SELECT pool_hash, tick, liquidity_net, liquidity_gross FROM managed_pool_liquidity_positions t
        JOIN uniswap_v4_pools v ON v.managed_pool_id = t.managed_pool_id
    """,
    "managed words": """
        SELECT pool_hash, word, bitmap FROM managed_pool_initialization_maps t
        JOIN uniswap_v4_pools v ON v.managed_pool_id = t.managed_pool_id
    """,
}
POOLS = """
    SELECT p.address, p.chain, p.kind, e.name, k.*, a.address AS token0, b.address AS token1 FROM pools p
    JOIN {table} k ON k.pool_id = p.id JOIN exchanges e ON e.id = p.exchange_id
    JOIN erc20_tokens a ON a.id = token0_id JOIN erc20_tokens b ON b.id = token1_id
"""
IDS = {"id", "pool_id", "managed_pool_id", "currency0_id", "currency1_id"}


def rows(path):
    """The rows of a database, by what they are."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE '%\\_v_\\_pools' ESCAPE '\\' AND name <> 'uniswap_v4_pools'"
        )
        queries = ROWS | {table: POOLS.format(table=table) for (table,) in tables}
        database.row_factory = sqlite3.Row
        return {what: sorted(map(shown, database.execute(query))) for what, query in queries.items()}


def shown(row):
    """A row as a text. The order of the columns is not the same in every database."""
    return json.dumps({name: row[name] for name in row.keys() if name not in IDS}, sort_keys=True)


class Turns:
    """A database, and its turns."""

    def __init__(self, options, home, name, chain, anvil):
        self.options, self.home, self.chain, self.anvil = options, home, chain, anvil
        self.prefix, self.first_block = CHAINS[chain.chain]
        self.database = os.path.join(home, f"{name}-{chain.chain}.db")
        self.degenbot("database", "reset")
        self.activate()

    def run(self, *command):
        environment = os.environ | {"HOME": self.home}
        ended = subprocess.run(
            list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", env=environment,
            timeout=300,
        )
        if ended.returncode:
            sys.exit(f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")

    def degenbot(self, *arguments):
        self.run(self.options.binary, "--quiet", "--database", self.database, *arguments)

    def activate(self):
        for name in self.chain.exchanges:
            # All V2 and V3 factories here have the code of Uniswap.
            which = [f"{self.prefix}_{name}", "--from-block", self.first_block, "--init-code-hash", "none"]
            self.degenbot("exchange", "activate", *which)

    def ours(self):
        self.degenbot("pool", "update", *endpoints(self.anvil.port), "--to-block", "latest")

    def theirs(self):
        # What is not final goes, and what an exchange has beside the package's own columns.
        self.degenbot("database", "downgrade", "--to", "0.5.0", "--force")
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            # It would ask for the millions of blocks before the first one.
            begin = "UPDATE exchanges SET last_update_block = ? WHERE last_update_block IS NULL AND active"
            database.execute(begin, [self.first_block - 1])
            database.commit()
        folder = os.path.join(self.home, ".config/degenbot")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.toml"), "w", encoding="utf-8") as file:
            node = f'{self.chain.chain} = "http://127.0.0.1:{self.anvil.port}"'
            file.write(f'[database]\npath = "{self.database}"\n\n[rpc]\n{node}\n')
        self.run(self.options.package, "pool", "update", "--to-block", "latest")
        self.degenbot("database", "upgrade", "--force")
        self.activate()

    def require_rows(self, expected, when):
        for what, found in rows(self.database).items():
            if found != expected[what]:
                different = sorted(set(found) ^ set(expected[what])) or ["a row is there twice"]
                sys.exit("\n".join([f"{when}: {what} of {self.database}", *different[:6]]))

    def require_truth(self, what):
        compared, different = compare(
            self.database, self.chain.node, self.first_block, self.chain.chain, self.chain.exchanges
        )
        if different:
            sys.exit("\n".join([f"{what}: {len(different)} differences", *different[:10]]))
        return sum(compared.values())


def take_turns(options, home, number, bytecode):
    rng = random.Random(options.seed)
    anvil = Anvil(options.work, number, CHAINS[number][1])
    try:
        chain = Chain(anvil.node, number, CHAINS[number][1], bytecode)
        chain.grow(rng, tokens=30, v2=20, v3=30, v4=20, events=400, tail=70)
        names = "alone", "begun", "continued"
        alone, begun, continued = (Turns(options, home, name, chain, anvil) for name in names)
        compared = 0
        for turn in range(3):
            alone.ours()
            for database, is_ours in ((begun, turn % 2 == 0), (continued, turn % 2 == 1)):
                (database.ours if is_ours else database.theirs)()
                who = "degenbot" if is_ours else "the package"
                compared += database.require_truth(f"chain {number}, turn {turn + 1}, of {who}")
            expected = rows(alone.database)
            for database in (begun, continued):
                database.require_rows(expected, f"chain {number}, turn {turn + 1}")
            chain.grow(rng, tokens=3, v2=10, v3=10, v4=5, events=200, tail=rng.choice([0, 5, 70]))
        count = sum(map(len, expected.values()))
        print(f"chain {number}: {count:,} rows the same after three turns, {compared:,} values as the chain says", flush=True)
    finally:
        anvil.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="the folder of scripts/chain/install")
    parser.add_argument("--binary", required=True, help="degenbot")
    parser.add_argument("--package", required=True, help="the command of the package 0.5.0")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(os.path.join(options.work, "bytecode.json"), encoding="utf-8") as file:
        bytecode = json.load(file)
    with tempfile.TemporaryDirectory(prefix="degenbot-turns-") as home:
        for chain in sorted(CHAINS):
            take_turns(options, home, chain, bytecode)


if __name__ == "__main__":
    main()

"""Compares a database with what a chain says itself.

Every active exchange is compared at its own mark. The events of its factory say which pools there must be, with tokens,
fees and so on. What the pools' contracts have stored at that block says which ticks and words there must be. Nothing else
may be there. It shares no code with degenbot.
"""

import collections
import contextlib
import sqlite3

from abi import address, call, checksummed, encode_value, signed, words
from contracts import KINDS, LIQUIDITY, TOPICS
from keccak import keccak

# Where the pool manager keeps its pools, and where a pool keeps its ticks and its bitmap.
POOLS_SLOT, TICKS_OFFSET, BITMAP_OFFSET = 6, 4, 5


class Truth:
    """What the chain says, up to its head."""

    def __init__(self, node, first_block, exchanges):
        self.node, self.first_block, self.head = node, first_block, node.head()
        # Name and kind of the known exchanges, by factory.
        self.known = {factory: (name, kind) for name, (kind, factory) in exchanges.items()}
        self.made = collections.defaultdict(list)
        for log in node.logs(first_block, self.head, list(KINDS)):
            self.made[log["address"].lower()].append(self._pool(log))
        # The changes of liquidity of each pool: (block, log index, lower tick, upper tick, delta).
        self.changes = collections.defaultdict(list)
        for log in node.logs(first_block, self.head, LIQUIDITY):
            self._add_change(log)

    @staticmethod
    def _pool(log):
        topics, data, kind = log["topics"], words(log["data"]), KINDS[log["topics"][0]]
        pool = {"kind": kind, "block": int(log["blockNumber"], 16)}
        pair = topics[1:3]
        if kind in ("uniswap_v2", "aerodrome_v2"):
            pool["id"] = address(data[0])
            if kind == "aerodrome_v2":
                pool["stable"] = int(topics[3], 16)
        elif kind == "uniswap_v3":
            pool |= {"id": address(data[1]), "fee": int(topics[3], 16), "spacing": signed(data[0], 24)}
        elif kind == "aerodrome_v3":
            pool |= {"id": address(data[0]), "spacing": signed(topics[3], 24)}
        else:
            pair = topics[2:4]
            pool |= {"id": topics[1], "fee": int(data[0], 16), "spacing": signed(data[1], 24)}
            pool["hooks"] = checksummed(address(data[2]))
        pool["tokens"] = tuple(checksummed(address(token)) for token in pair)
        return pool

    def _add_change(self, log):
        topics, data = log["topics"], words(log["data"])
        pool, lower, upper = log["address"].lower(), topics[2], topics[3] if len(topics) > 3 else None
        if topics[0] == TOPICS["modify"]:
            pool, lower, upper, delta = topics[1], data[0], data[1], signed(data[2], 256)
        elif topics[0] == TOPICS["mint"]:
            delta = int(data[1], 16)
        else:
            delta = -int(data[0], 16)
        place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
        self.changes[pool].append((*place, signed(lower, 24), signed(upper, 24), delta))

    def answers(self, calls):
        """The results of calls; `None` where the contract reverts."""
        results = []
        for start in range(0, len(calls), 500):
            part = calls[start : start + 500]
            for answer in self.node.answers(part):
                error = answer.get("error")
                if error and error["code"] != 3:
                    raise RuntimeError(f"the node cannot answer: {error}")
                result = answer.get("result")
                results.append(None if result in (None, "0x") else result)
        return results

    def fees(self, factory, pools):
        """The fees that the factories of Aerodrome say at the head, by pool."""
        calls = []
        for pool in pools:
            if pool["kind"] == "aerodrome_v2":
                data = call("getFee(address,bool)", pool["id"], pool["stable"])
            else:
                data = call("getSwapFee(address)", pool["id"])
            calls.append(("eth_call", [{"to": factory, "data": data}, hex(self.head)]))
        fees = self.answers(calls)
        return {pool["id"]: int(fee, 16) for pool, fee in zip(pools, fees) if fee}

    def mark(self, pool, last):
        """The block and the log index of the last event up to a block that changed the liquidity."""
        changes = [change for change in self.changes[pool] if change[0] <= last and change[4]]
        return changes[-1][:2] if changes else (None, None)

    def touched(self, pool, last):
        """The ticks of the events up to a block."""
        return {tick for change in self.changes[pool] if change[0] <= last for tick in change[2:4]}


def tick_call(manager, pool, tick, block):
    """The request for the gross and net liquidity of a tick."""
    if len(pool) == 42:
        return "eth_call", [{"to": pool, "data": call("ticks(int24)", tick)}, hex(block)]
    return "eth_getStorageAt", [manager, _v4_slot(pool, TICKS_OFFSET, tick), hex(block)]


def word_call(manager, pool, word, block):
    """The request for a word of the bitmap."""
    if len(pool) == 42:
        return "eth_call", [{"to": pool, "data": call("tickBitmap(int16)", word)}, hex(block)]
    return "eth_getStorageAt", [manager, _v4_slot(pool, BITMAP_OFFSET, word), hex(block)]


def _v4_slot(pool, offset, key):
    base = keccak(bytes.fromhex(pool[2:]) + encode_value("uint256", POOLS_SLOT))
    mapping = int.from_bytes(base, "big") + offset
    return "0x" + keccak(encode_value("int256", key) + encode_value("uint256", mapping)).hex()


def tick_value(pool, answer):
    """The gross and net liquidity in an answer; `None` for a tick that is not there."""
    if answer is None:
        return None
    if len(pool) == 42:
        gross, net = words(answer)[:2]
        value = int(gross, 16), signed(net, 128)
    else:
        value = int(answer, 16) & ((1 << 128) - 1), signed(answer[2:].rjust(64, "0")[:32], 128)
    return value if value[0] else None


class Comparison:
    """The differences of a database from a chain."""

    def __init__(self, path):
        self.compared, self.different = collections.Counter(), []
        self.database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.database.row_factory = sqlite3.Row

    def close(self):
        self.database.close()

    def rows(self, query, *values):
        return [dict(row) for row in self.database.execute(query, values)]

    def compare(self, what, name, found, expected):
        self.compared[what] += 1
        if found != expected:
            self.different.append(f"{what} of {name}: the database has {found}, the chain {expected}")

    def run(self, truth, chain):
        exchanges = self.rows("SELECT * FROM exchanges WHERE chain_id = ? AND active", chain)
        tokens = self._tokens(chain)
        rows = self._pools(chain, tokens)
        ticks = []
        for exchange in exchanges:
            ticks += self._exchange(truth, exchange, rows)
        for name, pools in rows.items():
            for pool in pools:
                self.compare("pools that nobody made", name, pool, None)
        self._ticks(truth, ticks)
        self._other_ticks(chain, ticks)
        self._unused_tokens(chain)

    def _tokens(self, chain):
        rows = self.rows("SELECT * FROM erc20_tokens WHERE chain = ?", chain)
        counts = collections.Counter(row["address"].lower() for row in rows)
        for token, count in counts.items():
            self.compare("rows of a token", token, count, 1)
        return {row["id"]: row["address"] for row in rows}

    def _pools(self, chain, tokens):
        """The rows of the pools of active exchanges, by pool."""
        found = collections.defaultdict(list)
        tables = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_v_\\_pools' ESCAPE '\\'")
        own = collections.defaultdict(list)
        for table in (row["name"] for row in tables):
            if table != "uniswap_v4_pools":
                for row in self.rows(f"SELECT * FROM {table}"):
                    own[row["pool_id"]].append((table, row))
        query = "SELECT pools.* FROM pools JOIN exchanges ON exchanges.id = exchange_id WHERE chain = ? AND active"
        for row in self.rows(query, chain):
            pair = tokens.get(row["token0_id"]), tokens.get(row["token1_id"])
            key = row["address"].lower()
            self.compare("tables of a pool", key, [table for table, _ in own[row["id"]]], [row["kind"] + "_pools"])
            terms = own[row["id"]][0][1] if own[row["id"]] else {}
            found[key].append({**terms, **row, "tokens": pair})
        query = """
            SELECT uniswap_v4_pools.*, pool_managers.address, exchange_id, managed_pools.kind
            FROM uniswap_v4_pools
            JOIN managed_pools ON managed_pools.id = managed_pool_id
            JOIN pool_managers ON pool_managers.id = manager_id
            JOIN exchanges ON exchanges.id = exchange_id
            WHERE pool_managers.chain = ? AND active
        """
        for row in self.rows(query, chain):
            pair = tokens.get(row["currency0_id"]), tokens.get(row["currency1_id"])
            row |= {"fee_token0": row["fee_currency0"], "fee_token1": row["fee_currency1"]}
            found[row["pool_hash"].lower()].append({**row, "id": row["managed_pool_id"], "tokens": pair})
        return found

    def _exchange(self, truth, exchange, rows):
        """Compares the pools of an exchange, and takes them out of the rows. Returns what its ticks are compared by."""
        factory, name = exchange["factory"].lower(), exchange["name"]
        self.compare("factory", name, exchange["factory"], checksummed(factory))
        mark = exchange["last_update_block"]
        if mark is None or mark < truth.first_block:
            mark = truth.first_block - 1
        if mark > truth.head:
            self.compare("mark", name, mark, f"its head {truth.head}")
            return []
        self.compared["mark"] += 1
        made = [pool for pool in truth.made[factory] if pool["block"] <= mark]
        known = truth.known.get(factory, (None, None))[0]
        asked = [pool for pool in made if pool["kind"].startswith("aerodrome")]
        fees = truth.fees(factory, asked)
        ticks = []
        for pool in made:
            key = pool["id"]
            mine = [row for row in rows.get(key, []) if row["exchange_id"] == exchange["id"]]
            self.compare(f"rows of a pool of {name}", key, len(mine), 1)
            for row in mine:
                rows[key].remove(row)
            if mine:
                expected = self._terms(truth, pool, known, fees, mark)
                found = {column: mine[0].get(column) for column in expected}
                self.compare(f"pool of {name}", key, found, expected)
                if "spacing" in pool:
                    ticks.append((factory, key, pool["spacing"], mine[0]["id"], mark, truth.touched(key, mark)))
        return ticks

    @staticmethod
    def _terms(truth, pool, known, fees, mark):
        """The columns of a pool as the chain says they must be."""
        kind, key = pool["kind"], pool["id"]
        is_v4 = kind == "uniswap_v4"
        expected = {"tokens": pool["tokens"]}
        if known:
            expected["kind"] = known
        expected |= {"pool_hash": key, "hooks": pool["hooks"]} if is_v4 else {"address": checksummed(key)}
        if kind == "uniswap_v2":
            fee = (25, 10_000) if known == "pancakeswap_v2" else (3, 1_000)
        elif kind == "aerodrome_v2":
            fee = fees.get(key), 10_000
            expected["stable"] = pool["stable"]
        else:
            fee = pool.get("fee", fees.get(key)), 1_000_000
        if kind != "uniswap_v2" or known:
            expected |= {"fee_token0": fee[0], "fee_token1": fee[0], "fee_denominator": fee[1]}
        if "spacing" in pool:
            block, index = truth.mark(key, mark)
            expected |= {"tick_spacing": pool["spacing"]}
            expected |= {"liquidity_update_block": block, "liquidity_update_log_index": index}
        return expected

    def _stored(self, table, key, column, values):
        found = collections.defaultdict(dict)
        for row in self.rows(f"SELECT * FROM {table}"):
            numbers = tuple(int(row[value]) for value in values)
            found[row[key]].setdefault(row[column], []).append(numbers)
        return found

    def _ticks(self, truth, pools):
        """Compares the ticks and the words of pools with what their contracts have stored."""
        of_v3 = ("liquidity_positions", "initialization_maps", "pool_id")
        of_v4 = ("managed_pool_liquidity_positions", "managed_pool_initialization_maps", "managed_pool_id")
        stored = {}
        for length, (positions, maps, key) in ((42, of_v3), (66, of_v4)):
            ticks = self._stored(positions, key, "tick", ("liquidity_gross", "liquidity_net"))
            stored[length] = ticks, self._stored(maps, key, "word", ("bitmap",))
        asked, calls = [], []
        for manager, pool, spacing, id_, mark, touched in pools:
            ticks, maps = stored[len(pool)]
            for tick in sorted(touched | set(ticks[id_])):
                asked.append(("tick", pool, tick, ticks[id_].get(tick, [])))
                calls.append(tick_call(manager, pool, tick, mark))
            for word in sorted({tick // spacing >> 8 for tick in touched} | set(maps[id_])):
                asked.append(("word", pool, word, maps[id_].get(word, [])))
                calls.append(word_call(manager, pool, word, mark))
        for (what, pool, place, found), answer in zip(asked, truth.answers(calls)):
            if what == "tick":
                value = tick_value(pool, answer)
            else:
                value = (int(answer, 16),) if answer and int(answer, 16) else None
            self.compare(what, f"{pool} at {place}", found, [value] if value else [])

    def _other_ticks(self, chain, compared):
        """Looks for ticks and words of pools that have none."""
        of_v3 = "SELECT pools.id FROM pools JOIN exchanges ON exchanges.id = exchange_id"
        of_v4 = """
            SELECT managed_pools.id FROM managed_pools JOIN pool_managers ON pool_managers.id = manager_id
            JOIN exchanges ON exchanges.id = exchange_id
        """
        for table, key, owners, length in (
            ("liquidity_positions", "pool_id", of_v3, 42),
            ("initialization_maps", "pool_id", of_v3, 42),
            ("managed_pool_liquidity_positions", "managed_pool_id", of_v4, 66),
            ("managed_pool_initialization_maps", "managed_pool_id", of_v4, 66),
        ):
            mine = {id_ for _, pool, _, id_, _, _ in compared if len(pool) == length}
            others = {row["id"] for row in self.rows(f"{owners} WHERE chain_id <> ? OR NOT active", chain)}
            found = {row[key] for row in self.rows(f"SELECT DISTINCT {key} FROM {table}")}
            self.compare("pools without ticks", table, found - mine - others, set())

    def _unused_tokens(self, chain):
        """A token is stored with its first pool, and goes with it after a reorganisation."""
        query = """
            SELECT address FROM erc20_tokens WHERE chain = ? AND id NOT IN (
                SELECT token0_id FROM pools UNION SELECT token1_id FROM pools
                UNION SELECT currency0_id FROM uniswap_v4_pools UNION SELECT currency1_id FROM uniswap_v4_pools
            )
        """
        self.compare("tokens", "no pool", self.rows(query, chain), [])


def compare(path, node, first_block, chain, exchanges):
    """What was compared, by its kind, and what is different."""
    with contextlib.closing(Comparison(path)) as comparison:
        # One state of the database, also beside an update.
        comparison.database.execute("BEGIN")
        comparison.run(Truth(node, first_block, exchanges), chain)
        return comparison.compared, comparison.different

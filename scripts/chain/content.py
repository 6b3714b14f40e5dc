"""Tokens, pools and events of liquidity on a chain of our own, and reorganisations of it."""

import copy

from abi import ZERO, address, call, encode, signed, words
from contracts import KINDS, LIQUIDITY, PRICE, SPACINGS, TOPICS, exchanges, set_mining, set_up
from keccak import keccak
from node import SENDER

KEY = "(address,address,uint24,int24,address)"
CHANGE = "(uint256,int24,int24,int128)"
MAX_TICK = 887272
DYNAMIC_FEE = 0x800000


def parts(items, size):
    return [items[i : i + size] for i in range(0, len(items), size)]


def token_answers(i):
    """What a token answers to name(), symbol() and decimals(): some in one of the odd ways that exist."""

    def text(content):
        return encode(["bytes"], [content])

    def fixed(content):
        return content.ljust(32, b"\0")

    decimals = encode(["uint256"], [(18, 6, 18, 0, 8, 18, 77)[i % 7]])
    odd = {
        2: (fixed(b"Maker"), fixed(b"MKR"), decimals),
        5: (b"", b"", decimals),
        7: (text(b"bad \xff\xfe"), text(b"\xc3\x28\x80"), decimals),
        9: (b"", b"", b""),
        11: (text(b""), text(b""), decimals),
        13: (text(b"long " * 60), text("\U0001f98a \"'%\n".encode()), decimals),
        15: (text(b"No decimals"), text(b"ND"), b""),
        17: (fixed(b"\xff\xff"), fixed(b"\xff\x80"), decimals),
        19: (text(b"Huge"), text(b"HUGE"), encode(["uint256"], [300])),
    }
    usual = (text(b"Token %d" % i), text(b"T%d" % i), decimals)
    return odd.get(i % 20, usual)


class Holdings:
    """What is on the chain up to a block: tokens, pools, and what the driver holds in them."""

    def __init__(self, node, first, last, driver):
        deployed = node.logs(first, last, [TOPICS["deployed"]], driver)
        self.tokens = sorted(address(log["data"]) for log in deployed)
        # Pools that exist, V3 pools with their spacing, and the keys of V4 pools.
        self.taken, self.pools, self.keys = set(), [], []
        for log in node.logs(first, last, list(KINDS)):
            self._add_pool(log)
        ids = {"0x" + keccak(encode([KEY], [key])).hex(): i for i, key in enumerate(self.keys)}
        indexes = {pool: i for i, (pool, _) in enumerate(self.pools)}
        # By (whether V4, index of the pool): the liquidity by (lower tick, upper tick).
        self.held = {}
        for log in node.logs(first, last, LIQUIDITY):
            topics, data = log["topics"], words(log["data"])
            if topics[0] == TOPICS["modify"]:
                owner, pool = topics[2], (True, ids[topics[1]])
                ticks, delta = (signed(data[0], 24), signed(data[1], 24)), signed(data[2], 256)
            else:
                owner, pool = topics[1], (False, indexes.get(log["address"].lower()))
                ticks = (signed(topics[2], 24), signed(topics[3], 24))
                delta = int(data[1], 16) if topics[0] == TOPICS["mint"] else -int(data[0], 16)
            if address(owner) == driver and delta:
                mine = self.held.setdefault(pool, {})
                mine[ticks] = mine.get(ticks, 0) + delta
                if not mine[ticks]:
                    del mine[ticks]

    def _add_pool(self, log):
        topics, data, factory = log["topics"], words(log["data"]), log["address"].lower()
        kind, pair = KINDS[topics[0]], (address(topics[1]), address(topics[2]))
        if kind == "uniswap_v4":
            pair = (address(topics[2]), address(topics[3]))
            self.keys.append((*pair, int(data[0], 16), signed(data[1], 24), address(data[2])))
        elif kind in ("uniswap_v3", "aerodrome_v3"):
            self.taken.add((factory, *pair, int(topics[3], 16)))
            is_v3 = kind == "uniswap_v3"
            pool, spacing = (data[1], data[0]) if is_v3 else (data[0], topics[3])
            self.pools.append((address(pool), int(spacing, 16)))
        else:
            self.taken.add((factory, *pair))


class Chain:
    """A chain with the contracts of the known exchanges."""

    def __init__(self, node, chain, first_block, bytecode):
        self.node, self.chain, self.first_block = node, chain, first_block
        self.exchanges = exchanges(chain)
        self.manager = self.exchanges["uniswap_v4"][1]
        self.driver, self.unknown_factory = set_up(node, chain, bytecode)

    def on(self, node):
        """The same chain on another node, which makes other blocks from now on."""
        other = copy.copy(self)
        other.node = node
        set_mining(node)
        return other

    def holdings(self, last):
        return Holdings(self.node, self.first_block, last, self.driver)

    def _mine(self, calls, per_block):
        for block in parts(list(calls), per_block):
            for to, data in block:
                self.node.send(to, data)
            self.node.mine()

    def grow(self, random, tokens=4, v2=0, v3=0, v4=0, events=0, tail=0, per_block=10):
        """Adds tokens, pools of each kind, events of liquidity in all pools, and empty blocks."""
        made = len(self.holdings(self.node.head()).tokens)
        answers = [token_answers(made + i) for i in range(tokens)]
        self._mine([(self.driver, call("tokens(bytes[3][])", part)) for part in parts(answers, 10)], per_block)
        self._mine(self._new_pools(self.holdings(self.node.head()), random, v2, v3, v4), per_block)
        self._mine(self._changes(self.holdings(self.node.head()), random, events), per_block)
        if tail:
            self.node("anvil_mine", hex(tail))

    def _new_pools(self, holdings, random, v2, v3, v4):
        """Calls that make pools which are not there yet."""
        tokens = holdings.tokens
        pairs = [(a, b) for i, a in enumerate(tokens) for b in tokens[i + 1 :]]
        return (
            self._new_v2(holdings, random, pairs, v2)
            + self._new_v3(holdings, random, pairs, v3)
            + self._new_v4(holdings, random, pairs, v4)
        )

    def _new_v2(self, holdings, random, pairs, count):
        factories = [at for kind, at in self.exchanges.values() if kind.endswith("_v2")]
        calls = []
        for i, factory in enumerate(factories):
            free = [pair for pair in pairs if (factory, *pair) not in holdings.taken]
            chosen = random.sample(free, count // len(factories) + (i < count % len(factories)))
            for part in parts(chosen, 5):
                calls.append((self.driver, call("createPairs(address,address[2][])", factory, part)))
        return calls

    def _new_v3(self, holdings, random, pairs, count):
        factories = [(kind, at) for kind, at in self.exchanges.values() if kind.endswith("_v3")]
        factories.append(("unknown", self.unknown_factory))
        calls = []
        for i, (kind, factory) in enumerate(factories):
            # Only the fees that every V3 factory has, where no owner added some.
            fees = {"aerodrome_v3": [1, 50, 100, 200], "unknown": [500, 3000, 10000]}.get(kind, list(SPACINGS))
            free = [
                (pair, fee)
                for pair in pairs
                for fee in fees
                if (factory.lower(), *pair, fee) not in holdings.taken
            ]
            by_fee = {}
            for pair, fee in random.sample(free, count // len(factories) + (i < count % len(factories))):
                by_fee.setdefault(fee, []).append(pair)
            signature = "createPools(address,address[2][],uint24,uint160)"
            mine = [
                (self.driver, call(signature, factory, part, fee, PRICE))
                for fee, chosen in by_fee.items()
                for part in parts(chosen, 2)
            ]
            random.shuffle(mine)
            calls += mine
        return calls

    def _new_v4(self, holdings, random, pairs, count):
        keys, seen = [], set(holdings.keys)
        while len(keys) < count:
            currency0, currency1 = random.choice(pairs)
            if random.random() < 0.2:
                currency0 = ZERO
            fee, hooks = random.choice([500, 3000, 100, 12345, DYNAMIC_FEE]), ZERO
            if fee == DYNAMIC_FEE:
                # It needs a hook. The last 14 bits of the address are permissions: before a swap, of which there are none.
                hooks = f"0x{random.getrandbits(146) << 14 | 1 << 7:040x}"
            key = (currency0, currency1, fee, random.choice([1, 10, 60, 200, 32767]), hooks)
            if key not in seen:
                seen.add(key)
                keys.append(key)
        signature = f"initializeV4(address,{KEY}[],uint160)"
        return [(self.driver, call(signature, self.manager, part, PRICE)) for part in parts(keys, 20)]

    def _changes(self, holdings, random, count, per_call=20):
        """Calls with changes of liquidity: most add some, others take all or a part away, and some are of zero."""
        pools, keys = holdings.pools, holdings.keys
        # A reorganisation can leave a pool without its tokens, and nothing can be paid to it.
        paid = {ZERO, *holdings.tokens}
        usable = [i for i, key in enumerate(keys) if paid.issuperset(key[:2])]
        in_v3, in_v4 = [], []
        for _ in range(count if pools or usable else 0):
            is_v4 = bool(usable) and (not pools or random.random() < 0.35)
            which = random.choice(usable) if is_v4 else random.randrange(len(pools))
            spacing = keys[which][3] if is_v4 else pools[which][1]
            ticks, delta = self._change(holdings.held.setdefault((is_v4, which), {}), random, spacing)
            if is_v4:
                in_v4.append((which, *ticks, delta))
            else:
                in_v3.append((int(pools[which][0], 16), *ticks, delta))
            if len(in_v3) == per_call:
                yield self._v3_call(in_v3)
                in_v3 = []
            if len(in_v4) == per_call:
                yield self._v4_call(keys, in_v4)
                in_v4 = []
        if in_v3:
            yield self._v3_call(in_v3)
        if in_v4:
            yield self._v4_call(keys, in_v4)

    @staticmethod
    def _change(held, random, spacing):
        if held and random.random() < 0.35:
            ticks = random.choice(list(held))
            taken = random.choice([held[ticks], held[ticks], held[ticks] // 3, 0])
            held[ticks] -= taken
            if not held[ticks]:
                del held[ticks]
            return ticks, -taken
        last = MAX_TICK // spacing
        if random.random() < 0.1:
            ticks = (-last * spacing, last * spacing)
        else:
            lower = random.randint(max(-last, -3000), min(last, 3000) - 1)
            ticks = (lower * spacing, min(last, lower + random.randint(1, 400)) * spacing)
        delta = random.randrange(10**6, 10**15)
        held[ticks] = held.get(ticks, 0) + delta
        return ticks, delta

    def _v3_call(self, changes):
        return self.driver, call(f"changeV3({CHANGE}[])", changes)

    def _v4_call(self, keys, changes):
        used = sorted({change[0] for change in changes})
        places = {which: i for i, which in enumerate(used)}
        moved = [(places[change[0]], *change[1:]) for change in changes]
        signature = f"changeV4(address,{KEY}[],{CHANGE}[])"
        return self.driver, call(signature, self.manager, [keys[which] for which in used], moved)

    def reorganise(self, random, depth, is_empty=False, v2=10, v3=10, v4=5, events=200):
        """Replaces the last blocks: by empty ones, or by most of their transactions, some a block later, and new ones."""
        base = self.node.head() - depth
        transactions = []
        if not is_empty:
            blocks = [("eth_getBlockByNumber", [hex(base + 1 + i), True]) for i in range(depth)]
            is_later = False
            for i, block in enumerate(self.node.batch(blocks)):
                for old in block["transactions"]:
                    is_later |= random.random() < 0.1
                    if random.random() < 0.25:
                        continue
                    kept = {"from": old["from"], "gas": old["gas"], "data": old["input"]}
                    if old["to"]:
                        kept["to"] = old["to"]
                    transactions.append((kept, min(depth - 1, i + is_later)))
            holdings = self.holdings(base)
            holdings.held = {}
            new = self._new_pools(holdings, random, v2, v3, v4) + list(self._changes(holdings, random, events))
            for to, data in new:
                sent = {"from": SENDER, "to": to, "data": data, "gas": hex(16_000_000)}
                transactions.insert(random.randint(0, len(transactions)), (sent, random.randrange(depth)))
            transactions.sort(key=lambda transaction: transaction[1])
        self.node("anvil_reorg", depth, [list(transaction) for transaction in transactions])

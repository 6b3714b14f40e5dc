"""The commands that are run: every one of `database`, `exchange`, `pool`, `token` and `aave`, with its options."""

VERSIONS = (
    "eb4080485a56", "a512dbce9854", "5d2dfe7292b3", "9c411aeeb15e", "b0b9e84d5527", "e0aaad8ad486", "2606a6c7f5ee",
    "20261128000000", "20261127000000", "20260618000000", "20251108000000", "2026", "b0",
)
EXCHANGES = (
    "ethereum_uniswap_v2", "ethereum_uniswap_v3", "ethereum_uniswap_v4", "base_uniswap_v2", "base_uniswap_v3",
    "base_aerodrome_v2", "base_pancakeswap_v3", "ethereum_sushiswap_v2",
)
MARKETS = ("ethereum_aave_v3", "ethereum_aave_v3_lido", "base_aave_v3", "arbitrum_aave_v3")
# Paths that are no text for a terminal. The second leads to the database, through a link.
HOSTILE_NAME = "\x1b[31m\u202e.db"
HOSTILE_PATH = "../\x1b]0;x\x07\u2066/degenbot.db"


class Command:
    """A command, and what a judge has to know of it."""

    def __init__(self, verb, arguments, answer, database="degenbot.db"):
        self.verb = verb
        self.arguments = ["--database", database, *arguments]
        self.answer = answer
        self.json = "--json" in arguments
        self.dry = "--dry-run" in arguments
        self.quick = "--quick" in arguments
        self.output = self.option("--output") or self.option("--into")
        self.source = self.option("--from")
        self.checked = self.option("--verify")
        self.target = self.option("--to")

    def option(self, name):
        if name in self.arguments:
            return self.arguments[self.arguments.index(name) + 1]
        return None

    def print_compactly(self):
        """Has a JSON document on one line."""
        self.arguments = ["--json=compact" if it == "--json" else it for it in self.arguments]

    def for_real(self):
        """The same without --dry-run, and with every question answered."""
        arguments = [it for it in self.arguments[2:] if it not in ("--dry-run", "--force")]
        return Command(self.verb, [*arguments, "--force"], "", self.arguments[1])

    def is_read_only(self):
        return self.dry or self.verb in READING

    def __str__(self):
        answer = f" <<< {self.answer!r}" if self.answer else ""
        return "degenbot " + " ".join(self.arguments) + answer


# The commands whose names are those of others, or say too little.
GROUPED = {
    "activate": ("exchange", "activate"), "deactivate": ("exchange", "deactivate"), "add": ("exchange", "add"),
    "list": ("exchange", "list"), "pools": ("pool", "list"), "pool": ("pool", "show"), "sync": ("pool", "update"),
    "tokens": ("token", "update"), "aave_activate": ("aave", "activate"), "aave_deactivate": ("aave", "deactivate"),
    "aave_list": ("aave", "list"), "aave_add": ("aave", "add"), "aave_update": ("aave", "update"),
}
# Those that write nothing, those that commit a part and can fail later, and those that have no --json.
READING = ("info", "verify", "list", "pools", "pool", "aave_list")
UPDATING = ("sync", "tokens", "aave_update")
SILENT = ("activate", "deactivate", "add", "aave_activate", "aave_deactivate", "aave_add")
CHAINS = ("1", "base", "ethereum", "8453")
# A token of many pools, texts that are none of a pool, and the first ids.
POOLS = (
    "1", "2", "7", "0", "-1", "9223372036854775807", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
    "0x0000000000000000000000000000000000000000", "0x" + "ab" * 32, "0xzz", "", "\x1b[31m\u202e",
)


def pick(random, node):
    """Chooses a command. `node` is the address of a node."""
    verb = random.choice(
        ("info", "verify", "verify", "backup", "backup", "restore", "restore", "upgrade", "upgrade", "upgrade",
         "downgrade", "compact", "compact", "reset", "activate", "deactivate", "list", "add", "pools", "pools", "pool",
         "pool", "sync", "sync", "tokens", "tokens", "aave_activate", "aave_activate", "aave_deactivate", "aave_list",
         "aave_add", "aave_update", "aave_update")
    )
    group, name = GROUPED.get(verb, ("database", verb))
    arguments = [group, name]

    def maybe(probability, *more):
        if random.random() < probability:
            arguments.extend(more)

    answer = ""
    if verb == "info":
        maybe(0.3, "--exact")
    elif verb == "verify":
        maybe(0.3, "--quick")
    elif verb == "backup":
        maybe(0.4, "--output", random.choice(("out.db", "out.db", "./out.db", "other.db", "degenbot.db", HOSTILE_NAME)))
        maybe(0.5, "--verify", random.choice(("quick", "full")))
    elif verb == "restore":
        sources = ("other.db", "other.db", "other.db", "degenbot.db", "nothing.db", HOSTILE_NAME)
        maybe(0.4, "--from", random.choice(sources))
        maybe(0.3, "--verify", random.choice(("quick", "full")))
        maybe(0.2, "--no-keep")
    elif verb == "upgrade":
        maybe(0.25, "--dry-run")
        maybe(0.2, "--to", random.choice(VERSIONS))
        maybe(0.8, "--assume", "aerodrome_v2.stable=false")
    elif verb == "downgrade":
        arguments += ["--to", random.choice(VERSIONS)]
        maybe(0.3, "--dry-run")
    elif verb == "compact":
        maybe(0.4, "--into", random.choice(("small.db", "small.db", "other.db", "degenbot.db", HOSTILE_NAME)))
    elif verb == "add":
        arguments += ["--chain", random.choice(("1", "base", "42161")), "--name", "camelot_v2", "--kind", "camelot_v2"]
        arguments += ["--factory", "0x6EcCab422D763aC031210895C81787E87B43A652"]
    elif verb in ("activate", "deactivate"):
        arguments.append(random.choice(EXCHANGES))
    elif verb == "pools":
        maybe(0.4, "--chain", random.choice(CHAINS))
        maybe(0.3, "--exchange", random.choice(EXCHANGES))
        maybe(0.3, "--limit", random.choice(("0", "1", "20", "18446744073709551615")))
    elif verb == "pool":
        arguments += random.sample(POOLS, random.choice((1, 1, 1, 2)))
        maybe(0.3, "--chain", random.choice(CHAINS))
    elif verb in ("aave_activate", "aave_deactivate"):
        arguments.append(random.choice(MARKETS))
        if verb == "aave_activate":
            maybe(0.8, "--rpc", node)
    elif verb == "aave_add":
        arguments += ["--chain", random.choice(("1", "base", "42161")), "--rpc", node]
        arguments += ["--provider", "0x6EcCab422D763aC031210895C81787E87B43A652"]
        maybe(0.5, "--name", "spark")
        maybe(0.5, "--from-block", random.choice(("1", "16776401", "9007199254740992")))
    elif verb in UPDATING:
        arguments += ["--rpc", node]
        maybe(0.3, "--chain", random.choice(CHAINS))
        if verb != "tokens":
            maybe(0.5, "--to-block", random.choice(("latest", "finalized", "5", "latest:-2")))
        if verb == "sync":
            maybe(0.3, "--exchange", random.choice(EXCHANGES))
        if verb == "aave_update":
            maybe(0.3, "--market", random.choice(MARKETS))
    if verb not in SILENT:
        maybe(0.3, "--json")
    if verb not in READING and "--dry-run" not in arguments:
        maybe(0.3, "--wait", random.choice("01"))
    if verb in ("backup", "restore", "upgrade", "downgrade", "compact", "reset") and "--dry-run" not in arguments:
        if random.random() < 0.8:
            arguments.append("--force")
        else:
            answer = random.choice(("y\n", "y\n", "n\n", "", "\x1b\n"))
    if random.random() < 0.15:
        arguments.insert(0, random.choice(("-q", "-v", "-vv")))
    database = HOSTILE_PATH if random.random() < 0.07 else "degenbot.db"
    return Command(verb, arguments, answer, database)

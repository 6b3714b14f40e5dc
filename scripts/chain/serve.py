"""A chain of our own to try degenbot on: prints the address of its node, and serves until its stdin ends.

Each line on stdin is a command: 'grow EVENTS' adds pools and events, 'mine BLOCKS' adds empty blocks, 'reorganise DEPTH'
replaces the last blocks, 'compare PATH' compares a database with the chain. An answer is one line.
"""

import argparse
import json
import os
import random
import sys

from content import Chain
from node import Anvil
from soak import CHAINS
from truth import compare


def obey(chain, rng, command, argument):
    if command == "grow":
        chain.grow(rng, v2=5, v3=5, v4=5, events=int(argument))
    elif command == "mine":
        chain.node("anvil_mine", hex(int(argument)))
    elif command == "reorganise":
        chain.reorganise(rng, int(argument))
    elif command == "compare":
        compared, different = compare(argument, chain.node, chain.first_block, chain.chain, chain.exchanges)
        return "\n".join(different[:20] + [f"{sum(compared.values())} compared, {len(different)} different"])
    else:
        return f"no command {command!r}"
    return f"head {chain.node.head()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="the folder of scripts/chain/install")
    parser.add_argument("--chain", type=int, choices=sorted(CHAINS), default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    for name, count in {"tokens": 60, "v2": 400, "v3": 400, "v4": 200, "events": 20_000, "tail": 70, "per-block": 20}.items():
        parser.add_argument(f"--{name}", type=int, default=count, help=f"by default {count}")
    options = parser.parse_args()
    with open(os.path.join(options.work, "bytecode.json"), encoding="utf-8") as file:
        bytecode = json.load(file)
    first_block = CHAINS[options.chain][1]
    anvil = Anvil(options.work, options.chain, first_block, options.port)
    try:
        chain = Chain(anvil.node, options.chain, first_block, bytecode)
        rng = random.Random(options.seed)
        chain.grow(
            rng, options.tokens, options.v2, options.v3, options.v4, options.events, options.tail,
            options.per_block,
        )
        print(f"http://127.0.0.1:{anvil.port} from block {first_block} to {chain.node.head()}", flush=True)
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            if command:
                print(obey(chain, rng, command, argument), flush=True)
    finally:
        anvil.stop()


if __name__ == "__main__":
    main()

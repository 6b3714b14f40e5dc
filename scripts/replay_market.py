"""A node for scripts/python-interop: it replays the market of tests/aave-state.zst over HTTP until it is killed.

The argument is the decompressed file. The first line of the output is the address of the node.
"""

import bisect
import json
import sys
from collections import defaultdict
from pathlib import Path

from eth_utils import keccak
from replay_node import replay

FINALITY = 64

state = json.loads(Path(sys.argv[1]).read_text())
first = state["first_block"] - 1
head = first + len(state["times"]) - 1
events = defaultdict(list)
for block, address, topics, data in state["logs"]:
    events[block].append({"address": address, "topics": topics, "data": data})
# What each call answers, by the blocks since which it does.
calls = defaultdict(list)
for contract, data, block, result in state["calls"]:
    calls[contract, data].append((block, result))
    calls[contract, data].sort()


def selector(function: str) -> str:
    return "0x" + keccak(text=function)[:4].hex()


# Only what the file was recorded for was asked: the registered contracts by their names are missing.
for block, address, topics, _ in state["logs"]:
    if topics[0] == "0x" + keccak(text="AddressSet(bytes32,address,address)").hex():
        call = address, selector("getAddress(bytes32)") + topics[1][2:]
        calls[call].append((block, topics[3]))
        calls[call].sort()
# What is answered to other calls: there is no such contract, and no such e-mode category.
UNRECORDED = {
    selector("getAddress(bytes32)"): [0],
    selector("getEModeCategoryData(uint8)"): [32, 0, 0, 0, 0, 160, 0],
    selector("getEModeCategoryCollateralBitmap(uint8)"): [0],
    selector("getEModeCategoryBorrowableBitmap(uint8)"): [0],
    selector("getEModeCategoryLtvzeroBitmap(uint8)"): [0],
}


def number(tag: str) -> int:
    tags = {"latest": head, "safe": head - FINALITY // 2, "finalized": head - FINALITY, "earliest": first}
    return tags[tag] if tag in tags else int(tag, 16)


def block_hash(block: int) -> str:
    return "0x" + keccak(text=f"block {block}").hex()


def header(block: int) -> dict | None:
    if not first <= block <= head:
        return None
    return {
        "number": hex(block),
        "hash": block_hash(block),
        "parentHash": block_hash(block - 1),
        "timestamp": hex(state["times"][block - first]),
        # An empty filter says nothing about the events.
        "logsBloom": "0x" + "00" * 256,
    }


def logs(wanted: dict) -> list[dict]:
    found = []
    for block in range(number(wanted["fromBlock"]), number(wanted["toBlock"]) + 1):
        for index, event in enumerate(events[block]):
            if wanted.get("address") and event["address"] not in wanted["address"]:
                continue
            if wanted.get("topics") and event["topics"][0] not in wanted["topics"][0]:
                continue
            place = {
                "blockNumber": hex(block),
                "blockHash": block_hash(block),
                "transactionHash": "0x" + f"{block:064x}",
                "transactionIndex": "0x0",
                "logIndex": hex(index),
                "removed": False,
            }
            found.append(event | place)
    return found


def called(wanted: dict, tag: str) -> str | None:
    data = wanted.get("data") or wanted["input"]
    known = calls[wanted["to"].lower(), data]
    place = bisect.bisect_right(known, (number(tag), "~"))
    if place:
        return known[place - 1][1]
    words = UNRECORDED.get(data[:10])
    return words and "0x" + "".join(f"{word:064x}" for word in words)


def answer(call: dict) -> dict:
    result = None
    match call["method"], call.get("params", []):
        case "eth_chainId", _:
            result = hex(state["chain_id"])
        case "eth_blockNumber", _:
            result = hex(head)
        case "eth_getBlockByNumber", [tag, _]:
            result = header(number(tag))
        case "eth_getLogs", [wanted]:
            result = logs(wanted)
        case "eth_call", [wanted, tag]:
            result = called(wanted, tag)
            if result is None:
                error = {"code": 3, "message": "execution reverted", "data": "0x"}
                return {"jsonrpc": "2.0", "id": call["id"], "error": error}
    return {"jsonrpc": "2.0", "id": call["id"], "result": result}


if __name__ == "__main__":
    replay(answer)

"""A node for scripts/python-interop: it replays a small chain over HTTP until it is killed.

The chain has 70 blocks with a pool of each family of Uniswap, and events of liquidity, the last of which are not final
yet, and the contracts that the activation of Aave's market asks. The first line of its output is the address of the
node. It needs eth_utils, which the package 0.5.0 brings.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from eth_utils import keccak

FIRST = 25_000_000
BLOCKS = 70
FINALITY = 64

V2_FACTORY = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"
V3_FACTORY = "0x1f98431c8ad98523631ae4a59f267346ea31f984"
V4_MANAGER = "0x000000000004444c5dc75cb358380d2e3de08a90"
TOKENS = ["0x" + "11" * 20, "0x" + "22" * 20]
V2_POOL, V3_POOL = "0x" + "a2" * 20, "0x" + "a3" * 20
NOBODY = "0x" + "00" * 20


def word(value) -> str:
    """A number, or a text of hex digits with 0x, as a word of 32 bytes."""
    if isinstance(value, str):
        return value[2:].rjust(64, "0")
    return f"{value % 2**256:064x}"


def log(address: str, signature: str, topics=(), data=()) -> dict:
    topics = ["0x" + keccak(text=signature).hex(), *("0x" + word(topic) for topic in topics)]
    return {"address": address, "topics": topics, "data": "0x" + "".join(map(word, data))}


def mint(lower: int, upper: int, amount: int) -> dict:
    signature = "Mint(address,address,int24,int24,uint128,uint256,uint256)"
    return log(V3_POOL, signature, [NOBODY, lower, upper], [NOBODY, amount, 1, 1])


def burn(lower: int, upper: int, amount: int) -> dict:
    signature = "Burn(address,int24,int24,uint128,uint256,uint256)"
    return log(V3_POOL, signature, [NOBODY, lower, upper], [amount, 1, 1])


KEY = [NOBODY, TOKENS[1], 3000, 60, NOBODY]
V4_POOL = "0x" + keccak(hexstr="0x" + "".join(map(word, KEY))).hex()
EVENTS = {
    1: [log(V2_FACTORY, "PairCreated(address,address,address,uint256)", TOKENS, [V2_POOL, 1])],
    2: [
        log(V3_FACTORY, "PoolCreated(address,address,uint24,int24,address)", [*TOKENS, 500], [10, V3_POOL]),
        mint(-100, 200, 1000),
    ],
    3: [burn(-100, 200, 400), mint(-887270, 887270, 2**127 - 1)],
    4: [
        log(
            V4_MANAGER,
            "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)",
            [V4_POOL, NOBODY, TOKENS[1]],
            [3000, 60, NOBODY, 2**96, 0],
        ),
        log(
            V4_MANAGER,
            "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)",
            [V4_POOL, NOBODY],
            [-60, 120, 700, 0],
        ),
    ],
    68: [mint(-100, 200, 5)],
}


def selector(signature: str) -> str:
    return "0x" + keccak(text=signature)[:4].hex()


def string(text: str) -> str:
    return word(32) + word(len(text)) + text.encode().hex().ljust(64, "0")


# The contracts of Aave's market on Ethereum, as far as its activation asks them.
PROVIDER = "0x2f39d218133afab8f2b819b1066c7e434ad94e9e"
GHO = "0x40d16fc0246ad3160ccc09b8d0d3a2cd28ae6c2f"
CALLS = {
    (PROVIDER, selector("getMarketId()")): string("Aave Ethereum Market"),
    (PROVIDER, selector("getPool()")): word("0x" + "aa" * 20),
    (GHO, selector("name()")): string("Gho Token"),
    (GHO, selector("symbol()")): string("GHO"),
    (GHO, selector("decimals()")): word(18),
}


def block_hash(number: int) -> str:
    return "0x" + keccak(text=f"block {number}").hex()


def header(number: int) -> dict | None:
    if not FIRST <= number < FIRST + BLOCKS:
        return None
    return {
        "number": hex(number),
        "hash": block_hash(number),
        "parentHash": block_hash(number - 1),
        "timestamp": hex(1_700_000_000 + 12 * number),
        # An empty filter says nothing about the events.
        "logsBloom": "0x" + "00" * 256,
    }


def logs(wanted: dict) -> list[dict]:
    found = []
    for number in range(int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16) + 1):
        for index, event in enumerate(EVENTS.get(number - FIRST, [])):
            if wanted.get("address") and event["address"] not in wanted["address"]:
                continue
            if wanted.get("topics") and event["topics"][0] not in wanted["topics"][0]:
                continue
            place = {
                "blockNumber": hex(number),
                "blockHash": block_hash(number),
                "transactionHash": "0x" + "00" * 32,
                "transactionIndex": "0x0",
                "logIndex": hex(index),
                "removed": False,
            }
            found.append(event | place)
    return found


def answer(call: dict) -> dict:
    head = FIRST + BLOCKS - 1
    tags = {"latest": head, "safe": head - FINALITY // 2, "finalized": head - FINALITY, "earliest": FIRST}
    match call["method"], call.get("params", []):
        case "eth_chainId", _:
            result = "0x1"
        case "eth_blockNumber", _:
            result = hex(head)
        case "eth_getBlockByNumber", [tag, _]:
            result = header(tags[tag] if tag in tags else int(tag, 16))
        case "eth_getLogs", [wanted]:
            result = logs(wanted)
        case "eth_call", [wanted, *_]:
            asked = wanted["to"].lower(), (wanted.get("data") or wanted["input"])[:10]
            result = "0x" + CALLS.get(asked, "")
        case method, _:
            error = {"code": -32601, "message": f"the method {method} is not available"}
            return {"jsonrpc": "2.0", "id": call["id"], "error": error}
    return {"jsonrpc": "2.0", "id": call["id"], "result": result}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer = staticmethod(answer)

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_batch = isinstance(message, list)
        answers = [self.answer(call) for call in message] if is_batch else self.answer(message)
        body = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def replay(answers) -> None:
    """Serves what `answers` makes of each call."""
    Handler.answer = staticmethod(answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    replay(answer)

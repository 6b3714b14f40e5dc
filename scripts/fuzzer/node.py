"""A node of a chain without events, which also answers what no node should."""

import hashlib
import http.server
import json
import threading

HEAD = 20
HOSTILE = "\x1b[31m\u202e\u2066\r\n\x9b1mhint: run rm -rf"

# The paths of the node. The first part is the chain.
KINDS = ("sound", "sound", "sound", "errors", "texts", "garbage", "null", "short")


def word(text):
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def header(number):
    return {
        "number": hex(number),
        "hash": word(f"block {number}"),
        "parentHash": word(f"block {number - 1}"),
        "timestamp": hex(1_700_000_000 + number),
        "logsBloom": "0x" + "00" * 256,
    }


def block(tag):
    if tag in ("latest", "safe", "finalized", "earliest"):
        return header({"latest": HEAD, "safe": HEAD - 2, "finalized": HEAD - 4, "earliest": 0}[tag])
    number = int(tag, 16)
    return header(number) if number <= HEAD else None


def string(data):
    """A `string` as contracts encode it."""
    padded = data + bytes(-len(data) % 32)
    return (32).to_bytes(32, "big") + len(data).to_bytes(32, "big") + padded


def call(parameters):
    """What a token says: the name, the symbol or the decimals."""
    digest = hashlib.sha256(json.dumps(parameters[0], sort_keys=True).encode()).digest()
    answers = (
        string(b"Token"), string(HOSTILE.encode()), string(b"\xff\xfe"), string(b"x" * 70_000), string(b"\0a"),
        digest, bytes(31) + bytes([digest[1]]), b"", b"\xff" * 100, string(b""),
    )
    return "0x" + answers[digest[0] % len(answers)].hex()


def answer(kind, chain, request):
    method, parameters = request.get("method"), request.get("params") or []
    reply = {"jsonrpc": "2.0", "id": request.get("id")}
    if method == "eth_chainId":
        return {**reply, "result": hex(chain)}
    if kind == "errors":
        return {**reply, "error": {"code": -32000, "message": HOSTILE * 50}}
    if kind == "texts":
        return {**reply, "result": HOSTILE}
    if kind == "null":
        return {**reply, "result": None}
    if method == "eth_getBlockByNumber":
        return {**reply, "result": block(parameters[0])}
    if method == "eth_getLogs":
        return {**reply, "result": []}
    if method == "eth_call":
        return {**reply, "result": call(parameters)}
    return {**reply, "error": {"code": -32601, "message": "no such method"}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, chain, kind = self.path.split("/")
        batch = body if isinstance(body, list) else [body]
        replies = [answer(kind, int(chain), request) for request in batch]
        data = json.dumps(replies if isinstance(body, list) else replies[0]).encode()
        asks_for_chain = all(request.get("method") == "eth_chainId" for request in batch)
        if kind == "garbage" and not asks_for_chain:
            data = HOSTILE.encode() * 20
        if kind == "short" and not asks_for_chain:
            data = data[: len(data) // 2]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A command that ends early closes its connection."""


class Node:
    """Serves until the program ends."""

    def __init__(self):
        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]

    def address(self, random):
        # Nothing listens at port 1. A command asks it for half a minute.
        if random.random() < 0.02:
            return "http://127.0.0.1:1/"
        return f"http://127.0.0.1:{self.port}/{random.choice((1, 1, 8453))}/{random.choice(KINDS)}"

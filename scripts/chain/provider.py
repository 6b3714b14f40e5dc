"""A provider between a client and a node: with the limits of public providers, and with faults."""

import http.client
import http.server
import json
import random
import sys
import threading
import time

# What providers answer to a range of too many blocks.
TOO_WIDE = {
    "alchemy": (-32600, "Under the Free tier plan, you can make eth_getLogs requests with up to a {n} block range."),
    "infura": (-32602, "range exceeds limit of {n}"),
    "quicknode": (-32614, "eth_getLogs is limited to a {n} range"),
    "reth": (-32602, "query exceeds max block range {n}"),
    "erigon": (-32602, "query block range exceeds server limit, narrow your filter: {n}"),
    "public": (-32701, "exceed maximum block range: {n}"),
    "geth": (-32602, "exceed maximum block range: {n}"),
}

# What they answer to one with too many logs. The range from `a` to `last` would do.
TOO_MANY = {
    "alchemy": (
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
        "response size, or you can request any block range with a cap of {n} logs in the response. Based on your "
        "parameters and the response size limit, this block range should work: [{a:#x}, {last:#x}]",
    ),
    "infura": (-32005, "query returned more than {n} results. Try with this block range [{a:#x}, {last:#x}]."),
    "quicknode": (-32614, "eth_getLogs is limited to a 10,000 range"),
    "reth": (-32602, "query exceeds max results {n}, retry with the range {a}-{last}"),
    "erigon": (-32602, "query returns too many logs, narrow your filter: {n}"),
    "public": (-32600, "block range is too wide"),
    "geth": (-32003, "response too large"),
}

# Where the block stands in the parameters of a request.
BLOCK_AT = {"eth_getBlockByNumber": 0, "eth_call": 1, "eth_getCode": 1, "eth_getStorageAt": 2}


class Faults:
    """What a provider does besides answering. Nothing by default."""

    def __init__(self, **values):
        self.style = "geth"
        self.max_blocks = None
        self.max_logs = None
        # Seconds before each answer.
        self.latency = 0
        # Calls in a second.
        self.rate = None
        # How many blocks the node behind every second request lags behind.
        self.lag = 0
        self.lag_is_error = False
        # The share of answers that are cut, invalid or errors of a proxy.
        self.cut = 0
        # The share of answers that never come, and how many of them there are at most: each costs an update a minute.
        self.hang = 0
        self.hangs = 2
        # The port of another node, which answers every second request.
        self.other = None
        vars(self).update(values)

    def __str__(self):
        usual = vars(Faults())
        return " ".join(f"{name}={value}" for name, value in vars(self).items() if value != usual[name])


class Provider:
    """Answers on a port of its own. `faults` can be replaced at any time."""

    def __init__(self, port, seed=0):
        self.upstream, self.faults = port, Faults()
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.requests, self.window, self.used = 0, 0, 0
        self.stopping = threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # An answer leaves at once, also a small one.
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self):
                provider.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # A client that is killed breaks its connections off.
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        calls = json.loads(body)
        faults, batch = self.faults, calls if isinstance(calls, list) else [calls]
        with self.lock:
            self.requests += 1
            is_second = self.requests % 2 == 0
            is_too_fast = self._is_too_fast(faults, len(batch))
            hangs = self.random.random() < faults.hang and faults.hangs > 0
            faults.hangs -= hangs
            cut = self.random.randrange(4) if self.random.random() < faults.cut else None
        if is_too_fast:
            error = {"code": 429, "message": "Your app has exceeded its compute units per second capacity."}
            return self._send(handler, 429, json.dumps({"jsonrpc": "2.0", "error": error}), {"retry-after": "1"})
        if hangs:
            self.stopping.wait()
            handler.close_connection = True
            return None
        if cut in (2, 3):
            return self._send(handler, 500 + cut, f"<html><h1>{500 + cut}</h1></html>")
        time.sleep(faults.latency)
        upstream = Upstream(faults.other if is_second and faults.other else self.upstream)
        try:
            answers = upstream.answers(batch, faults, faults.lag if is_second else 0)
        except (OSError, http.client.HTTPException):
            return self._send(handler, 502, "the node does not answer")
        finally:
            upstream.close()
        text = "[" + ",".join(answers) + "]" if isinstance(calls, list) else answers[0]
        if cut == 0:
            # Half of the answer, as if it were the whole.
            return self._send(handler, 200, text[: len(text) // 2])
        return self._send(handler, 200, text, is_cut=cut == 1)

    def _is_too_fast(self, faults, count):
        now = int(time.monotonic())
        if now != self.window:
            self.window, self.used = now, 0
        self.used += count
        # One batch a second gets through, however large it is.
        return faults.rate is not None and self.used > faults.rate and self.used > count

    @staticmethod
    def _send(handler, status, text, headers=None, is_cut=False):
        content = text.encode()
        handler.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2] if is_cut else content)
        if is_cut:
            handler.close_connection = True


class Upstream:
    """A connection to the node behind the provider, for one request."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.newest = None

    def close(self):
        self.connection.close()

    def forward(self, call):
        self.connection.request("POST", "/", json.dumps(call), {"content-type": "application/json"})
        return self.connection.getresponse().read().decode()

    def answers(self, batch, faults, lag):
        """The answers to a batch, in its order. The node gets what no fault concerns at once, as from a real provider."""
        if lag or len(batch) == 1 or any(call["method"] == "eth_getLogs" for call in batch):
            return [self.answer(call, faults, lag) for call in batch]
        return [self.forward(batch).strip()[1:-1]]

    def head(self):
        """The newest block, the same one for all calls of the request."""
        if self.newest is None:
            call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
            self.newest = int(json.loads(self.forward(call))["result"], 16)
        return self.newest

    def answer(self, call, faults, lag):
        """The answer to one call: that of the node, or that of a node which lags, or a refusal."""
        method, parameters = call["method"], list(call.get("params", []))
        head = self.head() - lag
        if lag and method == "eth_blockNumber":
            return result(call, hex(head))
        if lag and method in BLOCK_AT and isinstance(parameters[BLOCK_AT[method]], str):
            at = BLOCK_AT[method]
            number = block_number(parameters[at], head)
            if number > head:
                return result(call, None) if at == 0 else refusal(call, -32000, "header not found")
            parameters[at] = hex(max(0, number))
        if method != "eth_getLogs":
            return self.forward({**call, "params": parameters})
        return self._logs(call, parameters[0], faults, head, lag)

    def _logs(self, call, log_filter, faults, head, lag):
        if "blockHash" in log_filter:
            if lag:
                question = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByHash"}
                block = json.loads(self.forward({**question, "params": [log_filter["blockHash"], False]})).get("result")
                if block is None or int(block["number"], 16) > head:
                    return refusal(call, -32000, "unknown block")
            return self.forward(call)
        first = block_number(log_filter["fromBlock"], head)
        last = block_number(log_filter["toBlock"], head)
        if faults.max_blocks and last - first >= faults.max_blocks:
            code, text = TOO_WIDE[faults.style]
            return refusal(call, code, text.format(n=faults.max_blocks))
        if lag and last > head:
            if faults.lag_is_error:
                return refusal(call, -32602, "block range extends beyond current head block")
            if first > head:
                return result(call, [])
            last = head
        log_filter = {**log_filter, "fromBlock": hex(first), "toBlock": hex(last)}
        text = self.forward({**call, "params": [log_filter]})
        if faults.max_logs:
            logs = json.loads(text).get("result") or []
            if len(logs) > faults.max_logs:
                fits = max(first, int(logs[faults.max_logs]["blockNumber"], 16) - 1)
                code, text = TOO_MANY[faults.style]
                return refusal(call, code, text.format(n=faults.max_logs, a=first, last=fits))
        return text


def block_number(block, head):
    """The number that a tag or a number means on a node with that head."""
    tags = {"latest": head, "safe": head - 32, "finalized": head - 64, "earliest": 0}
    return tags[block] if block in tags else int(block, 16)


def result(call, value):
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": value})


def refusal(call, code, message):
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message}})


def main():
    """Serves in front of a node until stdin ends: provider.py NODE_PORT [NAME=NUMBER ...], by the names of `Faults`."""
    faults = dict(argument.split("=") for argument in sys.argv[2:])
    provider = Provider(int(sys.argv[1]))
    provider.faults = Faults(**{name: float(value) for name, value in faults.items()})
    print(f"http://127.0.0.1:{provider.port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

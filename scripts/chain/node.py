"""A node of a chain of its own: anvil, and the requests to it."""

import glob
import http.client
import json
import os
import signal
import socket
import subprocess
import time

# The first account that anvil unlocks.
SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


class NodeError(Exception):
    """An answer that is an error, with its code."""

    def __init__(self, method, error):
        super().__init__(f"{method}: {error}")
        self.code = error.get("code")


class Node:
    """JSON-RPC over one connection."""

    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.pending = []

    def answers(self, calls):
        """The answers to calls (method, parameters), in their order; errors among them."""
        body = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": parameters}
            for i, (method, parameters) in enumerate(calls)
        ]
        headers = {"content-type": "application/json"}
        self.connection.request("POST", "/", json.dumps(body), headers)
        answers = json.loads(self.connection.getresponse().read())
        return sorted(answers, key=lambda answer: answer["id"])

    def batch(self, calls):
        """The results of calls."""
        results = []
        for answer, (method, _) in zip(self.answers(calls), calls):
            if "error" in answer:
                raise NodeError(method, answer["error"])
            results.append(answer["result"])
        return results

    def __call__(self, method, *parameters):
        return self.batch([(method, list(parameters))])[0]

    def head(self):
        return int(self("eth_blockNumber"), 16)

    def logs(self, first, last, topics, address=None):
        """The logs with one of the first topics."""
        if first > last:
            return []
        log_filter = {"fromBlock": hex(first), "toBlock": hex(last), "topics": [topics]}
        if address:
            log_filter["address"] = address
        return self("eth_getLogs", log_filter)

    def send(self, to, data, gas=16_000_000):
        """Adds a transaction to the next block; one without a receiver makes a contract."""
        transaction = {"from": SENDER, "data": data, "gas": hex(gas)}
        if to:
            transaction["to"] = to
        self.pending.append(("eth_sendTransaction", [transaction]))

    def mine(self):
        """Makes a block of what was sent, and returns its receipts."""
        sent, self.pending = self.pending, []
        hashes = self.batch(sent) if sent else []
        self("evm_mine")
        receipts = self.batch([("eth_getTransactionReceipt", [h]) for h in hashes]) if hashes else []
        for receipt in receipts:
            if receipt is None or receipt["status"] != "0x1":
                raise RuntimeError(f"a transaction failed: {receipt and receipt['transactionHash']}")
        return receipts


class Anvil:
    """An anvil of our own on a free port. With a fork, the port of another one and a block, it has its blocks up to there."""

    def __init__(self, folder, chain, first_block, port=0, fork=None):
        programs = glob.glob(os.path.join(folder, "node_modules/@foundry-rs/anvil-*/bin/anvil"))
        if not programs:
            raise SystemExit(f"no anvil was found under {folder}")
        self.port = port or free_port()
        command = [programs[0], "--silent", "--host", "127.0.0.1", "--port", self.port, "--chain-id", chain]
        # Later hardforks limit the gas of a transaction. Blocks are made when they are asked for.
        command += ["--hardfork", "cancun", "--order", "fifo", "--base-fee", 0, "--gas-price", 0]
        command += ["--gas-limit", 3_000_000_000, "--code-size-limit", 60_000]
        if fork:
            command += ["--fork-url", f"http://127.0.0.1:{fork[0]}", "--fork-block-number", fork[1]]
            command += ["--no-storage-caching"]
        else:
            command += ["--number", first_block, "--timestamp", 1_672_531_200]
        # The state of 700 blocks: 500 in memory, and the rest on the disk.
        command += ["--max-persisted-states", 200, "--cache-path", os.path.join(folder, f"states.{self.port}")]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.node = Node(self.port)
        end = time.monotonic() + 20
        while True:
            try:
                self.node("eth_chainId")
                return
            except (OSError, http.client.HTTPException):
                self.node = Node(self.port)
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit("anvil does not answer")
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]

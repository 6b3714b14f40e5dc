"""The contracts of a chain of our own: real ones at the addresses of the known exchanges."""

import json
import os

from abi import call, checksummed, encode, topic
from node import SENDER

HERE = os.path.dirname(os.path.abspath(__file__))

# The price of tick 0.
PRICE = 1 << 96

# The tick spacing of each fee of a V3 factory.
SPACINGS = {100: 1, 500: 10, 3000: 60, 10000: 200}

# The signature of each event. The kind of an exchange is the name of the event of its new pools.
SIGNATURES = {
    "uniswap_v2": "PairCreated(address,address,address,uint256)",
    "aerodrome_v2": "PoolCreated(address,address,bool,address,uint256)",
    "uniswap_v3": "PoolCreated(address,address,uint24,int24,address)",
    "aerodrome_v3": "PoolCreated(address,address,int24,address)",
    "uniswap_v4": "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)",
    "mint": "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    "burn": "Burn(address,int24,int24,uint128,uint256,uint256)",
    "modify": "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)",
    "deployed": "Deployed(address)",
}
TOPICS = {name: topic(signature) for name, signature in SIGNATURES.items()}
KINDS = {TOPICS[name]: name for name in ("uniswap_v2", "aerodrome_v2", "uniswap_v3", "aerodrome_v3", "uniswap_v4")}
LIQUIDITY = [TOPICS[name] for name in ("mint", "burn", "modify")]


def exchanges(chain):
    """The kind and the address of the factory, or of the pool manager, of each exchange of a chain, by its name."""
    found = {}
    with open(os.path.join(HERE, "../../tests/deployments.jsonl"), encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)["exchange"]
            if exchange["chain_id"] == chain:
                name = exchange["name"]
                kind = name if name.startswith("aerodrome") else "uniswap" + name[name.rindex("_"):]
                found[name] = (kind, exchange["factory"].lower())
    return found


def deploy(node, code, arguments=b""):
    node.send(None, code + arguments.hex())
    return node.mine()[0]["contractAddress"].lower()


def place(node, code, at, arguments=b""):
    """Puts a contract at an address: deploys it, and replaces its own address in its code."""
    made = deploy(node, code, arguments)
    deployed = node("eth_getCode", made, "latest")
    node("anvil_setCode", at, deployed.replace(made[2:], at[2:]))


def set_slot(node, at, slot, address):
    node("anvil_setStorageAt", at, f"0x{slot:064x}", "0x" + address[2:].rjust(64, "0"))


def set_mining(node):
    """Has a node make a block only when it is asked for one."""
    node("evm_setAutomine", False)
    node("anvil_setBlockTimestampInterval", 12)


def set_up(node, chain, bytecode):
    """Makes the contracts. Returns the addresses of the driver, and of a V3 factory that no list of exchanges has."""
    set_mining(node)
    node("anvil_setBalance", SENDER, hex(10**24))
    driver = deploy(node, bytecode["Driver"])
    node("anvil_setBalance", driver, hex(10**30))
    owner = encode(["address"], [SENDER])
    for kind, at in exchanges(chain).values():
        if kind == "uniswap_v2":
            place(node, bytecode["UniswapV2Factory"], at, owner)
        elif kind == "uniswap_v3":
            place(node, bytecode["UniswapV3Factory"], at)
            set_slot(node, at, 3, SENDER)
            for fee, spacing in SPACINGS.items():
                node.send(at, call("enableFeeAmount(uint24,int24)", fee, spacing))
            node.mine()
        elif kind == "uniswap_v4":
            place(node, bytecode["PoolManager"], at, owner)
            set_slot(node, at, 0, SENDER)
        elif kind == "aerodrome_v3":
            pool = bytes.fromhex(bytecode["UniswapV3Pool"][2:])
            code = deploy(node, bytecode["Code"], encode(["bytes"], [pool]))
            place(node, bytecode["AerodromeV3Factory"], at)
            node.send(at, call("setCode(address)", code))
            node.mine()
        elif kind == "aerodrome_v2":
            place(node, bytecode["AerodromeV2Factory"], at)
    unknown = deploy(node, bytecode["UniswapV3Factory"])
    return driver, checksummed(unknown)

"""The part of scripts/python-interop about markets of Aave, which runs in the environment of the package 0.6.0a4.

`activate PATH NODE` activates the market of Ethereum with the package. `read PATH` prints what the package's models find
in a database: the markets with their contracts, and the GHO token.
"""

import sys

from degenbot.aave import activate_aave_market
from degenbot.aave.deployments import EthereumMainnetAaveV3
from degenbot.database.models.aave import AaveGhoToken, AaveV3Market
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

# It has a place in the code of the package's command only.
GHO = "0x40D16FC0246aD3160Ccc09B8D0D3A2cD28aE6C2f"


def activate(path: str, node: str) -> None:
    market = activate_aave_market(
        database_path=path,
        chain_id=1,
        pool_address_provider=EthereumMainnetAaveV3.pool_address_provider,
        gho_token_address=GHO,
        rpc_url=node,
    )
    print("created" if market["created"] else "found", market["market_name"])


def read(path: str) -> None:
    with Session(create_engine(f"sqlite:///{path}")) as session:
        for market in session.scalars(select(AaveV3Market).order_by(AaveV3Market.id)):
            contracts = [(row.name, row.address, row.revision) for row in market.contracts]
            print(market.chain_id, market.name, market.active, market.last_update_block, contracts)
        for gho in session.scalars(select(AaveGhoToken).order_by(AaveGhoToken.id)):
            token = gho.token
            print(token.chain, token.address, token.name, token.symbol, token.decimals, gho.v_token)


if __name__ == "__main__":
    command, path, *rest = sys.argv[1:]
    {"activate": activate, "read": read}[command](path, *rest)

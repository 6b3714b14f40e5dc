"""The part of scripts/python-interop about pools, which runs in the environments of the packages 0.5.0 and 0.6.0a4.

`python_pools.py PATH` prints every pool that the package's models find in a database, with its exchange, tokens, fees,
ticks, bitmaps and mark.
"""

import sys

from degenbot.database.models.pools import LiquidityPoolTable, UniswapV4PoolTable
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session


def shown(pool) -> str:
    if not hasattr(pool, "tick_spacing"):
        return ""
    ticks = sorted((row.tick, row.liquidity_net, row.liquidity_gross) for row in pool.liquidity_positions)
    words = sorted((row.word, row.bitmap.bit_count()) for row in pool.initialization_maps)
    mark = getattr(pool, "liquidity_update_block", None), getattr(pool, "liquidity_update_log_index", None)
    return f" spacing {pool.tick_spacing} ticks {ticks} words {words} mark {mark}"


engine = create_engine(f"sqlite:///{sys.argv[1]}")
with Session(engine) as session:
    for pool in session.scalars(select(LiquidityPoolTable).order_by(LiquidityPoolTable.id)):
        exchange = pool.exchange
        assert pool.token0.chain == pool.token1.chain == exchange.chain_id == pool.chain
        fee = f"{pool.fee_token0}/{pool.fee_token1}/{pool.fee_denominator}"
        print(
            f"{type(pool).__name__} {pool.address} of {exchange.name} at {exchange.last_update_block}: "
            f"{pool.token0.address[:6]} {pool.token1.address[:6]} {fee}{shown(pool)}"
        )
    for pool in session.scalars(select(UniswapV4PoolTable).order_by(UniswapV4PoolTable.id)):
        fee = f"{pool.fee_currency0}/{pool.fee_currency1}/{pool.fee_denominator}"
        print(
            f"{type(pool).__name__} {pool.pool_hash[:10]} of {pool.manager.address[:8]}: "
            f"{pool.currency0.address[:6]} {pool.currency1.address[:6]} {fee} hooks {pool.hooks[:6]}{shown(pool)}"
        )

"""The part of scripts/python-interop that runs inside the Python package's environment.

`write PATH` opens the database with the package's SQLAlchemy models, writes rows through them and reads them back.
`read PATH` reads the rows that the library wrote. `state PATH` prints the schema state that the package finds.
`dump PATH` prints every row that the package reads, as one JSON object a line. `compare PATH DUMP` compares that
with the output of examples/dump.rs.
"""

import itertools
import json
import logging
import pathlib
import sys
import warnings

from sqlalchemy import String, select
from sqlalchemy.orm import Mapper, Session

from degenbot.checksum_cache import get_checksum_address
from degenbot.config import load_config_from_file
from degenbot.database.models.base import Base, ExchangeTable, IntMappedToString
from degenbot.database.models.erc20 import Erc20TokenTable
from degenbot.database.models.pools import (
    AerodromeV2PoolTable,
    InitializationMapTable,
    LiquidityPoolTable,
    LiquidityPositionTable,
    ManagedPoolLiquidityPositionTable,
    PoolManagerTable,
    UniswapV3PoolTable,
    UniswapV4PoolTable,
)
from degenbot.database.operations import (
    get_scoped_sqlite_session,
    inspect_schema_state,
    upgrade_existing_sqlite_database,
)

warnings.simplefilter("error")
# The package logs to stdout.
logging.disable(logging.INFO)

BIG = 2**127 - 1

# The tables that the package has no model for, and why.
WITHOUT_MODEL = {"lfj_pools": "came with release 0.6.0a13"} | dict.fromkeys(
    [
        "aave_v3_asset_facts",
        "aave_v3_emode_assets",
        "aave_v3_market_facts",
        "chain_blocks",
        "chain_journal",
        "retired_ids",
    ],
    "is a table of degenbot",
)
# The rows that the library reads and the package cannot, by table, column and value, and why.
PACKAGE_CANNOT_READ = {
    ("pools", "kind", "lfj_binned"): "the kind came with release 0.6.0a13, and has no class",
}
# The rows that the package reads and the library does not, by table and column: which values the library
# accepts, and why. Some rows of the corpus have arbitrary numbers there.
LIBRARY_ACCEPTS = {
    ("aave_v3_users", "e_mode"): (range(256), "the number of a category is a uint8"),
    ("aave_v3_asset_configs", "e_mode_category_id"): ({None, *range(256)}, "the same"),
}


def write(path: pathlib.Path) -> None:
    session = get_scoped_sqlite_session(path)
    exchange = ExchangeTable(
        chain_id=11297108109,
        name="uniswap_v3",
        active=True,
        last_update_block=2**40,
        factory="0x1F98431c8aD98523631AE4a59f267346ea31F984",
    )
    tokens = [
        Erc20TokenTable(
            chain=11297108109,
            address=address,
            name=name,
            symbol=symbol,
            decimals=18,
        )
        for address, name, symbol in [
            ("0x0000000000000000000000000000000000000000", None, "ETH"),
            ("0x6B175474E89094C44Da98b954EedeAC495271d0F", "Dai Stablecoin", "DAI"),
            ("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "", "WETH"),
        ]
    ]
    session.add_all([exchange, *tokens])
    session.flush()
    pool = UniswapV3PoolTable(
        address="0x60594a405d53811d3BC4766596EFD80fd545A270",
        chain=11297108109,
        token0_id=tokens[1].id,
        token1_id=tokens[2].id,
        exchange=exchange,
        fee_token0=500,
        fee_token1=500,
        fee_denominator=1_000_000,
        tick_spacing=10,
        liquidity_update_block=2**40,
        liquidity_update_log_index=3,
    )
    pool.liquidity_positions = [
        LiquidityPositionTable(tick=-887270, liquidity_net=BIG, liquidity_gross=BIG),
        LiquidityPositionTable(tick=887270, liquidity_net=-BIG, liquidity_gross=BIG),
    ]
    pool.initialization_maps = [InitializationMapTable(word=-347, bitmap=2**256 - 1)]
    stable = AerodromeV2PoolTable(
        address="0x67b00B46FA4f4F24c03855c5C8013C0B938B3eEc",
        chain=11297108109,
        token0_id=tokens[1].id,
        token1_id=tokens[2].id,
        exchange=exchange,
        stable=True,
        fee_token0=5,
        fee_token1=5,
        fee_denominator=10_000,
    )
    manager = PoolManagerTable(
        address="0x000000000004444c5dc75cB358380D2e3dE08A90",
        chain=11297108109,
        kind="uniswap_v4",
        exchange=exchange,
    )
    session.add_all([pool, stable, manager])
    session.flush()
    managed = UniswapV4PoolTable(
        manager_id=manager.id,
        pool_hash="0x" + "ab" * 32,
        hooks="0x0000000000000000000000000000000000000000",
        currency0_id=tokens[0].id,
        currency1_id=tokens[1].id,
        fee_currency0=8388608,
        fee_currency1=8388608,
        fee_denominator=1_000_000,
        tick_spacing=1,
    )
    managed.liquidity_positions = [
        ManagedPoolLiquidityPositionTable(tick=0, liquidity_net=1, liquidity_gross=1),
    ]
    session.add(managed)
    session.commit()
    session.remove()

    session = get_scoped_sqlite_session(path)
    pools = session.scalars(select(LiquidityPoolTable).order_by(LiquidityPoolTable.id)).all()
    assert [type(pool).__name__ for pool in pools] == [
        "UniswapV3PoolTable",
        "AerodromeV2PoolTable",
    ], pools
    assert pools[0].chain == 11297108109
    assert [p.liquidity_net for p in pools[0].liquidity_positions] == [BIG, -BIG]
    assert pools[0].initialization_maps[0].bitmap == 2**256 - 1
    assert pools[0].exchange.last_update_block == 2**40
    assert pools[1].stable is True
    session.commit()
    session.remove()


def read(path: pathlib.Path) -> None:
    session = get_scoped_sqlite_session(path)
    pool = session.scalars(select(LiquidityPoolTable)).one()
    assert isinstance(pool, UniswapV3PoolTable), pool
    print(
        pool.kind,
        pool.address,
        pool.token0.symbol,
        pool.token1.symbol,
        [(p.tick, p.liquidity_net) for p in pool.liquidity_positions],
        [(m.word, m.bitmap.bit_count()) for m in pool.initialization_maps],
        pool.exchange.active,
    )
    session.commit()
    session.remove()


def load(path: pathlib.Path) -> None:
    """Loads every pool with its tokens and exchange, each as its own kind."""
    session = get_scoped_sqlite_session(path)
    pools = session.scalars(select(LiquidityPoolTable)).all()
    managed = session.scalars(select(UniswapV4PoolTable)).all()
    for pool in pools:
        assert pool.token0.chain == pool.token1.chain == pool.exchange.chain_id == pool.chain
    for pool in managed:
        assert len(pool.pool_hash) == 66 and pool.currency0.chain == pool.manager.chain
    print(len(pools), len(managed))
    session.remove()


def state(path: pathlib.Path) -> None:
    print(inspect_schema_state(path), upgrade_existing_sqlite_database(path))


def config(path: pathlib.Path) -> None:
    config = load_config_from_file(path)
    endpoints = {chain: str(endpoint) for chain, endpoint in config.rpc.items()}
    print(config.database.path.relative_to(path.parent), endpoints, config.default_chain_id)


def shown(column, value):
    """A value as examples/dump.rs prints it."""
    if value is None:
        return None
    if isinstance(column.type, IntMappedToString):
        return str(value)
    # The package returns the stored text, which is in lower case in some old rows; the library returns the
    # address with its checksum.
    if isinstance(column.type, String) and column.type.length == 42:
        return get_checksum_address(value)
    return value


def line(row: dict) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def unreadable(table: str, key: str, row_id: int) -> dict:
    return {"table": table, key: row_id, "unreadable": True}


def rows_of(session: Session, mapper: Mapper):
    """The rows of the mapper's own table, each loaded as an object of its class."""
    table = mapper.local_table
    (key,) = table.primary_key.columns
    for row_id in session.scalars(select(key).order_by(key)).all():
        row = {"table": table.name}
        try:
            found = session.get(mapper.class_, row_id)
            for column in table.columns:
                name = mapper.get_property_by_column(column).key
                row[column.name] = shown(column, getattr(found, name))
        # Any error counts: only the set of rows that cannot be loaded matters.
        except Exception:
            row = unreadable(table.name, key.name, row_id)
        yield row


def rows(path: pathlib.Path) -> list[dict]:
    session = get_scoped_sqlite_session(path)
    mappers = sorted(Base.registry.mappers, key=lambda mapper: mapper.local_table.name)
    found = [row for mapper in mappers for row in rows_of(session, mapper)]
    session.remove()
    return found


def dump(path: pathlib.Path) -> None:
    for row in rows(path):
        print(line(row))


def compare(path: pathlib.Path, dump_path: str) -> None:
    library = []
    # Not splitlines(): names can contain characters that Unicode counts as line ends.
    for text in pathlib.Path(dump_path).read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(text)
        table = row["table"]
        if table in WITHOUT_MODEL:
            continue
        if any((table, column, row.get(column)) in PACKAGE_CANNOT_READ for column in row):
            text = line(unreadable(table, "id", row["id"]))
        library.append(text)
    package = []
    for row in rows(path):
        table = row["table"]
        for column, value in row.items():
            accepted, _ = LIBRARY_ACCEPTS.get((table, column), ([value], ""))
            if value not in accepted:
                row = unreadable(table, "id", row["id"])
                break
        package.append(line(row))
    for ours, theirs in itertools.zip_longest(library, package):
        if ours != theirs:
            sys.exit(f"the library reads: {ours}\nthe package reads: {theirs}")
    tables = {mapper.local_table.name for mapper in Base.registry.mappers}
    cannot = sum('"unreadable":true' in text for text in library)
    print(f"{len(library)} rows of {len(tables)} tables, {cannot} of them unreadable")


if __name__ == "__main__":
    command, path, *rest = sys.argv[1:]
    {"write": write, "read": read, "load": load, "state": state, "dump": dump, "compare": compare, "config": config}[command](
        pathlib.Path(path), *rest
    )

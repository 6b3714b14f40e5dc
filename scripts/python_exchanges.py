"""The part of scripts/python-interop about exchanges, which runs in the environments of the packages 0.5.0 and 0.6.0a4.

`activate PATH` activates every exchange that the package's command line knows, in a database of the package's
version without exchanges. For each it prints the message of the command and the stored rows, as one JSON object a
line: that is tests/deployments.jsonl. `read PATH DEPLOYMENTS` searches with the package's models for the same rows
in a database that degenbot filled, activates them again with the package, and prints their number.
"""

import json
import pathlib
import sqlite3
import sys
from types import SimpleNamespace

from click.testing import CliRunner
from degenbot.cli.exchange import activate as activate_group
from degenbot.database.models.base import ExchangeTable
from degenbot.database.models.pools import PoolManagerTable
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

EXCHANGE = ["chain_id", "name", "active", "last_update_block", "factory", "deployer"]
POOL_MANAGER = ["address", "chain", "kind", "state_view"]


def run(path: str, name: str) -> str:
    """Activates an exchange. Returns the last line of the output (the line before is about the RPC)."""
    # 0.6.0a4 creates a bot for every command, which queries an RPC. This object has the part that the command
    # needs. 0.5.0 takes the path from its config file.
    bot = SimpleNamespace(config=SimpleNamespace(database=SimpleNamespace(path=path)))
    result = CliRunner().invoke(activate_group.commands[name], [], obj=bot)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output.splitlines()[-1]


def activate(path: str) -> None:
    names = sorted(activate_group.commands)
    said = [run(path, name) for name in names]
    # Open it only now: 0.6.0a4 has its own SQLite, and two in one process break each other's locks.
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    exchanges = database.execute("SELECT * FROM exchanges ORDER BY id").fetchall()
    for name, line, exchange in zip(names, said, exchanges, strict=True):
        managers = database.execute("SELECT * FROM pool_managers WHERE exchange_id = ?", [exchange["id"]])
        managers = [{column: manager[column] for column in POOL_MANAGER} for manager in managers]
        exchange = {column: exchange[column] for column in EXCHANGE}
        print(json.dumps({"name": name, "said": line, "exchange": exchange, "pool_managers": managers}))


def read(path: str, deployments: str) -> None:
    lines = pathlib.Path(deployments).read_text().splitlines()
    expected = [json.loads(line) for line in lines]
    assert [one["name"] for one in expected] == sorted(activate_group.commands)
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session:
        found = session.scalars(select(ExchangeTable).where(ExchangeTable.active)).all()
        assert len(found) == len(expected), found
        for one in expected:
            (exchange,) = [
                row for row in found
                if (row.chain_id, row.name) == (one["exchange"]["chain_id"], one["exchange"]["name"])
            ]
            assert {column: getattr(exchange, column) for column in EXCHANGE} == one["exchange"], one
            # The same query as in the package's update.
            managers = session.scalars(
                select(PoolManagerTable).where(
                    PoolManagerTable.address == exchange.factory,
                    PoolManagerTable.chain == exchange.chain_id,
                )
            ).all()
            assert all(manager.exchange is exchange for manager in managers), managers
            managers = [{column: getattr(row, column) for column in POOL_MANAGER} for row in managers]
            assert managers == one["pool_managers"], one
    engine.dispose()
    for one in expected:
        said = run(path, one["name"])
        assert said == "Exchange is already activated.", said
    print(len(expected))


if __name__ == "__main__":
    command, path, *rest = sys.argv[1:]
    {"activate": activate, "read": read}[command](path, *rest)

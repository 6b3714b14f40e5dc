"""What the other writers and checkpointers do, through another version of SQLite, until stdin closes."""

import random
import select
import sqlite3
import sys

path, acknowledgements, writer, accounts, seed = sys.argv[1:]
random.seed(int(seed))
connection = sqlite3.connect(path, timeout=60, isolation_level=None)
with open(acknowledgements, "a") as file:
    while not select.select([sys.stdin], [], [], random.random() / 200)[0]:
        account, amount = random.randrange(int(accounts)), random.randrange(1, 1000)
        connection.execute("BEGIN IMMEDIATE")
        (entry,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM ledger_log").fetchone()
        connection.execute("INSERT INTO ledger_log VALUES (?, ?, ?, ?)", (entry, account, amount, writer))
        connection.execute(
            "UPDATE ledger_balances SET balance = balance + ? WHERE account = ?", (amount, account)
        )
        connection.execute("COMMIT")
        file.write(f"{entry} {account} {amount} {writer}\n")
        file.flush()
        if random.random() < 0.02:
            connection.execute("PRAGMA busy_timeout = 200")
            mode = random.choice(["PASSIVE", "RESTART", "TRUNCATE"])
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            connection.execute("PRAGMA busy_timeout = 60000")

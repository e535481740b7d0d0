"""A consistent copy of the whole database in one file, and back: SQLite by its backup API, PostgreSQL by its own tools.

While a copy is open its rows can be read as they stand in it, whatever is written to the database meanwhile.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections, transaction

SQLITE, POSTGRESQL = "sqlite", "postgresql"
COPY = "backup-copy"  # the name of the connection that reads a copy in SQLite


class Failed(Exception):
    """A database could not be copied or brought back; the message says why."""


def engine() -> str:
    """Which database this installation stands on."""
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE


@contextmanager
def copied(to: Path) -> Iterator[str]:
    """Copy the database into a file; yields the connection by which the rows of the copy are read. Raises Failed."""
    if engine() == POSTGRESQL:
        yield from _postgresql_copy(to)
    else:
        yield from _sqlite_copy(to)


def _sqlite_copy(to: Path) -> Iterator[str]:
    connection.ensure_connection()
    target = sqlite3.connect(to)
    try:
        connection.connection.backup(target)  # in one step, so that writers wait and nothing is copied by halves
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    finally:
        target.close()
    connections.settings[COPY] = connections.settings["default"] | {"NAME": str(to), "OPTIONS": {}}
    try:
        yield COPY
    finally:
        connections[COPY].close()
        del connections[COPY]
        del connections.settings[COPY]


def _postgresql_copy(to: Path) -> Iterator[str]:
    """The dump and whoever reads the rows see the same snapshot, which lives as long as this transaction."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={to}")
        yield "default"


def bring_back(copy: Path) -> None:
    """Let the database be what the copy holds, all of it or nothing. Raises Failed."""
    if engine() == POSTGRESQL:
        connection.close()
        _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
             "--exit-on-error", f"--dbname={_settings()['dbname']}", str(copy))  # fmt: skip
        return
    with sqlite3.connect(f"file:{copy}?mode=ro", uri=True) as source:
        (answer,) = source.execute("PRAGMA integrity_check").fetchone()
        if answer != "ok":
            raise Failed("The copy of the database is damaged; SQLite's own check refuses it.")
        connection.ensure_connection()
        source.backup(connection.connection)
    source.close()
    connection.close()


def _settings() -> dict[str, str]:
    told = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
    return {name: str(told[name]) for name in names if told.get(name)}


def _run(tool: str, *words: str) -> None:
    """Run a tool of PostgreSQL against our database; the password goes by the environment, which nobody else sees."""
    found = shutil.which(tool)
    if found is None:
        raise Failed(f"{tool} was not found; install the client tools of PostgreSQL on this machine.")
    told = _settings()
    variables = {
        "dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT",
        "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
    }  # fmt: skip
    env = os.environ | {variables[name]: value for name, value in told.items()}
    done = subprocess.run(  # noqa: S603 - the tool and its words are ours
        [found, *words], env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise Failed(f"{tool} failed: {(done.stderr.strip().splitlines() or ['without a word'])[0][:300]}")

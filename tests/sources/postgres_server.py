"""A PostgreSQL of our own for a test: on loopback, on a free port, gone at the end; skips where none is installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest

PASSWORD = "s3cr%t/p@ss"


class PostgresServer:
    """`url` reaches it with the password in it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"postgresql://ann:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"

    def execute(self, sql: str) -> None:
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(self.url, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)

    def fill(self, name: str, table: pa.Table) -> None:
        """Make a table that holds these rows, and nothing else."""
        from adbc_driver_postgresql import dbapi

        with closing(dbapi.connect(self.url, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
            cursor.adbc_ingest(name, table, mode="replace")

    def kill_reader(self, marker: str) -> None:
        """End the connection whose query holds a text, as an administrator or a failing network does."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE query LIKE '%{marker}%' AND pid <> pg_backend_pid()"
        )


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    pytest.importorskip("adbc_driver_postgresql")
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="coldframe-pg-") as name:
        folder, user = Path(name), _owner()
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user, pwd.getpwnam(user).pw_gid)

        def run(program: str, *words: str) -> None:
            # Output goes to a file: a server that lives on would keep a pipe open.
            with (folder.with_name(f"{folder.name}.log")).open("a") as log:
                subprocess.run(
                    [programs / program, "-D", folder / "data", *words],
                    user=user,
                    cwd="/",
                    stdout=log,
                    stderr=log,
                    check=True,
                    timeout=60,
                )

        port = _free_port()
        run("initdb", "-U", "ann", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync", "--locale=C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        run("pg_ctl", "-w", "-t", "30", "-o", options, "-l", str(folder / "server.log"), "start")
        try:
            yield PostgresServer(port)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
            folder.with_name(f"{folder.name}.log").unlink()


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").exists():
        pytest.skip("no PostgreSQL is installed here (initdb, pg_ctl)")
    return folders[-1]


def _owner() -> str | None:
    """Return whom the server must belong to: it refuses to run as root."""
    if os.geteuid():
        return None
    names = {one.pw_name for one in pwd.getpwall()} & {"postgres", "nobody"}
    if not names:
        pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
    return max(names)


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]

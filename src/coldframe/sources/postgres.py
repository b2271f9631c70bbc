"""A table or a query of PostgreSQL as Arrow batches, by ADBC: the driver of the Arrow project, which reads the binary
form of COPY into typed columns without a Python object a value.

Owns the SQL. Memory is bounded: the server sends rows as they are read. Never writes to the database.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from coldframe.errors import InputError
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked, Batch, Kind, Literals, Schema

CONNECT_SECONDS = 10
"""How long a connection may take, unless the URL says otherwise (`connect_timeout`)."""


@contextmanager
def postgres_rows(address: Address, asked: Asked) -> Generator["PostgresRows"]:
    """Yield an open table or query, read-only. Raises `InputError` when the database refuses."""
    from adbc_driver_postgresql import dbapi

    with _told(address):
        connection = dbapi.connect(_patient(address), autocommit=True)
    with closing(connection), closing(connection.cursor()) as cursor:
        yield PostgresRows(address, cursor, asked)


class PostgresRows:
    """Rows of PostgreSQL. `columns` are typed as the driver reads them."""

    def __init__(self, address: Address, cursor: Any, asked: Asked) -> None:
        self.literals: Literals = {"zoned": "TIMESTAMPTZ", "naive": "TIMESTAMP", "date": "DATE"}
        self._address, self._cursor = address, cursor
        rows = f"({asked.query.rstrip().rstrip(';')}\n)" if asked.query else _table(asked.table or "")
        self._source = f"{rows} AS source"
        with _told(address):
            cursor.execute("SET default_transaction_read_only = on")
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute(f"SELECT * FROM {self._source} LIMIT 0")  # noqa: S608
            self.columns: Schema = cursor.fetch_record_batch().schema

    def quoted(self, name: str) -> str:
        """Return a name as SQL writes it, whatever is in it."""
        return _quoted(name)

    def batches(self, names: Sequence[str], where: str) -> tuple[Schema, Iterator[Batch]]:
        """Return the named columns of the rows that meet a condition; what no file could hold comes as text."""
        chosen = ", ".join(_selected(name, self.columns.field(name).type) for name in names)
        condition = f" WHERE {where}" if where else ""
        with _told(self._address):
            self._cursor.execute(f"SELECT {chosen} FROM {self._source}{condition}")  # noqa: S608
            reader = self._cursor.fetch_record_batch()
        schema = _plain(reader.schema)
        return schema, self._read(reader, schema)

    def _read(self, reader: Any, schema: Schema) -> Iterator[Batch]:
        while True:
            with _told(self._address):
                batch = next(reader, None)
            if batch is None:
                return
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _selected(name: str, kind: Kind) -> str:
    """Return a column as it is asked for: a day as its midnight, a type without a plain Arrow type as text."""
    column = _quoted(name)
    if pa.types.is_date(kind):
        return f"{column}::timestamp AS {column}"
    value: Any = kind.value_type if pa.types.is_list(kind) else kind
    plain = (pa.types.is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_timestamp)
    return column if any(fits(value) for fits in plain) else f"{column}::text AS {column}"


def _plain(schema: Schema) -> Schema:
    """Return a schema without what the driver says about the database's own types."""
    return pa.schema([pa.field(one.name, one.type) for one in schema])


def _table(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _patient(address: Address) -> str:
    if "connect_timeout=" in address.parts.query:
        return address.url
    separator = "&" if address.parts.query else "?"
    return address.url + separator + urlencode({"connect_timeout": CONNECT_SECONDS})


@contextmanager
def _told(address: Address) -> Generator[None]:
    """Turn what the driver raises into an `InputError` that names the database and holds no password."""
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, pa.ArrowException, OSError) as error:
        raise InputError(
            f"{address} could not be read to its end: {address.scrubbed(_first_lines(error))}",
            remedy="Nothing of it was taken. Check the address, the rights of its user and the query, and run again.",
        ) from None


def _first_lines(error: Exception) -> str:
    """Return what went wrong, without the query, which the driver repeats."""
    text = str(error).split("\n\nQuery was:")[0]
    return " ".join(text.split()) or type(error).__name__

"""A table or a query of BigQuery as Arrow batches, by the Storage Read API and Google's own client.

Owns the session: one snapshot of the table, of which only the wanted columns and rows leave Google. A stream that
breaks is read on from the row where it broke; the client counts them. Never keeps more than a few batches in memory.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pyarrow as pa

from coldframe.errors import InputError
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked, Batch, Literals, Schema

PATIENCE_SECONDS = 300.0
"""How long a service that does not answer is asked again, before the read fails."""


@contextmanager
def bigquery_rows(address: Address, asked: Asked) -> Generator["BigQueryRows"]:
    """Yield an open table, or the answer to a query. Raises `InputError` when BigQuery refuses.

    The address is bigquery://PROJECT, the project that pays; credentials are Google's default ones. An emulator is
    named by `?endpoint=HOST:PORT`, and asked without credentials; its queries go to BIGQUERY_EMULATOR_HOST.
    """
    project = address.parts.netloc
    if not project:
        raise InputError(f"{address} names no project.", remedy="Write bigquery://PROJECT.")
    with _told(address):
        table = _table(project, asked.table) if asked.table else _answered(address, project, asked)
        client = _client(address)
    try:
        yield BigQueryRows(address, client, f"projects/{project}", table)
    finally:
        client.transport.close()


class BigQueryRows:
    """Rows of BigQuery. `columns` are typed as the service sends them."""

    def __init__(self, address: Address, client: Any, parent: str, table: str) -> None:
        from google.api_core.exceptions import ServiceUnavailable
        from google.api_core.retry import Retry, if_exception_type

        self.literals: Literals = {"zoned": "TIMESTAMP", "naive": "DATETIME", "date": "DATE"}
        self._address, self._client, self._parent, self._table = address, client, parent, table
        self._retry = Retry(predicate=if_exception_type(ServiceUnavailable), initial=0.1, timeout=PATIENCE_SECONDS)
        with _told(address):
            self.columns = self._schema(self._session([], "").arrow_schema)

    def quoted(self, name: str) -> str:
        """Return a name as SQL writes it."""
        return f"`{name}`"

    def batches(self, names: Sequence[str], where: str) -> tuple[Schema, Iterator[Batch]]:
        """Return the named columns of the rows that meet a condition, a day as its midnight."""
        with _told(self._address):
            session = self._session(names, where)
            schema = self._schema(session.arrow_schema)
        return _plain(schema), self._read(session, schema)

    def _session(self, names: Sequence[str], where: str) -> Any:
        """Return a session of one stream over one snapshot of the table."""
        from google.cloud.bigquery_storage_v1 import types

        options = types.ReadSession.TableReadOptions(selected_fields=names, row_restriction=where)
        wish = types.ReadSession(table=self._table, data_format=types.DataFormat.ARROW, read_options=options)
        return self._client.create_read_session(
            parent=self._parent, read_session=wish, max_stream_count=1, retry=self._retry
        )

    def _read(self, session: Any, schema: Schema) -> Iterator[Batch]:
        """Yield every row of the session once."""
        for stream in session.streams:
            with _told(self._address):
                messages = iter(self._client.read_rows(stream.name, retry=self._retry))
            while True:
                with _told(self._address):
                    message = next(messages, None)
                    if message is None:
                        break
                    batch = self._decoded(message, schema)
                yield pa.RecordBatch.from_arrays(list(map(_plain_column, batch.columns)), schema=_plain(schema))

    def _decoded(self, message: Any, schema: Schema) -> Batch:
        """Return a message's rows. Raises `InputError` when they are not what the session promised."""
        said = message.arrow_schema.serialized_schema
        if said and not self._schema(message.arrow_schema).equals(schema):
            raise self._changed("other columns than the session began with")
        batch = pa.ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
        batch.validate(full=True)
        if batch.num_rows != message.row_count:
            raise self._changed(f"{batch.num_rows:,} rows in a message that says it has {message.row_count:,}")
        return batch

    def _changed(self, what: str) -> InputError:
        remedy = "Nothing of it was taken. Run again when nobody alters the table."
        return InputError(f"{self._address} sent {what}.", remedy=remedy)

    @staticmethod
    def _schema(message: Any) -> Schema:
        return pa.ipc.read_schema(pa.py_buffer(message.serialized_schema))


def _plain(schema: Schema) -> Schema:
    """Return a schema without what BigQuery says about its own types, a day as a moment."""
    return pa.schema([pa.field(one.name, _MOMENT if pa.types.is_date(one.type) else one.type) for one in schema])


def _plain_column(column: Any) -> Any:
    return column.cast(_MOMENT) if pa.types.is_date(column.type) else column


_MOMENT = pa.timestamp("us")


def _table(project: str, name: str) -> str:
    """Return a table's full name. Raises `InputError` unless it is DATASET.TABLE or PROJECT.DATASET.TABLE."""
    parts = name.split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(f"{name!r} is no table of BigQuery.", remedy="Write DATASET.TABLE or PROJECT.DATASET.TABLE.")
    owner, dataset, table = parts if len(parts) == 3 else (project, *parts)
    return f"projects/{owner}/datasets/{dataset}/tables/{table}"


def _answered(address: Address, project: str, asked: Asked) -> str:
    """Return the table that holds the answer to a query, once BigQuery has computed it.

    A query may name `@start` and `@end`, the limits of what is wanted. Raises `InputError` where there are none.
    """
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    text = asked.query or ""
    limits = {"start": asked.start, "end": asked.end}
    named = [name for name in limits if f"@{name}" in text]
    parameters = [bigquery.ScalarQueryParameter(name, "TIMESTAMP", _limit(name, limits[name])) for name in named]
    anonymous = AnonymousCredentials() if _endpoint(address) else None
    with closing(bigquery.Client(project, credentials=anonymous)) as client:
        job: Any = client.query(text, job_config=bigquery.QueryJobConfig(query_parameters=parameters))
        job.result()
        table = job.destination
    return f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}"


def _limit(name: str, value: datetime | None) -> datetime:
    if value is None:
        raise InputError(
            f"The query names @{name}, and this command has no {name}.",
            remedy="Write the time itself, or ask for --only-window.",
        )
    return value


def _client(address: Address) -> Any:
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
    from grpc import insecure_channel

    if (endpoint := _endpoint(address)) is None:
        return BigQueryReadClient()
    return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=insecure_channel(endpoint, _WHOLE)))


_WHOLE = [("grpc.max_receive_message_length", -1)]
"""A message of rows may be larger than gRPC takes of itself; Google's own channel says so, too."""


def _endpoint(address: Address) -> str | None:
    """Return where an emulator listens, None where Google is meant."""
    found = parse_qs(address.parts.query).get("endpoint")
    return found[0] if found else None


@contextmanager
def _told(address: Address) -> Generator[None]:
    """Turn what the clients raise into an `InputError` that names the source."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, pa.ArrowException, OSError) as error:
        raise InputError(
            f"{address} could not be read to its end: {' '.join(str(error).split()) or type(error).__name__}",
            remedy="Nothing of it was taken. Check project, table or query and the rights to them, and run again.",
        ) from error

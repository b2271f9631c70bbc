"""BigQuery's Storage Read API on loopback, over a table in memory: the real messages, spoken by grpcio.

It keeps what the API promises: one snapshot a session, selected fields, row restrictions, rows from an offset. And it
fails as told: `breaks` are rows after which a stream ends with UNAVAILABLE, each once; `down` refuses every stream;
`alter` changes what is sent from a row on. `jobs` speaks the part of the REST interface that runs a query.
"""

import json
import re
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

CONDITION = re.compile(r"^`(\w+)` (>=|<) (TIMESTAMP|DATETIME|DATE) '([^']+)'$")
SERVICE = "google.cloud.bigquery.storage.v1.BigQueryRead"


class BigQueryServer:
    def __init__(self, tables: dict[str, pa.Table], rows_per_message: int = 100) -> None:
        self.tables, self.rows_per_message = tables, rows_per_message
        self.sessions: dict[str, pa.Table] = {}
        self.asked: list[Any] = []
        self.offsets: list[int] = []
        self.breaks: list[int] = []
        self.down = False
        self.alter: Callable[[int, pa.RecordBatch], tuple[pa.RecordBatch, bool]] | None = None
        self.endpoint = ""

    @property
    def url(self) -> str:
        return f"bigquery://payer?endpoint={self.endpoint}"

    def create(self, request: Any, context: Any) -> Any:
        from google.cloud.bigquery_storage_v1 import types

        wish = request.read_session
        self.asked.append(request)
        if wish.table not in self.tables:
            context.abort(_code("NOT_FOUND"), f"Not found: Table {wish.table}")
        table = self.tables[wish.table]
        for condition in filter(None, wish.read_options.row_restriction.split(" AND ")):
            table = _kept(table, condition, context)
        table = table.select(list(wish.read_options.selected_fields) or table.column_names)
        stream = f"sessions/{len(self.sessions)}/streams/0"
        self.sessions[stream] = table
        return types.ReadSession(
            name=stream.split("/streams")[0],
            table=wish.table,
            data_format=wish.data_format,
            arrow_schema={"serialized_schema": table.schema.serialize().to_pybytes()},
            streams=[types.ReadStream(name=stream)] if table.num_rows else [],
        )

    def read(self, request: Any, context: Any) -> Generator[Any]:
        from google.cloud.bigquery_storage_v1 import types

        self.offsets.append(request.offset)
        if self.down:
            context.abort(_code("UNAVAILABLE"), "no server today")
        table, at = self.sessions[request.read_stream], request.offset
        while at < table.num_rows:
            until = min([at + self.rows_per_message, table.num_rows, *(b for b in self.breaks if b > at)])
            batch = table.slice(at, until - at).combine_chunks().to_batches()[0]
            batch, says_so = self.alter(at, batch) if self.alter else (batch, False)
            message = {"serialized_record_batch": batch.serialize().to_pybytes()}
            schema = {"serialized_schema": batch.schema.serialize().to_pybytes()} if says_so or at == 0 else None
            yield types.ReadRowsResponse(arrow_record_batch=message, row_count=until - at, arrow_schema=schema)
            at = until
            if at in self.breaks:
                self.breaks.remove(at)
                context.abort(_code("UNAVAILABLE"), "the connection broke")


def _kept(table: pa.Table, condition: str, context: Any) -> pa.Table:
    found = CONDITION.match(condition)
    kinds = {"TIMESTAMP": pa.timestamp("us", "UTC"), "DATETIME": pa.timestamp("us"), "DATE": pa.date32()}
    if found is None or table.schema.field(found[1]).type != kinds[found[3]]:
        context.abort(_code("INVALID_ARGUMENT"), f"No matching signature: {condition}")
    value = pa.scalar(datetime.fromisoformat(found[4]), kinds[found[3]])
    return table.filter((pc.less if found[2] == "<" else pc.greater_equal)(table[found[1]], value))


def _code(name: str) -> Any:
    import grpc

    return getattr(grpc.StatusCode, name)


@contextmanager
def serving(server: BigQueryServer) -> Generator[BigQueryServer]:
    import grpc
    from google.cloud.bigquery_storage_v1 import types

    create = grpc.unary_unary_rpc_method_handler(
        server.create, types.CreateReadSessionRequest.deserialize, types.ReadSession.serialize
    )
    read = grpc.unary_stream_rpc_method_handler(
        server.read, types.ReadRowsRequest.deserialize, types.ReadRowsResponse.serialize
    )
    with ThreadPoolExecutor(4) as pool:
        listener = grpc.server(pool)
        handlers = {"CreateReadSession": create, "ReadRows": read}
        listener.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        server.endpoint = f"127.0.0.1:{listener.add_insecure_port('127.0.0.1:0')}"
        listener.start()
        try:
            yield server
        finally:
            listener.stop(None).wait(10)


class Jobs:
    """Runs queries: `answer` makes a table of a text and its parameters, which the read server then has, too."""

    def __init__(self, server: BigQueryServer, answer: Callable[[str, dict[str, str]], pa.Table]) -> None:
        self._server, self._answer = server, answer

    def run(self, body: dict[str, Any]) -> dict[str, Any]:
        query = body["configuration"]["query"]
        parameters = {one["name"]: one["parameterValue"]["value"] for one in query.get("queryParameters", [])}
        self._server.tables["projects/payer/datasets/_answers/tables/a1"] = self._answer(query["query"], parameters)
        query["destinationTable"] = {"projectId": "payer", "datasetId": "_answers", "tableId": "a1"}
        reference = {**body["jobReference"], "projectId": "payer", "location": "EU"}
        return {"jobReference": reference, "configuration": body["configuration"], "status": {"state": "DONE"}}


@contextmanager
def jobs(runner: Jobs) -> Generator[str]:
    """Yield the address of the REST interface."""
    done: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            done.update(runner.run(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self._say(done)

        def do_GET(self) -> None:
            results = {"jobComplete": True, "jobReference": done["jobReference"], "schema": {"fields": []}}
            self._say({**results, "totalRows": "0"} if "/queries/" in self.path else done)

        def _say(self, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join(10)

"""Sends requests that schemathesis makes of our OpenAPI document to a real server on loopback and counts the answers.

    make hostile
    python benchmarks/fuzz.py [--examples 400] [--seconds 600] [--seed 7]

The server has a small trained bundle. How many requests were answered with what is the server's own count (/metrics).
Fails on any 5xx, on an answer of a type or shape that the document does not have, on a server that does not live to the
end. A 4xx is as it should be: most of these requests are wrong on purpose.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

from hostile import with_bundle
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = Path(__file__).parents[1] / ".venv-hostile" / "bin" / "schemathesis"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
GRACE_SECONDS = 120.0
"""How much longer than told the program may take before it is ended."""
LINES = 200
"""Most of the program's words that are shown after a failure."""


def fuzz(program: Path, address: str, folder: Path, *, examples: int, seconds: int, seed: int) -> tuple[bool, str]:
    """Send up to `examples` requests to each operation within some seconds; return whether all was well, and the
    program's words.
    """
    command = [program, "run", f"{address}/openapi.json", "--checks", ",".join(CHECKS), "--continue-on-failure"]
    bounds = {"--max-examples": examples, "--max-time": seconds, "--seed": seed, "--request-timeout": 15}
    options = [word for name, value in bounds.items() for word in (name, str(value))]
    phases = ["--phases", "examples,coverage,fuzzing", "--no-color"]
    words, limit = [*command, *options, *phases], seconds + GRACE_SECONDS
    done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True, timeout=limit)
    return done.returncode == 0, done.stdout + done.stderr


def answered(address: str) -> Counter[int]:
    """Return how many requests a server answered with each status so far."""
    with urlopen(f"{address}/metrics", timeout=15) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    counted = Counter[int]()
    for family in families:
        for sample in family.samples:
            if sample.name == "coldframe_http_requests_total":
                counted[int(sample.labels["status"])] += int(sample.value)
    return counted


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=400, help="most requests of the last phase to one operation")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--program", type=Path, default=PROGRAM)
    arguments = parser.parse_args()
    if not arguments.program.exists():
        parser.error(f"{arguments.program} is not there: run `make hostile`")
    with tempfile.TemporaryDirectory() as folder, with_bundle(Path(folder) / "data") as server:
        bounds = {"examples": arguments.examples, "seconds": arguments.seconds, "seed": arguments.seed}
        well, words = fuzz(arguments.program, server.address, Path(folder), **bounds)
        lives, statuses = server.running(), answered(server.address)
    for status, count in sorted(statuses.items()):
        print(f"{status:<6}{count:>8}")
    failed = sum(count for status, count in statuses.items() if status >= 500)
    print(f"{statuses.total()} requests, {failed} answered 5xx{'' if lives else '; the server ended'}")
    if not well:
        print("\n".join(words.splitlines()[-LINES:]))
    return 0 if well and lives and not failed else 1


if __name__ == "__main__":
    sys.exit(main())

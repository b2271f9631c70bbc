"""docs/reliability.md, made from the results that were kept.

Owns the words and the file of results. Measures nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of fault did, on how many cores, and how busy they were before it began (load of one minute)."""

    what: str
    must: str
    figures: dict[str, float]
    faults: list[str]
    seconds: float
    cores: int
    load: float

    @property
    def good(self) -> bool:
        """True when nothing happened that must not."""
        return not self.faults


def read() -> dict[str, Result]:
    """Return the results kept so far, by kind."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Result]) if RESULTS.exists() else {}


def write_page(order: list[str]) -> None:
    """Write the page."""
    PAGE.write_text("\n".join(page(read(), order)))


def page(results: dict[str, Result], order: list[str]) -> Iterator[str]:
    """Yield the lines of the page, kinds in the order given."""
    yield from HEAD.splitlines()
    for kind in order:
        if (result := results.get(kind)) is not None:
            figures = ", ".join(f"{name} {_number(value)}" for name, value in result.figures.items())
            found = "as it must be" if result.good else f"**not so**: {result.faults[0]}"
            took = f"{result.seconds:,.0f} s, load {result.load:g}"
            yield f"| {result.what} | {result.must} | {found} | {figures} | {took} |"
    if missing := [kind for kind in order if kind not in results]:
        yield from ("", f"Not run at full size yet: {', '.join(missing)} (`benchmarks/reliability.py --only …`).")
    yield from TAIL.splitlines()
    yield ""


def _number(value: float) -> str:
    """Write a figure as people read it.

    >>> [_number(value) for value in (1000, 0.9471, 12.345)]
    ['1,000', '0.95', '12.3']
    """
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}"


HEAD = """# Reliability

What happens when something breaks. `make fault` makes each of these faults, on loopback and in a temporary folder,
and writes this page from what it found (`benchmarks/results/reliability.json`); nothing here is typed by hand.
`make test` makes a few of each kind every time.

| fault | must | found | figures | took |
|---|---|---|---|---|"""

TAIL = """
"Load" is the machine's own when the run began, on the cores that server and clients share: a busy machine makes
every time longer, and the counts stay what they are.

## How each is made

- **kill -9**: clients post events, singly and in batches; the server's processes are killed at random moments,
  started again on the same folder, and get what was not acknowledged again under the same `event_id`, with some of
  what was. In the end the store is compared with what the clients know. A kill leaves the system's memory of
  written files intact, so this says nothing about fsync; the next one does.
- **Power cut**: a script of every kind of write (events, imports, seals, merged runs, items, bundles published,
  promoted and pruned, new starts) runs once while a shim below it (`benchmarks/faults/shim.c`) writes down every
  change of a file or a folder. After each change the power is cut, on a disk that keeps only what POSIX promises:
  data after fsync of the file, a name after fsync of its folder. Of the rest survives, in turn: nothing;
  everything; names without data; data without names; everything with the last write of each file torn; each write,
  tear and name by the toss of a coin. Each of these folders is opened and compared with what was acknowledged by
  then.
- **I/O error and full disk**: the same script with EIO at its N-th change, then with ENOSPC from its N-th change
  on, for every N. A write that fails leaves half of itself behind. Whatever was refused is done again, in the same
  process, once the disk works.
- **Spoiled bundles**: one flipped bit, a file cut short or longer, two files exchanged, a file of another bundle, a
  file that does not belong or is missing. Opening and promoting must both refuse, and the bundle that serves goes
  on.
- **Clock jumps**: seconds to decades, forward and back, with an event and a list after each.
- **Slow clients**: connections that send heads and bodies a byte at a time, beside clients that behave.
- **Overload**: capacity is measured with clients that wait for their answers; then three times as many requests
  arrive, whether or not the earlier ones are answered.

The faults of the disk need Linux and a C compiler (`cc`). They show that coldframe asks for durability at the right
moments; they cannot show that a disk keeps its word. Run `make fault` on the machine that you mean to use."""

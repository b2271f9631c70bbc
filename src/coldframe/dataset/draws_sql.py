"""The draws of `draws` as SQL text, for events that never leave a warehouse.

A query is a chain of named steps, each a few operations on the columns before it, so that its length does not double
with every use of a column. Owns the text and runs nothing: the tests run DuckDB's and PostgreSQL's on the golden
vectors. BigQuery's has PostgreSQL's arithmetic in its own words and was never run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from coldframe.dataset.draws import GOLDEN, mix
from coldframe.dataset.negatives import STRIDE, TRIES
from coldframe.errors import InputError

WORD = 2**64
FACTORS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""The shifts and the factors of `draws.mix`; its last shift is by 31."""


@dataclass(frozen=True)
class Dialect:
    """How a database says the operations on words of 64 bits, as templates of `a` and `b`.

    `hashed` of a text and `word` of a signed integer are words; `micros` of a timestamp is a signed integer. `right`
    moves by `n` places and leaves `mask`; `times` a number and `plus` a word wrap around at 2^64. `signed`: words are
    two's complement. `fence` ends a step that the planner must not write into the next one.
    """

    name: str
    hashed: str
    word: str
    micros: str
    xor: str
    right: str
    times: str
    plus: str
    constant: str
    signed: bool = True
    fence: str = ""

    def literal(self, value: int) -> str:
        """Return a word as text.

        >>> DUCKDB.literal(2**64 - 1), POSTGRESQL.literal(2**64 - 1)
        ("'18446744073709551615'::UBIGINT", "'-1'::bigint")
        """
        return self.constant.format(a=value - WORD if self.signed and value >= WORD // 2 else value)

    def shifted(self, value: str, places: int) -> str:
        """Return a word moved to the right, zeros moving in."""
        return self.right.format(a=value, n=places, mask=2 ** (64 - places) - 1)

    def mixed(self, name: str, value: str) -> Iterator[tuple[str, str]]:
        """Yield the steps of `draws.mix`, (column, its expression); the last column is `name`."""
        at = f"{name}_0"
        yield at, value
        for number, (places, factor) in enumerate(FACTORS, 1):
            yield f"{at}x", self.xor.format(a=at, b=self.shifted(at, places))
            yield f"{name}_{number}", self.times.format(a=f"{at}x", b=factor)
            at = f"{name}_{number}"
        yield name, self.xor.format(a=at, b=self.shifted(at, 31))

    def below(self, bits: str, bound: int) -> str:
        """Return `draws.below` of a column, a word."""
        return self.shifted(f"({self.shifted(bits, 32)} * {self.literal(bound)})", 32)


def _wrapping(operator: str, second: str, *, wide: str, narrow: str, number: str) -> str:
    """Return the template of an operation on words in two's complement, through a decimal type that holds its result.

    `second` is "number" where `b` is one, "word" where it is a word; `number` says a constant of the type, as #.
    """

    def told(value: object) -> str:
        return number.replace("#", str(value))

    def positive(word: str) -> str:
        return f"(CAST({word} AS {wide}) + CASE WHEN {word} < 0 THEN {told(WORD)} ELSE {told(0)} END)"

    other = told("{b}") if second == "number" else positive("{b}")
    total = f"MOD({positive('{a}')} {operator} {other}, {told(WORD)})"
    sign = f"CASE WHEN {total} >= {told(WORD // 2)} THEN {told(WORD)} ELSE {told(0)} END"
    return f"CAST({total} - {sign} AS {narrow})"


DUCKDB = Dialect(
    name="duckdb",
    hashed="('0x' || substr(sha256({a}), 1, 16))::UBIGINT",
    word=f"(CASE WHEN {{a}} < 0 THEN {{a}}::HUGEINT + {WORD} ELSE {{a}} END)::UBIGINT",
    micros="epoch_us({a})",
    xor="xor({a}, {b})",
    right="({a} >> '{n}'::UBIGINT)",
    times=f"({{a}}::UHUGEINT * '{{b}}'::UHUGEINT % '{WORD}'::UHUGEINT)::UBIGINT",
    plus=f"(({{a}}::UHUGEINT + {{b}}::UHUGEINT) % '{WORD}'::UHUGEINT)::UBIGINT",
    constant="'{a}'::UBIGINT",
    signed=False,
)
POSTGRESQL = Dialect(
    name="postgresql",
    hashed="('x' || substr(encode(sha256(convert_to({a}, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint",
    word="CAST({a} AS bigint)",
    micros="CAST(extract(epoch FROM {a}) * 1000000 AS bigint)",
    xor="({a} # {b})",
    right="(({a} >> {n}) & {mask})",
    constant="'{a}'::bigint",
    fence=" OFFSET 0",
    times=_wrapping("*", "number", wide="numeric", narrow="bigint", number="#"),
    plus=_wrapping("+", "word", wide="numeric", narrow="bigint", number="#"),
)
BIGQUERY = Dialect(
    name="bigquery",
    hashed="(CAST(CONCAT('0x', SUBSTR(TO_HEX(SHA256({a})), 1, 8)) AS INT64) << 32"
    " | CAST(CONCAT('0x', SUBSTR(TO_HEX(SHA256({a})), 9, 8)) AS INT64))",
    word="CAST({a} AS INT64)",
    micros="UNIX_MICROS({a})",
    xor="({a} ^ {b})",
    right="({a} >> {n})",
    constant="CAST('{a}' AS INT64)",
    times=_wrapping("*", "number", wide="BIGNUMERIC", narrow="INT64", number="BIGNUMERIC '#'"),
    plus=_wrapping("+", "word", wide="BIGNUMERIC", narrow="INT64", number="BIGNUMERIC '#'"),
)
DIALECTS = {dialect.name: dialect for dialect in (DUCKDB, POSTGRESQL, BIGQUERY)}


def events_of(dialect: Dialect, table: str) -> str:
    """Return the query of what a draw depends on, from a table with `user_id`, `item_id` and `timestamp`."""
    return f"SELECT user_id, item_id, {dialect.micros.format(a='timestamp')} AS time_us FROM {table}"  # noqa: S608 - it is printed


def draws_query(dialect: Dialect, events: str, *, seed: int, n_items: int, ratio: int) -> str:
    """Return the query of all draws for a query `events` with text `user_id`, `item_id` and integer `time_us`.

    One row for each event, `number` 0 … ratio − 1 and `attempt` 0 … TRIES, with the event's `draw_key`, the `bits` of
    `draws.draw`, and the row that is `proposed` of `n_items` items in order of id, as `dataset.negatives` proposes them
    evenly. The negative is the first of attempts 0 … TRIES − 1 that proposes what the user never met. Where there is
    none, it is the item at place (bits >> 32) × unmet >> 32 of those that he never met, with the bits of attempt TRIES.
    Raises `InputError` for a catalogue that is empty or too large for a draw of 32 bits.
    """
    if not 0 < n_items <= 2**31:
        raise InputError(f"Nothing can be drawn from {n_items:,} items.", remedy="Give a number from 1 to 2^31.")
    start = int(mix(np.array([seed % WORD], np.uint64))[0])
    user, item = (dialect.hashed.format(a=name) for name in ("user_id", "item_id"))
    word = dialect.word.format(a="time_us")
    steps = [
        *dialect.mixed("of_user", dialect.xor.format(a=dialect.literal(start), b=user)),
        *dialect.mixed("of_item", dialect.xor.format(a="of_user", b=item)),
        *dialect.mixed("draw_key", dialect.xor.format(a="of_item", b=word)),
    ]
    counted = dialect.word.format(a=f"(number * {STRIDE} + attempt)")
    drawn = [
        ("counter", dialect.times.format(a=counted, b=int(GOLDEN))),
        *dialect.mixed("bits", dialect.plus.format(a="draw_key", b="counter")),
        ("proposed", dialect.below("bits", n_items)),
    ]
    keyed = _chain(dialect, "asked", events, steps)
    numbers, attempts = _range("number", ratio), _range("attempt", TRIES + 1)
    numbered = f"SELECT * FROM keyed CROSS JOIN ({numbers}) AS numbers CROSS JOIN ({attempts}) AS attempts"  # noqa: S608 - it is printed
    columns = "user_id, item_id, time_us, number, attempt, draw_key, bits, proposed"
    return f"WITH {keyed},\n{_chain(dialect, 'numbered', numbered, drawn, last='drawn')}\nSELECT {columns} FROM drawn"


def _chain(dialect: Dialect, first: str, query: str, steps: list[tuple[str, str]], *, last: str = "keyed") -> str:
    """Return the steps as common table expressions, each with one column more than the one before."""
    parts, before = [f"{first} AS ({query}{dialect.fence})"], first
    for place, (name, expression) in enumerate(steps, 1):
        own = last if place == len(steps) else f"{last}_{place}"
        parts.append(f"{own} AS (SELECT *, {expression} AS {name} FROM {before}{dialect.fence})")  # noqa: S608 - it is printed
        before = own
    return ",\n".join(parts)


def _range(name: str, n: int) -> str:
    """Return a query of the numbers 0 … n − 1."""
    return " UNION ALL ".join(f"SELECT {number} AS {name}" for number in range(n))

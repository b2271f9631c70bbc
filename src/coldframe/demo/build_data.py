"""How the shipped files were made: `python -m coldframe.demo.build_data FOLDER` makes them again, byte for byte.

FOLDER holds Online Retail II as two Parquet files, one a year. What is left out, merged and derived stands in
docs/demo.md and is nowhere else than here. Never looks at anything but those two files.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl

from coldframe.demo.categories import category_of
from coldframe.demo.shipped import SHIPPED, ShippedFiles

SOURCES = ("events_2009_10.parquet", "events_2010_11.parquet")
OVERLAP = datetime(2010, 12, 1)  # noqa: DTZ001
"""From here on both files hold the same orders; the second one's are kept. The shop's own clock, without a zone."""
PRODUCT_CODE = r"^\d{5}[A-Z]*$"
"""Five digits and perhaps letters. Postage, manual entries, bank charges, discounts and test lines have other codes."""
SERVICES = ("Next Day Carriage", "High Resolution Image")
"""What has a product's code and is none."""
ALWAYS_UPPER = frozenset({"uk", "usa", "cd", "cds", "dvd", "led", "tv", "diy", "fm", "3d", "ii", "iii", "xl"})
"""Words that stay in capitals in a title."""


def build(folder: Path) -> dict[str, pl.DataFrame]:
    """Return the frames `events`, `items` and `users` made from the published files in `folder`."""
    lines = usable_lines([pl.read_parquet(folder / name) for name in SOURCES])
    return {"events": events(lines), "items": items(lines), "users": users(lines)}


def usable_lines(years: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the order lines of known customers for real products at a price, of both years, each order once."""
    columns = ("user_id", "item_id", "description", "ts", "price", "quantity", "country", "event")
    first, second = (year.select(columns).cast({"ts": pl.Datetime("us"), "quantity": pl.Int64}) for year in years)
    return (
        pl.concat([first.filter(pl.col("ts") < OVERLAP), second])
        .with_columns(
            pl.col("item_id").str.strip_chars().str.to_uppercase(),
            pl.col("user_id").cast(pl.String),
            pl.col("ts").dt.replace_time_zone("UTC"),
        )
        .filter(
            (pl.col("event") == "purchase")
            & pl.col("user_id").is_not_null()
            & (pl.col("price") > 0)
            & pl.col("item_id").str.contains(PRODUCT_CODE)
            & ~pl.col("description").is_in(SERVICES)
        )
    )


def events(lines: pl.DataFrame) -> pl.DataFrame:
    """Return one purchase per customer, product and minute; `value` is the money paid, in pounds."""
    paid = (pl.col("price") * pl.col("quantity")).sum().round(2)
    return (
        lines.group_by(pl.col("ts").alias("timestamp"), "user_id", "item_id")
        .agg(paid.alias("value"))
        .sort("timestamp", "user_id", "item_id")
        .select("user_id", "item_id", "timestamp", pl.lit("purchase").alias("event_type"), "value")
    )


def items(lines: pl.DataFrame) -> pl.DataFrame:
    """Return each product with its usual title, our category and its median price, in pounds.

    It has no `created_at`: the data does not say when a product was listed, and the day of its first sale would tell
    a model that somebody is about to buy it.
    """
    titles = _usual(lines.with_columns(pl.col("description").str.strip_chars().str.replace_all(r"\s+", " ")))
    prices = lines.group_by("item_id").agg(pl.col("price").median().round(2))
    return (
        titles.join(prices, on="item_id")
        .with_columns(pl.col("description").map_elements(readable, return_dtype=pl.String).alias("title"))
        .with_columns(pl.col("title").map_elements(category_of, return_dtype=pl.String).alias("category"))
        .select("item_id", "title", pl.concat_list("category").alias("categories"), "price")
        .sort("item_id")
    )


def users(lines: pl.DataFrame) -> pl.DataFrame:
    """Return each customer with the country most of the lines went to."""
    return _most_frequent(lines, "user_id", "country").sort("user_id")


def readable(description: str) -> str:
    """Return a product's description as a title: the capitals of a till become a sentence.

    >>> readable("SET OF 3 CD RACKS, UK MADE .")
    'Set of 3 CD racks, UK made'
    """
    words = description.strip(" .,*'\"").lower().split(" ")
    text = " ".join(word.upper() if word.strip(",.") in ALWAYS_UPPER else word for word in words)
    return text[:1].upper() + text[1:]


def write(frames: dict[str, pl.DataFrame], files: ShippedFiles) -> None:
    """Write the frames where the package ships them."""
    for frame, path in (
        (frames["events"], files.events),
        (frames["items"], files.items),
        (frames["users"], files.users),
    ):
        frame.write_parquet(path, compression="zstd", compression_level=19, statistics=False, row_group_size=1_000_000)


def _usual(lines: pl.DataFrame) -> pl.DataFrame:
    return _most_frequent(lines, "item_id", "description")


def _most_frequent(lines: pl.DataFrame, key: str, value: str) -> pl.DataFrame:
    """Return each key with its most frequent value; of equally frequent ones the alphabetically first."""
    return (
        lines.group_by(key, value)
        .len()
        .sort(key, "len", value, descending=[False, True, False])
        .group_by(key, maintain_order=True)
        .agg(pl.col(value).first())
    )


def main(arguments: list[str], say: Callable[[str], object] = sys.stdout.write) -> None:
    """Build the files from the folder named and write them into the package."""
    frames = build(Path(arguments[0]))
    write(frames, SHIPPED)
    for name, frame in frames.items():
        say(f"{name}: {frame.height:,} rows\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The data sets that accuracy is measured on, each as a split of `coldframe.evaluation`.

Reads them from a folder (`../shared/data` beside the checkout, or $COLDFRAME_DATA); a set that is not there is skipped
by name. Only Online Retail ships with the project; nothing here copies the others. Times and texts enter by the
rules of `coldframe import`.
"""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl

from coldframe.demo.shipped import SHIPPED
from coldframe.domain import Item, User
from coldframe.evaluation import Split, column_split, complete_events, published_split, time_split
from coldframe.events.reading import read_items, read_users

DATA = Path(os.environ.get("COLDFRAME_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
LIKED_FROM = 4


def _published(name: str) -> Split:
    train, test = (
        complete_events(_ids(pl.read_parquet(DATA / name / f"{part}.parquet"))) for part in ("train", "test")
    )
    return published_split(train, test)


def gowalla() -> Split:
    """The LightGCN split."""
    return _published("gowalla")


def ml1m_ultragcn() -> Split:
    """The UltraGCN split of MovieLens-1M."""
    return _published("ml1m_ultragcn")


def citeulike_a() -> Split:
    """The published warm and cold split, with tags."""
    frame = _ids(pl.read_parquet(DATA / "citeulike_a" / "cold_split_aldi.parquet"))
    tags = pl.read_parquet(DATA / "citeulike_a" / "item_tags.parquet").group_by("item_id").agg("tag_id").sort("item_id")
    items = [Item(item_id=str(row[0]), tags=tuple(str(tag) for tag in sorted(row[1]))) for row in tags.iter_rows()]
    return column_split(complete_events(frame, keep="split"), items, column="split", values={"train": "warm_emb"})


def amazon_beauty() -> Split:
    """Leave one out: everything but each user's last item, in the file's order."""
    frame = _ids(pl.read_parquet(DATA / "amazon_beauty" / "sequences.parquet"))
    frame = frame.with_columns(
        (pl.col("pos").cast(pl.Int64) * 60_000_000).cast(pl.Datetime("us", "UTC")).alias("timestamp")
    )
    last = pl.col("pos") == pl.col("pos").max().over("user_id")
    attributes = pl.read_parquet(DATA / "amazon_beauty" / "item_attributes.parquet").group_by("item_id").agg("attr_id")
    items = [
        Item(item_id=str(row[0]), tags=tuple(str(tag) for tag in sorted(row[1])))
        for row in attributes.sort("item_id").iter_rows()
    ]
    return published_split(complete_events(frame.filter(~last)), complete_events(frame.filter(last)), items)


def online_retail() -> Split:
    """The shipped shop, the last tenth of its events."""
    events = complete_events(pl.read_parquet(SHIPPED.events))
    return time_split(events, read_items(SHIPPED.items), read_users(SHIPPED.users), fraction=0.9, repeat="auto")


def ml100k() -> Split:
    """MovieLens-100K by time; likes are ratings of 4 and 5."""
    folder = DATA / "ml100k"
    ratings = pl.read_parquet(folder / "ratings.parquet").filter(pl.col("rating") >= LIKED_FROM)
    events = _ids(ratings).with_columns(
        pl.from_epoch("ts", "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("timestamp")
    )
    items = [
        Item(item_id=row["item_id"], title=row["movie_title"], categories=tuple((row["class"] or "").split()))
        for row in pl.read_parquet(folder / "items.parquet").to_dicts()
    ]
    users = [
        User(user_id=row["user_id"], attributes={name: row[name] for name in ("gender", "occupation")})
        for row in pl.read_parquet(folder / "users.parquet").to_dicts()
    ]
    return time_split(complete_events(events), items, users, fraction=0.8, repeat="auto")


def ml_latest_small() -> Split:
    """MovieLens latest small by time; likes are ratings of 4 and more."""
    folder = DATA / "ml_latest_small"
    ratings = pl.read_parquet(folder / "ratings.parquet").filter(pl.col("rating") >= LIKED_FROM)
    events = ratings.select(
        pl.col("userId").cast(pl.String).alias("user_id"),
        pl.col("movieId").cast(pl.String).alias("item_id"),
        pl.from_epoch("timestamp", "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("timestamp"),
    )
    items = [
        Item(item_id=str(row["movieId"]), title=row["title"], categories=tuple((row["genres"] or "").split("|")))
        for row in pl.read_parquet(folder / "movies.parquet").to_dicts()
    ]
    return time_split(complete_events(events), items, fraction=0.8, repeat="auto")


def deskdrop() -> Split:
    """An article platform's log, five event types, the last tenth; people without a user id are their sessions."""
    events = pl.read_parquet(DATA / "deskdrop" / "events.parquet").select(
        pl.col("user_id").cast(pl.String),
        pl.col("item_id").cast(pl.String),
        pl.col("event").str.to_lowercase().alias("event_type"),
        pl.from_epoch("ts", "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("timestamp"),
    )
    return time_split(complete_events(events), fraction=0.9, repeat="auto")


def _ids(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("user_id", "item_id").cast(pl.String))


SPLITS: dict[str, Callable[[], Split]] = {
    "online_retail": online_retail,
    "ml100k": ml100k,
    "ml_latest_small": ml_latest_small,
    "deskdrop": deskdrop,
    "citeulike_a": citeulike_a,
    "ml1m_ultragcn": ml1m_ultragcn,
    "amazon_beauty": amazon_beauty,
    "gowalla": gowalla,
}
"""Name → split, the quick ones first."""


def is_there(name: str) -> bool:
    """Return whether the files of a set can be read here."""
    return name == "online_retail" or (DATA / name).is_dir()

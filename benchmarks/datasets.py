"""The data sets that accuracy is measured on, each as a test split and a development split of `coldframe.evaluation`.

Reads them from a folder (`../shared/data` beside the checkout, or $COLDFRAME_DATA); a set that is not there is skipped
by name. Only Online Retail ships with the project; nothing here copies the others. Development splits are cut from the
training side of the test split by the same rule, so that nothing chosen on them has seen a test event.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from counted import counted

from coldframe.demo.shipped import SHIPPED
from coldframe.domain import Item, User
from coldframe.evaluation import Split, column_split, complete_events, published_split, time_split
from coldframe.events.reading import read_items, read_users

DATA = Path(os.environ.get("COLDFRAME_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
LIKED_FROM = 4
HELD_OUT = 0.2
"""Share of the items that a development split without times holds out."""
SEED = 20_261_126
HORIZON = 10
"""Events that follow a question: visits are asked about within too, as a page would."""


FORTNIGHT = 14
"""Days after which models are trained again within a test period of few months."""


@dataclass(frozen=True)
class Timed:
    """A log cut in time: the last part is the test, and what is before it is cut again for development.

    With `refit_days` models are trained again as the test period goes by.
    """

    events: pl.DataFrame
    items: tuple[Item, ...] = ()
    users: tuple[User, ...] = ()
    fraction: float = 0.9
    refit_days: int | None = None

    def test(self) -> Split:
        """Return the test split, with the views `discovery` and `young`."""
        return self._cut(self.events)

    def development(self) -> Split:
        """Return the same cut within the training side."""
        return self._cut(self.test().train)

    def _cut(self, events: pl.DataFrame) -> Split:
        return time_split(
            events,
            self.items,
            self.users,
            fraction=self.fraction,
            repeat="auto",
            discovery=True,
            young=True,
            horizon=HORIZON,
            refit_days=self.refit_days,
        )


@dataclass(frozen=True)
class Published:
    """A training and a test file; development holds out as large a share of each user's training rows, or the last."""

    train: pl.DataFrame
    held_out: pl.DataFrame
    items: tuple[Item, ...] = ()
    last_one: bool = False

    def test(self) -> Split:
        """Return the published split."""
        return published_split(self.train, self.held_out, self.items)

    def development(self) -> Split:
        """Return the training file cut by the rule of the published split."""
        share = self.held_out.height / (self.train.height + self.held_out.height)
        chosen = _last(self.train) if self.last_one else _some(self.train, share)
        return published_split(self.train.filter(~chosen), self.train.filter(chosen), self.items)


@dataclass(frozen=True)
class Marked:
    """Rows that a column `split` marks as train, validation and test, warm and cold."""

    events: pl.DataFrame
    develop: Callable[[pl.DataFrame], pl.DataFrame]
    items: tuple[Item, ...]
    users: tuple[User, ...] = ()

    def test(self) -> Split:
        """Return the published split."""
        return column_split(self.events, self.items, self.users, column="split")

    def development(self) -> Split:
        """Return the rows without the test, marked anew, and no item that only the test knows."""
        kept = self.develop(self.events)
        tested = set(self.events["item_id"]) - set(kept["item_id"])
        items = tuple(item for item in self.items if item.item_id not in tested)
        return column_split(kept, items, self.users, column="split")


@dataclass(frozen=True)
class Counted:
    """A log cut in time whose questions come after so many events of a user, each about the next `HORIZON`."""

    timed: Timed
    counts: tuple[int, ...] = (0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120)

    def test(self) -> Split:
        """Return the test split."""
        return counted(self.timed.test(), self.timed.events, self.counts, horizon=HORIZON)

    def development(self) -> Split:
        """Return the same cut within the training side."""
        return counted(self.timed.development(), self.timed.test().train, self.counts, horizon=HORIZON)


DataSet = Timed | Published | Marked | Counted


def gowalla() -> Published:
    """The LightGCN split."""
    return _published("gowalla")


def ml1m_ultragcn() -> Published:
    """The UltraGCN split of MovieLens-1M."""
    return _published("ml1m_ultragcn")


def citeulike_a() -> Marked:
    """The published warm and cold split, with tags; development asks half of the users their validation part."""
    frame = _ids(pl.read_parquet(DATA / "citeulike_a" / "cold_split_aldi.parquet"))
    ours = {"warm_emb": "train", "cold_item_val": "cold_val", "cold_item_test": "cold_test"}
    frame = frame.with_columns(pl.col("split").replace(ours))
    tags = pl.read_parquet(DATA / "citeulike_a" / "item_tags.parquet").group_by("item_id").agg("tag_id").sort("item_id")
    items = tuple(Item(item_id=str(row[0]), tags=tuple(str(tag) for tag in sorted(row[1]))) for row in tags.iter_rows())
    return Marked(complete_events(frame, keep="split"), _half_of_validation, items)


def ml1m_cold() -> Marked:
    """MovieLens-1M, likes of known users: films that MeLU's item-cold state keeps back, with plot, cast and genres."""
    folder = DATA / "ml1m"
    liked = pl.read_parquet(folder / "ratings.parquet").filter(pl.col("rating") >= LIKED_FROM)
    states = {name: pl.read_parquet(folder / f"melu_{name}_cold_state.parquet") for name in ("item", "user")}
    cold = pl.col("item_id").is_in(states["item"]["item_id"].unique().implode())
    known = liked.filter(~pl.col("user_id").is_in(states["user"]["user_id"].unique().implode()))
    part = pl.when(cold).then(pl.lit("cold_test")).otherwise(pl.lit("train"))
    frame = known.select("user_id", "item_id", part.alias("split"))
    users = tuple(
        User(user_id=str(row["user_id"]), attributes={name: row[name] for name in ("gender", "age", "occupation")})
        for row in pl.read_parquet(folder / "users.parquet").to_dicts()
    )
    return Marked(complete_events(_ids(frame), keep="split"), _some_items_cold, _films(folder), users)


def amazon_beauty() -> Published:
    """Leave one out: everything but each user's last item, in the file's order; times are days before the last one."""
    frame = _ids(pl.read_parquet(DATA / "amazon_beauty" / "sequences.parquet"))
    back = pl.col("pos").max().over("user_id") - pl.col("pos")
    frame = frame.with_columns(timestamp=pl.datetime(2014, 7, 1, time_zone="UTC") - pl.duration(days=back))
    last = pl.col("pos") == pl.col("pos").max().over("user_id")
    attributes = pl.read_parquet(DATA / "amazon_beauty" / "item_attributes.parquet").group_by("item_id").agg("attr_id")
    items = tuple(
        Item(item_id=str(row[0]), tags=tuple(str(tag) for tag in sorted(row[1])))
        for row in attributes.sort("item_id").iter_rows()
    )
    return Published(complete_events(frame.filter(~last)), complete_events(frame.filter(last)), items, last_one=True)


def online_retail() -> Timed:
    """The shipped shop, the last tenth of its events, trained again every fortnight of it."""
    events = complete_events(pl.read_parquet(SHIPPED.events))
    people = tuple(read_users(SHIPPED.users))
    return Timed(events, tuple(read_items(SHIPPED.items)), people, refit_days=FORTNIGHT)


def completejourney() -> Timed:
    """A year of grocery baskets of a household panel, with catalogue and demographics; the last tenth."""
    folder = DATA / "completejourney"
    events = pl.read_parquet(folder / "transactions.parquet").select(
        pl.col("household_id").cast(pl.String).alias("user_id"),
        pl.col("product_id").cast(pl.String).alias("item_id"),
        pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
    )
    items = tuple(
        Item(
            item_id=str(row["product_id"]),
            title=row["product_type"],
            categories=tuple(row[name] for name in ("department", "product_category") if row[name]),
            tags=tuple(f"{name} {row[name]}" for name in ("manufacturer_id", "brand", "package_size") if row[name]),
        )
        for row in pl.read_parquet(folder / "products.parquet").to_dicts()
    )
    users = tuple(
        User(
            user_id=str(row["household_id"]),
            attributes={name: value for name, value in row.items() if name != "household_id" and value is not None},
        )
        for row in pl.read_parquet(folder / "demographics.parquet").to_dicts()
    )
    return Timed(complete_events(events.sort("timestamp", "user_id", "item_id")), items, users)


def ml100k() -> Timed:
    """MovieLens-100K by time, trained again every fortnight; likes are ratings of 4 and 5."""
    folder = DATA / "ml100k"
    events = _ids(pl.read_parquet(folder / "ratings.parquet").filter(pl.col("rating") >= LIKED_FROM))
    items = tuple(
        Item(item_id=row["item_id"], title=row["movie_title"], categories=tuple((row["class"] or "").split()))
        for row in pl.read_parquet(folder / "items.parquet").to_dicts()
    )
    users = tuple(
        User(user_id=row["user_id"], attributes={name: row[name] for name in ("gender", "occupation")})
        for row in pl.read_parquet(folder / "users.parquet").to_dicts()
    )
    return Timed(complete_events(events.with_columns(_seconds("ts"))), items, users, fraction=0.8, refit_days=FORTNIGHT)


def ml100k_counted() -> Counted:
    """MovieLens-100K by time, asked after so many likes of a user about the next ten."""
    return Counted(ml100k())


def ml_latest_small() -> Timed:
    """MovieLens latest small by time; likes are ratings of 4 and more."""
    folder = DATA / "ml_latest_small"
    events = pl.read_parquet(folder / "ratings.parquet").filter(pl.col("rating") >= LIKED_FROM)
    events = _ids(events.rename({"userId": "user_id", "movieId": "item_id"})).with_columns(_seconds("timestamp"))
    items = tuple(
        Item(item_id=str(row["movieId"]), title=row["title"], categories=tuple((row["genres"] or "").split("|")))
        for row in pl.read_parquet(folder / "movies.parquet").to_dicts()
    )
    return Timed(complete_events(events), items, fraction=0.8)


def deskdrop() -> Timed:
    """An article platform's log, five event types, the last tenth; people without a user id are their sessions."""
    events = _ids(pl.read_parquet(DATA / "deskdrop" / "events.parquet")).with_columns(
        pl.col("event").str.to_lowercase().alias("event_type"), _seconds("ts")
    )
    return Timed(complete_events(events))


def _published(name: str) -> Published:
    parts = (pl.read_parquet(DATA / name / f"{part}.parquet") for part in ("train", "test"))
    train, held_out = (complete_events(_ids(part)) for part in parts)
    return Published(train, held_out)


def _films(folder: Path) -> tuple[Item, ...]:
    genres = pl.read_parquet(folder / "movies.parquet")
    films = genres.join(pl.read_parquet(folder / "movies_extra.parquet").drop("title"), on="item_id", how="left")
    return tuple(
        Item(
            item_id=str(row["item_id"]),
            title=row["title"],
            text=row["plot"],
            categories=tuple(row["genres"].split("|")),
            tags=tuple(
                f"{role} {name.partition('(')[0].strip()}"
                for role in ("director", "writer", "actors", "rate", "year")
                for name in (row[role] or "").split(",")
                if name.strip()
            ),
        )
        for row in films.to_dicts()
    )


def _half_of_validation(events: pl.DataFrame) -> pl.DataFrame:
    known = events.filter(pl.col("split").is_in(["train", "warm_val", "cold_val"]))
    asked = pl.col("user_id").hash(SEED) % 2 == 0
    renamed = pl.col("split").replace({"warm_val": "warm_test", "cold_val": "cold_test"})
    return known.with_columns(pl.when(asked).then(renamed).otherwise("split").alias("split")).filter(
        ~asked | (pl.col("split") != "cold_val")
    )


def _some_items_cold(events: pl.DataFrame) -> pl.DataFrame:
    known = events.filter(pl.col("split") == "train")
    cold = pl.col("item_id").hash(SEED) % round(1 / HELD_OUT) == 0
    return known.with_columns(pl.when(cold).then(pl.lit("cold_test")).otherwise("split").alias("split"))


def _some(events: pl.DataFrame, share: float) -> pl.Series:
    lot = pl.Series(np.random.default_rng(SEED).random(events.height))
    place = lot.to_frame("lot").select(pl.col("lot").rank("ordinal").over(events["user_id"])).to_series()
    size = events.select(pl.len().over("user_id")).to_series()
    return place <= (size * share).round()


def _last(events: pl.DataFrame) -> pl.Series:
    return events.select(pl.col("timestamp") == pl.col("timestamp").max().over("user_id")).to_series()


def _ids(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("user_id", "item_id").cast(pl.String))


def _seconds(column: str) -> pl.Expr:
    return pl.from_epoch(column, "s").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("timestamp")


SETS: dict[str, Callable[[], DataSet]] = {
    "online_retail": online_retail,
    "ml100k": ml100k,
    "ml100k_counted": ml100k_counted,
    "ml_latest_small": ml_latest_small,
    "deskdrop": deskdrop,
    "completejourney": completejourney,
    "citeulike_a": citeulike_a,
    "ml1m_cold": ml1m_cold,
    "ml1m_ultragcn": ml1m_ultragcn,
    "amazon_beauty": amazon_beauty,
    "gowalla": gowalla,
}
"""Name → data set, the quick ones first."""


FOLDERS = {"ml1m_cold": "ml1m", "ml100k_counted": "ml100k"}
"""Sets whose files are in a folder of another name."""


def is_there(name: str) -> bool:
    """Return whether the files of a set can be read here."""
    return name == "online_retail" or (DATA / FOLDERS.get(name, name)).is_dir()

"""What a bundle knows of persons: nothing of who was forgotten, a joined session as the user's, and never an id."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from coldframe import pipeline
from coldframe.bundle.registry import Registry
from coldframe.clock import fixed_clock
from coldframe.store.sqlite import SQLiteStore
from coldframe.testing.shop import OPENING, quick_settings, shop

SETTINGS = quick_settings(mixer={"holdout": 0.01})
DAYS = 12
NOW = OPENING + timedelta(days=DAYS)
WORLD = shop(n_users=60, n_items=40, days=DAYS)


def stocked(folder, events, users):
    store = SQLiteStore(folder, SETTINGS.store)
    store.upsert_items(WORLD.items)
    store.upsert_users(users)
    store.import_events([events])
    return store


def trained(store, folder):
    registry = Registry(folder / "bundles")
    made = pipeline.train(store, registry, SETTINGS, clock=fixed_clock(NOW), progress=lambda *_: None)
    return registry.open(made.bundle)


def test_the_next_bundle_is_as_if_the_forgotten_had_never_been(tmp_path):
    gone = WORLD.events["user_id"].mode()[0]
    forgetting = stocked(tmp_path / "a", WORLD.events, WORLD.users)
    forgetting.forget_user(gone, now=NOW)
    never = stocked(
        tmp_path / "b",
        WORLD.events.filter(pl.col("user_id") != gone),
        [user for user in WORLD.users if user.user_id != gone],
    )
    bundles = [trained(store, tmp_path / name) for name, store in (("a", forgetting), ("b", never))]
    assert bundles[0].id == bundles[1].id
    forgetting.close()
    never.close()


def test_a_joined_session_teaches_what_the_users_own_events_would(tmp_path):
    """Half of a user's events came before signing in; the bundle is the same, each event at its own time."""
    who = WORLD.events["user_id"].mode()[0]
    early = (pl.col("user_id") == who) & (pl.col("timestamp") < pl.col("timestamp").median().over("user_id"))
    visits = WORLD.events.with_columns(
        user_id=pl.when(early).then(None).otherwise("user_id"), session_id=pl.when(early).then(pl.lit("visit-1"))
    ).select(WORLD.events.columns)
    assert visits["session_id"].count() > 0
    joining = stocked(tmp_path / "a", visits, WORLD.users)
    apart = trained(joining, tmp_path / "apart")
    joining.merge_session("visit-1", who, now=NOW)
    plain = stocked(tmp_path / "b", WORLD.events, WORLD.users)
    bundles = [trained(store, tmp_path / name) for name, store in (("a", joining), ("b", plain))]
    assert bundles[0].id == bundles[1].id != apart.id
    joining.close()
    plain.close()


def test_no_file_of_a_bundle_names_a_person(tmp_path):
    named = pl.concat_str(pl.lit("person-"), "user_id")
    events = WORLD.events.with_columns(
        user_id=named,
        session_id=pl.concat_str(pl.lit("visit-"), "user_id"),
        event_id=pl.concat_str(pl.lit("event-"), "event_id"),  # e00267 alone may be digits of a hash
    )
    store = stocked(tmp_path / "a", events.select(WORLD.events.columns), [])
    trained(store, tmp_path)
    store.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "bundles").rglob("*") if path.is_file())
    assert b"i001" in held
    for ids in ("user_id", "session_id", "event_id"):
        assert [each for each in events[ids].unique() if each.encode() in held] == []
    wide = "".join(f"{c}\0\0\0" for c in "person-").encode("latin-1")
    assert wide not in held


def test_no_secret_is_in_a_bundle(tmp_path):
    secret = "a-long-and-secret-key"
    settings = replace(SETTINGS, serving=replace(SETTINGS.serving, api_key=secret))
    store = stocked(tmp_path / "a", WORLD.events, WORLD.users)
    registry = Registry(tmp_path / "bundles")
    pipeline.train(store, registry, settings, clock=fixed_clock(NOW), progress=lambda *_: None)
    store.close()
    assert secret.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "bundles").rglob("*") if p.is_file())

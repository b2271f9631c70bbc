"""What is kept of a catalogue and brought up to date is what reading all of it would give."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.training_set import Vocabulary
from coldframe.domain import Item, ItemId
from coldframe.serving.attributes import Attributes, Columns
from coldframe.serving.catalogue import CatalogueView
from coldframe.serving.changes import Groups, Kept, whole
from coldframe.settings import Settings
from coldframe.store.sqlite import SQLiteStore

START = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = Vocabulary(("a", "b", "c", "d"))
IDS = st.sampled_from([*KNOWN.ids, "new-1", "new-2"])
ITEMS = st.builds(
    Item,
    item_id=IDS,
    categories=st.lists(st.sampled_from(["mugs", "pots"]), max_size=3).map(tuple),
    tags=st.lists(st.sampled_from(["red", "blue"]), max_size=2).map(tuple),
    numeric=st.dictionaries(st.sampled_from(["price", "stock"]), st.sampled_from([1.0, 2.0]), max_size=2),
    created_at=st.none() | st.just(START),
    expires_at=st.none() | st.just(START + timedelta(days=1)),
    available=st.booleans(),
)
STEPS = st.lists(st.one_of(st.lists(ITEMS, min_size=1, max_size=3), IDS), max_size=8)


@pytest.fixture(scope="module")
def store() -> Iterator[SQLiteStore]:
    with TemporaryDirectory() as folder:
        found = SQLiteStore(Path(folder), Settings().store)
        yield found
        found.close()


def emptied(store: SQLiteStore) -> None:
    for item in list(store.items()):
        store.delete_item(ItemId(item.item_id))


def step(store: SQLiteStore, change: list[Item] | str) -> None:
    if isinstance(change, str):
        store.delete_item(ItemId(change))
    else:
        store.upsert_items(change)


def plain(state: object) -> dict[str, object]:
    """What of a state is compared: every public field, arrays as lists, columns that say nothing left out."""
    found = {field.name: getattr(state, field.name) for field in fields(state) if field.name[0] != "_"}  # type: ignore[arg-type]
    found["listed"] = getattr(state, "listed", None)
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: object) -> object:
    if isinstance(value, Groups):
        return _plain({name: value.rows(name).tolist() for name in value.codes})
    if isinstance(value, np.ndarray):
        return [None if each != each else each for each in value.tolist()]
    if isinstance(value, dict):
        parts = {name: _plain(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if not _says_nothing(part)}
    return value


def _says_nothing(part: object) -> bool:
    return part == {} or (isinstance(part, list) and all(each is None for each in part))


@settings(max_examples=60, deadline=None)
@given(first=STEPS, then=STEPS)
def test_a_state_that_followed_every_change_is_that_of_a_fresh_read(store, first, then):
    emptied(store)
    for change in first:
        step(store, change)
    states = [Kept(store, state.after(whole(store))) for state in (CatalogueView.empty(KNOWN), Columns.empty(KNOWN))]
    for change in then:
        step(store, change)
        for kept in states:
            kept.current()
    for kept, empty in zip(states, (CatalogueView.empty(KNOWN), Columns.empty(KNOWN)), strict=True):
        assert plain(kept.current()) == plain(empty.after(whole(store)))


@settings(max_examples=60, deadline=None)
@given(first=STEPS, then=STEPS, come=st.sets(st.sampled_from(["new-1", "new-2"])))
def test_rows_of_newcomers_are_those_of_a_fresh_read_over_all_rows(store, first, then, come):
    emptied(store)
    for change in first:
        step(store, change)
    view, attributes = CatalogueView.empty(KNOWN).after(whole(store)), Attributes(store, KNOWN)
    attributes.current()
    for change in then:
        step(store, change)
    view = view.after(store.catalogue_changes(view.version))
    newcomers = [view.strangers[item_id] for item_id in sorted(come & view.strangers.keys())]
    rows = Vocabulary((*KNOWN.ids, *(item.item_id for item in newcomers)))
    fresh = whole(store)
    assert plain(view.extended(rows, newcomers)) == plain(CatalogueView.empty(rows).after(fresh))
    extended = attributes.extended(len(KNOWN), rows, newcomers, view.version)
    assert plain(extended.current()) == plain(Columns.empty(rows).after(whole(store)))
    back = extended.extended(len(KNOWN), KNOWN, [], view.version)
    assert plain(back.current()) == plain(Columns.empty(KNOWN).after(whole(store)))


def test_a_change_between_the_newcomers_and_their_rows_is_not_lost(store):
    emptied(store)
    store.upsert_items([Item(item_id="new-1", numeric={"price": 1.0})])
    view, attributes = CatalogueView.empty(KNOWN).after(whole(store)), Attributes(store, KNOWN)
    attributes.current()
    store.upsert_items([Item(item_id="new-1", numeric={"price": 9.0})])
    rows = Vocabulary((*KNOWN.ids, "new-1"))
    extended = attributes.extended(len(KNOWN), rows, list(view.strangers.values()), view.version)
    assert extended.current().numbers["price"][4] == 9.0

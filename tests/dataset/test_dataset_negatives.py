"""The sampler: golden vectors for other engines, a slow copy in plain integers, and worlds whose answer is known."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from dataset_worlds import at, log, logs
from hypothesis import given, settings
from hypothesis import strategies as st

from coldframe.dataset.build import build_training_set
from coldframe.dataset.draws import below, draw, event_keys, hash_ids, mix, share
from coldframe.dataset.negatives import RESOLUTION, STRIDE, TRIES, NegativeSampler, negatives_per_positive
from coldframe.dataset.training_set import Bags
from coldframe.domain import Item
from coldframe.errors import InputError
from coldframe.settings import Settings, with_value

DEFAULT = Settings()
MASK = 2**64 - 1
MIXED = with_value(Settings(), "negatives.popularity_share", 0.5)
POPULAR = with_value(Settings(), "negatives.popularity_share", 1.0)
SHELF = [Item(item_id=f"i{n:02}") for n in range(20)]


def made_of(*rows, items=SHELF, **options):
    return build_training_set(log(*rows), items, [], Settings(), **options)


def drawn(training_set, given_settings=DEFAULT, seed=0):
    return NegativeSampler.of(training_set, given_settings).draw(seed)


def many(n_users=60, n_items=20, each=6):
    """Users who each like a few items, the first items most."""
    return made_of(*((f"u{u}", f"i{(u * k) % n_items:02}", (u + k) / 8) for u in range(n_users) for k in range(each)))


# --- golden vectors: what another engine must find


def test_golden_hashes():
    assert [f"{number:016x}" for number in hash_ids(["", "ann", "кружка"])] == [
        "e3b0c44298fc1c14",
        "49915e0d7d4b402e",
        "617efd9be12b567d",
    ]
    assert hash_ids([]).tolist() == []


def test_golden_mix():
    assert [f"{number:016x}" for number in mix(np.array([0, 1, MASK], np.uint64))] == [
        "0000000000000000",
        "5692161d100b05e5",
        "b4d055fcf2cbbd7b",
    ]


def test_golden_draws():
    keys = event_keys(7, hash_ids(["ann", "bob"]), hash_ids(["mug", "pan"]), np.array([1_767_225_600_000_000, -1]))
    assert [f"{key:016x}" for key in keys] == ["4bdff01c53f23202", "774357ac8bdbba43"]
    bits = draw(keys[[0, 0, 1]], np.array([0, 17, 8], np.uint64))
    assert [f"{number:016x}" for number in bits] == ["62f4124d78a44727", "f40b3c247ff30f80", "a8bc6ce98d0da42a"]
    assert below(bits, 1_000).tolist() == [386, 953, 659]


@pytest.mark.parametrize(
    ("given_settings", "items"),
    [
        (Settings(), ["i13", "i07", "i01", "i13", "i19", "i12", "i16", "i07", "i11"]),
        (MIXED, ["i13", "i07", "i16", "i13", "i19", "i12", "i16", "i07", "i07"]),
    ],
)
def test_golden_negatives(given_settings, items):
    made = made_of(("ann", "i00", 0), ("bob", "i07", 1), ("ann", "i19", 2))
    negatives = drawn(made, given_settings, seed=7)
    assert [made.items.ids[row] for row in negatives.item] == items


# --- the same in plain integers


def mixed(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def hashed(identifier):
    return int(hashlib.sha256(identifier.encode()).hexdigest()[:16], 16)


def slow_negatives(training_set, given_settings, seed):
    """One negative at a time, as the documentation tells it."""
    events, n = training_set.interactions, training_set.n_items
    part = given_settings.negatives.popularity_share
    liked = np.bincount(events.item[events.weight > 0], minlength=n) ** 0.75
    steps = [int(step) for step in np.cumsum((liked / liked.sum() * RESOLUTION).astype(np.int64))]
    for event in range(len(events)):
        unmet = sorted(set(range(n)) - set(training_set.seen.row(events.user[event]).tolist()))
        if events.weight[event] <= 0 or not unmet:
            continue
        key = mixed(seed)
        user, item = training_set.users.ids[events.user[event]], training_set.items.ids[events.item[event]]
        for part_of_key in (hashed(user), hashed(item), int(events.timestamp[event]) & MASK):
            key = mixed(key ^ part_of_key)
        for number in range(given_settings.negatives.ratio):
            answer = None
            for attempt in range(TRIES):
                bits = mixed(key + (number * STRIDE + attempt) * 0x9E3779B97F4A7C15 & MASK)
                proposed = (bits >> 32) * n >> 32
                if (bits & 0xFFFFFFFF) / 2**32 < part:
                    proposed = next(i for i in range(n) if steps[i] > (bits >> 32) * steps[-1] >> 32)
                if answer is None and proposed in unmet:
                    answer = proposed
            bits = mixed(key + (number * STRIDE + TRIES) * 0x9E3779B97F4A7C15 & MASK)
            yield event, unmet[(bits >> 32) * len(unmet) >> 32] if answer is None else answer


@given(logs, st.integers(0, 2**63 - 1), st.sampled_from([Settings(), MIXED, POPULAR]), st.integers(0, 12))
@settings(deadline=None)
def test_negatives_agree_with_plain_integers(frame, seed, given_settings, n_more):
    made = build_training_set(frame, SHELF[:n_more], [], Settings())
    negatives = drawn(made, given_settings, seed)
    pairs = list(zip(negatives.event.tolist(), negatives.item.tolist(), strict=True))
    assert pairs == list(slow_negatives(made, given_settings, seed))


# --- worlds and properties


@given(logs, st.integers(0, 2**63 - 1), st.sampled_from([Settings(), MIXED, POPULAR]))
@settings(deadline=None)
def test_no_negative_was_met_and_every_positive_has_its_number(frame, seed, given_settings):
    made = build_training_set(frame, SHELF[:3], [], Settings(), window_days=30)
    negatives = drawn(made, given_settings, seed)
    for user, item in zip(negatives.user, negatives.item, strict=True):
        assert item not in made.seen.row(user)
    per_event = np.bincount(negatives.event, minlength=len(made.interactions))
    positive = made.interactions.weight > 0
    assert set(per_event[~positive]) <= {0}
    assert len(negatives) + negatives.missing == 3 * positive.sum()
    assert np.array_equal(negatives.user, made.interactions.user[negatives.event])


@given(logs, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_changes_no_draw(frame, random):
    order = list(range(frame.height))
    random.shuffle(order)
    one, other = (drawn(build_training_set(each, SHELF, [], Settings())) for each in (frame, frame[order]))
    assert np.array_equal(one.item, other.item)


def test_an_event_draws_the_same_whatever_else_is_in_the_log():
    """Other users' events, before and after, move no draw of this one: retries and parts of a log agree."""
    alone = made_of(("ann", "i03", 1))
    among = made_of(("zoe", "i05", 0), ("ann", "i03", 1), ("bob", "i03", 1), ("bob", "i11", 2))
    drawn_among = drawn(among)
    mine = drawn_among.user == among.users.row_of["ann"]
    assert drawn_among.item[mine].tolist() == drawn(alone).item.tolist()


def test_blocks_do_not_show(monkeypatch):
    whole = drawn(many(), MIXED)
    monkeypatch.setattr("coldframe.dataset.negatives.BLOCK", 7)
    assert np.array_equal(drawn(many(), MIXED).item, whole.item)


def test_another_seed_another_draw():
    assert not np.array_equal(drawn(many(), seed=1).item, drawn(many(), seed=2).item)


def test_what_was_met_before_the_window_is_no_negative():
    made = made_of(*(("ann", f"i{n:02}", 0) for n in range(19)), ("ann", "i18", 100), as_of=at(101), window_days=30)
    assert len(made.interactions) == 1
    assert drawn(made).item.tolist() == [19, 19, 19]


def test_who_has_met_everything_has_no_negative_and_is_counted():
    made = made_of(("ann", "i00", 0), ("ann", "i01", 1), ("bob", "i00", 2), items=SHELF[:2])
    negatives = drawn(made)
    assert negatives.missing == 6
    assert negatives.item.tolist() == [1, 1, 1]


def test_a_dislike_draws_nothing():
    assert len(drawn(made_of(("ann", "i00", 0, "rating_1"), ("ann", "i01", 0)))) == 3


@pytest.mark.parametrize("given_settings", [Settings(), MIXED, POPULAR])
@pytest.mark.parametrize("n_met", [1, 5, 17])
def test_draws_are_as_likely_as_they_say(given_settings, n_met):
    """Each item's share of 6,000 draws is within five standard errors of its recorded probability; these sum to 1."""
    popular = [(f"v{n}", f"i{n % 5:02}", 0, "purchase") for n in range(50)]
    made = made_of(*popular, *(("ann", f"i{n:02}", 1) for n in range(n_met)))
    ann = made.users.row_of["ann"]
    sampler = NegativeSampler.of(made, given_settings)
    draws = [sampler.draw(seed) for seed in range(2_000 // n_met)]
    item = np.concatenate([each.item[each.user == ann] for each in draws])
    chance = np.concatenate([each.probability[each.user == ann] for each in draws])
    stated = {int(row): float(chance[item == row][0]) for row in np.unique(item)}
    for row, probability in stated.items():
        error = np.sqrt(probability * (1 - probability) / len(item))
        assert abs((item == row).mean() - probability) < 5 * error + 1e-9
    assert sum(stated.values()) == pytest.approx(1, abs=1e-3)


def test_uniform_draws_are_all_equally_likely():
    made = many()
    negatives = drawn(made)
    assert negatives.probability == pytest.approx(1 / (20 - made.seen.sizes[negatives.user]))


def test_the_ratio_grows_with_the_catalogue():
    large = with_value(with_value(Settings(), "negatives.large_catalogue", 20), "negatives.large_ratio", 4)
    assert [negatives_per_positive(n, large) for n in (19, 20)] == [3, 4]
    assert len(drawn(made_of(("ann", "i00", 0)), large)) == 4


def test_a_training_set_that_does_not_know_what_was_met_is_refused():
    with pytest.raises(InputError, match=r"0 of 60 users.*build_training_set"):
        drawn(replace(many(), seen=Bags.empty()))


def test_bits_are_spread_evenly():
    bits = draw(event_keys(0, hash_ids(["ann"]), hash_ids(["mug"]), np.array([0])), np.arange(100_000, dtype=np.uint64))
    tenths = np.bincount(below(bits, 10))
    assert np.abs(tenths - 10_000).max() < 500
    assert abs(share(bits).mean() - 0.5) < 0.005
    assert abs(np.corrcoef(below(bits, 1_000), share(bits))[0, 1]) < 0.02

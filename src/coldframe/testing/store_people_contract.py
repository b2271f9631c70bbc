"""What every store must do with sessions and with who is forgotten: `store_contract.StoreContract` includes them.

Owns the promises of `coldframe.store.people`. Knows no kind of store.
"""
# ruff: noqa: S101

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from coldframe.domain import Event, Past, User, UserId
from coldframe.errors import ConflictError
from coldframe.store.protocol import Store
from coldframe.testing.store_samples import DAY, START, event, events, frame, impression, reject

ANN, BOB = UserId("ann"), UserId("bob")
LATER = START + 400 * DAY


def visit(number: int, session: str, **changes: object) -> Event:
    """Return event `number` of a visitor without a name."""
    return event(number, user_id=None, session_id=session, **changes)


def read(store: Store) -> list[tuple[str, str | None]]:
    """Return (event_id, user_id) of a scan."""
    return store.scan_events().collect().select("event_id", "user_id").rows()


class IdentityContract:
    """A session that was joined to a user is the user's."""

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_first_visit_counts_for_the_user(self, store: Store, sealed: bool) -> None:
        """In the history and in a scan, each event at its own time, whatever came first."""
        given = [visit(0, "s"), event(1), visit(2, "s"), visit(3, "t"), event(4, session_id="s", user_id="bob")]
        store.append_events(given)
        if sealed:
            store.seal(before=START + 2 * DAY)
        assert store.merge_session("s", ANN, now=LATER)
        history = store.recent_events(ANN, limit=9)
        assert [(each.event_id, each.user_id) for each in history] == [(f"e00000{n}", "ann") for n in (2, 1, 0)]
        assert [each.timestamp for each in history] == [given[n].timestamp for n in (2, 1, 0)]
        assert [user for _, user in read(store)] == ["ann", "ann", "ann", None, "bob"]
        assert store.recent_events(ANN, limit=1, before=given[2].timestamp) == [event(1)]
        assert [each.event_id for each in store.recent_events(UserId("s"), limit=9)] == ["e000002", "e000000"]
        assert store.recent_events(BOB, limit=9) == [given[4]]

    def test_what_the_session_does_later_counts_too(self, store: Store) -> None:
        """Also what arrives late."""
        store.merge_session("s", ANN, now=START)
        store.append_events([visit(5, "s")])
        store.import_events([frame([visit(1, "s"), event(3)])])
        assert [each.event_id for each in store.recent_events(ANN, limit=9)] == ["e000005", "e000003", "e000001"]
        assert store.scan_events(start=event(2).timestamp).collect()["user_id"].to_list() == ["ann", "ann"]

    def test_joining_again_changes_nothing(self, store: Store, reopen: Callable[[], Store]) -> None:
        """And it is durable."""
        assert store.merge_session("s", ANN, now=START)
        store.close()
        again = reopen()
        assert not again.merge_session("s", ANN, now=LATER)
        again.append_events([visit(1, "s")])
        assert [each.user_id for each in again.recent_events(ANN, limit=9)] == ["ann"]
        again.close()

    def test_an_earlier_past_has_no_session_that_was_joined_later(self, store: Store) -> None:
        """By the moment that is named."""
        store.append_events([visit(1, "s"), event(2)])
        before = store.past(ANN, limit=9)
        store.merge_session("s", ANN, now=LATER)
        after = store.past(ANN, limit=9)
        assert (len(before.item_ids), len(after.item_ids)) == (1, 2)
        for moment, told in ((START, before), (LATER, after)):
            assert store.past_as_of(ANN, limit=9, serial=told.serial, moment=moment) == told

    def test_a_session_is_one_users_alone(self, store: Store) -> None:
        """What is refused changes nothing; a user may have many sessions."""
        assert store.merge_session("s", ANN, now=START)
        assert store.merge_session("t", ANN, now=START)
        for session, user in [("s", "bob"), ("u", "s"), ("ann", "bob"), ("bob", "bob")]:
            with pytest.raises(ConflictError):
                store.merge_session(session, UserId(user), now=START)
        store.append_events([visit(1, "s"), visit(2, "t"), visit(3, "u")])
        assert [user for _, user in read(store)] == ["ann", "ann", None]

    def test_of_two_who_join_at_once_one_does(self, store: Store) -> None:
        """The other is told."""

        def joined(number: int) -> bool:
            try:
                return store.merge_session("s", UserId(f"u{number}"), now=START)
            except ConflictError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(joined, range(16))) == 1

    def test_a_user_who_goes_by_a_sessions_name_keeps_their_own(self, store: Store) -> None:
        """A name stands for a session only where an event has no user."""
        store.append_events([visit(1, "s"), event(2, user_id="s"), event(3)])
        store.merge_session("s", ANN, now=START)
        assert [each.event_id for each in store.recent_events(ANN, limit=9)] == ["e000003", "e000001"]
        assert [user for _, user in read(store)] == ["ann", "s", "ann"]


class ErasureContract:
    """Who is forgotten is nowhere."""

    def test_what_others_did_keeps_its_serial(self, store: Store) -> None:
        """Though the file it lies in is written again."""
        told = list[Past]()
        for start in range(0, 20, 4):
            store.append_events([event(start, user_id="bob"), event(start + 1)])
            store.import_events([frame([event(start + 2, user_id="bob"), event(start + 3)])])
            store.seal(before=START + 9 * DAY)
            told.append(store.past(BOB, limit=9))
        store.forget_user(ANN, now=LATER)
        assert [store.past_as_of(BOB, limit=9, serial=each.serial, moment=START) for each in told] == told
        assert store.past_as_of(ANN, limit=9, serial=told[-1].serial, moment=START).item_ids == []

    def test_who_keeps_names_is_told_to_look_again(self, store: Store) -> None:
        """By a number that grows with every erasure."""
        counted = [store.count_erasures()]
        for _ in range(2):
            store.forget_user(ANN, now=START)
            counted.append(store.count_erasures())
        assert counted == [0, 1, 2]

    def test_a_list_that_waits_in_another_process_goes_too(self, store: Store, reopen: Callable[[], Store]) -> None:
        """It was shown before; whoever comes back afterwards is shown new ones."""
        other = reopen()
        other.append_impressions([impression(1), impression(2, user_id="bob"), impression(3, user_id=None)])
        store.forget_user(ANN, now=LATER)
        other.append_impressions([impression(4)])
        other.flush()
        other.close()
        assert [one.recommendation_id for one in store.impressions()] == ["r000002", "r000004"]

    def test_nothing_of_the_user_is_left(self, store: Store, reopen: Callable[[], Store]) -> None:
        """Live and sealed events, sessions, record, lists and refused rows; everybody else's stay."""
        anns = [*events(0, 30), visit(30, "s"), visit(31, "ann"), *events(50, 53)]
        others = [event(n, user_id="bob") for n in range(100, 130)] + [visit(n, "t") for n in (131, 132)]
        store.import_events([frame([*anns[:5], *others[:9]]), frame(others[9:12])])
        store.append_events(anns[5:20] + others[12:20])
        store.seal(before=START + 9 * DAY)
        store.append_events(anns[20:] + others[20:])
        store.upsert_users([User(user_id="ann", attributes={"age": 30.0}), User(user_id="bob")])
        store.append_impressions([impression(1), impression(2, user_id="bob"), impression(3, user_id=None)])
        store.append_impressions([impression(4, user_id=None, session_id="s"), impression(5, session_id="s")])
        store.add_rejects([reject(1)])
        store.merge_session("s", ANN, now=START)
        receipt = store.forget_user(ANN, now=LATER)
        for each in (store, reopen()):
            assert each.scan_events().collect().equals(frame(sorted(others, key=lambda one: one.timestamp)))
            assert each.recent_events(ANN, limit=99) == each.recent_events(UserId("s"), limit=99) == []
            assert each.recent_events(BOB, limit=99) == others[:30][::-1]
            assert list(each.users()) == [User(user_id="bob")]
            assert [one.recommendation_id for one in each.impressions()] == ["r000002", "r000003"]
            assert list(each.rejects()) == []
            assert each.counts().events == len(others)
            assert list(each.erasures()) == [receipt]
            each.close()
        assert receipt.asked_at == LATER
        assert receipt.finished_at is not None
        assert receipt.erased["live_events"] + receipt.erased["sealed_events"] == len(anns)
        found = {name: receipt.erased[name] for name in ("users", "impressions", "sessions", "rejects")}
        assert found == {"users": 1, "impressions": 3, "sessions": 1, "rejects": 1}
        assert "ann" not in repr(receipt)

    def test_a_receipt_is_kept_for_every_request(self, store: Store) -> None:
        """Newest first; the same user has the same hash, another has another; a stranger has nothing to erase."""
        store.append_events(events(0, 3))
        given = [store.forget_user(UserId(user), now=START + n * DAY) for n, user in enumerate(["ann", "bob", "ann"])]
        assert list(store.erasures()) == given[::-1]
        assert list(store.erasures(limit=1)) == given[2:]
        assert given[0].user_hash == given[2].user_hash != given[1].user_hash
        assert len({each.erasure_id for each in given}) == 3
        assert [sum(each.erased.values()) for each in given] == [3, 0, 0]

    def test_who_comes_back_is_a_new_person(self, store: Store) -> None:
        """With the ids of events that were erased, too."""
        store.append_events(events(0, 5))
        store.seal(before=START + 9 * DAY)
        store.merge_session("s", ANN, now=START)
        store.forget_user(ANN, now=LATER)
        assert [each.status for each in store.append_events([event(1), visit(7, "s")])] == ["accepted"] * 2
        assert store.import_events([frame(events(1, 3))]).accepted == 1
        assert [each.event_id for each in store.recent_events(ANN, limit=9)] == ["e000002", "e000001"]
        assert store.merge_session("s", BOB, now=LATER)

    def test_a_frame_made_before_stays_what_it_was(self, store: Store) -> None:
        """Whoever reads it, such as a training, is not torn."""
        store.import_events([frame(events(0, 9))])
        store.append_events(events(9, 12))
        scan = store.scan_events()
        store.forget_user(ANN, now=LATER)
        assert scan.collect().equals(frame(events(0, 12)))
        assert store.scan_events().collect().is_empty()

    def test_every_other_promise_holds_afterwards(self, store: Store) -> None:
        """Ids of others count once, seals and imports go on, a history is whole."""
        bobs = [event(n, user_id="bob") for n in range(0, 48, 2)]
        store.import_events([frame(sorted([*bobs[:12], *events(1, 24, step=2)], key=lambda one: one.timestamp))])
        store.append_events([*bobs[12:], *events(25, 48, step=2)])
        store.forget_user(ANN, now=LATER)
        assert {each.status for each in store.append_events(bobs)} == {"repeated"}
        assert store.import_events([frame(bobs)]).repeated == len(bobs)
        assert store.seal(before=START + 2 * DAY) == 12
        store.append_events([event(n, user_id="bob") for n in range(48, 60)])
        store.forget_user(ANN, now=LATER + timedelta(days=1))
        assert len(store.recent_events(BOB, limit=99)) == len(bobs) + 12
        assert store.counts().events == len(bobs) + 12

    def test_many_are_forgotten_while_others_arrive(self, store: Store, reopen: Callable[[], Store]) -> None:
        """From threads and stores of their own; nothing of the others is lost."""
        people = [f"u{n}" for n in range(6)]
        for person in people:
            store.append_events([event(n, event_id=f"{person}-{n}", user_id=person) for n in range(30)])
        store.seal(before=START + DAY)
        stores = [reopen() for _ in range(2)]

        def forget(number: int) -> None:
            stores[number % 2].forget_user(UserId(f"u{number}"), now=LATER)

        def arrive(number: int) -> None:
            store.append_events(
                [event(n, event_id=f"late-{n}", user_id="bob") for n in range(number * 9, number * 9 + 9)]
            )
            store.seal(before=START + number * DAY)

        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(forget, n) for n in range(5)] + [pool.submit(arrive, n) for n in range(9)]
            for each in done:
                each.result()
        users = store.scan_events().collect()["user_id"].to_list()
        assert {user: users.count(user) for user in set(users)} == {"u5": 30, "bob": 81}
        for each in stores:
            each.close()


class PeopleContract(IdentityContract, ErasureContract):
    """All promises about persons."""

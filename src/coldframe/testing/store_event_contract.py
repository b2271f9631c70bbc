"""What every store must do with events, as tests: `store_contract.StoreContract` includes them.

Owns the promises about the event log. Knows no kind of store.
"""
# ruff: noqa: S101

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
import pytest

from coldframe.dataset.training_set import micros
from coldframe.domain import Past, UserId
from coldframe.events.schema import EVENT_COLUMNS
from coldframe.store.protocol import Store
from coldframe.testing.store_samples import DAY, START, event, events, frame


class EventContract:
    """The event log: append-only, one id counts once, live and sealed events alike."""

    def test_appended_events_come_back_as_they_were(self, store: Store) -> None:
        """Every field survives, whatever is known or not."""
        given = [
            event(1, value=2.5, recommendation_id="r", position=3, context={"page": "home", "n": 1.5, "new": True}),
            event(2, user_id=None, session_id="ann"),
            event(3, user_id="ann", session_id="s", item_id="ключ\n\x00"),
        ]
        assert [each.status for each in store.append_events(given)] == ["accepted"] * 3
        assert store.recent_events(UserId("ann"), limit=9) == given[::-1]

    def test_an_id_counts_once(self, store: Store) -> None:
        """A repeat is reported in its place and changes nothing, also within one call."""
        store.append_events([event(1)])
        reports = store.append_events([event(2), event(1, item_id="other"), event(2, item_id="other")])
        assert [(each.event_id, each.status) for each in reports] == [
            ("e000002", "accepted"),
            ("e000001", "repeated"),
            ("e000002", "repeated"),
        ]
        assert store.recent_events(UserId("ann"), limit=9) == [event(2), event(1)]

    def test_no_events_are_no_work(self, store: Store) -> None:
        """Nothing in, nothing out."""
        assert store.append_events([]) == []
        assert store.import_events([]).rows == 0
        assert store.scan_events().collect().is_empty()
        assert store.scan_events().collect_schema() == pl.Schema(EVENT_COLUMNS)

    def test_an_event_that_cannot_be_read_back_is_rejected_alone(self, store: Store) -> None:
        """Its neighbours are kept."""
        bad = [
            event(2, user_id=None),
            event(3, value=float("nan")),
            event(4, item_id="\ud800"),
            event(5, position=2**31),
            event(6, context={"x": float("inf")}),
            event(7, timestamp=START.replace(tzinfo=None)),
            event(8, timestamp=START.replace(year=1969)),
        ]
        reports = store.append_events([event(1), *bad, event(9)])
        assert [each.status for each in reports] == ["accepted", *["rejected"] * len(bad), "accepted"]
        assert all(each.reason for each in reports if each.status == "rejected")
        assert store.recent_events(UserId("ann"), limit=9) == [event(9), event(1)]

    def test_imports_count_every_row_once(self, store: Store) -> None:
        """Ids known, live or sealed, or doubled in the import itself are repeats; the first row of an id counts."""
        store.append_events(events(0, 10))
        twice = frame([event(20), event(20, item_id="other")])
        report = store.import_events([frame(events(5, 15)), twice], source="a file")
        assert (report.kind, report.accepted, report.repeated, report.rejected) == ("events", 6, 6, 0)
        again = store.import_events([frame(events(0, 15)), twice])
        assert (again.accepted, again.repeated) == (0, 17)
        assert store.append_events([event(14)])[0].status == "repeated"
        assert store.scan_events().collect().equals(frame([*events(0, 15), event(20)]))

    def test_an_import_tells_how_far_it_is(self, store: Store) -> None:
        """Progress ends at the number of rows."""
        seen: list[tuple[int, int | None]] = []
        store.import_events(
            [frame(events(0, 3)), frame(events(3, 5))], progress=lambda done, total: seen.append((done, total))
        )
        assert seen[-1][0] == 5

    def test_a_failing_import_keeps_nothing(self, store: Store) -> None:
        """What goes wrong in the reader of the file is the reader's error."""

        def breaking() -> Iterator[pl.DataFrame]:
            yield frame(events(0, 5))
            raise RuntimeError("the file is torn")

        with pytest.raises(RuntimeError, match="torn"):
            store.import_events(breaking())
        assert store.counts().events == 0
        assert store.import_events([frame(events(0, 5))]).accepted == 5

    def test_a_scan_is_in_order_and_within_its_bounds(self, store: Store) -> None:
        """Start is within, end is not; live and sealed events are one table."""
        store.import_events([frame(events(0, 40, step=3))])
        store.import_events([frame(events(0, 40, step=2))])
        store.append_events(events(0, 40)[::-1])
        assert store.scan_events().collect().equals(frame(events(0, 40)))
        window = store.scan_events(start=event(10).timestamp, end=event(30).timestamp)
        assert window.collect().equals(frame(events(10, 30)))

    def test_items_are_counted_wherever_their_events_lie(self, store: Store) -> None:
        """From the start on, which is within; each event once."""
        given = [event(number, item_id=f"item-{number % 7}") for number in range(70)]
        store.append_events(given[:60])
        store.import_events([frame(given[:30:3])])
        store.seal(before=START + 2 * DAY)
        store.append_events([*given[60:], *given[:5]])
        for first in (0, 30, 69):
            right = Counter(each.item_id for each in given[first:])
            assert store.item_counts(start=given[first].timestamp).events == right
        assert store.item_counts(start=event(70).timestamp).events == {}

    def test_a_scan_is_the_state_of_its_moment(self, store: Store) -> None:
        """What is appended or sealed later changes neither rows nor order."""
        store.append_events(events(0, 10))
        scan = store.scan_events()
        store.append_events(events(10, 20))
        store.seal(before=START + 3 * DAY)
        assert scan.collect().equals(frame(events(0, 10)))

    def test_events_of_one_moment_are_ordered_by_id(self, store: Store) -> None:
        """The order is total, wherever the events lie."""
        same = [event(number, timestamp=START) for number in range(9)]
        store.import_events([frame(same[0:3][::-1])])
        store.append_events(same[6:9])
        store.import_events([frame(same[3:6])])
        assert store.scan_events().collect().equals(frame(same))
        assert store.recent_events(UserId("ann"), limit=9) == same[::-1]

    def test_sealing_moves_whole_days(self, store: Store) -> None:
        """The day that `before` falls in stays live; nothing else can be seen to change."""
        given = events(0, 60)
        store.append_events(given)
        before, scan = store.counts(), store.scan_events().collect()
        assert store.seal(before=START + timedelta(hours=36)) == 24
        assert store.seal(before=START + timedelta(hours=36)) == 0
        assert store.counts() == before
        assert store.scan_events().collect().equals(scan)
        assert {each.status for each in store.append_events(given)} == {"repeated"}

    def test_an_event_later_than_its_days_seal_is_kept(self, store: Store) -> None:
        """A day may be sealed more than once."""
        store.append_events(events(0, 24, step=2))
        store.seal(before=START + 2 * DAY)
        store.append_events(events(0, 24))
        assert store.seal(before=START + 2 * DAY) == 12
        assert store.scan_events().collect().equals(frame(events(0, 24)))

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_history_is_newest_first(self, store: Store, sealed: bool) -> None:
        """At most `limit`, strictly before a time, of this actor alone."""
        ann, bob = events(0, 20), [event(number, user_id="bob") for number in range(100, 110)]
        store.append_events([*ann, *bob])
        if sealed:
            store.seal(before=START + 9 * DAY)
        assert store.recent_events(UserId("ann"), limit=3) == ann[:-4:-1]
        assert store.recent_events(UserId("ann"), limit=2, before=ann[10].timestamp) == [ann[9], ann[8]]
        assert store.recent_events(UserId("ann"), limit=2, before=ann[0].timestamp) == []
        assert store.recent_events(UserId("nobody"), limit=2) == []

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_past_tells_of_the_newest_events_oldest_first(self, store: Store, sealed: bool) -> None:
        """The very events of `recent_events`, as columns."""
        store.append_events([event(number, item_id=f"i{number}", event_type=f"t{number % 3}") for number in range(20)])
        if sealed:
            store.seal(before=START + 9 * DAY)
        store.append_events([event(30)])
        for limit in (3, 99):
            newest = store.recent_events(UserId("ann"), limit=limit)
            times = [micros(each.timestamp) for each in newest[::-1]]
            told = Past([each.item_id for each in newest[::-1]], [each.event_type for each in newest[::-1]], times)
            assert store.past(UserId("ann"), limit=limit)[:3] == told[:3]
        assert store.past(UserId("nobody"), limit=2)[:3] == ([], [], [])

    def test_what_was_known_at_a_serial_is_told_again(self, store: Store) -> None:
        """Wherever the events lie by now, and however they are dated: what counts is when they were accepted."""
        ann, then = UserId("ann"), []
        for start in range(0, 60, 6):
            store.append_events([event(at, item_id=f"i{at % 5}") for at in (start + 3, start)])
            store.import_events([frame([event(at, item_id=f"i{at % 5}") for at in (start + 1, 90 - start)])])
            if start % 18 == 0:
                store.seal(before=START + 9 * DAY)
            then.append((store.past(ann, limit=12), store.item_counts(start=event(4).timestamp)))
        for past, counts in then:
            as_of = store.past_as_of(ann, limit=12, serial=past.serial, moment=START)
            assert (as_of, past.serial) == (past, counts.serial)
            assert store.item_counts(start=event(4).timestamp, serial=counts.serial) == counts

    def test_what_was_told_while_others_wrote_is_told_again(self, store: Store, reopen: Callable[[], Store]) -> None:
        """The serial is of the very state that was read, also when another process writes."""
        ann, other = UserId("ann"), reopen()

        def write(start: int) -> None:
            for number in range(start, 18, 3):
                store.append_events([event(number)])
                other.append_events([event(100 + number)])
                store.import_events([frame([event(200 + number)])])

        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(write, start) for start in range(3)]
            told = [store.past(ann, limit=40)]
            while not all(each.done() for each in done):
                told.append(store.past(ann, limit=40))
        for each in done:
            each.result()
        store.seal(before=START + 5 * DAY)
        assert len(told[-1].item_ids) == 40
        for past in told[:: max(len(told) // 10, 1)]:
            assert store.past_as_of(ann, limit=40, serial=past.serial, moment=START) == past
        other.close()

    def test_a_serial_is_never_given_twice(self, store: Store) -> None:
        """Not even after everything was sealed."""
        serials = []
        for number in range(4):
            store.append_events([event(number)])
            store.seal(before=START + 9 * DAY)
            serials.append(store.past(UserId("ann"), limit=1).serial)
        assert serials == sorted({*serials})

    def test_a_past_of_a_session_is_what_names_the_session(self, store: Store) -> None:
        """Not what a user did who goes by the same id."""
        store.append_events([event(0, user_id="s"), event(1, user_id=None, session_id="s", item_id="axe")])
        s = UserId("s")
        assert store.past(s, limit=9).item_ids == ["pot", "axe"]
        visit = store.past(s, limit=9, session=True)
        assert visit.item_ids == ["axe"]
        assert store.past_as_of(s, limit=9, serial=visit.serial, moment=START, session=True) == visit

    def test_a_history_spans_live_and_sealed_events(self, store: Store) -> None:
        """Also when they overlap in time and come from several seals."""
        for part in range(1, 4):
            store.import_events([frame(events(part, 40, step=4))])
        store.append_events(events(0, 40, step=4))
        assert store.recent_events(UserId("ann"), limit=25) == events(0, 40)[:14:-1]

    def test_many_threads_lose_and_double_nothing(self, store: Store) -> None:
        """Each id is accepted exactly once, whoever else sends it."""
        with ThreadPoolExecutor(8) as pool:
            reports = list(pool.map(lambda start: store.append_events(events(start, start + 50)), range(0, 200, 25)))
        accepted = [each.event_id for report in reports for each in report if each.status == "accepted"]
        assert sorted(map(str, accepted)) == [each.event_id for each in events(0, 225)]
        assert store.scan_events().collect().equals(frame(events(0, 225)))

"""A source's address tells what it is, and nobody its password."""

from datetime import UTC, datetime

import pytest

from coldframe.errors import ColumnError, InputError
from coldframe.sources.address import Address
from coldframe.sources.asked import Asked, between, wanted

SQL = {"zoned": "TIMESTAMPTZ", "naive": "TIMESTAMP", "date": "DATE"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@db:5432/shop", "postgresql://ann:***@db:5432/shop"),
        ("postgresql://ann:s%2F3@db/shop", "postgresql://ann:***@db/shop"),
        ("postgresql://db/shop?user=ann&password=s3cret", "postgresql://db/shop?user=ann&password=***"),
        ("postgresql:///shop?sslpassword=a&password=ab", "postgresql:///shop?sslpassword=***&password=***"),
        ("https://ann:s3cret@host/events.csv", "https://ann:***@host/events.csv"),
        ("postgresql://ann@db/shop", "postgresql://ann@db/shop"),
        ("s3://bucket/events/*.parquet", "s3://bucket/events/*.parquet"),
    ],
)
def test_a_password_is_never_shown(url, shown):
    address = Address(url)
    assert address.shown == str(address) == shown
    assert repr(address) == f"Address('{shown}')"


def test_a_password_is_hidden_however_an_error_spells_it():
    address = Address("postgresql://ann:s%2F3cret@db/shop")
    assert address.scrubbed("token s%2F3cret, meaning s/3cret") == "token ***, meaning ***"


@pytest.mark.parametrize("url", ["postgresql://ann:pw@host:abc/db", "postgresql://ann:p/w@host/db", "s3://[x/y"])
def test_what_is_no_url_is_refused_without_repeating_it(url):
    with pytest.raises(InputError) as error:
        _ = Address(url).kind
    assert "pw" not in str(error.value)
    assert "no URL" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "moment", "text"),
    [
        ("zoned", datetime(2026, 6, 1, 12, tzinfo=UTC), "t < TIMESTAMPTZ '2026-06-01 12:00:00+00:00'"),
        ("naive", datetime(2026, 6, 1, 12, tzinfo=UTC), "t < TIMESTAMP '2026-06-01 12:00:00'"),
        ("date", datetime(2026, 6, 1, tzinfo=UTC), "t < DATE '2026-06-01'"),
        ("date", datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC), "t < DATE '2026-06-02'"),
    ],
)
def test_a_limit_is_written_as_the_column_needs_it(kind, moment, text):
    assert between("t", kind, Asked(end=moment), SQL) == text


def test_a_window_has_two_limits_and_no_limit_is_no_condition():
    both = Asked(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 6, 1, tzinfo=UTC))
    assert between("t", "date", both, SQL) == "t >= DATE '2026-01-01' AND t < DATE '2026-06-01'"
    assert between("t", "date", Asked(), SQL) == ""


def test_only_what_matters_is_read_and_what_is_missing_is_named():
    names = ["Customer", "item_id", "event_type", "timestamp", "price"]
    asked = Asked(("user_id", "item_id", "event_type", "timestamp"), {"user_id": "Customer"})
    assert sorted(wanted("db", names, asked).names) == ["Customer", "event_type", "item_id", "timestamp"]
    assert wanted("db", names, asked).time == "timestamp"
    assert wanted("db", names, Asked()).names == names
    with pytest.raises(ColumnError, match="db has no column for user_id"):
        wanted("db", names, Asked(asked.known))
    with pytest.raises(ColumnError, match="two columns 'a'"):
        wanted("db", ["a", "b", "a"], Asked())

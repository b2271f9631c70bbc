"""What librdkafka reports: some of it ends a feed with a name, the rest is waited for."""

import pytest

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: pip install 'coldframe[kafka]'")

from confluent_kafka import KafkaError

from coldframe.errors import AccessError, InputError, SettingsError
from coldframe.feed.faults import fault_of, is_of_a_connection
from coldframe.settings import KafkaSettings

SETTINGS = KafkaSettings(brokers="b:9092", topic="t", options={"sasl.password": "hunter2"})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("_AUTHENTICATION", AccessError),
        ("TOPIC_AUTHORIZATION_FAILED", AccessError),
        ("GROUP_AUTHORIZATION_FAILED", AccessError),
        ("INVALID_SESSION_TIMEOUT", SettingsError),
        ("INVALID_GROUP_ID", SettingsError),
    ],
)
def test_what_no_waiting_mends_ends_the_feed_and_names_the_brokers(name, kind):
    fault = fault_of(KafkaError(getattr(KafkaError, name)), SETTINGS)
    assert type(fault) is kind
    assert "b:9092" in fault.message
    assert fault.remedy
    assert "hunter2" not in str(fault)


def test_a_fatal_error_ends_the_feed():
    assert type(fault_of(KafkaError(KafkaError._FENCED, "fenced", fatal=True), SETTINGS)) is InputError


@pytest.mark.parametrize("name", ["_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_SSL"])
def test_a_lost_connection_is_waited_for(name):
    error = KafkaError(getattr(KafkaError, name))
    assert (fault_of(error, SETTINGS), is_of_a_connection(error)) == (None, True)


def test_what_is_neither_is_told():
    error = KafkaError(KafkaError.GROUP_MAX_SIZE_REACHED)
    assert (fault_of(error, SETTINGS), is_of_a_connection(error)) == (None, False)

"""What librdkafka reports, told apart: what ends a feed, what is a connection's, and the rest.

Owns the error of each kind that ends a feed. Never decides how long anything is waited for.
"""

from confluent_kafka import KafkaError

from coldframe.errors import AccessError, ColdframeError, InputError, SettingsError
from coldframe.settings import KafkaSettings

_REFUSALS = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_MISFITS = {
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.INVALID_GROUP_ID,
}
_CONNECTION = {
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._SSL,
    KafkaError._ALL_BROKERS_DOWN,
}


def fault_of(error: KafkaError, settings: KafkaSettings) -> ColdframeError | None:
    """Return the error that ends the feed, or None where it can go on."""
    if error.code() in _REFUSALS:
        return AccessError(
            f"The brokers at {settings.brokers} refuse: {error.str()}.",
            remedy=f"Check kafka.options, and what group {settings.group!r} may read.",
        )
    if error.code() in _MISFITS:
        return SettingsError(
            f"The brokers at {settings.brokers} refuse the consumer: {error.str()}.",
            remedy="Compare kafka.group and kafka.options with what they allow.",
        )
    if error.fatal():
        return InputError(f"The feed cannot go on: {error.str()}.", remedy="Nothing is lost: run it again.")
    return None


def is_of_a_connection(error: KafkaError) -> bool:
    """Return whether an error is one connection's, which librdkafka tries again by itself."""
    return error.code() in _CONNECTION

"""`coldframe feed`: live events from a broker into the store."""

import signal
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from coldframe.cli.options import Json
from coldframe.cli.output import emit, facts, say
from coldframe.cli.project import open_project, require_extra
from coldframe.cli.status import status_line

if TYPE_CHECKING:
    from coldframe.feed.report import FeedReport
    from coldframe.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Take live events from a broker into the store.")


@app.command("kafka")
def kafka(
    ctx: typer.Context,
    brokers: Annotated[
        str | None, typer.Option("--brokers", metavar="HOST:PORT,…", help="Where to begin (default: kafka.brokers).")
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="NAME", help="One event a message (default: kafka.topic).")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="The consumer group (default: kafka.group).")
    ] = None,
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            "--dead-letters",
            metavar="FILE",
            dir_okay=False,
            help="Where messages that are no events are kept (default: dead-letters/TOPIC.jsonl in the data folder).",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the topic has been read to its end.")] = False,
    json: Json = False,
) -> None:
    """Take the events of a topic into the store until interrupted, each exactly once.

    Each message is one event as POST /v1/events takes it. Offsets are committed only when the store has the events on
    the disk, so nothing is lost when the feed is killed; what is delivered again is known by its `event_id`, or by its
    position where it has none. It runs beside `coldframe serve` or `coldframe run` on the same folder. SIGTERM or
    Ctrl-C: the batch is finished and committed, the report printed, the exit code is 0. Everything else: docs/kafka.md.

    Example: `coldframe feed kafka --brokers localhost:9092 --topic events --group coldframe`
    """
    require_extra("kafka")
    from coldframe.clock import system_clock
    from coldframe.feed.feeding import Feed, Keeping
    from coldframe.feed.kafka import KafkaSource
    from coldframe.feed.letters import DeadLetters

    project = open_project(ctx)
    settings = _named(project.settings, brokers=brokers, topic=topic, group=group).kafka
    letters = DeadLetters(dead_letters or project.data / "dead-letters" / f"{settings.topic}.jsonl")
    with (
        stopped_by_signals() as stop,
        project.store() as store,
        status_line(quiet=json) as status,
        closing(KafkaSource(settings, once=once, tell=status.tell)) as source,
    ):
        report = Feed(
            source,
            Keeping(store, letters),
            settings,
            stop=stop,
            clock=system_clock,
            tell=status.tell,
            show=lambda report: status.show(_line(report)),
        ).run()
    if json:
        emit(report)
    else:
        _print(report)


def _named(settings: "Settings", **names: str | None) -> "Settings":
    from coldframe.settings import with_value

    for name, value in names.items():
        settings = settings if value is None else with_value(settings, f"kafka.{name}", value)
    return settings


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; a second one of them interrupts at once."""
    stop = threading.Event()

    def heed(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, heed) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _line(report: "FeedReport") -> str:
    lag = "unknown" if report.lag is None else f"{report.lag:,}"
    rate = report.messages / report.seconds if report.seconds else 0.0
    return (
        f"{report.topic}: {report.accepted:,} accepted, {report.repeated:,} repeated, {report.rejected:,} rejected, "
        f"lag {lag}, {rate:,.0f} a second"
    )


def _print(report: "FeedReport") -> None:
    names = ("messages", "accepted", "repeated", "rejected", "gone", "lag", "seconds")
    facts({name: getattr(report, name) for name in names})
    facts(report.reasons, title="rejected") if report.reasons else None
    if report.rejected:
        say(f"Refused messages are in {report.dead_letters}.")

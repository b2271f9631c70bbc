"""How good each model is for new and for known customers, measured on the shipped shop and kept beside its data.

Owns which models, which split and how many requests the demonstration can afford, and the file with the result. The
measuring itself is `evaluation`'s.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from coldframe.bundle.registry import Registry
from coldframe.dashboard.quality import METRIC, Quality, quality_of
from coldframe.demo.shipped import SHIPPED
from coldframe.demo.steps import hurried
from coldframe.errors import InputError
from coldframe.settings import Settings

MODELS = ("hybrid", "collaborative", "content", "popular", "recent-popular")
SHARE = 0.9
"""Events up to here are learned from; visits after it are asked about."""
REQUESTS = 600
"""A seeded sample of the visits; all of them say the same and take longer than a demonstration may."""
FILE_NAME = "evaluation.json"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of each model in each slice by warmth, with 95 % intervals: slice → model → (value, low, high)."""

    metric: str
    about: str
    requests: dict[str, int]
    slices: dict[str, dict[str, tuple[float | None, float | None, float | None]]]
    seconds: float

    def quality(self) -> Quality | None:
        """Return the table that people read."""
        cells = {
            (name, model): interval[0]
            for name, models in self.slices.items()
            for model, interval in models.items()
            if interval[0] is not None
        }
        return quality_of(cells, about=self.about, requests=self.requests)


def measure(settings: Settings, *, progress: Callable[[int, int | None], None] | None = None) -> Measured:
    """Return the comparison of `MODELS` on the shipped files: trained on the window before the cut, asked after it."""
    from coldframe.evaluation import Files, Protocol, as_tree, read_split, run
    from coldframe.pipeline import trainer

    files = Files([SHIPPED.events], SHIPPED.items, SHIPPED.users)
    split = read_split(files, Protocol(split=f"time:{SHARE}"))
    settings = hurried(settings)
    report = run(
        split,
        MODELS,
        trainer(settings),
        settings,
        ks=(10,),
        window_days=settings.window.days,
        max_requests=REQUESTS,
        progress=progress,
    )
    tree = msgspec.convert(as_tree(report), _Tree)
    about = (
        f"{METRIC} of {report.n_requests:,} visits after {split.as_of:%-d %B %Y}, a seeded sample, asked of models "
        f"that learned from the {settings.window.days} days before"
    )
    return Measured(
        metric=METRIC,
        about=about,
        requests=tree.slice_requests,
        slices={
            name: {model: metrics[METRIC].as_tuple() for model, metrics in models.items() if METRIC in metrics}
            for name, models in tree.slices.items()
        },
        seconds=round(sum(seconds for seconds in tree.seconds.values() if seconds), 1),
    )


def keep(measured: Measured, data: Path) -> None:
    """Write the result into a project's data folder, whole or not at all."""
    beside = data / f".{FILE_NAME}"
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    beside.replace(data / FILE_NAME)


def kept(data: Path) -> Measured | None:
    """Return the result kept in a data folder, or None. Raises `InputError` for a file that is something else."""
    path = data / FILE_NAME
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Measured)
    except msgspec.DecodeError as error:
        raise InputError(f"{path} cannot be read: {error}.", remedy="Delete it; it is measured again.") from error


def kept_quality(data: Path, _registry: Registry, _bundle: str | None) -> Quality | None:
    """Return the table kept in a data folder, whatever bundle is live; for `page_handlers(find_quality=…)`."""
    measured = kept(data)
    return measured.quality() if measured else None


class _Estimate(msgspec.Struct):
    value: float | None
    low: float | None
    high: float | None

    def as_tuple(self) -> tuple[float | None, float | None, float | None]:
        """Return value, low, high."""
        return self.value, self.low, self.high


class _Tree(msgspec.Struct):
    slices: dict[str, dict[str, dict[str, _Estimate]]]
    slice_requests: dict[str, int]
    seconds: dict[str, float | None]

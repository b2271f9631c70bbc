"""Models by the name that `coldframe evaluate --models` takes.

Owns the names: `hybrid`, each expert, and each form that was compared. One training serves them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from threading import Lock
from typing import Generic, TypeVar

from coldframe.dataset.training_set import TrainingSet
from coldframe.errors import UnknownIdError
from coldframe.models.fits import EXPERTS, fit_experts
from coldframe.models.hybrid import train_hybrid
from coldframe.models.learned import LEARNED
from coldframe.models.questions import Question
from coldframe.models.workshop import Report, Workshop, quiet
from coldframe.scoring.exposure import Exposed
from coldframe.scoring.hybrid import Hybrid, Mixed
from coldframe.scoring.opinion import Opinion, SpeaksBriefly
from coldframe.scoring.request import Expert, Request, Scorer
from coldframe.settings import Settings

T = TypeVar("T")
HYBRID = "hybrid"
EXPOSED = "exposed"
REMEMBERED = 64
"""Requests that a memory holds: as many as an evaluation asks of one model before it turns to the next."""
SIMPLE = ("switch", "count-curve")


def fit_models(
    training_set: TrainingSet,
    questions: Sequence[Question] | None,
    names: Sequence[str],
    settings: Settings,
    *,
    report: Report = quiet,
) -> dict[str, Scorer]:
    """Return a scorer per name. Raises `UnknownIdError` for a name that nobody knows.

    `hybrid` is what training would serve, `exposed` the same with its slots for young items; a form's name (`blend`,
    `gate`, `softmax`, `switch`, …) is the hybrid with that form instead, on the same experts. An expert that the data
    cannot teach is left out.
    """
    known = {HYBRID, EXPOSED, *EXPERTS, *LEARNED, *SIMPLE}
    for name in names:
        if name not in known:
            raise UnknownIdError(f"There is no model {name!r}.", remedy=f"Known: {', '.join(sorted(known))}.")
    if not {HYBRID, EXPOSED, *LEARNED, *SIMPLE} & set(names):
        wanted = replace(settings, mixer=replace(settings.mixer, experts=list(names)))
        experts = fit_experts(Workshop(training_set, wanted, report))
        return _only({expert.name: expert for expert in experts}, names)
    compared = bool({*LEARNED, *SIMPLE} & set(names))
    trained = train_hybrid(training_set, settings, questions=questions, refit=compared, report=report)
    experts = tuple(AskedOnce(expert) for expert in trained.hybrid.experts)
    hybrid = _siblings(replace(trained.hybrid, experts=experts))
    fitted: dict[str, Scorer] = {expert.name: expert for expert in experts}
    fitted |= {name: replace(hybrid, form=form, name=name) for name, form in trained.selection.forms.items()}
    exposed = Exposed(hybrid, trained.selection.exposure.policy, settings.recommend.n)
    return _only(fitted | {HYBRID: hybrid, EXPOSED: exposed}, names)


class Memory(Generic[T]):
    """What was made of the last requests: models that share it are asked the same ones in turn."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._kept: dict[int, tuple[Request, T]] = {}
        self._lock = Lock()

    def recall(self, request: Request, make: Callable[[Request], T]) -> T:
        """Return what `make` says of a request, made once; it is nobody's to change."""
        kept = self._kept.get(id(request))
        if kept is not None and kept[0] is request:
            return kept[1]
        made = make(request)
        with self._lock:
            self._kept[id(request)] = (request, made)
            while len(self._kept) > REMEMBERED:
                del self._kept[next(iter(self._kept))]
        return made


class AskedOnce(SpeaksBriefly):
    """An expert that remembers its last answers."""

    def __init__(self, expert: Expert) -> None:
        """Keep the expert and nothing said yet."""
        self.name, self.family = expert.name, expert.family
        self._expert, self._memory = expert, Memory[Opinion]()

    def opinion(self, request: Request) -> Opinion:
        """Return what the expert says."""
        return self._memory.recall(request, self._expert.opinion)


@dataclass(frozen=True)
class Sibling(Hybrid):
    """A hybrid that shares candidates and evidence with others that differ in their form alone."""

    memory: Memory[Mixed] = field(default_factory=Memory[Mixed])

    def mix(self, request: Request) -> Mixed:
        """Return the candidates of a request, each with its evidence and its score."""
        mixed = self.memory.recall(request, super().mix)
        return mixed._replace(scores=self.form.combine(mixed.evidence))


def _siblings(hybrid: Hybrid) -> Sibling:
    return Sibling(**{each.name: getattr(hybrid, each.name) for each in fields(hybrid)})


def _only(fitted: Mapping[str, Scorer], names: Sequence[str]) -> dict[str, Scorer]:
    return {name: fitted[name] for name in names if name in fitted}

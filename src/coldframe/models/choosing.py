"""Who serves whom, from what everything scored on the same lessons: the never-worse rule.

The mixer serves only if nothing simpler is ahead, beyond noise in total or beyond doubt for users with as much history.
Owns that decision and its reason. Fits nothing and scores nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coldframe.metrics.interval import Doubles
from coldframe.scoring.mixing import Form
from coldframe.scoring.mixing.forms import N_BUCKETS, NAMES

AUTO = ("blend", "bucket", "gate", "network", "trees", "mean")
"""Forms that `mixer.form = "auto"` chooses among; the article's softmax is compared, and serves only when asked for."""
POPULAR = ("popular-month", "popular-week", "popular-ever", "popular-alike", "trending")
"""What can serve somebody nothing is known of; the first that is there serves where nearly none was seen."""
LEAD = 1.0
"""Standard errors by which something simpler must be ahead to serve: the mixers that are compared know little more than
half of the lessons, and the one that serves knows all of them.
"""
DOUBT = 2.0
"""Standard errors by which something must be ahead to be better beyond doubt."""
BUCKET_DOUBT = 3.0
"""The same where every simple model is tried in every bucket of users."""
FEWEST = 20
"""With fewer lessons nothing can be learned or compared."""
FEWEST_NEW = 5
"""With fewer users without history the mixer was not seen to serve them."""


class Choice(NamedTuple):
    """What serves users with 0, 1–5, 6–20 and more events, and why."""

    serves: tuple[str, ...]
    reason: str

    @property
    def name(self) -> str:
        """What serves most users, and who is served by something else."""
        others = [f"{name} for {NAMES[bucket]} events" for bucket, name in enumerate(self.serves)]
        usual = self.serves[-1]
        return ", ".join([usual, *(one for one, name in zip(others, self.serves, strict=True) if name != usual)])


class Asked(NamedTuple):
    """Who was asked on each lesson: the bucket of his history, and a number of his own, int64 [n] each."""

    bucket: NDArray[np.int64]
    user: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> "Asked":
        """Return some of them."""
        return Asked(self.bucket[rows], self.user[rows])


def choose(values: dict[str, Doubles], asked: Asked, simple: dict[str, Form], wanted: str) -> Choice:
    """Return what serves users with how much history, and why, from NDCG@10 per lesson and who was asked.

    The mixer serves unless something simpler is ahead, beyond noise in total or beyond doubt for one bucket of users.
    Users without history are served likewise, popularity being the simpler one.

    >>> from coldframe.scoring.mixing import Single
    >>> values = {"ease": np.array([0.4]), "gate": np.array([0.3]), "blend": np.array([0.2])}
    >>> choose(values, Asked(np.array([2]), np.array([0])), {"ease": Single(0, 0)}, "auto").name
    'ease'
    """
    if wanted in values:
        return Choice((wanted,) * N_BUCKETS, "mixer.form asks for it")
    known, reason = _best_of(_some(values, asked.bucket > 0), asked.of(asked.bucket > 0), simple)
    serves, reasons = [known] * N_BUCKETS, [reason]
    for place in range(1, N_BUCKETS):
        own = {name: value for name, value in values.items() if name in simple or name == known}
        here = asked.bucket == place
        better = _surely_best(_some(own, here), asked.of(here), known, doubt=BUCKET_DOUBT)
        if better is not None:
            serves[place] = better
            reasons.append(f"users of {NAMES[place]} events: {better} is better beyond doubt")
    if any(name in values for name in POPULAR):
        new = asked.bucket == 0
        serves[0], why = _best_for_new(_some(values, new), asked.of(new), known)
        reasons.append(f"new users: {why}")
    return Choice(tuple(serves), "; ".join(reasons))


def _some(values: dict[str, Doubles], rows: NDArray[np.bool_]) -> dict[str, Doubles]:
    return {name: own[rows] for name, own in values.items()}


def _surely_best(values: dict[str, Doubles], asked: Asked, usual: str, *, doubt: float) -> str | None:
    """Return what is best among all that is better than `usual` beyond doubt."""
    if len(values[usual]) < FEWEST:
        return None
    better = [name for name, own in values.items() if _surely_better(own - values[usual], asked, doubt)]
    return max(better, key=lambda name: float(values[name].mean()), default=None)


def _best_for_new(values: dict[str, Doubles], asked: Asked, known: str) -> tuple[str, str]:
    """Return what serves users without history: what serves the others, unless popularity is ahead beyond noise."""
    present = [name for name in POPULAR if name in values]
    n = len(values[known])
    if n < FEWEST_NEW:
        return present[0], f"{n} were seen, too few to compare, so {present[0]} serves them"
    popular = max(present, key=lambda name: float(values[name].mean()))
    theirs, own = f"({values[popular].mean():.4f})", f"({values[known].mean():.4f})"
    if _surely_better(values[popular] - values[known], asked, LEAD):
        return popular, f"{popular} {theirs} is ahead of {known} {own} beyond noise"
    return known, f"{popular} {theirs} is not ahead of {known} {own} beyond noise"


def _surely_better(differences: Doubles, asked: Asked, doubt: float) -> bool:
    """Return whether the mean difference is more than `doubt` standard errors above 0, one user's lessons being one.

    One difference, or one user, has no error.
    """
    n = len(differences)
    if not n:
        return False
    _, unit = np.unique(asked.user, return_inverse=True)
    sums = np.bincount(unit, differences - differences.mean())
    error = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / n if len(sums) > 1 else 0.0
    return bool(differences.mean() > doubt * error)


def _best_of(values: dict[str, Doubles], asked: Asked, simple: dict[str, Form]) -> tuple[str, str]:
    means = {name: float(own.mean()) if len(own) else 0.0 for name, own in values.items()}
    rival = max(simple, key=lambda name: means[name])
    mixer = _best_mixer(values, asked)
    if mixer is None:
        return rival, f"{rival} is the best ({means[rival]:.4f}); there was nothing to learn a mixer from"
    theirs, own = f"({means[rival]:.4f})", f"({means[mixer]:.4f})"
    if _surely_better(values[rival] - values[mixer], asked, LEAD):
        return rival, f"{rival} alone does better {theirs} than the best mixer, {mixer} {own}"
    return mixer, f"{mixer} is the mixer {own}; {rival}, the best simpler one, is not ahead beyond noise {theirs}"


def _best_mixer(values: dict[str, Doubles], asked: Asked) -> str | None:
    """Return the mean of the mixers, which errs least from one slice to the next, unless one is surely better.

    Without a mean it is whichever mixer did best.
    """
    present = {name: values[name] for name in AUTO if name in values}
    usual = AUTO[-1]
    if usual in present and len(present[usual]) >= FEWEST:
        return _surely_best(present, asked, usual, doubt=DOUBT) or usual
    return max(present, key=lambda name: float(np.mean(present[name])) if len(present[name]) else 0.0, default=None)

"""One file per expert: a workshop in, a scorer out, or None where the data has nothing for it to learn from.

To add an expert: write `fits/NAME.py` with one function, and name it in `EXPERTS`. The mixer does the rest.
"""

from collections.abc import Callable, Mapping

from threadpoolctl import threadpool_limits

from coldframe.models.fits.attribute_popularity import fit_attribute_popularity
from coldframe.models.fits.attributes import fit_attributes
from coldframe.models.fits.bayes import fit_bayes
from coldframe.models.fits.collaborative import fit_collaborative
from coldframe.models.fits.content import fit_content
from coldframe.models.fits.inherited import fit_regressed, fit_smoothed
from coldframe.models.fits.item_item import fit_item_item, fit_recent, fit_stacked
from coldframe.models.fits.popularity import fit_popular, fit_popular_last, fit_trending
from coldframe.models.fits.repeat import fit_repeat
from coldframe.models.fits.spectral import fit_spectral
from coldframe.models.fits.svd import fit_svd
from coldframe.models.fits.transitions import fit_transitions
from coldframe.models.fits.walk import fit_walk
from coldframe.models.workshop import Workshop
from coldframe.scoring.request import Expert

EXPERTS: Mapping[str, Callable[[Workshop], Expert | None]] = {
    "collaborative": fit_collaborative,
    "bayes": fit_bayes,
    "item-item": fit_item_item,
    "recent": fit_recent,
    "spectral": fit_spectral,
    "svd": fit_svd,
    "walk": fit_walk,
    "stacked": fit_stacked,
    "smoothed": fit_smoothed,
    "regressed": fit_regressed,
    "content": fit_content,
    "attributes": fit_attributes,
    "transitions": fit_transitions,
    "repeat": fit_repeat,
    "popular-ever": fit_popular,
    "popular-month": fit_popular_last(30),
    "popular-week": fit_popular_last(7),
    "popular-alike": fit_attribute_popularity,
    "trending": fit_trending,
}
"""Name → fit, in the order in which answers list their shares."""


def _nobody(name: str) -> None:
    del name


def fit_experts(workshop: Workshop, *, lap: Callable[[str], None] = _nobody) -> tuple[Expert, ...]:
    """Return every expert that this training set can teach and `mixer.experts` does not leave out.

    `lap` is called with the name of each when it is done with, taught or not.
    Linear algebra runs on `training.threads` threads, whatever the machine has: sums in another order have other bits.
    """
    wanted = workshop.settings.mixer.experts or list(EXPERTS)
    fitted: list[Expert] = []
    with threadpool_limits(workshop.settings.training.threads, user_api="blas"):
        for done, (name, fit) in enumerate((name, fit) for name, fit in EXPERTS.items() if name in wanted):
            workshop.report(f"fit {name}", done, len(wanted))
            expert = fit(workshop)
            lap(name)
            if expert is not None:
                fitted.append(expert)
    workshop.report("fit experts", len(wanted), len(wanted))
    return tuple(fitted)

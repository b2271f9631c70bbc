"""The broad strokes: a truncated decomposition of the normalised matrix with few directions, all counted alike.

PureSVD (Cremonesi et al. 2010) on N = D_u^−g X D_i^−g. Where `spectral` keeps every direction and damps, this one cuts.
"""

import numpy as np

from coldframe.models.fits.spectral import leading, normalised
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Factors


def fit_svd(workshop: Workshop) -> Factors | None:
    """Return the few leading directions over the warm items; None with fewer than three of them."""
    rows = np.flatnonzero(workshop.is_warm)
    if len(rows) < 3:
        return None
    return leading("svd", workshop, rows, normalised(workshop, rows), workshop.settings.spectral.few)

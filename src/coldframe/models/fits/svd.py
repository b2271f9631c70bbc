"""The broad strokes: a truncated decomposition of the normalised matrix with few directions, all counted alike.

PureSVD (Cremonesi et al. 2010) on N = D_u^−g X D_i^−g. Where `spectral` keeps every direction and damps, this one cuts.
"""

import numpy as np

from coldframe.clock import generator
from coldframe.models.decomposition import leading_vectors
from coldframe.models.fits.spectral import as_factors, normalised
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import Factors


def fit_svd(workshop: Workshop) -> Factors | None:
    """Return the few leading directions over the warm items; None with fewer than three of them."""
    rows = np.flatnonzero(workshop.is_warm)
    if len(rows) < 3:
        return None
    normal = normalised(workshop, rows)
    rank = workshop.settings.spectral.few
    vectors = leading_vectors(normal.matrix, rank, generator(workshop.settings.training.seed, "svd"))
    return as_factors("svd", workshop, rows, vectors, normal.item_scale)

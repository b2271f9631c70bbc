"""Fits the experts and the mixer. The only room with JAX, Numba, SciPy and LightGBM; serving needs none of them.

workshop.py       what several experts are made from, made once
fits/             one file per expert
als.py gram.py decomposition.py tower.py pairs.py content_matrix.py
                  the numerics that fits share
questions.py later.py untimed.py
                  the later slice and its questions
lessons.py        questions as arrays, on one scale
networks.py grown.py learned.py contenders.py
                  the mixer's learned forms, and what they must beat
choosing.py selection.py
                  which form serves whom, and why
affordable.py     how many slots young items get
tuning.py         better settings, searched on the later slice
hybrid.py         the whole of it, in order
recommender.py    ContentModel, CollaborativeModel, Mixer, HybridRecommender: the same for a notebook
"""

from coldframe.models.hybrid import Trained, train_hybrid
from coldframe.models.named import fit_models
from coldframe.models.recommender import CollaborativeModel, ContentModel, HybridRecommender, Mixer

__all__ = [
    "CollaborativeModel",
    "ContentModel",
    "HybridRecommender",
    "Mixer",
    "Trained",
    "fit_models",
    "train_hybrid",
]

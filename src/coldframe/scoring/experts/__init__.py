"""The experts as scorers: arrays and a request in, one float32 score per item out, NaN where an expert cannot say.

    past.py           what experts that look at the past share
    item_item.py      history × an item-item matrix (EASE, stacked, smoothed, transitions)
    factors.py        history × item factors, in and out (spectral filters)
    collaborative.py  matrix factorisation with biases; the user is folded in from history
    bayes.py          the same, with content as prior of items and attributes as prior of users
    content.py        item vectors from content, user vector from history and attributes
    attributes.py     content words, tags and categories: the history's own profile against each item
    popularity.py     what sells: over windows, by user attribute, and since the bundle was made
    repeat.py         what this user comes back for

Which class a name belongs to is not written down anywhere: a bundle says it (`codec`).
"""

from coldframe.scoring.experts.attributes import AttributeProfile
from coldframe.scoring.experts.bayes import EmpiricalBayes
from coldframe.scoring.experts.collaborative import Collaborative
from coldframe.scoring.experts.content import Content
from coldframe.scoring.experts.factors import Factors
from coldframe.scoring.experts.item_item import DenseItemItem, ItemItem
from coldframe.scoring.experts.popularity import AttributePopularity, Popularity, Trending
from coldframe.scoring.experts.repeat import Repeat

KINDS = (
    ItemItem,
    DenseItemItem,
    Factors,
    Collaborative,
    EmpiricalBayes,
    Content,
    AttributeProfile,
    Popularity,
    AttributePopularity,
    Trending,
    Repeat,
)
"""Every class of expert that a bundle can hold."""

__all__ = [
    "KINDS",
    "AttributePopularity",
    "AttributeProfile",
    "Collaborative",
    "Content",
    "DenseItemItem",
    "EmpiricalBayes",
    "Factors",
    "ItemItem",
    "Popularity",
    "Repeat",
    "Trending",
]

"""May what a user had before be shown again? A shop's refills are wanted, a film seen is not.

Owns that one decision, from the data where nobody made it by hand.
"""

from typing import Literal

import numpy as np

from coldframe.dataset.training_set import Interactions

Repeat = Literal["allow", "exclude"]
REPEATS_MATTER = 0.05
"""From this share of repeated likes on, `auto` shows again what a user had before."""


def repeat_share(events: Interactions) -> float:
    """Return the share of likes on an item that the same user had liked at an earlier moment."""
    liked = events.where(events.weight > 0)
    moments = np.unique(np.stack([liked.user, liked.item, liked.timestamp]), axis=1)
    pairs = np.unique(moments[:2], axis=1).shape[1]
    return 1 - pairs / max(moments.shape[1], 1)


def repeat_policy(events: Interactions, asked: Literal["auto", "allow", "exclude"]) -> Repeat:
    """Return what was asked for, or what the data says where that is `auto`."""
    if asked != "auto":
        return asked
    return "allow" if repeat_share(events) >= REPEATS_MATTER else "exclude"

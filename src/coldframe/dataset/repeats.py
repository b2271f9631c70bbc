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
    order = np.lexsort((liked.timestamp, liked.item, liked.user))
    user, item, time = liked.user[order], liked.item[order], liked.timestamp[order]
    is_pair = np.ones(len(order), np.bool_)
    is_pair[1:] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    is_moment = is_pair.copy()
    is_moment[1:] |= time[1:] != time[:-1]
    return 1 - int(is_pair.sum()) / max(int(is_moment.sum()), 1)


def repeat_policy(events: Interactions, asked: Literal["auto", "allow", "exclude"]) -> Repeat:
    """Return what was asked for, or what the data says where that is `auto`."""
    if asked != "auto":
        return asked
    return "allow" if repeat_share(events) >= REPEATS_MATTER else "exclude"

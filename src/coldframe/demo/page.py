"""The page of the demonstration: its words, and where its table of quality lies.

Owns the words. The page itself is the dashboard's.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litestar.types import ControllerRouterHandler


def demo_pages(data: Path) -> "Sequence[ControllerRouterHandler]":
    """Return the page's routes for the demonstration's data folder; called in the process that answers."""
    from coldframe.dashboard import Story, page_handlers
    from coldframe.demo.measuring import kept_quality

    story = Story(
        title="coldframe demo",
        about="A real gift shop's orders, 2009 to 2011. Pick a customer, or be a new visitor.",
        currency="£",
        credit="Data: Online Retail II by Daqing Chen, UCI Machine Learning Repository, CC BY 4.0, adapted.",
        credit_url="https://doi.org/10.24432/C5CG6D",
    )
    return page_handlers(story, partial(kept_quality, data))

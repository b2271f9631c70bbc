"""What the page says about the data behind it. Owns words only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """The words around the numbers; the defaults fit any project.

    `currency` stands before a price. `credit_url` is where the credit leads, empty for no link.
    """

    title: str = "coldframe"
    about: str = "Live recommendations from this project's own events."
    currency: str = ""
    credit: str = ""
    credit_url: str = ""

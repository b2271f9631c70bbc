"""The shop's own rules for every list: their defaults, bounds and reasons.

Owns the values. What a rule does to a list is `serving`'s and `scoring`'s business.
"""

from dataclasses import dataclass

from coldframe.settings.declare import setting


@dataclass(frozen=True)
class RulesSettings:
    """The shop's own rules for every list: docs/lists.md."""

    pin: dict[str, int] = setting(
        {}, reason="None. Item id to its place in the list, counted from 1.", unit="place per item", low=1, high=10_000
    )
    boost: dict[str, float] = setting(
        {},
        reason="None. A condition on items to the factor on their score, such as { 'tag = \"own brand\"' = 1.2 }.",
        unit="factor per condition",
        low=0.001,
        high=1_000.0,
    )
    cap: dict[str, int] = setting(
        {},
        reason="None. An attribute (category, tag or a numeric) to the most items of a list that share a value of it.",
        unit="items per attribute",
        low=1,
        high=10_000,
    )
    diversity: float = setting(
        0.0,
        reason="0: off. What variety may cost a list at most; more of it is less of what the user is likely to want.",
        unit="share of the summed score",
        low=0.0,
        high=1.0,
    )

"""The content matrix itself, as an expert: what the past has in common with each item."""

from coldframe.models.fits.item_item import sparse_rows
from coldframe.models.workshop import Workshop
from coldframe.scoring.experts import AttributeProfile
from coldframe.scoring.profile import Recall


def fit_attributes(workshop: Workshop) -> AttributeProfile | None:
    """Return the TF-IDF profile; None where nothing is known of any item."""
    if not workshop.has_content.any():
        return None
    recall = Recall(half_life_days=workshop.settings.content.half_life_days)
    return AttributeProfile("attributes", "content", sparse_rows(workshop.features), workshop.has_content, recall)

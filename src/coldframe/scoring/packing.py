"""A served model as a bundle's arrays and meta, and back.

Owns which array is called what. The bundle writes and verifies them without knowing what they mean.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldframe.dataset.training_set import Bags, ItemFeatures, Vocabulary
from coldframe.errors import BundleError
from coldframe.scoring.codec import Arrays, assemble, disassemble
from coldframe.scoring.experts import KINDS
from coldframe.scoring.exposure import Exposure
from coldframe.scoring.hybrid import Hybrid, Retriever
from coldframe.scoring.mixing import ALL_FORMS, Calibration
from coldframe.scoring.served import ServedModel
from coldframe.scoring.texts import decode_texts, encode_texts

TEXTS = ("items.ids", "attributes.names", "categories.names", "tags.names", "numeric.names")
BAGS = ("categories", "tags", "words")


def pack(model: ServedModel) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and the meta that hold a model."""
    arrays: Arrays = {"fitted_counts": model.hybrid.fitted_counts}
    experts: list[dict[str, Any]] = []
    for expert in model.hybrid.experts:
        own, plain = disassemble(expert, expert.name)
        arrays |= own
        experts.append(plain)
    form, mixer = disassemble(model.hybrid.form, "mixer")
    scale, calibration = disassemble(model.hybrid.calibration, "calibration")
    retriever = disassemble(model.hybrid.retriever, "retriever")[1]
    features, counts = _pack_features(model)
    meta = {
        "experts": experts,
        "mixer": mixer,
        "calibration": calibration,
        "retriever": retriever,
        "features": counts,
        "repeat": model.repeat,
        "as_of_us": model.as_of,
        "exposure_policy": {"share": model.exposure.share, "every": model.exposure.every},
    }
    return arrays | form | scale | features, meta


def unpack(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> ServedModel:
    """Return the model that arrays and meta hold. Raises `BundleError` naming what is missing or unknown."""
    try:
        texts = {name: decode_texts(arrays[f"{name}.blob"], arrays[f"{name}.offsets"]) for name in TEXTS}
        bags = {
            name: Bags(arrays[f"{name}.indptr"], arrays[f"{name}.indices"], int(meta["features"][name]))
            for name in BAGS
        }
        features = ItemFeatures(
            **bags,
            numeric=arrays["numeric"],
            created_at=arrays["created_at"],
            category_names=texts["categories.names"],
            tag_names=texts["tags.names"],
            numeric_names=texts["numeric.names"],
        )
        hybrid = Hybrid(
            tuple(assemble(KINDS, arrays, plain, plain["name"]) for plain in meta["experts"]),
            assemble(ALL_FORMS, arrays, meta["mixer"], "mixer"),
            assemble((Calibration,), arrays, meta["calibration"], "calibration"),
            assemble((Retriever,), arrays, meta["retriever"], "retriever"),
            arrays["fitted_counts"],
        )
        items = Vocabulary(texts["items.ids"])
        return ServedModel(
            items,
            texts["attributes.names"],
            features,
            hybrid,
            meta["repeat"],
            int(meta["as_of_us"]),
            Exposure(**meta["exposure_policy"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"The bundle does not hold a model of this version: {error} is missing or of another shape.",
            remedy="Train again with this version of coldframe, or promote a bundle that it wrote.",
        ) from error


def _pack_features(model: ServedModel) -> tuple[Arrays, dict[str, int]]:
    features = model.item_features
    arrays: Arrays = {"numeric": np.asarray(features.numeric), "created_at": features.created_at}
    counts: dict[str, int] = {}
    for name in BAGS:
        bags: Bags = getattr(features, name)
        arrays |= {f"{name}.indptr": bags.indptr, f"{name}.indices": bags.indices}
        counts[name] = bags.n_features
    values = (
        model.items.ids,
        model.attribute_names,
        features.category_names,
        features.tag_names,
        features.numeric_names,
    )
    for name, texts in zip(TEXTS, values, strict=True):
        arrays |= encode_texts(name, texts)
    return arrays, counts


NULLABLE = ("numeric",)
"""Arrays in which NaN has a meaning: not known of this item."""

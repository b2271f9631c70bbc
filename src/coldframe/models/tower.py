"""A small network from content features to a unit vector, fitted in JAX.

Input: content in few columns (`content_matrix.condensed`). Two layers (default 256 relu
→ 128), length 1, logistic loss on the scaled inner product of a pair. Owns the network; the pairs come from `pairs`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from coldframe.dataset.training_set import Floats
from coldframe.models.pairs import Pairs
from coldframe.settings import ContentSettings

BATCH = 4_096
TEMPERATURE = 8.0
Parameters = dict[str, Any]


def fit_tower(
    inputs: Floats,
    pairs: Pairs,
    settings: ContentSettings,
    draw: np.random.Generator,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Return every item's vector of length 1, float32 [n_items, dim]."""
    parameters = _start(inputs.shape[1], settings, draw)
    state = optax.adam(settings.learning_rate).init(parameters)
    step, known = _step(settings.learning_rate, settings.l2), jnp.asarray(inputs)
    n_batches = max(1, len(pairs) // BATCH)
    size = min(BATCH, len(pairs))
    for epoch in range(settings.epochs):
        order = draw.permutation(len(pairs))
        for batch in range(n_batches):
            rows = order[batch * size : (batch + 1) * size]
            examples = (pairs.past[rows], pairs.item[rows], pairs.label[rows], pairs.weight[rows])
            parameters, state = step(parameters, state, known, examples)
        if progress is not None:
            progress(epoch + 1, settings.epochs)
    return _all_vectors(parameters, inputs)


def _start(width: int, settings: ContentSettings, draw: np.random.Generator) -> Parameters:
    def normal(rows: int, columns: int) -> Floats:
        return (draw.normal(size=(rows, columns)) / np.sqrt(rows)).astype(np.float32)

    return {
        "first": normal(width, settings.hidden),
        "first_bias": np.zeros(settings.hidden, np.float32),
        "second": normal(settings.hidden, settings.dim),
        "offset": np.float32(-1.0),
    }


def _vectors(parameters: Parameters, inputs: Any) -> Any:
    raw = jax.nn.relu(inputs @ parameters["first"] + parameters["first_bias"]) @ parameters["second"]
    return raw / jnp.sqrt((raw**2).sum(axis=1, keepdims=True) + 1e-8)


@cache
def _step(learning_rate: float, l2: float) -> Any:
    """Return one step of fitting; kept, since compiling it takes longer than many steps."""
    optimizer = optax.adam(learning_rate)

    def loss(parameters: Parameters, known: Any, examples: Any) -> Any:
        past, item, label, weight = examples
        if len(known) <= 2 * BATCH:
            vectors = _vectors(parameters, known)
            near, far = vectors[past], vectors[item]
        else:
            near, far = _vectors(parameters, known[past]), _vectors(parameters, known[item])
        logit = TEMPERATURE * (near * far).sum(axis=1) + parameters["offset"]
        error = optax.sigmoid_binary_cross_entropy(logit, label)
        penalty = l2 * sum((value**2).sum() for value in jax.tree.leaves(parameters))
        return (weight * error).sum() / jnp.maximum(weight.sum(), 1e-9) + penalty

    @jax.jit
    def step(parameters: Parameters, state: Any, known: Any, examples: Any) -> Any:
        gradient = jax.grad(loss)(parameters, known, examples)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, updates), state

    return step


def _all_vectors(parameters: Parameters, inputs: Floats) -> Floats:
    blocks = np.array_split(inputs, max(1, len(inputs) // BATCH))
    return np.concatenate([np.asarray(_vectors(parameters, block)) for block in blocks]).astype(np.float32)

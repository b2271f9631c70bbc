"""The mixer's learned forms, fitted in JAX with the equations of `scoring.mixing.forms`.

Listwise loss: the cross-entropy of a softmax over a request's candidates with its right answers (ListNet, Cao et al.
2007), descended by Adam with decoupled decay (Loshchilov and Hutter 2019). What is kept is a moving mean of the steps
(Polyak and Juditsky 1992), which hardly depends on the seed where the last step does. Each form stops where a later
part of the lessons stops improving. Owns the fitting; scoring stays in NumPy.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from coldframe.models.drawn import Candidates, Padded
from coldframe.scoring.mixing import CONTEXT, Blend, Bucket, Form, Gate, Network, Softmax
from coldframe.scoring.mixing.evidence import PER_EXPERT
from coldframe.scoring.mixing.forms import BUCKET_STARTS, N_BUCKETS
from coldframe.settings import MixerSettings

BATCH = 64
PATIENCE = 6
DECAY = 0.1
MEMORY = 0.98
"""What a step leaves of the mean of those before it; less at first, when there are few."""
Parameters = dict[str, Any]
Forward = Callable[[Parameters, Any, Any, Any], Any]
"""(parameters, features, context, key or None) → scores; with a key, hidden units drop out."""


def fit_network(
    name: str, train: Candidates, check: Candidates | None, settings: MixerSettings, draw: np.random.Generator
) -> tuple[Form, int]:
    """Return the form called `name`, fitted, and the number of epochs after which it was best on `check`.

    Without `check` it is fitted for `mixer.epochs` epochs.
    """
    parameters = _start(name, train.features.shape[1], settings, draw)
    key = jax.random.key(int(draw.integers(2**31)))
    optimizer, step, judge = _compiled(name, settings.dropout, settings.learning_rate)
    state, mean, steps = optimizer.init(parameters), parameters, 0
    watched = None if check is None else _whole(check)
    best, best_loss, best_epoch, size = parameters, np.inf, 0, min(BATCH, len(train))
    for epoch in range(1, settings.epochs + 1):
        order = draw.permutation(len(train))
        for start in range(0, len(order) - size + 1, size):
            key, own = jax.random.split(key)
            batch, kept = train.drawn(order[start : start + size], draw), min(MEMORY, (1 + steps) / (10 + steps))
            parameters, state, mean = step(parameters, state, mean, kept, _fields(batch), own)
            steps += 1
        loss = -float(epoch) if watched is None else judge(mean, watched)
        if loss < best_loss - 1e-5:
            best, best_loss, best_epoch = mean, loss, epoch
        elif epoch - best_epoch >= PATIENCE:
            break
    return _form(name, best), best_epoch


class _Compiled(NamedTuple):
    """How one form is fitted: `step(parameters, state, mean, kept of the mean, batch, key)`, and its loss as
    `judge(parameters, check)`.
    """

    optimizer: optax.GradientTransformation
    step: Any
    judge: Callable[[Parameters, Sequence[Padded]], float]


@cache
def _compiled(name: str, dropout: float, learning_rate: float) -> _Compiled:
    """Return how the form `name` is fitted; kept, since compiling it takes longer than fitting it."""
    forward = _forward(name, dropout)
    optimizer = optax.adamw(learning_rate, weight_decay=DECAY)
    return _Compiled(optimizer, _step(forward, optimizer), _judge(forward))


def _forward(name: str, dropout: float) -> Forward:
    """Return the forward pass of the form `name`."""
    plain: dict[str, Forward] = {"blend": _blend, "bucket": _bucket}
    if name in plain:
        return plain[name]
    return {"gate": _gate, "network": _network, "softmax": _softmax}[name](dropout)


def _start(name: str, n_features: int, settings: MixerSettings, draw: np.random.Generator) -> Parameters:
    """Return the parameters that fitting the form `name` starts from."""
    n_context, hidden = len(CONTEXT), settings.hidden
    weights = np.tile(np.array([0.3, 0.3, 0.0], np.float32), n_features // PER_EXPERT)

    def normal(rows: int, columns: int, scale: float = 1.0) -> np.ndarray:
        return (draw.normal(size=(rows, columns)) * scale / np.sqrt(rows)).astype(np.float32)

    zeros = np.zeros(hidden, np.float32)
    if name == "blend":
        return {"weights": weights}
    if name == "bucket":
        by_item = np.zeros((N_BUCKETS, n_features + 1), np.float32)
        by_item[:, :-1] = weights
        return {"by_item": by_item, "by_user": np.zeros((N_BUCKETS, n_features + 1), np.float32)}
    if name == "gate":
        return {
            "weights": weights,
            "hidden": normal(n_context, hidden),
            "hidden_bias": zeros,
            "output": normal(hidden, n_features + 1, 0.1),
            "output_bias": np.zeros(n_features + 1, np.float32),
        }
    if name == "network":
        return {
            "weights": weights,
            "first": normal(n_features + n_context, hidden),
            "first_bias": zeros,
            "second": normal(hidden, hidden),
            "second_bias": zeros,
            "output": normal(hidden, 1, 0.1)[:, 0],
        }
    return {
        "hidden": normal(n_context, hidden),
        "hidden_bias": zeros,
        "output": normal(hidden, n_features // PER_EXPERT, 0.1),
        "output_bias": np.zeros(n_features // PER_EXPERT, np.float32),
    }


def _form(name: str, parameters: Parameters) -> Form:
    kinds: dict[str, Callable[..., Form]] = {
        "blend": Blend,
        "bucket": Bucket,
        "gate": Gate,
        "network": Network,
        "softmax": Softmax,
    }
    return kinds[name](**{field: np.asarray(value, np.float32) for field, value in parameters.items()})


def _blend(parameters: Parameters, features: Any, context: Any, key: Any) -> Any:
    del context, key
    return features @ parameters["weights"]


def _bucket(parameters: Parameters, features: Any, context: Any, key: Any) -> Any:
    del key
    item, user = (jnp.searchsorted(BUCKET_STARTS, context[..., column], side="right") for column in (6, 0))
    weights = parameters["by_item"][item] + parameters["by_user"][user]
    return (features * weights[..., :-1]).sum(axis=-1) + weights[..., -1]


def _gate(dropout: float) -> Forward:
    def forward(parameters: Parameters, features: Any, context: Any, key: Any) -> Any:
        hidden = jax.nn.relu(context @ parameters["hidden"] + parameters["hidden_bias"])
        moved = _dropped(hidden, dropout, key) @ parameters["output"] + parameters["output_bias"]
        return (features * (parameters["weights"] + moved[..., :-1])).sum(axis=-1) + moved[..., -1]

    return forward


def _network(dropout: float) -> Forward:
    def forward(parameters: Parameters, features: Any, context: Any, key: Any) -> Any:
        everything = jnp.concatenate([features, context], axis=-1)
        first = jax.nn.relu(everything @ parameters["first"] + parameters["first_bias"])
        second = jax.nn.relu(_dropped(first, dropout, key) @ parameters["second"] + parameters["second_bias"])
        return features @ parameters["weights"] + second @ parameters["output"]

    return forward


def _softmax(dropout: float) -> Forward:
    def forward(parameters: Parameters, features: Any, context: Any, key: Any) -> Any:
        hidden = jax.nn.relu(context @ parameters["hidden"] + parameters["hidden_bias"])
        logits = _dropped(hidden, dropout, key) @ parameters["output"] + parameters["output_bias"]
        return (jax.nn.softmax(logits, axis=-1) * features[..., ::PER_EXPERT]).sum(axis=-1)

    return forward


def _dropped(hidden: Any, rate: float, key: Any) -> Any:
    if key is None or rate == 0:
        return hidden
    return jnp.where(jax.random.bernoulli(key, 1 - rate, hidden.shape), hidden / (1 - rate), 0)


def _fields(batch: Padded) -> tuple[Any, ...]:
    return batch.features, batch.context, batch.target, batch.added


def _loss(scores: Any, target: Any, added: Any) -> Any:
    """Return the mean of each lesson's loss; a score counts for as many as it stands for."""
    chances = jax.nn.log_softmax(scores + added, axis=-1)
    return -(target * jnp.where(target > 0, chances, 0)).sum(axis=-1).mean()


def _step(forward: Forward, optimizer: optax.GradientTransformation) -> Any:
    def loss(parameters: Parameters, batch: Any, key: Any) -> Any:
        features, context, target, added = batch
        return _loss(forward(parameters, features, context, key), target, added)

    @jax.jit
    def step(parameters: Parameters, state: Any, mean: Parameters, kept: float, batch: Any, key: Any) -> Any:
        gradient = jax.grad(loss)(parameters, batch, key)
        updates, state = optimizer.update(gradient, state, parameters)
        moved = optax.apply_updates(parameters, updates)
        return moved, state, optax.incremental_update(moved, mean, 1 - kept)

    return step


def _whole(check: Candidates) -> list[Padded]:
    """Return whole lists, some at a time."""
    width, n = int(np.diff(check.starts).max()), len(check)
    return [check.whole(np.arange(start, min(start + BATCH, n)), width) for start in range(0, n, BATCH)]


def _judge(forward: Forward) -> Callable[[Parameters, Sequence[Padded]], float]:
    """Return the mean loss over whole lists."""

    @jax.jit
    def batch_loss(parameters: Parameters, features: Any, context: Any, target: Any, added: Any) -> Any:
        return _loss(forward(parameters, features, context, None), target, added)

    def judge(parameters: Parameters, check: Sequence[Padded]) -> float:
        losses = [float(batch_loss(parameters, *_fields(part))) for part in check]
        return float(np.average(losses, weights=[len(part) for part in check]))

    return judge

"""What layers share: while a model is called; and in a process, names and random generators."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygrad_hw.engine import no_grad
from tinygrad_hw.engine.core.trace import Trace, setting

_generator: ContextVar[np.random.Generator | None] = ContextVar("generator", default=None)
_numbers: Counter[str] = Counter()  # of the names given so far


def unique_name(kind: str) -> str:
    """Return a name as Keras numbers them, unique in this process: dense, dense_1, dense_2."""
    snake = re.sub(r"([a-z])([A-Z])|(\w)([A-Z][a-z]+)", r"\1\3_\2\4", re.sub(r"\W", "", kind))
    name = snake.lower()
    number = _numbers[name]
    _numbers[name] += 1
    return f"{name}_{number}" if number else name


class _Source:
    """A seed, from which models and layers without one draw theirs."""

    def __init__(self, seed: int | None = None) -> None:
        self.set(seed)

    def set(self, seed: int | None) -> None:
        """Begin again, from a seed."""
        self.seeds = np.random.SeedSequence(seed)
        self.generator = np.random.default_rng(self.seeds.spawn(1)[0])


_source: ContextVar[_Source] = ContextVar("source", default=_Source())  # noqa: B039 - the process's


def set_random_seed(seed: int) -> None:
    """Seed the weights, orders and random layers of the models that are made from now on."""
    _source.get().set(seed)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed the models that are made in a ``with`` block; None changes nothing."""
    token = _source.set(_source.get() if seed is None else _Source(seed))
    try:
        yield
    finally:
        _source.reset(token)


def seed_sequence(seed: int | None) -> np.random.SeedSequence:
    """Return the sequence of a seed, or, for None, the next of the process."""
    return _source.get().seeds.spawn(1)[0] if seed is None else np.random.SeedSequence(seed)


def reset_names() -> None:
    """Number layers and models from the start again, as Keras's ``clear_session`` does."""
    _numbers.clear()


@contextmanager
def drawing_from(generator: np.random.Generator) -> Iterator[None]:
    """Draw the weights of layers that are built in a ``with`` block from a generator."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def generator() -> np.random.Generator:
    """Return the generator from which weights are drawn: the model's, or that of the process."""
    return _generator.get() or _source.get().generator


class Call:
    """What layers share while a model is called.

    Attributes
    ----------
    training
        Whether the model is training, for layers that are not told.
    arrays
        The arrays for random layers, in the order of their calls; None: each layer draws its own.
    losses
        What layers add to the loss.
    drawn
        The random layers that were called, each with the shape of its inputs.
    """

    def __init__(self, training: bool, arrays: Sequence[Any] | None = None) -> None:
        self.training = training
        self.arrays = None if arrays is None else iter(arrays)
        self.losses: list[Any] = []
        self.drawn: list[tuple[Any, tuple[int, ...]]] = []
        self.is_rehearsal = False


_call: ContextVar[Call | None] = ContextVar("call", default=None)


def current_call() -> Call | None:
    """Return what layers share now; None outside the call of a model."""
    return _call.get()


@contextmanager
def calling(call: Call) -> Iterator[Call]:
    """Let layers that are called in a ``with`` block share a ``Call``."""
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


class _Rehearsal(Trace):
    """Trace in which no Value is changed."""

    def store(self, leaf: Any, data: Any) -> None:
        """Change nothing."""


@contextmanager
def rehearsing(training: bool) -> Iterator[Call]:
    """Call layers to see what they would do: nothing is recorded, and no state changes."""
    with no_grad(), setting(trace=_Rehearsal()), calling(Call(training)) as call:
        call.is_rehearsal = True
        yield call


def refuse_own_name(kind: type, name: str) -> None:
    """Raise AttributeError if a name is one that this package gives to attributes of a class."""
    for base in kind.__mro__:
        is_base = base.__module__ in _BASES or base.__module__.startswith("tinygrad_hw.nn.models.")
        if is_base and (name in vars(base) or name in vars(base).get("__annotations__", {})):
            owner = "layer" if base.__name__ == "Layer" else "model"
            raise AttributeError(
                f"{kind.__name__} cannot call a layer {name}: every {owner} has an attribute of "
                f"this name; give it another, such as {name}_layer"
            )


_BASES = ("tinygrad_hw.nn.layers.base", "tinygrad_hw.nn.storage.savable")

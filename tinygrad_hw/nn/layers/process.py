"""What layers share in a process: numbers in their names, and random generators."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

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

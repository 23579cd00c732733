"""Networks of one hidden layer: their names, and what is made from what."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

SIZES = ("2-3-1", "2-2-1", "3-4-1", "2-2-2")
NATURES = ("mild", "saturated")


class Item(NamedTuple):
    """One number of a sheet, named as the marks name it; ``path`` counts from 0, for a factor."""

    part: str  # forward, factor, partial, updated or table
    name: str
    of: str | None = None
    path: int = 0


@dataclass(frozen=True)
class Layout:
    """The names of a network of one hidden layer, and what is made from what.

    Attributes
    ----------
    neurons
        (z, a, ((weight, input), ...), bias) of every neuron, hidden ones first.
    factors
        What a factor is, by its name: ("loss", a, y), ("slope", a), ("weight", w, a) for dz/da,
        ("input", x or a, w) for dz/dw, ("one",) for dz/db.
    paths
        The paths from E to a parameter, each a tuple of names of factors.
    """

    sizes: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    neurons: tuple[tuple[str, str, tuple[tuple[str, str], ...], str], ...]
    parameters: tuple[str, ...]
    factors: dict[str, tuple[str, ...]]
    paths: dict[str, tuple[tuple[str, ...], ...]]
    output_first: tuple[str, ...]
    formulas: tuple[tuple[str, str], ...]
    losses: tuple[tuple[str, str], ...]  # (y, a) of every output


@lru_cache
def layout(sizes: str) -> Layout:
    """Name the parts of an "inputs-hidden-outputs" network as the homework does."""
    n_in, n_hidden, n_out = (int(size) for size in sizes.split("-"))
    inputs = tuple(f"x{i + 1}" for i in range(n_in))
    targets = ("y",) if n_out == 1 else tuple(f"y{k + 1}" for k in range(n_out))
    neurons, formulas = [], []
    weight = 0
    for i in range(1, n_hidden + n_out + 1):
        hidden = i <= n_hidden
        sources = inputs if hidden else tuple(f"a{j + 1}" for j in range(n_hidden))
        terms = tuple((f"w{weight + j + 1}", source) for j, source in enumerate(sources))
        weight += len(sources)
        neurons.append((f"z{i}", f"a{i}", terms, f"b{i}"))
        products = (f"{w}*{source}" if hidden else f"{source}*{w}" for w, source in terms)
        formulas.append((f"z{i}", " + ".join([*products, f"b{i}"])))
        formulas.append((f"a{i}", f"sigmoid(z{i})"))
    outputs = neurons[n_hidden:]
    losses = tuple((y, a) for y, (_, a, _, _) in zip(targets, outputs, strict=True))
    formulas.append(("E", " + ".join(f"({y} - {a})**2 / 2" for y, a in losses)))

    factors: dict[str, tuple[str, ...]] = {}
    heads: dict[str, list[tuple[str, ...]]] = {}  # paths from E to each z
    for (y, _), (z, a, terms, _) in zip(losses, outputs, strict=True):
        head = (f"dE/d{a}", f"d{a}/d{z}")
        factors[head[0]], factors[head[1]] = ("loss", a, y), ("slope", a)
        heads[z] = [head]
        for (hidden_z, hidden_a, _, _), (w, _) in zip(neurons[:n_hidden], terms, strict=True):
            tail = (f"d{z}/d{hidden_a}", f"d{hidden_a}/d{hidden_z}")
            factors[tail[0]], factors[tail[1]] = ("weight", w, hidden_a), ("slope", hidden_a)
            heads.setdefault(hidden_z, []).append(head + tail)
    paths, by_layer = {}, {}
    for z, _, terms, bias in neurons:
        for parameter, *source in (*terms, (bias,)):
            last = f"d{z}/d{parameter}"
            factors[last] = ("input", source[0], parameter) if source else ("one",)
            paths[parameter] = tuple((*head, last) for head in heads[z])
            by_layer[parameter] = z not in {out[0] for out in outputs}
    parameters = (
        *(w for _, _, terms, _ in neurons for w, _ in terms),
        *(bias for _, _, _, bias in neurons),
    )
    return Layout(
        sizes,
        inputs,
        targets,
        tuple(neurons),
        parameters,
        factors,
        paths,
        tuple(sorted(parameters, key=by_layer.__getitem__)),
        tuple(formulas),
        losses,
    )


@dataclass(frozen=True)
class Network:
    """A network with numbers; ``numbers`` has inputs, targets, alpha and parameters by name."""

    sizes: str
    nature: str
    numbers: dict[str, Decimal]

    @property
    def layout(self) -> Layout:
        """Its names."""
        return layout(self.sizes)


def any_network(rng: random.Random, sizes: str | None = None, nature: str | None = None) -> Network:
    """Draw a network whose weights all differ, also in their absolute values.

    In a "mild" one the pre-activations are within ±2.5 with hardly an exception; in a "saturated"
    one some are between 4 and 10, and none is beyond 10.
    """
    sizes = sizes or rng.choice(SIZES)
    nature = nature or rng.choice(NATURES)
    names = layout(sizes)
    saturated = nature == "saturated"
    numbers = _inputs(rng, names, 60 if saturated else 30)
    for y in names.targets:
        tenths = f"0.{rng.randint(1, 9)}"
        numbers[y] = Decimal(rng.choice(("0", "1", "0", "1", "0.5", "0.01", "0.99", tenths)))
    numbers["alpha"] = Decimal(rng.choice(("0.01", "0.05", "0.1", "0.2", "0.25", "0.5", "1", "2")))
    active = {name: float(numbers[name]) for name in names.inputs}
    steep = set(rng.sample(range(len(names.neurons)), rng.randint(1, len(names.neurons))))
    used: set[int] = set()
    for i, (_, a, terms, bias) in enumerate(names.neurons):
        low, high, largest = 0.0, 2.5, 95
        if saturated:
            low, high, largest = (4.0, 10.0, 600) if i in steep else (0.0, 4.0, 250)
        for attempt in range(100):
            if attempt == 60:  # hardly ever
                low, largest = 0.0, 100
            drawn = _hundredths(rng, len(terms) + 1, largest, used)
            z = sum(w * active[x] for w, (_, x) in zip(drawn[:-1], terms, strict=True)) + drawn[-1]
            if low <= abs(z) / 100 <= high:
                break
        used.update(abs(w) for w in drawn)
        for name, w in zip((*(w for w, _ in terms), bias), drawn, strict=True):
            numbers[name] = Decimal(w).scaleb(-2).normalize()
        active[a] = sigmoid(z / 100)
    return Network(sizes, nature, numbers)


def _inputs(rng: random.Random, names: Layout, tenths: int) -> dict[str, Decimal]:
    """Draw inputs, all different: small whole numbers or tenths, and now and then one that is 0."""
    drawn: list[int] = []
    while len(drawn) < len(names.inputs):
        number = rng.randint(1, tenths // 10) * 10 if rng.random() < 0.6 else rng.randint(1, tenths)
        number = 0 if rng.random() < 0.05 else number
        if number not in drawn:
            drawn.append(number)
    return {x: Decimal(number) / 10 for x, number in zip(names.inputs, drawn, strict=True)}


def _hundredths(rng: random.Random, count: int, largest: int, used: set[int]) -> list[int]:
    """Draw numbers of one or two decimals, in hundredths, whose absolute values are new."""
    drawn: list[int] = []
    while len(drawn) < count:
        size = rng.randint(1, largest // 10) * 10 if rng.random() < 0.3 else rng.randint(2, largest)
        if size not in used and size not in map(abs, drawn) and size % 100:
            drawn.append(size if rng.random() < 0.6 else -size)
    return drawn


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))

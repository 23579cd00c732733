"""By how much honest work can be off, and which slips can be seen beside it."""

from __future__ import annotations

import math
from decimal import Decimal

from .networks import Network, sigmoid
from .work import EXACT, Slip, Student, Work, work_out
from .writing import ONE, last_unit, read

CLEARLY = 1.5  # a planted number is off by so many times what honest work can be off by


def exact_values(network: Network) -> dict[str, Decimal]:
    """Work a network at 28 digits; keys as in ``Work``."""
    return work_out(network, Student(6, EXACT)).raw


def bounds(work: Work, exact: dict[str, Decimal]) -> dict[str, float]:
    """Say by how much an honest number can differ from the exact one: e(q), as told above."""
    names, numbers = work.network.layout, work.network.numbers
    value = {key: float(number) for key, number in exact.items()}
    value |= {name: float(numbers[name]) for name in names.inputs}
    off = dict.fromkeys(names.inputs, 0.0)

    def add(key: str, inherited: float) -> None:
        off[key] = inherited + _unit(work, key, exact[key], inherited)

    for z, a, terms, _ in names.neurons:
        add(z, sum(abs(float(numbers[w])) * off[x] for w, x in terms))
        at, e = value[z], off[z]
        add(a, max(sigmoid(at + e) - value[a], value[a] - sigmoid(at - e)))
    inherited = 0.0
    for y, a in names.losses:
        inherited += abs(float(numbers[y]) - value[a]) * off[a] + off[a] ** 2 / 2
    add("E", inherited)
    for factor, (role, *made_from) in names.factors.items():
        if role in ("weight", "one"):
            off[factor] = 0.0
        elif role == "input":
            off[factor] = off[made_from[0]]
        elif role == "loss":
            add(factor, off[made_from[0]])
        else:
            a = made_from[0]
            add(factor, off[a] * (abs(1 - 2 * value[a]) + off[a]))
    for parameter, paths in names.paths.items():
        inherited = 0.0
        for path in paths:
            sizes = [abs(value[factor]) for factor in path]
            most = (size + off[factor] for size, factor in zip(sizes, path, strict=True))
            inherited += max(0.0, math.prod(most) - math.prod(sizes))
        add(f"dE/d{parameter}", inherited)
        add(parameter, float(numbers["alpha"]) * off[f"dE/d{parameter}"])
    return off


def _unit(work: Work, key: str, exact: Decimal, inherited: float) -> float:
    """Say what rounding the number itself can do: u(q), as told above."""
    written = read(work.text[key])
    if written == exact and not inherited:
        return 0.0
    power = max(number.adjusted() for number in (exact, written) if number)
    return float(max(ONE.scaleb(power - work.student.figures + 1), last_unit(work.text[key])))


def is_visible(work: Work, slip: Slip, exact: dict[str, Decimal], off: dict[str, float]) -> bool:
    """Say whether a slip can be seen, by the bound told above."""
    name, number = slip.item.name, read(slip.text)
    least = Decimal(CLEARLY * off[name]) + last_unit(slip.text)
    own = read(work.text[name]) if slip.item.part == "table" else work.raw[name]
    return abs(number - exact[name]) >= least and abs(number - own) >= least

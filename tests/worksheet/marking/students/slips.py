"""The kinds of slips: which can be made at an item of honest work."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from .networks import Item, Layout
from .work import Slip, Work, cut_down, same, source_of
from .writing import ONE, Style, exponent, parts, read


@dataclass(frozen=True)
class Kind:
    """One way to slip.

    Attributes
    ----------
    roles
        Where it happens: "z", "a", "E"; "loss" (dE/da), "slope" (da/dz), "weight" (dz/da),
        "input" (dz/dw); "partial", "updated", "table".
    slips
        Gives the slips of this kind that can be made at an item, from the honest work.
    weight
        How often it is drawn.
    """

    name: str
    roles: tuple[str, ...]
    slips: Callable[[Work, Item], Iterator[Slip]]
    weight: float = 1.0


def role_of(work: Work, item: Item) -> str:
    if item.part == "forward":
        return item.name[0]
    return work.network.layout.factors[item.name][0] if item.part == "factor" else item.part


def _made_from(work: Work, item: Item) -> tuple[str, ...]:
    return work.network.layout.factors[item.name][1:]


def _computed(
    work: Work, item: Item, kind: str, how: str, value: Decimal, path: int | None = None
) -> Slip:
    """Slip in working a number out: what comes out is held and written as ever."""
    held, text = cut_down(work.student, value)
    return Slip(kind, how, item, text, held, path)


def _taken(work: Work, item: Item, kind: str, how: str, name: str) -> Slip:
    """Slip by taking another number, as it is held and written."""
    held, text = source_of(work, name)
    return Slip(kind, how, item, text, held)


def _misread(change: Callable[[Style, str], Iterator[tuple[str, str]]], kind: str) -> Any:
    """Slip with the digits of a number that is written, and go on with what one reads there."""

    def slips(work: Work, item: Item) -> Iterator[Slip]:
        for how, text in change(work.student.style, work.text[item.name]):
            yield Slip(kind, how, item, text, read(text))

    return slips


def _moved_point(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Misplace the decimal point by one to three places; in powers of ten, the exponent."""
    value = read(text)
    if not value:
        return
    scientific = bool(parts(text)[2])
    for places in (-1, 1, -2, 2, -3, 3):
        moved = value.scaleb(places)
        if not scientific and exponent(moved) > 0:
            if places > 1 or exponent(value) < 0:
                continue
            moved = moved.quantize(ONE)
        yield f"10^{places}", style.lay_out(moved, scientific and moved.adjusted() != 0)


def _lost_zero(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Lose one of the zeros that follow the point."""
    if match := re.fullmatch(r"([-−]?\d*[.,])0(\d+)", text):
        yield "", match[1] + match[2]


def _extra_zero(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Write one zero too many after the point."""
    if match := re.fullmatch(r"([-−]?\d*[.,])(\d+)", text):
        yield "", match[1] + "0" + match[2]


def _transposed(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Write two adjacent digits in the wrong order, also when the point is between them."""
    sign, digits, tail = parts(text)
    places = [i for i, digit in enumerate(digits) if digit.isdigit()]
    for i, j in pairwise(places):
        if digits[i] == digits[j] or (i == 0 and "0" in (digits[i], digits[j])):
            continue
        swapped = digits[:i] + digits[j] + digits[i + 1 : j] + digits[i] + digits[j + 1 :]
        yield f"{digits[i]}{digits[j]}", sign + swapped + tail


def _wrong_digit(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Write one significant digit wrong; the first does not become 0."""
    sign, digits, tail = parts(text)
    first = True
    for i, digit in enumerate(digits):
        if not digit.isdigit() or (first and digit == "0"):
            continue
        for other in "0123456789":
            if other != digit and not (first and other == "0"):
                yield f"{digit} to {other}", sign + digits[:i] + other + digits[i + 1 :] + tail
        first = False


def _lost_sign(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Lose the minus sign, or write one that is not there."""
    if read(text):
        yield "", text[1:] if text[0] in "-−" else style.minus + text


DIGIT_SLIPS = {
    "decimal_point": _moved_point,
    "zero_lost": _lost_zero,
    "zero_extra": _extra_zero,
    "transposed": _transposed,
    "digit": _wrong_digit,
}


def _miscopied_table(work: Work, item: Item) -> Iterator[Slip]:
    """Copy an update into the closing table with a wrong point, zero, digit, order or sign."""
    for how, change in (*DIGIT_SLIPS.items(), ("sign", _lost_sign)):
        for _, text in change(work.student.style, work.text[item.name]):
            yield Slip("miscopied_table", how, item, text)


def _miscopied_factor(work: Work, item: Item) -> Iterator[Slip]:
    """Copy a factor wrongly into one chain, and multiply with the right one."""
    for how, change in DIGIT_SLIPS.items():
        for _, text in change(work.student.style, work.text[item.name]):
            yield Slip("miscopied_factor", how, item, text)


def _sign(work: Work, item: Item) -> Iterator[Slip]:
    """Get the sign wrong, and go on with it."""
    text = work.text[item.name]
    for _, other in _lost_sign(work.student.style, text):
        yield Slip("sign", "", item, other, -work.held[item.name])


def _products(work: Work, item: Item) -> tuple[list[list[tuple[str, Decimal]]], Decimal]:
    """Give the paths of a partial, each a list of factors as held, and their sum of products."""
    parameter = item.name.removeprefix("dE/d")
    paths = [
        [(name, work.held[name]) for name in path] for path in work.network.layout.paths[parameter]
    ]
    return paths, sum((_product(path) for path in paths), Decimal())


def _product(path: list[tuple[str, Decimal]]) -> Decimal:
    return math.prod((f for _, f in path), start=ONE)


def _factor_times(kind: str, times: int) -> Any:
    def slips(work: Work, item: Item) -> Iterator[Slip]:
        """Leave a factor out of a product, or use it twice: in one path, or wherever it stands."""
        paths, total = _products(work, item)
        whole = [_product(path) for path in paths]
        for name in dict.fromkeys(name for path in paths for name, _ in path):
            changed = [
                _product([each for each in path for _ in range(times if each[0] == name else 1)])
                for path in paths
            ]
            where = [i for i, path in enumerate(paths) if name in dict(path)]
            if len(where) > 1:
                yield _computed(work, item, kind, name, sum(changed, Decimal()))
            for i in where:
                value = total - whole[i] + changed[i]
                yield _computed(work, item, kind, f"{name}, path {i}", value)

    return slips


def _path_missing(work: Work, item: Item) -> Iterator[Slip]:
    """Forget one path of a sum: its factors are written all the same, or not even that."""
    paths, total = _products(work, item)
    if len(paths) < 2:
        return
    for i, path in enumerate(paths):
        value = total - _product(path)
        yield _computed(work, item, "path_missing", f"path {i}, written", value)
        yield _computed(work, item, "path_missing", f"path {i}, not written", value, i)


def _another(work: Work, item: Item) -> Iterator[Slip]:
    """Give the answer of another parameter: as a partial, or in the closing table."""
    names = work.network.layout
    for parameter in names.parameters:
        other = parameter if item.part == "table" else f"dE/d{parameter}"
        if other != item.name:
            text = work.text[other]
            held = None if item.part == "table" else work.held[other]
            yield Slip("answer_of_another", other, item, text, held)


def _update(kind: str) -> Any:
    def slips(work: Work, item: Item) -> Iterator[Slip]:
        """Add rate times gradient in place of subtracting it, or forget the rate."""
        old, rate = work.network.numbers[item.name], work.network.numbers["alpha"]
        slope = work.held[f"dE/d{item.name}"]
        value = old + rate * slope if kind == "gradient_added" else old - slope
        yield _computed(work, item, kind, "", value)

    return slips


def _loss_times(kind: str, times: str) -> Any:
    def slips(work: Work, item: Item) -> Iterator[Slip]:
        """Keep the 2 of the square, or the ½ of the loss; for E, forget the ½."""
        if not (item.name == "E" and kind == "loss_halved"):
            yield _computed(work, item, kind, "", work.raw[item.name] * Decimal(times))

    return slips


def _target_minus(work: Work, item: Item) -> Iterator[Slip]:
    """Give y - a for dE/da, which is a - y."""
    yield _computed(work, item, "y_minus_a", "", -work.raw[item.name])


def _sigma(work: Work, item: Item) -> Iterator[Slip]:
    """Give the activation itself for the sigmoid's derivative a (1 - a)."""
    (a,) = _made_from(work, item)
    yield _taken(work, item, "sigma_for_slope", a, a)


def _one_minus(work: Work, item: Item) -> Iterator[Slip]:
    """Give 1 - a for the sigmoid's derivative a (1 - a)."""
    (a,) = _made_from(work, item)
    yield _computed(work, item, "one_minus_for_slope", a, 1 - work.held[a])


def _weight_for_activation(work: Work, item: Item) -> Iterator[Slip]:
    """Give the weight for dz/dw, which is the weight's input."""
    w = _made_from(work, item)[1]
    yield _taken(work, item, "weight_for_activation", w, w)


def _activation_for_weight(work: Work, item: Item) -> Iterator[Slip]:
    """Give the activation for dz/da, which is the activation's weight."""
    a = _made_from(work, item)[1]
    yield _taken(work, item, "activation_for_weight", a, a)


def _wrong_input(work: Work, item: Item) -> Iterator[Slip]:
    """Take the wrong input of a layer: for dz/dw, or in one term of a z."""
    names, numbers = work.network.layout, work.network.numbers
    if item.part == "factor":
        right = _made_from(work, item)[0]
        for other in _beside(names, right):
            yield _taken(work, item, "wrong_input", other, other)
        return
    (terms,) = (terms for z, _, terms, _ in names.neurons if z == item.name)
    for w, right in terms:
        for other in _beside(names, right):
            difference = source_of(work, other)[0] - source_of(work, right)[0]
            value = work.raw[item.name] + numbers[w] * difference
            yield _computed(work, item, "wrong_input", f"{other} for {right}", value)


def _beside(names: Layout, source: str) -> list[str]:
    """Give the other inputs of the layer that a number is an input of."""
    layer = names.inputs if source in names.inputs else [x for _, x in names.neurons[-1][2]]
    return [x for x in layer if x != source]


def _terms(kind: str, times: int) -> Any:
    def slips(work: Work, item: Item) -> Iterator[Slip]:
        """Leave a term out of a z (``times`` 0), or take it with the wrong sign (-1)."""
        names, numbers = work.network.layout, work.network.numbers
        ((terms, bias),) = ((terms, bias) for z, _, terms, bias in names.neurons if z == item.name)
        products = {f"{w}·{x}": numbers[w] * source_of(work, x)[0] for w, x in terms}
        for how, term in {**products, bias: numbers[bias]}.items():
            yield _computed(work, item, kind, how, work.raw[item.name] + (times - 1) * term)

    return slips


def _other_activation(kind: str, other: Callable[[Decimal], Decimal]) -> Any:
    def slips(work: Work, item: Item) -> Iterator[Slip]:
        """Give another function of z for the sigmoid."""
        yield _computed(work, item, kind, "", other(work.held[f"z{item.name[1:]}"]))

    return slips


def _change_alone(work: Work, item: Item) -> Iterator[Slip]:
    """Give the change in place of the new value."""
    change = work.network.numbers["alpha"] * work.held[f"dE/d{item.name}"]
    yield _computed(work, item, "change_alone", "", -change)


def _too_early(work: Work, item: Item) -> Iterator[Slip]:
    """Give the updated weight for dz/da, which is the weight that the forward numbers used."""
    w = _made_from(work, item)[0]
    yield Slip("updated_too_early", w, item, work.text[w], work.held[w])


_NUMBERS = ("z", "a", "E", "loss", "slope", "weight", "input", "partial", "updated")
_FACTORS = ("loss", "slope", "weight", "input")

KINDS = {
    kind.name: kind
    for kind in (
        Kind("sign", ("z", "loss", "weight", "partial", "updated"), _sign, 1.5),
        *(
            Kind(name, _NUMBERS, _misread(change, name), weight)
            for (name, change), weight in zip(DIGIT_SLIPS.items(), (2, 0.8, 0.8, 2, 2), strict=True)
        ),
        Kind("factor_dropped", ("partial",), _factor_times("factor_dropped", 0), 1.5),
        Kind("factor_twice", ("partial",), _factor_times("factor_twice", 2)),
        Kind("loss_doubled", ("loss", "E"), _loss_times("loss_doubled", "2")),
        Kind("loss_halved", ("loss", "E"), _loss_times("loss_halved", "0.5")),
        Kind("sigma_for_slope", ("slope",), _sigma),
        Kind("one_minus_for_slope", ("slope",), _one_minus),
        Kind("weight_for_activation", ("input",), _weight_for_activation),
        Kind("activation_for_weight", ("weight",), _activation_for_weight),
        Kind("wrong_input", ("z", "input"), _wrong_input, 1.5),
        Kind("path_missing", ("partial",), _path_missing),
        Kind("gradient_added", ("updated",), _update("gradient_added"), 1.5),
        Kind("rate_forgotten", ("updated",), _update("rate_forgotten")),
        Kind("answer_of_another", ("partial", "table"), _another, 1.5),
        Kind("miscopied_table", ("table",), _miscopied_table, 2),
        Kind("updated_too_early", ("weight",), _too_early),
        Kind("y_minus_a", ("loss",), _target_minus),
        Kind("term_missing", ("z",), _terms("term_missing", 0)),
        Kind("term_turned", ("z",), _terms("term_turned", -1)),
        Kind("not_activated", ("a",), _other_activation("not_activated", same)),
        Kind("tanh", ("a",), _other_activation("tanh", lambda z: 1 - 2 / (1 + (2 * z).exp()))),
        Kind("exponent", ("a",), _other_activation("exponent", lambda z: 1 / (1 + z.exp()))),
        Kind("change_alone", ("updated",), _change_alone),
        Kind("miscopied_factor", _FACTORS, _miscopied_factor, 2),
    )
}

"""Simulated students who work sheets of sigmoid networks by hand: honest ones, and some who slip.

Everything is computed here, with ``decimal`` and by formulas written out for a network of one
hidden layer; nothing of ``tinygrad_hw`` is used, so that this is an oracle of its own. In the tests
it comes as the fixture ``students``; in a script, put this folder on the path and ``import
students``. All is deterministic by the ``random.Random`` that is handed in, and can be pickled.

    text, work = students.honest(random.Random(7))
    text, plant = students.planted(random.Random(7))
    students.rivals(plant)        # what else would have given the same number

How a student works: the forward numbers in order; then each distinct factor once, from the numbers
as they are held; then the partials, as products of the held factors, summed over the paths; then
the updates; and at last the closing table, which is a copy of the updates. A factor that stands in
several chains is copied from the first of them.

What a slip does to the rest
----------------------------
A slip of computing or reading (``Plant.carried``) is carried on: everything that uses the number is
worked out from the faulty one, and every chain in which the same factor stands gets a copy of it
(``Plant.copies``). A slip of copying is not: the closing table, and a factor miscopied in one chain
beside a product made with the right one.

What is visible
---------------
A slip is planted only where it can be seen. For the item q, let v be its exact value, r what its
formula gives from the numbers that this student held (for the table: the update as written), and
e(q) the most by which an honest number for q can differ from v:

    u(q)      the largest of: a unit of the n-th figure of v; the same of the number that this
              student would honestly have written; a unit of the last digit of that string (more,
              where trailing zeros were dropped). Nothing where the inputs are exact and v is what
              was written
    z         e = sum of |w| e(input) + u
    a         e = the larger of |sigmoid(z ± e(z)) - sigmoid(z)|, + u
    E         e = sum of |y - a| e(a) + e(a)^2 / 2, + u
    dE/da     e = e(a) + u
    da/dz     e = e(a) (|1 - 2a| + e(a)) + u
    dz/dw     e = e(input);   dz/da and dz/db: 0
    partial   e = sum over the paths of [product of (|f| + e(f)) - product of |f|] + u
    update    e = rate · e(partial) + u;   its copy in the table: the same

So each held number is off by up to one unit of its last figure, and that is propagated without
leaving out what is not of first order. The planted number W, whose last written digit has the unit
u(W), is visible when |W - v| and |W - r| are both at least 1.5 e(q) + u(W). Other draws are
discarded, and so is what leads to a pre-activation beyond ±20, with which nobody would go on.
"""

from __future__ import annotations

import math
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    localcontext,
)
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

SIZES = ("2-3-1", "2-2-1", "3-4-1", "2-2-2")
NATURES = ("mild", "saturated")
CLEARLY = 1.5  # a planted number is off by so many times what honest work can be off by
BEYOND = 20  # no pre-activation is larger, after a slip

_FULL = Context(prec=28, rounding=ROUND_HALF_EVEN)
_ONE = Decimal(1)


class Item(NamedTuple):
    """One number of a sheet, named as the marks name it; ``path`` counts from 0, for a factor."""

    part: str  # forward, factor, partial, updated or table
    name: str
    of: str | None = None
    path: int = 0


# --- Networks -------------------------------------------------------------------------------------


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
        active[a] = _sigmoid(z / 100)
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


# --- Habits ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Habit:
    """How a student cuts numbers down, at n significant figures.

    Attributes
    ----------
    hold
        How the number is rounded that the student goes on with, or None for all digits.
    guard
        How many figures more than n are held.
    write
        How the held number is rounded to the n figures that are written.
    every_step
        Whether numbers that are not written are rounded like held ones too: each product within
        a sum, 1 - a, a product after each multiplication, rate times gradient.
    longhand
        Whether sums are rounded after each term too, products are worked out from the parameter
        backwards, and a sigmoid is worked out by e^-z and 1 + e^-z, both of them rounded.
    """

    name: str
    hold: str | None
    guard: int
    write: str
    every_step: bool = False
    longhand: bool = False


HABITS = (
    # Rounds every number, and goes on with the rounded one.
    Habit("rounds, half up", ROUND_HALF_UP, 0, ROUND_HALF_UP),
    Habit("rounds, half even", ROUND_HALF_EVEN, 0, ROUND_HALF_EVEN),
    # Cuts off what is beyond n figures, and goes on with that.
    Habit("truncates", ROUND_DOWN, 0, ROUND_DOWN),
    # Holds one figure more than is written.
    Habit("guard digit, half up", ROUND_HALF_UP, 1, ROUND_HALF_UP),
    Habit("guard digit, half even", ROUND_HALF_EVEN, 1, ROUND_HALF_EVEN),
    Habit("guard digit, truncated", ROUND_DOWN, 1, ROUND_DOWN),
    Habit("guard digit truncated, written rounded", ROUND_DOWN, 1, ROUND_HALF_UP),
    # Holds all digits, and cuts down only what is written.
    Habit("all digits, half up", None, 0, ROUND_HALF_UP),
    Habit("all digits, half even", None, 0, ROUND_HALF_EVEN),
    Habit("all digits, truncated", None, 0, ROUND_DOWN),
)
# Not drawn unless asked for: those who round what is not written down, too. What they write can lie
# outside of the bound told above, which has one rounding for each written number.
SCRATCH_HABITS = (
    Habit("rounds every step", ROUND_HALF_UP, 0, ROUND_HALF_UP, every_step=True),
    Habit("truncates every step", ROUND_DOWN, 0, ROUND_DOWN, every_step=True),
    Habit("rounds even e^-z", ROUND_HALF_UP, 0, ROUND_HALF_UP, every_step=True, longhand=True),
    Habit("truncates even e^-z", ROUND_DOWN, 0, ROUND_DOWN, every_step=True, longhand=True),
)
EXACT = Habit("all digits, all written", None, 22, ROUND_HALF_EVEN)  # 28 of them


@lru_cache
def _rounding(figures: int, how: str) -> Context:
    return Context(prec=figures, rounding=how)


# --- Ways of writing a number ---------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a student writes numbers down.

    Attributes
    ----------
    notation
        "plain", or for small numbers "e" (-3.18e-4), "times" (-3.18 × 10^-4) or "superscript"
        (-3.18·10⁻⁴); "g" is Python's format .4g, which drops trailing zeros.
    small
        Numbers below 10^-small are small.
    pad
        Whether a decimal fraction that is exact is filled up with zeros to n figures.
    minus, comma, bare
        The minus sign; a decimal comma; .018 in place of 0.018.
    """

    notation: str = "plain"
    small: int = 2
    pad: bool = False
    minus: str = "-"
    comma: bool = False
    bare: bool = False

    def show(self, value: Decimal, exact: bool, figures: int) -> str:
        """Write a number that has been rounded to so many figures; a whole one is never padded."""
        if not value:
            return "0"
        if exact:
            if value == value.to_integral_value() and abs(value) < 1000:
                value = value.quantize(_ONE)
            else:
                value = value.normalize()
                missing = figures - len(value.as_tuple().digits)
                if self.pad and self.notation != "g" and missing > 0:
                    value = value.quantize(_ONE.scaleb(_exponent(value) - missing))
        elif self.notation == "g":
            value = value.normalize()
            if _exponent(value) > 0 and value.adjusted() < figures:
                value = value.quantize(_ONE)
        small = {"plain": 99, "g": 4}.get(self.notation, self.small)
        return self.lay_out(value, value.adjusted() < -small or _exponent(value) > 0)

    def lay_out(self, value: Decimal, scientific: bool) -> str:
        """Write a number with the digits that it has."""
        if scientific:
            digits = "".join(map(str, value.as_tuple().digits))
            text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
            tail = self.power(value.adjusted())
        else:
            text, tail = format(abs(value), "f"), ""
        if self.bare and text.startswith("0."):
            text = text[1:]
        if self.comma:
            text = text.replace(".", ",")
        return (self.minus if value.is_signed() else "") + text + tail.replace("-", self.minus)

    def power(self, exponent: int) -> str:
        """Write a power of ten behind a number."""
        if self.notation == "times":
            return f" × 10^{exponent}"
        if self.notation == "superscript":
            return "·10" + str(exponent).translate(_RAISED)
        return f"e{exponent:+03d}" if self.notation == "g" else f"e{exponent}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−,", "-0123456789-.")
_POWER = re.compile(r" ?[×·] ?10\^?")
_PARTS = re.compile(r"([-−]?)([\d.,]+)(.*)")


def _parts(text: str) -> tuple[str, str, str]:
    """Sign, digits and what stands behind them."""
    match = _PARTS.fullmatch(text)
    assert match
    return match[1], match[2], match[3]


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def read(text: str) -> Decimal:
    """Read a number that was written in any ``Style``, with its digits."""
    return Decimal(_POWER.sub("e", text).translate(_LOWERED))


def last_unit(text: str) -> Decimal:
    """Say what one unit of the last written digit is worth."""
    return _ONE.scaleb(_exponent(read(text)))


def any_style(rng: random.Random) -> Style:
    """Draw a style: mostly plain or with e or × 10^, seldom comma, unicode minus or bare point."""
    notation = rng.choice(("plain", "plain", "e", "e", "times", "times", "superscript", "g"))
    if notation == "g":
        return Style("g")
    return Style(
        notation,
        small=rng.randint(1, 4),
        pad=rng.random() < 0.4,
        minus="−" if rng.random() < 0.15 else "-",
        comma=rng.random() < 0.08,
        bare=rng.random() < 0.08,
    )


# --- Students and their work ----------------------------------------------------------------------


@dataclass(frozen=True)
class Student:
    """Somebody who works at n significant figures.

    ``left_out`` has the items that are not in the sheet at all, ``blank`` those that are "";
    the numbers are worked out, and used, all the same.
    """

    figures: int
    habit: Habit = HABITS[0]
    style: Style = Style()
    writes_loss: bool = True
    output_first: bool = True
    left_out: frozenset[Item] = frozenset()
    blank: frozenset[Item] = frozenset()


@dataclass(frozen=True)
class Slip:
    """What takes the place of an honest number.

    ``held`` is what the student goes on with, or None where a slip of copying changes nothing but
    the string; ``unwritten_path`` is a path of a partial that is not written either.
    """

    kind: str
    how: str
    item: Item
    text: str
    held: Decimal | None = None
    unwritten_path: int | None = None


@dataclass(frozen=True)
class Work:
    """What a student worked out and wrote.

    Keys are the names of forward values ("z1"), factors ("da4/dz4"), partials ("dE/dw1") and, for
    the updates, parameters ("w1").

    Attributes
    ----------
    raw
        What the formula gave from the numbers held.
    held
        What the student goes on with.
    text
        What was written, or would have been.
    slip
        The slip that was made, if any.
    """

    network: Network
    student: Student
    raw: dict[str, Decimal]
    held: dict[str, Decimal]
    text: dict[str, str]
    slip: Slip | None = None

    def items(self) -> Iterator[tuple[Item, str]]:
        """Give every item of the sheet with its string, "" where it is blank."""
        names, student, slip = self.network.layout, self.student, self.slip
        left_out, blank = student.left_out, student.blank
        copied = slip.item if slip and slip.held is None else None

        def given(item: Item, key: str) -> Iterator[tuple[Item, str]]:
            if item not in left_out:
                text = slip.text if slip and item == copied else self.text[key]
                yield item, "" if item in blank else text

        for name, _ in names.formulas:
            if name != "E" or student.writes_loss:
                yield from given(Item("forward", name), name)
        for parameter in names.output_first if student.output_first else names.parameters:
            partial = f"dE/d{parameter}"
            unwritten = slip.unwritten_path if slip and slip.item.name == partial else None
            for i, path in enumerate(names.paths[parameter]):
                if i != unwritten:
                    for factor in path:
                        yield from given(Item("factor", factor, partial, i), factor)
            yield from given(Item("partial", partial), partial)
        for part in ("updated", "table"):
            for parameter in names.parameters:
                yield from given(Item(part, parameter), parameter)

    def collapsed(self) -> list[Item]:
        """Give the items that were written as 0 although the exact value is not 0."""
        exact = work_out(self.network, Student(6, EXACT)).raw
        return [item for item, text in self.items() if text and not read(text) and exact[item.name]]


def work_out(network: Network, student: Student, slip: Slip | None = None) -> Work:
    """Work a sheet, all in the student's own way."""
    names, numbers, habit = network.layout, network.numbers, student.habit
    raw: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    text: dict[str, str] = {}
    work = Work(network, student, raw, held, text, slip)
    faulty = slip.item.name if slip and slip.held is not None else None
    fine: Callable[[Decimal], Decimal] = _same  # what happens to numbers on the way
    if habit.every_step and habit.hold:
        fine = _rounding(student.figures + habit.guard, habit.hold).plus
    worth = {name: numbers[name] for name in names.inputs}  # what a z is made from

    def settle(key: str, value: Decimal, copied: str | None = None) -> None:
        raw[key] = value
        if slip and key == faulty:
            assert slip.held is not None
            held[key], text[key] = slip.held, slip.text
        elif copied is not None:
            held[key], text[key] = value, copied
        else:
            held[key], text[key] = cut_down(student, value)

    longhand = fine if habit.longhand else _same

    def total(terms: Iterable[Decimal]) -> Decimal:
        first, *others = terms
        for i, term in enumerate(others, start=1):
            first = first + term if i == len(others) else longhand(first + term)
        return first

    with localcontext(_FULL):
        for z, a, terms, bias in names.neurons:
            settle(z, total([*(fine(numbers[w] * worth[x]) for w, x in terms), numbers[bias]]))
            settle(a, _ONE / longhand(1 + longhand((-held[z]).exp())))
            worth[a] = held[a]
        settle("E", total(fine((numbers[y] - held[a]) ** 2) / 2 for y, a in names.losses))
        for factor, (role, *made_from) in names.factors.items():
            if role == "loss":
                settle(factor, held[made_from[0]] - numbers[made_from[1]])
            elif role == "slope":
                active = held[made_from[0]]
                settle(factor, active * fine(1 - active))
            elif role == "one":
                settle(factor, _ONE, "1")
            else:
                settle(factor, *source_of(work, made_from[0]))
        for parameter, paths in names.paths.items():
            products = []
            for path in paths:
                first, *others = reversed(path) if habit.longhand else path
                product = held[first]
                for factor in others:
                    product = fine(product * held[factor])
                products.append(product)
            settle(f"dE/d{parameter}", total(products))
        for parameter in names.parameters:
            change = fine(numbers["alpha"] * held[f"dE/d{parameter}"])
            settle(parameter, numbers[parameter] - change)
    return work


def _same(value: Decimal) -> Decimal:
    return value


def cut_down(student: Student, value: Decimal) -> tuple[Decimal, str]:
    """Give what the student holds of a number that was worked out, and what is written."""
    figures, habit = student.figures, student.habit
    if habit.hold is None:
        held = value
        figures = figures + habit.guard
    else:
        held = _rounding(figures + habit.guard, habit.hold).plus(value)
    written = _rounding(figures, habit.write).plus(held)
    return held, student.style.show(written, written == value, figures)


def source_of(work: Work, name: str) -> tuple[Decimal, str]:
    """Give what a student copies for an input, a weight of the sheet, or an activation."""
    if name in work.network.layout.parameters or name in work.network.layout.inputs:
        value = work.network.numbers[name]
        return value, work.student.style.show(value, True, work.student.figures)
    return work.held[name], work.text[name]


def any_student(
    rng: random.Random,
    network: Network,
    *,
    figures: int | None = None,
    habit: Habit | None = None,
    style: Style | None = None,
    leave_out: float | None = None,
) -> Student:
    """Draw a student of 3 to 6 figures.

    ``leave_out`` is the chance of a factor to be left out; a quarter of it is that of any other
    item to be left out, and of each item to be left blank. None means nothing for three in four
    students, and a tenth for the others.
    """
    student = Student(
        figures or rng.randint(3, 6),
        habit or rng.choice(HABITS),
        style or any_style(rng),
        writes_loss=rng.random() < 0.5,
        output_first=rng.random() < 0.7,
    )
    if leave_out is None:
        leave_out = 0.1 if rng.random() < 0.25 else 0.0
    if not leave_out:
        return student
    left_out, blank = [], []
    everything = Work(network, student, {}, {}, _Anything())
    for item, _ in everything.items():
        chance = leave_out if item.part == "factor" else leave_out / 4
        if rng.random() < chance:
            left_out.append(item)
        elif rng.random() < leave_out / 4:
            blank.append(item)
    return replace(student, left_out=frozenset(left_out), blank=frozenset(blank))


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


# --- Sheets ---------------------------------------------------------------------------------------


def sheet_text(work: Work) -> str:
    """Write a sheet of work as TOML."""
    network, student = work.network, work.student
    names = network.layout
    given = (*names.inputs, *names.targets, "alpha")
    lines = [
        f'title = "A {network.sizes} sigmoid network"',
        'student = "simulated"',
        "",
        "[given]",
        *(f"{name} = {network.numbers[name]:f}" for name in given),
        "",
        "[parameters]",
        *(f"{name} = {network.numbers[name]:f}" for name in names.parameters),
        "",
        "[forward]",
        *(f'{name} = "{formula}"' for name, formula in names.formulas),
        "",
        "[update]",
        'loss = "E"',
        'rate = "alpha"',
        "",
        "[rounding]",
        f"figures = {student.figures}",
        "",
        "[answers.forward]",
    ]
    part = "forward"
    partial = ""
    paths: dict[int, list[str]] = {}
    for item, text in work.items():
        if item.part in ("factor", "partial"):
            of = item.of or item.name
            if of != partial:
                lines += _chain_lines(names, partial, paths)
                partial, paths = of, {}
                lines += ["", f'[answers.partials."{of}"]']
            if item.part == "factor":
                paths.setdefault(item.path, []).append(f'"{item.name}" = "{text}"')
            else:
                lines += [*_chain_lines(names, partial, paths), f'value = "{text}"']
                paths = {}
            continue
        if item.part != part:
            lines += _chain_lines(names, partial, paths)
            paths, part = {}, item.part
            lines += ["", f"[answers.{part}]"]
        lines.append(f'{item.name} = "{text}"')
    return "\n".join(lines) + "\n"


def _chain_lines(names: Layout, partial: str, paths: dict[int, list[str]]) -> list[str]:
    written = ["{ " + ", ".join(factors) + " }" for factors in paths.values()]
    if not written:
        return []
    if len(names.paths[partial.removeprefix("dE/d")]) == 1:
        return [f"factors = {written[0]}"]
    return ["paths = [", *(f"    {path}," for path in written), "]"]


def honest(
    rng: random.Random,
    *,
    sizes: str | None = None,
    nature: str | None = None,
    figures: int | None = None,
    habit: Habit | None = None,
    style: Style | None = None,
    leave_out: float | None = None,
) -> tuple[str, Work]:
    """Give the sheet of a student who makes no slip, and the work behind it."""
    network = any_network(rng, sizes, nature)
    student = any_student(
        rng, network, figures=figures, habit=habit, style=style, leave_out=leave_out
    )
    work = work_out(network, student)
    return sheet_text(work), work


# --- What can be seen -----------------------------------------------------------------------------


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
        add(a, max(_sigmoid(at + e) - value[a], value[a] - _sigmoid(at - e)))
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
    return float(max(_ONE.scaleb(power - work.student.figures + 1), last_unit(work.text[key])))


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


# --- Slips ----------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class Plant:
    """The slip of a sheet.

    Attributes
    ----------
    part, name, of
        The item, as the marks name it; ``of`` is the first chain that shows a carried factor.
    kind
        The slip, one of ``KINDS``.
    visible
        "how" (which variant: the factor dropped, the input taken, the digits' own slip in a
        copy, ...), "written", "honest" (what would have been written), "exact", "own" (what the
        formula gives from the student's own numbers), "bound" (e(q)), "path" (of a factor).
    carried
        Whether the student went on with the faulty number.
    copies
        The other items that show the same faulty number as a copy: the factor in later paths and
        chains, or the entry of the table after a faulty update.
    work, slip
        The honest work of the same student, and the slip put into it.
    """

    part: str
    name: str
    of: str | None
    kind: str
    visible: dict[str, Any]
    carried: bool
    copies: tuple[Item, ...]
    work: Work = field(repr=False)
    slip: Slip = field(repr=False)

    @property
    def item(self) -> Item:
        """The faulty item."""
        return self.slip.item


def _role(work: Work, item: Item) -> str:
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
    scientific = bool(_parts(text)[2])
    for places in (-1, 1, -2, 2, -3, 3):
        moved = value.scaleb(places)
        if not scientific and _exponent(moved) > 0:
            if places > 1 or _exponent(value) < 0:
                continue
            moved = moved.quantize(_ONE)
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
    sign, digits, tail = _parts(text)
    places = [i for i, digit in enumerate(digits) if digit.isdigit()]
    for i, j in pairwise(places):
        if digits[i] == digits[j] or (i == 0 and "0" in (digits[i], digits[j])):
            continue
        swapped = digits[:i] + digits[j] + digits[i + 1 : j] + digits[i] + digits[j + 1 :]
        yield f"{digits[i]}{digits[j]}", sign + swapped + tail


def _wrong_digit(style: Style, text: str) -> Iterator[tuple[str, str]]:
    """Write one significant digit wrong; the first does not become 0."""
    sign, digits, tail = _parts(text)
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


_DIGITS = {
    "decimal_point": _moved_point,
    "zero_lost": _lost_zero,
    "zero_extra": _extra_zero,
    "transposed": _transposed,
    "digit": _wrong_digit,
}


def _miscopied_table(work: Work, item: Item) -> Iterator[Slip]:
    """Copy an update into the closing table with a wrong point, zero, digit, order or sign."""
    for how, change in (*_DIGITS.items(), ("sign", _lost_sign)):
        for _, text in change(work.student.style, work.text[item.name]):
            yield Slip("miscopied_table", how, item, text)


def _miscopied_factor(work: Work, item: Item) -> Iterator[Slip]:
    """Copy a factor wrongly into one chain, and multiply with the right one."""
    for how, change in _DIGITS.items():
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
    return math.prod((f for _, f in path), start=_ONE)


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
            for (name, change), weight in zip(_DIGITS.items(), (2, 0.8, 0.8, 2, 2), strict=True)
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
        Kind("not_activated", ("a",), _other_activation("not_activated", _same)),
        Kind("tanh", ("a",), _other_activation("tanh", lambda z: 1 - 2 / (1 + (2 * z).exp()))),
        Kind("exponent", ("a",), _other_activation("exponent", lambda z: 1 / (1 + z.exp()))),
        Kind("change_alone", ("updated",), _change_alone),
        Kind("miscopied_factor", _FACTORS, _miscopied_factor, 2),
    )
}


# --- Planting -------------------------------------------------------------------------------------


def planted(
    rng: random.Random,
    *,
    kind: str | None = None,
    sizes: str | None = None,
    nature: str | None = None,
    figures: int | None = None,
    habit: Habit | None = None,
    style: Style | None = None,
    leave_out: float = 0.0,
) -> tuple[str, Plant]:
    """Give the sheet of a student of 3 to 5 figures who slips once, visibly, and the slip.

    The kind is drawn first, by the weights in ``KINDS``; then networks, students, places and
    variants of it until one can be seen. Where a kind can happen in several parts of a sheet, the
    part is drawn before the item.

    Raises
    ------
    ValueError
        If nothing visible was found in 1000 draws, as for a missing path in a 2-3-1 network.
    """
    if kind is None:
        (kind,) = rng.choices(list(KINDS), [each.weight for each in KINDS.values()])
    if kind == "path_missing":
        sizes = sizes or "2-2-2"
    for _ in range(1000):
        network = any_network(rng, sizes, nature)
        student = any_student(
            rng,
            network,
            figures=figures or rng.randint(3, 5),
            habit=habit,
            style=style,
            leave_out=leave_out,
        )
        with localcontext(_FULL):
            if found := _plant(rng, work_out(network, student), KINDS[kind]):
                return found
    raise ValueError(f"no visible {kind} in a network {sizes or 'of any size'}")


def _plant(rng: random.Random, work: Work, kind: Kind) -> tuple[str, Plant] | None:
    """Try to make a slip somewhere in honest work."""
    places: dict[str, list[Item]] = {}
    seen: set[str] = set()
    for item, text in work.items():
        if kind.name != "miscopied_factor" and item.part == "factor":
            if item.name in seen:
                continue  # a carried slip is made where the factor is written first
            if text:
                seen.add(item.name)
        if text and _role(work, item) in kind.roles:
            places.setdefault(item.part, []).append(item)
    exact = off = None
    for _ in range(6):
        if not places:
            return None
        item = rng.choice(places[rng.choice(list(places))])
        if not (slips := list(kind.slips(work, item))):
            continue
        if "miscopied" in kind.name:  # each sort of miscopying alike, whatever its variants
            how = rng.choice(list(dict.fromkeys(slip.how for slip in slips)))
            slips = [slip for slip in slips if slip.how == how]
        slip = rng.choice(slips)
        if exact is None or off is None:
            exact = exact_values(work.network)
            off = bounds(work, exact)
        if not is_visible(work, slip, exact, off):
            continue
        faulty = work_out(work.network, work.student, slip)
        if any(abs(z) > BEYOND for key, z in faulty.held.items() if key[0] == "z"):
            continue
        carried = slip.held is not None
        copies = tuple(
            other
            for other, text in faulty.items()
            if carried and other != item and other.name == item.name and text
        )
        visible = {
            "how": slip.how,
            "written": slip.text,
            "honest": work.text[item.name],
            "exact": exact[item.name],
            "own": work.raw[item.name],
            "bound": off[item.name],
            "path": item.path,
        }
        plant = Plant(
            item.part, item.name, item.of, kind.name, visible, carried, copies, work, slip
        )
        return sheet_text(faulty), plant
    return None


def is_visible(work: Work, slip: Slip, exact: dict[str, Decimal], off: dict[str, float]) -> bool:
    """Say whether a slip can be seen, by the bound told above."""
    name, number = slip.item.name, read(slip.text)
    least = Decimal(CLEARLY * off[name]) + last_unit(slip.text)
    own = read(work.text[name]) if slip.item.part == "table" else work.raw[name]
    return abs(number - exact[name]) >= least and abs(number - own) >= least


class Rival(NamedTuple):
    """Another slip that explains a number; for copies, ``how`` is the sort of miscopying."""

    kind: str
    how: str


def rivals(plant: Plant, near: bool = False) -> tuple[Rival, ...]:
    """Give the other kinds of slip by which the same student would have written the same number.

    Where there are any, the numbers cannot tell which it was. Only slips that are carried like the
    planted one count, since the products tell the others apart; of the plant's own kind, only
    another sort of miscopying. With ``near``, those are given too that no marker can exclude who
    does not know the student's habit: numbers that differ by no more than a unit of the last
    written digit, and for slips of computing also e(q), scaled to the rival's size.
    """
    work, slip = plant.work, plant.slip
    written = read(slip.text)
    unit = float(last_unit(slip.text))
    off = bounds(work, exact_values(work.network))[plant.name] if near else 0.0
    own = abs(float(work.raw[plant.name]))
    found: dict[Rival, None] = {}
    with localcontext(_FULL):
        for kind in KINDS.values():
            if _role(work, plant.item) not in kind.roles:
                continue
            for other in kind.slips(work, plant.item):
                copying = other.held is None
                if copying != (slip.held is None):
                    continue
                if other.kind == slip.kind and not (copying and other.how != slip.how):
                    continue
                number = read(other.text)
                apart = abs(float(number - written))
                allowed = 0.0
                if near:
                    of_digits = copying or kind.name in _DIGITS
                    scale = 0.0 if of_digits else max(1.0, abs(float(number)) / (own or 1.0))
                    allowed = unit + off * scale
                if apart <= allowed:
                    how = other.how if "miscopied" in other.kind else ""
                    found[Rival(other.kind, how)] = None
    found.pop(Rival(slip.kind, slip.how if "miscopied" in slip.kind else ""), None)
    return tuple(found)


def main(arguments: list[str]) -> None:
    """Print a sheet: ``python students.py honest|planted SEED [KIND]``."""
    what, seed, *kind = arguments
    rng = random.Random(int(seed))
    if what == "honest":
        text, work = honest(rng)
        print(text, "#", work.student.habit.name)
    else:
        text, plant = planted(rng, kind=kind[0] if kind else None)
        print(text, "#", plant, rivals(plant))


if __name__ == "__main__":
    main(sys.argv[1:])

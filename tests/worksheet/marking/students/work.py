"""Students, what they work out, and the sheets that they write."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from .networks import Item, Layout, Network, any_network
from .writing import EXACT, FULL, HABITS, ONE, PLAIN, Habit, Style, any_style, read, rounding_to


@dataclass(frozen=True)
class Student:
    """Somebody who works at n significant figures.

    ``left_out`` has the items that are not in the sheet at all, ``blank`` those that are "";
    the numbers are worked out, and used, all the same.
    """

    figures: int
    habit: Habit = HABITS[0]
    style: Style = PLAIN
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
    fine: Callable[[Decimal], Decimal] = same  # what happens to numbers on the way
    if habit.every_step and habit.hold:
        fine = rounding_to(student.figures + habit.guard, habit.hold).plus
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

    longhand = fine if habit.longhand else same

    def total(terms: Iterable[Decimal]) -> Decimal:
        first, *others = terms
        for i, term in enumerate(others, start=1):
            first = first + term if i == len(others) else longhand(first + term)
        return first

    with localcontext(FULL):
        for z, a, terms, bias in names.neurons:
            settle(z, total([*(fine(numbers[w] * worth[x]) for w, x in terms), numbers[bias]]))
            settle(a, ONE / longhand(1 + longhand((-held[z]).exp())))
            worth[a] = held[a]
        settle("E", total(fine((numbers[y] - held[a]) ** 2) / 2 for y, a in names.losses))
        for factor, (role, *made_from) in names.factors.items():
            if role == "loss":
                settle(factor, held[made_from[0]] - numbers[made_from[1]])
            elif role == "slope":
                active = held[made_from[0]]
                settle(factor, active * fine(1 - active))
            elif role == "one":
                settle(factor, ONE, "1")
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


def same(value: Decimal) -> Decimal:
    return value


def cut_down(student: Student, value: Decimal) -> tuple[Decimal, str]:
    """Give what the student holds of a number that was worked out, and what is written."""
    figures, habit = student.figures, student.habit
    if habit.hold is None:
        held = value
        figures = figures + habit.guard
    else:
        held = rounding_to(figures + habit.guard, habit.hold).plus(value)
    written = rounding_to(figures, habit.write).plus(held)
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
